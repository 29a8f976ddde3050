// SPDX-License-Identifier: GPL-2.0-only
/* filter.c: what each option takes, and which stories are wanted. */
#include <errno.h>

#include "addr.h"
#include "build.h"
#include "filter.h"

static const struct opt *option(const char *name)
{
	for (const struct opt *o = filter_group.opts; o->name; o++)
		if (!strcmp(o->name, name))
			return o;
	return NULL;
}

/* 0 or -errno, as the option's own parser says. */
static int set(struct filter *f, const char *name, const char *arg)
{
	const struct opt *o = option(name);

	cr_assert(o, "there is no --%s", name);
	cr_assert_eq(!o->arg, !arg, "--%s", name);
	return o->set((char *)f + o->at, arg);
}

static const struct {
	const char *name, *arg;
	bool good;
} args[] = {
	{"port", "80", true}, {"port", "1", true}, {"port", "65535", true},
	{"port", "80,443", true}, {"port", "8000-8100", true}, {"port", "80,8000-8100,1", true},
	{"port", "80-80", true}, {"port", "", false}, {"port", "0", false},
	{"port", "65536", false}, {"port", "80,", false}, {"port", ",80", false},
	{"port", "80,,81", false}, {"port", "80-", false}, {"port", "-80", false},
	{"port", "90-80", false}, {"port", "0-80", false}, {"port", "80-65536", false},
	{"port", "80-90-100", false}, {"port", " 80", false}, {"port", "80 ", false},
	{"port", "+80", false}, {"port", "http", false}, {"port", "0x50", false},
	{"port", "99999999999999999999", false}, {"port", "80-99999999999999999999", false},
	{"local", "10.0.0.0/8", true}, {"local", "fd00::/8", true}, {"local", "10.0.0.1", true},
	{"local", "10.0.0.0/33", false}, {"local", "", false}, {"local", "localhost", false},
	{"remote", "::1", true}, {"remote", "::1/129", false}, {"remote", "/8", false},
	{"pid", "1", true}, {"pid", "4294967295", true}, {"pid", "0", false}, {"pid", "", false},
	{"pid", "-1", false}, {"pid", "4294967296", false}, {"pid", "1x", false},
	{"comm", "nginx", true}, {"comm", "", false},
	{"ipv4", NULL, true}, {"ipv6", NULL, true}, {"failed", NULL, true},
	{"netns", "all", true}, {"netns", "", false},
	{"cgroup", "/", true}, {"cgroup", "/system.slice", true}, {"cgroup", "system.slice", false},
	{"cgroup", "", false},
	{"slow", "1", true}, {"slow", "0", false}, {"slow", "1.5", false}, {"slow", "1ms", false},
};

Test(filter, arguments)
{
	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		struct filter f = {0};
		int ret = set(&f, args[i].name, args[i].arg);

		cr_expect_eq(ret, args[i].good ? 0 : -EINVAL, "--%s '%s': %d", args[i].name,
			     args[i].arg ? args[i].arg : "", ret);
	}
}

Test(filter, every_option_has_a_test)
{
	for (const struct opt *o = filter_group.opts; o->name; o++) {
		bool seen = false;

		for (size_t i = 0; i < ARRAY_SIZE(args); i++)
			seen |= !strcmp(args[i].name, o->name);
		cr_expect(seen, "--%s", o->name);
		cr_expect(!o->arg || o->want, "--%s does not say what it wants", o->name);
	}
}

Test(filter, ports)
{
	struct filter f = {0};

	cr_expect(filter_port(&f, 1), "no filter: every port");
	cr_assert_eq(set(&f, "port", "80,8000-8100,65535"), 0);
	for (uint32_t port = 1; port < 65536; port++)
		cr_expect_eq(filter_port(&f, port),
			     port == 80 || (port >= 8000 && port <= 8100) || port == 65535, "%u",
			     port);
}

Test(filter, families)
{
	static const struct {
		bool v4, v6, wants_v4, wants_v6;
	} rows[] = {
		{false, false, true, true}, {true, false, true, false},
		{false, true, false, true}, {true, true, true, true},
	};
	struct ev_tuple v4 = build_tuple(0), v6 = {.laddr = {[15] = 1}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter f = {.v4 = rows[i].v4, .v6 = rows[i].v6};

		cr_expect_eq(filter_family(&f, v4.laddr), rows[i].wants_v4, "row %zu", i);
		cr_expect_eq(filter_family(&f, v6.laddr), rows[i].wants_v6, "row %zu", i);
	}
}

/* The story: nginx[812] in /system.slice/nginx accepted 10.0.0.2:40000 at 10.0.0.1:8080 after
 * 300 us of handshake and 1700 us in the queue. */
static struct story a_story(void)
{
	struct story s = {.tuple = build_tuple(0), .outcome = OUTCOME_ACCEPTED,
			  .process = build_process(812, "nginx"), .step_cnt = 3,
			  .ended_ns = BASE_NS + 2000 * US};

	s.process.tid = 813;
	s.steps[0] = (struct step){.time_ns = BASE_NS, .kind = STEP_SYN};
	s.steps[1] = (struct step){.time_ns = BASE_NS + 300 * US, .kind = STEP_QUEUED};
	s.steps[2] = (struct step){.time_ns = BASE_NS + 2000 * US, .kind = STEP_ACCEPTED};
	return s;
}

static struct names *names_with_cgroup(void)
{
	union event ev = build(&(struct act){EV_CGROUP, .what = 77});
	struct names *n = names_new();

	names_feed(n, &ev.name);
	return n;
}

Test(filter, stories)
{
	static const struct {
		const char *name, *arg;
		bool wanted;
	} rows[] = {
		{"port", "8080", true}, {"port", "40000", false}, {"port", "80", false},
		{"local", "10.0.0.0/24", true}, {"local", "10.0.0.2", false},
		{"remote", "10.0.0.2", true}, {"remote", "10.0.0.1", false},
		{"pid", "812", true}, {"pid", "813", true}, {"pid", "814", false},
		{"comm", "nginx", true}, {"comm", "ngin", false}, {"comm", "nginxx", false},
		{"ipv4", NULL, true}, {"ipv6", NULL, false}, {"failed", NULL, false},
		{"slow", "1699", true}, {"slow", "1700", false}, {"slow", "4294967295", false},
		{"cgroup", "/", true}, {"cgroup", "/system.slice", true},
		{"cgroup", "/system.slice/", true}, {"cgroup", "/system.slice/nginx", true},
		{"cgroup", "/system", false}, {"cgroup", "/system.slice/nginx/x", false},
		{"cgroup", "/user.slice", false},
	};
	struct names *names = names_with_cgroup();
	struct story s = a_story();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter f = {0};

		cr_assert_eq(set(&f, rows[i].name, rows[i].arg), 0);
		cr_expect_eq(filter_story(&f, &s, NULL, names), rows[i].wanted, "--%s %s",
			     rows[i].name, rows[i].arg ? rows[i].arg : "");
	}
	names_free(names);
}

/* A connection that nobody accepted is its listener's owners'. */
Test(filter, stories_without_a_process)
{
	static const struct {
		const char *name, *arg;
		bool wanted;
	} rows[] = {
		{"pid", "812", true}, {"pid", "900", false}, {"comm", "nginx", true},
		{"comm", "curl", false}, {"cgroup", "/system.slice", true},
		{"cgroup", "/user.slice", false}, {"failed", NULL, true}, {"slow", "1", true},
	};
	struct listener l = {.owner_cnt = 1};
	struct names *names = names_with_cgroup();
	struct story s = a_story();

	l.owners[0].process = s.process;
	s.process = (struct ev_process){0};
	s.outcome = OUTCOME_SYN_DROPPED;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter f = {0};

		cr_assert_eq(set(&f, rows[i].name, rows[i].arg), 0);
		cr_expect_eq(filter_story(&f, &s, &l, names), rows[i].wanted, "--%s %s",
			     rows[i].name, rows[i].arg ? rows[i].arg : "");
	}
	cr_expect_not(filter_story(&(struct filter){.pid = 812}, &s, NULL, names));
	l.owner_cnt = LISTENER_OWNERS + 100; /* told of, but not kept */
	cr_expect_not(filter_story(&(struct filter){.pid = 999}, &s, &l, names));
	names_free(names);
}

Test(filter, all_must_match)
{
	struct names *names = names_new();
	struct story s = a_story();
	struct filter f = {.pid = 812, .netns = s.tuple.netns};

	cr_expect(filter_story(&f, &s, NULL, names));
	f.netns++;
	cr_expect_not(filter_story(&f, &s, NULL, names));
	f = (struct filter){.followed = true};
	cr_expect_not(filter_story(&f, &s, NULL, names));
	cr_expect(filter_story(&f, &s, &(struct listener){.followed = true}, names));
	s.followed = true;
	cr_expect(filter_story(&f, &s, NULL, names));
	s.tuple.lport = 0; /* not known: it matches no list of ports */
	cr_expect_not(filter_story(&(struct filter){.ports_on = true}, &s, NULL, names));
	cr_expect(filter_story(&(struct filter){0}, &s, NULL, names));
	names_free(names);
}

Test(filter, what_the_kernel_can_apply)
{
	static const struct {
		bool v4, v6;
		uint16_t family;
	} rows[] = {{false, false, 0}, {true, false, 2}, {false, true, 10}, {true, true, 0}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter f = {.v4 = rows[i].v4, .v6 = rows[i].v6, .netns = 5};
		struct config c = {0};

		cr_assert_eq(set(&f, "port", "80"), 0);
		cr_assert_eq(set(&f, "remote", "10.0.0.0/8"), 0);
		filter_to_config(&f, &c);
		cr_expect_eq(c.family, rows[i].family);
		cr_expect_eq(c.netns, 5);
		cr_expect(c.ports_on && c.remote.on && !c.local.on);
	}
}
