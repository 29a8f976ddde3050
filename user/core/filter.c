// SPDX-License-Identifier: GPL-2.0-only
/* Owns the meaning of the shared filter options.  Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "filter.h"

#define F(field) offsetof(struct filter, field)

/* "80,443,8000-8100" into the whole struct: the bitmap and its switch. */
static int set_ports(void *to, const char *arg)
{
	struct filter *f = to;
	const char *p = arg;
	unsigned long low, high;
	char *end;

	do {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		low = high = strtoul(p, &end, 10);
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return -EINVAL;
			high = strtoul(end + 1, &end, 10);
		}
		if (!low || low > high || high > 65535)
			return -EINVAL;
		for (; low <= high; low++)
			f->ports[low / 64] |= 1ULL << low % 64;
		p = end + 1;
	} while (*end == ',');
	f->ports_on = true;
	return *end ? -EINVAL : 0;
}

static int set_prefix(void *to, const char *arg)
{
	return prefix_parse(arg, to);
}

static int set_pid(void *to, const char *arg)
{
	int ret = opt_set_u32(to, arg);

	return ret || !*(uint32_t *)to ? -EINVAL : 0;
}

static int set_slow(void *to, const char *arg)
{
	return set_pid(to, arg);
}

static int set_cgroup(void *to, const char *arg)
{
	if (*arg != '/')
		return -EINVAL;
	return opt_set_str(to, arg);
}

#define FILTER_SOCKETS                                                                             \
	{'P', "port", "LIST", "local ports: 80,443,8000-8100", set_ports, 0,                       \
	 "a list of ports from 1 to 65535, such as 80,443,8000-8100"},                             \
	{'l', "local", "ADDR[/LEN]", "local address or prefix", set_prefix, F(local),              \
	 "an address such as 10.0.0.1, 10.0.0.0/8 or fd00::/8"},                                   \
	{'p', "pid", "PID", "process that accepts, connects or owns the listener", set_pid,        \
	 F(pid), "a process id"},                                                                  \
	{'C', "comm", "NAME", "name of that process", opt_set_str, F(comm), "a process name"},     \
	{'4', "ipv4", NULL, "IPv4 only (v4-mapped too)", opt_set_bool, F(v4), NULL},               \
	{'6', "ipv6", NULL, "IPv6 only", opt_set_bool, F(v6), NULL},                               \
	{0, "netns", "PID|PATH|INODE|all", "network namespace (default: all)", opt_set_str,        \
	 F(netns_arg), "a process id, a path, an inode number or all"},                            \
	{0, "cgroup", "PATH", "processes in this cgroup or below it", set_cgroup, F(cgroup),       \
	 "a path that begins with / below the cgroup2 root"},                                      \
	{'x', "failed", NULL, "only what went wrong", opt_set_bool, F(failed), NULL}

static const struct opt filter_opts[] = {
	FILTER_SOCKETS,
	{'r', "remote", "ADDR[/LEN]", "remote address or prefix", set_prefix, F(remote),
	 "an address such as 10.0.0.1, 10.0.0.0/8 or fd00::/8"},
	{0, "slow", "US", "only what waited longer than so many microseconds", set_slow, F(slow_us),
	 "a number of microseconds from 1"},
	{0},
};
const struct opt_group filter_group = {"Filters", filter_opts};

static const struct opt socket_opts[] = {FILTER_SOCKETS, {0}};
const struct opt_group filter_sockets = {"Filters", socket_opts};

bool filter_port(const struct filter *f, uint16_t port)
{
	return !f->ports_on || f->ports[port / 64] >> port % 64 & 1;
}

bool filter_family(const struct filter *f, const uint8_t addr[16])
{
	return f->v4 == f->v6 || addr_is_v4(addr) == f->v4;
}

static bool cgroup_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	while (len && top[len - 1] == '/')
		len--;
	return path && !strncmp(path, top, len) && (!path[len] || path[len] == '/');
}

bool filter_process(const struct filter *f, const struct ev_process *p, const char *cgroup)
{
	if (f->pid && p->pid != f->pid && p->tid != f->pid)
		return false;
	if (f->comm && strncmp(p->comm, f->comm, EV_COMM_LEN - 1))
		return false;
	return !f->cgroup || cgroup_below(cgroup, f->cgroup);
}

static bool wants_process(const struct filter *f)
{
	return f->pid || f->comm || f->cgroup;
}

/* A story without a process of its own is its listener's owners'. */
static bool process_matches(const struct filter *f, const struct story *s, const struct listener *l,
			    const struct names *names)
{
	if (s->process.pid)
		return filter_process(f, &s->process, names_cgroup(names, s->process.cgroup));
	for (uint32_t i = 0; l && i < l->owner_cnt && i < LISTENER_OWNERS; i++) {
		const struct ev_process *owner = &l->owners[i].process;

		if (filter_process(f, owner, names_cgroup(names, owner->cgroup)))
			return true;
	}
	return false;
}

static bool waited_longer(const struct story *s, uint64_t ns)
{
	const struct step *queued = story_step(s, STEP_QUEUED);
	uint64_t from = queued ? queued->time_ns : story_start_ns(s);

	return s->ended_ns - from > ns || story_handshake_ns(s) > (int64_t)ns;
}

bool filter_story(const struct filter *f, const struct story *s, const struct listener *l,
		  const struct names *names)
{
	if (s->tuple.lport ? !filter_port(f, s->tuple.lport) : f->ports_on)
		return false;
	if (!filter_family(f, s->tuple.raddr) || (f->netns && s->tuple.netns != f->netns))
		return false;
	if (f->local.on && !prefix_contains(&f->local, s->tuple.laddr))
		return false;
	if (f->remote.on && !prefix_contains(&f->remote, s->tuple.raddr))
		return false;
	if (f->failed && !story_failed(s))
		return false;
	if (f->slow_us && !waited_longer(s, f->slow_us * 1000ULL))
		return false;
	if (f->followed && !s->followed && !(l && l->followed))
		return false;
	return !wants_process(f) || process_matches(f, s, l, names);
}

void filter_to_config(const struct filter *f, struct config *c)
{
	c->local = f->local;
	c->remote = f->remote;
	c->netns = f->netns;
	c->ports_on = f->ports_on;
	if (f->v4 != f->v6)
		c->family = f->v4 ? 2 : 10; /* AF_INET, AF_INET6 */
}
