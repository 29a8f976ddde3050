// SPDX-License-Identifier: GPL-2.0-only
/*
 * The advice: what to do about it, safest first.
 *
 * Owns the list of cures.  A cure on this side is never given on belief: the same check runs again
 * with the option changed, and only what then succeeds is said.
 */
#include "bindrule_int.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct sick {
	const struct bind_cand *cand;
	const struct bind_env *env;
	const struct bind_sock *socks;
	size_t n;
	const struct bind_bucket *bucket;
	const struct bind_result *res;
	size_t stored; /* of res->conflicts */
};

/* And not by the bucket's memory: the next bind of somebody else may change that. */
static bool would_pass(const struct sick *s, const struct bind_cand *cand)
{
	const struct bind_bucket *bucket = cand->port == s->cand->port ? s->bucket : NULL;
	struct bind_result res = {.cap = 0};

	bindrule_check(cand, s->env, s->socks, s->n, bucket, &res);
	return res.verdict == BIND_OK && !res.skipped;
}

static bool say(struct bind_advice *a, const char *text)
{
	snprintf(a->text, sizeof(a->text), "%s", text);
	return true;
}

static bool works(const struct sick *s, const struct bind_cand *cand, struct bind_advice *a,
		  const char *text)
{
	return would_pass(s, cand) && say(a, text);
}

/* "node[4242]", "node[4242] and 2 more", or "it". */
static void who(const struct sick *s, char *buf, size_t len)
{
	size_t others = 0;
	int pid = 0;

	snprintf(buf, len, "it");
	for (size_t i = 0; i < s->stored; i++) {
		const struct bind_sock *sock = s->res->conflicts[i].sock;

		if (!sock->pid || sock->pid == pid)
			continue;
		if (!pid) {
			pid = sock->pid;
			snprintf(buf, len, "%s[%d]", sock->comm ? sock->comm : "", pid);
		} else {
			others++;
		}
	}
	if (others)
		rule_put(buf, len, strlen(buf), " and %zu more", others);
}

static size_t in_state(const struct sick *s, int state)
{
	size_t count = 0;

	for (size_t i = 0; i < s->stored; i++)
		count += s->res->conflicts[i].sock->state == state;
	return count;
}

static bool only_time_wait(const struct sick *s)
{
	return s->stored && in_state(s, TCP_TIME_WAIT) == s->stored;
}

static bool all_meet(const struct sick *s, enum bind_rule rule)
{
	for (size_t i = 0; i < s->stored; i++)
		if (s->res->conflicts[i].pair.meet != rule)
			return false;
	return s->stored > 0;
}

static bool port_is_held(const struct sick *s)
{
	return s->cand->port &&
	       (s->res->rule == BIND_RULE_PORT_HELD || s->res->rule == BIND_RULE_HISTORY);
}

/* What follows from the rule alone. */
static const struct {
	enum bind_rule rule;
	enum bind_cure cure;
	const char *text;
} fixed[] = {
	{BIND_RULE_ALREADY_BOUND, BIND_CURE_CALL,
	 "make a new socket, and call bind() once, before connect() or listen()"},
	{BIND_RULE_NOT_CLOSED, BIND_CURE_CALL, "make a new socket to listen on"},
	{BIND_RULE_MULTICAST6, BIND_CURE_CALL,
	 "bind [::] or an address of this host; multicast is for UDP"},
	{BIND_RULE_MAPPED_V6ONLY, BIND_CURE_CALL, "bind an AF_INET socket, or clear IPV6_V6ONLY"},
	{BIND_RULE_SCOPE_MISSING, BIND_CURE_CALL,
	 "name the device: sin6_scope_id (as in fe80::1%eth0) or SO_BINDTODEVICE"},
	{BIND_RULE_DEVICE_GONE, BIND_CURE_CALL, "bind to a device that exists, or to none"},
	{BIND_RULE_ADDR_OTHER_DEVICE, BIND_CURE_CALL,
	 "bind to the device that has the address, or to none"},
	{BIND_RULE_ADDR_NOT_HERE, BIND_CURE_CALL,
	 "bind an address of this host (ip -brief address), or the wildcard"},
	{BIND_RULE_ADDR_NOT_READY, BIND_CURE_CALL,
	 "wait a second or two, or add the address with nodad"},
	{BIND_RULE_PORT_PRIVILEGED, BIND_CURE_CAP,
	 "grant just that: setcap cap_net_bind_service=+ep PROGRAM, or "
	 "AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit"},
	{BIND_RULE_CONNECT_DUPLICATE, BIND_CURE_RANGE,
	 "let the kernel pick the port: connect() without bind(), or bind() with "
	 "IP_BIND_ADDRESS_NO_PORT and port 0"},
	{BIND_RULE_SOURCE, BIND_CURE_RANGE,
	 "bind() the source address first, with IP_BIND_ADDRESS_NO_PORT and port 0"},
	{BIND_RULE_SCAN, BIND_CURE_RANGE,
	 "give net.ipv4.ip_local_port_range an even number of ports"},
	{BIND_RULE_TIME_WAIT, BIND_CURE_RANGE,
	 "wait a minute; net.ipv4.tcp_tw_reuse=1 lets connect() take over a TIME_WAIT after one "
	 "second"},
	{BIND_RULE_UNEXPLAINED, BIND_CURE_LOOK,
	 "look at the BPF programs of its cgroup (bpftool cgroup tree) and at the audit log "
	 "(ausearch -m avc)"},
};

static bool cure_fixed(const struct sick *s, struct bind_advice *a)
{
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (fixed[i].rule == s->res->rule && fixed[i].cure == a->cure)
			return say(a, fixed[i].text);
	return false;
}

static bool cure_own_reuseaddr(const struct sick *s, struct bind_advice *a)
{
	struct bind_cand c = *s->cand;

	c.reuse = 1;
	return !s->cand->reuse && port_is_held(s) &&
	       works(s, &c, a,
		     "set SO_REUSEADDR before bind(): what holds the port has it too, and does not "
		     "listen");
}

static bool cure_own_v6only(const struct sick *s, struct bind_advice *a)
{
	struct bind_cand c = *s->cand;

	c.v6only = true;
	return c.family == AF_INET6 && rule_is_any(c.addr) && !s->cand->v6only &&
	       works(s, &c, a, "set IPV6_V6ONLY before bind(): only IPv4 is taken, IPv6 is free");
}

/* Instead of a wildcard, one address of this host that is free; not a loopback one if there is
 * another. */
static bool cure_own_addr(const struct sick *s, struct bind_advice *a)
{
	char text[64];

	if (!port_is_held(s) || !rule_is_wildcard(s->cand->family, s->cand->addr))
		return false;
	for (size_t i = 0; i < 2 * s->env->n_addrs; i++) {
		size_t at = i < s->env->n_addrs ? i : i - s->env->n_addrs;
		const struct bind_ifaddr *ifa = &s->env->addrs[at];
		struct bind_cand c = *s->cand;

		if (ifa->loopback != (i >= s->env->n_addrs) || rule_is_link_local(ifa->addr) ||
		    rule_is_mapped(ifa->addr) != rule_is_mapped(c.addr) || !ifa->up)
			continue;
		memcpy(c.addr, ifa->addr, 16);
		if (!would_pass(s, &c))
			continue;
		memcpy(a->addr, ifa->addr, 16);
		bindrule_addr(c.family, c.addr, c.port, text, sizeof(text));
		snprintf(a->text, sizeof(a->text), "bind one address instead of all: %s is free",
			 text);
		return true;
	}
	return false;
}

static bool cure_freebind(const struct sick *s, struct bind_advice *a)
{
	struct bind_cand c = *s->cand;
	bool missing =
		s->res->rule == BIND_RULE_ADDR_NOT_HERE || s->res->rule == BIND_RULE_ADDR_NOT_READY;

	c.freebind = true;
	return missing &&
	       works(s, &c, a,
		     "if the address comes later (DHCP, keepalived): set IP_FREEBIND before "
		     "bind(), or FreeBind=yes in its systemd socket unit");
}

static bool cure_wait(const struct sick *s, struct bind_advice *a)
{
	int left = 0;

	if (!port_is_held(s) || !only_time_wait(s) || s->stored < s->res->n_conflicts)
		return false;
	for (size_t i = 0; i < s->stored; i++)
		if (s->res->conflicts[i].sock->tw_left_s > left)
			left = s->res->conflicts[i].sock->tw_left_s;
	if (!left)
		return say(a, "wait: TIME_WAIT ends after a minute");
	snprintf(a->text, sizeof(a->text), "wait: the last TIME_WAIT ends in %d s", left);
	return true;
}

static bool cure_own_port(const struct sick *s, struct bind_advice *a)
{
	struct bind_cand c = *s->cand;

	if ((!port_is_held(s) && s->res->rule != BIND_RULE_PORT_PRIVILEGED) || !c.port)
		return false;
	if (c.port < s->env->unpriv_port_start && !c.cap_bind)
		c.port = c.port <= 57535 ? c.port + 8000 - 1 : c.port;
	for (int i = 0; i < 64 && c.port < 65535; i++) {
		c.port++;
		if (!would_pass(s, &c))
			continue;
		a->port = c.port;
		snprintf(a->text, sizeof(a->text), "choose another port: %u is free", c.port);
		return true;
	}
	return false;
}

static bool cure_range(const struct sick *s, struct bind_advice *a)
{
	enum bind_rule rule = s->res->rule;

	if (cure_fixed(s, a))
		return true;
	if (rule != BIND_RULE_RANGE_USED_UP && rule != BIND_RULE_CONNECT_USED_UP &&
	    (rule != BIND_RULE_HISTORY || s->cand->port))
		return false;
	snprintf(a->text, sizeof(a->text),
		 "reuse connections, or spread them over more addresses; else widen "
		 "net.ipv4.ip_local_port_range (now %u %u)",
		 s->env->range_lo, s->env->range_hi);
	return true;
}

static bool cure_sysctl(const struct sick *s, struct bind_advice *a)
{
	if (s->res->rule != BIND_RULE_PORT_PRIVILEGED)
		return false;
	snprintf(
		a->text, sizeof(a->text),
		"sysctl -w net.ipv4.ip_unprivileged_port_start=%u opens the ports from there on to "
		"every user of the namespace",
		s->cand->port);
	return true;
}

static bool cure_own_reuseport(const struct sick *s, struct bind_advice *a)
{
	struct bind_cand c = *s->cand;

	c.reuseport = true;
	return !s->cand->reuseport && port_is_held(s) &&
	       works(s, &c, a,
		     "to share the port on purpose: set SO_REUSEPORT before bind(), as the others "
		     "did; "
		     "connections are then spread over all of them");
}

static bool cure_their_reuseaddr(const struct sick *s, struct bind_advice *a)
{
	char name[64];

	if (!port_is_held(s) || !s->stored || in_state(s, TCP_LISTEN))
		return false;
	for (size_t i = 0; i < s->stored; i++)
		if (s->res->conflicts[i].sock->reuse)
			return false;
	who(s, name, sizeof(name));
	if (only_time_wait(s))
		return say(a, "for next time: a server that sets SO_REUSEADDR before bind() can "
			      "restart at "
			      "once, for its connections inherit it");
	snprintf(a->text, sizeof(a->text),
		 "have %s set SO_REUSEADDR before bind(), and set it here: only a listener then "
		 "holds "
		 "the port",
		 name);
	return true;
}

static bool cure_their_v6only(const struct sick *s, struct bind_advice *a)
{
	char name[64];

	if (!port_is_held(s) || !all_meet(s, BIND_MEET_DUAL_HOLDS))
		return false;
	who(s, name, sizeof(name));
	snprintf(a->text, sizeof(a->text),
		 "have %s set IPV6_V6ONLY before bind(): [::] then leaves IPv4 alone", name);
	return true;
}

static bool cure_their_addr(const struct sick *s, struct bind_advice *a)
{
	char name[64], text[64];

	if (!port_is_held(s) || rule_is_wildcard(s->cand->family, s->cand->addr) ||
	    (!all_meet(s, BIND_MEET_WILDCARD_HOLDS) && !all_meet(s, BIND_MEET_DUAL_HOLDS)))
		return false;
	who(s, name, sizeof(name));
	bindrule_addr(s->cand->family, s->cand->addr, s->cand->port, text, sizeof(text));
	snprintf(a->text, sizeof(a->text),
		 "have %s bind the one address that it needs instead of all; then %s is free", name,
		 text);
	return true;
}

static bool cure_share(const struct sick *s, struct bind_advice *a)
{
	if (!port_is_held(s) || only_time_wait(s) || s->cand->reuseport_prog)
		return false;
	for (size_t i = 0; i < s->stored; i++)
		if (s->res->conflicts[i].pair.reuseport == BIND_REUSEPORT_THERE_ONLY)
			return false;
	return say(
		a,
		"to share the port on purpose: SO_REUSEPORT on all sockets, set before bind(), by "
		"one user");
}

static bool cure_stop(const struct sick *s, struct bind_advice *a)
{
	char name[64];

	if (!port_is_held(s))
		return false;
	for (size_t i = 0; i < s->stored; i++) {
		if (!s->res->conflicts[i].sock->pid)
			continue;
		who(s, name, sizeof(name));
		snprintf(a->text, sizeof(a->text), "stop %s: kill %d", name,
			 s->res->conflicts[i].sock->pid);
		return true;
	}
	return false;
}

typedef bool cure_fn(const struct sick *s, struct bind_advice *a);

static cure_fn *const cures[] = {
	[BIND_CURE_CALL] = cure_fixed,
	[BIND_CURE_OWN_REUSEADDR] = cure_own_reuseaddr,
	[BIND_CURE_OWN_V6ONLY] = cure_own_v6only,
	[BIND_CURE_OWN_ADDR] = cure_own_addr,
	[BIND_CURE_FREEBIND] = cure_freebind,
	[BIND_CURE_CAP] = cure_fixed,
	[BIND_CURE_WAIT] = cure_wait,
	[BIND_CURE_OWN_PORT] = cure_own_port,
	[BIND_CURE_RANGE] = cure_range,
	[BIND_CURE_SYSCTL] = cure_sysctl,
	[BIND_CURE_OWN_REUSEPORT] = cure_own_reuseport,
	[BIND_CURE_THEIR_REUSEADDR] = cure_their_reuseaddr,
	[BIND_CURE_THEIR_V6ONLY] = cure_their_v6only,
	[BIND_CURE_THEIR_ADDR] = cure_their_addr,
	[BIND_CURE_SHARE] = cure_share,
	[BIND_CURE_STOP] = cure_stop,
	[BIND_CURE_LOOK] = cure_fixed,
};

size_t bindrule_advice(const struct bind_cand *cand, const struct bind_env *env,
		       const struct bind_sock *socks, size_t n, const struct bind_bucket *bucket,
		       const struct bind_result *res, struct bind_advice *out, size_t cap)
{
	struct sick s = {
		.cand = cand, .env = env, .socks = socks, .n = n, .bucket = bucket, .res = res};
	size_t count = 0;

	s.stored = res->n_conflicts < res->cap ? res->n_conflicts : res->cap;
	if (res->verdict == BIND_OK && res->rule != BIND_RULE_UNEXPLAINED)
		return 0;
	for (size_t i = 0; i < sizeof(cures) / sizeof(*cures) && count < cap; i++) {
		memset(&out[count], 0, sizeof(*out));
		out[count].cure = i;
		count += cures[i](&s, &out[count]);
	}
	return count;
}
