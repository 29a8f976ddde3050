// SPDX-License-Identifier: GPL-2.0-only
/* names.c: names of cgroups and interfaces. */
#include <stdio.h>

#include "build.h"
#include "names.h"

static void name(struct names *n, uint8_t kind, uint64_t id, uint32_t netns, const char *text)
{
	struct ev_name ev = {.hdr = {.kind = kind}, .id = id, .netns = netns};

	strcpy(ev.name, text);
	names_feed(n, &ev);
}

Test(names, kinds_and_namespaces_apart)
{
	struct names *n = names_new();

	name(n, EV_IFNAME, 1, 10, "lo");
	name(n, EV_IFNAME, 1, 20, "eth0");
	name(n, EV_CGROUP, 1, 99, "/system.slice");
	cr_expect_str_eq(names_ifname(n, 10, 1), "lo");
	cr_expect_str_eq(names_ifname(n, 20, 1), "eth0");
	cr_expect_str_eq(names_cgroup(n, 1), "/system.slice");
	cr_expect_null(names_ifname(n, 30, 1));
	cr_expect_null(names_ifname(n, 10, 2));
	cr_expect_null(names_ifname(n, 0, 0), "a free row is no name");
	cr_expect_null(names_cgroup(n, 0));
	names_free(n);
}

Test(names, told_again)
{
	struct names *n = names_new();

	name(n, EV_IFNAME, 1, 10, "a-long-name-000");
	name(n, EV_IFNAME, 1, 10, "b");
	cr_expect_str_eq(names_ifname(n, 10, 1), "b");
	names_reset(n);
	cr_expect_null(names_ifname(n, 10, 1));
	names_free(n);
}

/* Many more than fit: the newest is always known, and what is known is right. */
Test(names, full)
{
	struct names *n = names_new();
	int known = 0;

	for (uint64_t id = 1; id <= 5000; id++) {
		char text[EV_NAME_LEN];

		snprintf(text, sizeof(text), "/c%lu", id);
		name(n, EV_CGROUP, id, 0, text);
		cr_assert_str_eq(names_cgroup(n, id), text);
	}
	for (uint64_t id = 1; id <= 5000; id++) {
		const char *text = names_cgroup(n, id);

		known += text != NULL;
		if (text)
			cr_expect_eq(strtoul(text + 2, NULL, 10), id);
	}
	cr_expect_gt(known, 900);
	names_free(n);
}

static void count(void *ctx, const struct ev_name *ev)
{
	int *seen = ctx;

	*seen += ev->hdr.kind == EV_IFNAME ? 1 : 100;
	cr_expect_eq(ev->hdr.cpu, EV_CPU_HOST);
	cr_expect_str_eq(ev->name, ev->hdr.kind == EV_IFNAME ? "lo" : "/x");
}

Test(names, each)
{
	struct names *n = names_new();
	int seen = 0;

	name(n, EV_IFNAME, 1, 10, "lo");
	name(n, EV_IFNAME, 1, 20, "lo");
	name(n, EV_CGROUP, 1, 0, "/x");
	names_each(n, count, &seen);
	cr_expect_eq(seen, 102);
	names_free(n);
}
