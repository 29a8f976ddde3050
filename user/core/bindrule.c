// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verdict: would this bind(), listen() or connect() succeed among these sockets?
 *
 * Owns the order in which the kernel checks: the call as such (__inet_bind, __inet6_bind), then the
 * port (inet_csk_get_port).  How two sockets compare is bindrule_pair.c's, the search for a free
 * port and connect() are bindrule_scan.c's; nothing here reads anything but its arguments.
 */
#include "bindrule_int.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* ---- the call as such ---- */

/* inet_addr_type(), by the routes that fib_add_ifaddr() makes: the address itself (device up or
 * not), the whole prefix on a loopback device, broadcasts of a device that is up and
 * 255.255.255.255; multicast may be bound too. */
static bool v4_is_local(const struct bind_cand *cand, const struct bind_env *env)
{
	uint32_t addr = rule_v4(cand->addr);

	if (addr == 0xffffffffu || addr >> 28 == 0xe)
		return true;
	for (size_t i = 0; i < env->n_addrs; i++) {
		const struct bind_ifaddr *ifa = &env->addrs[i];
		uint32_t have = rule_v4(ifa->addr);
		uint32_t mask = ifa->prefix_len ? ~0u << (32 - ifa->prefix_len) : 0;

		if (ifa->family != AF_INET)
			continue;
		if (have == addr || (ifa->loopback && ifa->up && !((have ^ addr) & mask)))
			return true;
		if (ifa->up && ifa->prefix_len < 31 &&
		    (addr == (have | ~mask) || addr == rule_v4(ifa->bcast)))
			return true;
	}
	return false;
}

/* ipv6_chk_addr(), not strict: a link-local address, and ::1, must be on the device that the socket
 * is bound to; a tentative address does not count. */
static enum bind_rule v6_missing(const struct bind_cand *cand, const struct bind_env *env)
{
	uint32_t dev = rule_ask_of(cand, env->netns).dev;
	enum bind_rule rule = BIND_RULE_ADDR_NOT_HERE;

	for (size_t i = 0; i < env->n_addrs; i++) {
		const struct bind_ifaddr *ifa = &env->addrs[i];
		bool narrow = rule_is_link_local(ifa->addr) || ifa->loopback;

		if (ifa->family != AF_INET6 || memcmp(ifa->addr, cand->addr, 16))
			continue;
		if (ifa->tentative)
			rule = BIND_RULE_ADDR_NOT_READY;
		else if (dev && dev != ifa->ifindex && narrow)
			rule = BIND_RULE_ADDR_OTHER_DEVICE;
		else
			return BIND_RULE_NONE;
	}
	return rule;
}

/* inet_addr_valid_or_nonlocal() */
static enum bind_rule check_v4_addr(const struct bind_cand *cand, const struct bind_env *env)
{
	if (env->nonlocal4 || cand->freebind || cand->transparent || !rule_v4(cand->addr) ||
	    env->addr_local == BIND_YES)
		return BIND_RULE_NONE;
	if (env->addr_local == BIND_MAYBE && (!env->n_addrs || v4_is_local(cand, env)))
		return BIND_RULE_NONE;
	return BIND_RULE_ADDR_NOT_HERE;
}

/* inet_port_requires_bind_service() */
static enum bind_rule check_privilege(const struct bind_cand *cand, const struct bind_env *env)
{
	return cand->port && cand->port < env->unpriv_port_start && !cand->cap_bind
		       ? BIND_RULE_PORT_PRIVILEGED
		       : BIND_RULE_NONE;
}

static enum bind_rule check_unbound(const struct bind_cand *cand, const struct bind_env *env)
{
	(void)env;
	return cand->bound || cand->state != TCP_CLOSE ? BIND_RULE_ALREADY_BOUND : BIND_RULE_NONE;
}

static enum bind_rule check_multicast6(const struct bind_cand *cand, const struct bind_env *env)
{
	(void)env;
	return cand->addr[0] == 0xff ? BIND_RULE_MULTICAST6 : BIND_RULE_NONE;
}

static enum bind_rule check_v6_addr(const struct bind_cand *cand, const struct bind_env *env)
{
	uint32_t dev = rule_ask_of(cand, env->netns).dev;

	if (rule_is_mapped(cand->addr)) {
		if (cand->v6only)
			return BIND_RULE_MAPPED_V6ONLY;
		return dev && env->device_gone ? BIND_RULE_DEVICE_GONE : check_v4_addr(cand, env);
	}
	if (rule_is_any(cand->addr))
		return BIND_RULE_NONE;
	if (rule_is_link_local(cand->addr) && !dev)
		return BIND_RULE_SCOPE_MISSING;
	if (dev && env->device_gone)
		return BIND_RULE_DEVICE_GONE;
	if (env->nonlocal6 || cand->freebind || cand->transparent || env->addr_local == BIND_YES)
		return BIND_RULE_NONE;
	if (env->addr_local == BIND_NO)
		return BIND_RULE_ADDR_NOT_HERE;
	return env->n_addrs ? v6_missing(cand, env) : BIND_RULE_NONE;
}

typedef enum bind_rule check_fn(const struct bind_cand *cand, const struct bind_env *env);

/* The order decides which error is seen when several apply: __inet_bind() looks at the address
 * first, __inet6_bind() last. */
static check_fn *const v4_checks[] = {check_v4_addr, check_privilege, check_unbound};
static check_fn *const v6_checks[] = {check_multicast6, check_privilege, check_unbound,
				      check_v6_addr};

static int rule_errno(enum bind_rule rule)
{
	if (rule == BIND_RULE_PORT_PRIVILEGED)
		return EACCES;
	if (rule == BIND_RULE_DEVICE_GONE)
		return ENODEV;
	if (rule == BIND_RULE_ADDR_NOT_HERE || rule == BIND_RULE_ADDR_OTHER_DEVICE ||
	    rule == BIND_RULE_ADDR_NOT_READY)
		return EADDRNOTAVAIL;
	return EINVAL;
}

void rule_decide(struct bind_result *res, enum bind_verdict verdict, int err, enum bind_rule rule)
{
	res->verdict = verdict;
	res->err = err;
	res->rule = rule;
}

static bool call_passes(const struct bind_cand *cand, const struct bind_env *env,
			struct bind_result *res)
{
	check_fn *const *checks = cand->family == AF_INET ? v4_checks : v6_checks;
	size_t n = cand->family == AF_INET ? sizeof(v4_checks) / sizeof(*v4_checks)
					   : sizeof(v6_checks) / sizeof(*v6_checks);

	for (size_t i = 0; i < n; i++) {
		enum bind_rule rule = checks[i](cand, env);

		if (rule) {
			rule_decide(res, BIND_FAILS, rule_errno(rule), rule);
			return false;
		}
	}
	return true;
}

/* ---- a port that was named ---- */

void rule_add(struct bind_result *res, const struct bind_sock *sock, const struct bind_pair *pair)
{
	if (res->n_conflicts < res->cap)
		res->conflicts[res->n_conflicts] = (struct bind_conflict){sock, *pair};
	res->n_conflicts++;
}

/* inet_csk_bind_conflict().  Returns how many sockets hold the port at all. */
static size_t walk(const struct bind_cand *cand, const struct rule_ask *ask,
		   const struct bind_sock *socks, size_t n, struct bind_result *res)
{
	struct bind_pair pair;
	size_t holders = 0;

	for (size_t i = 0; i < n; i++) {
		if (socks[i].port != ask->port || socks[i].netns != ask->netns)
			continue;
		holders++;
		if (bindrule_pair(cand, ask->netns, &socks[i], &pair))
			rule_add(res, &socks[i], &pair);
	}
	return holders;
}

/* A child of a listener, or what is left of one: it came without get_port(), so it left no trace in
 * the bucket, and it carries the user who accepted it (sock_graft). */
static bool maybe_child(const struct bind_sock *sock)
{
	return sock->from == BIND_PORT_OTHER && sock->state != TCP_CLOSE &&
	       sock->state != TCP_LISTEN && sock->reuseport;
}

/* Is there a socket that may have been here (open or closed by now), whose bind left a bucket
 * that matches this one?  inet_csk_update_fastreuse() keeps the last SO_REUSEPORT socket's user
 * and address, not its device or SO_REUSEADDR: so take one on a device of its own, with
 * SO_REUSEADDR. */
static bool history_allows(const struct rule_ask *ask, const struct bind_sock *socks, size_t n)
{
	static const uint8_t any4[16] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t any6[16];
	const struct {
		uint16_t family;
		const uint8_t *addr;
		bool v6only;
	} past[] = {
		{ask->addr.family, ask->addr.addr, ask->addr.v6only},
		{AF_INET, any4, false},
		{AF_INET6, any4, false},
		{AF_INET6, any6, false},
		{AF_INET6, any6, true},
	};

	if (!ask->reuseport || ask->prog)
		return false;
	for (size_t p = 0; p < sizeof(past) / sizeof(*past); p++) {
		struct bind_cand c = {.family = past[p].family,
				      .port = ask->port,
				      .uid = ask->uid,
				      .bound_dev_if = UINT32_MAX,
				      .reuse = 1,
				      .reuseport = true,
				      .v6only = past[p].v6only};
		struct bind_bucket left = {.known = true,
					   .fastreuseport = 2,
					   .fastuid = ask->uid,
					   .fast_family = c.family,
					   .fast_v6only = c.v6only};
		struct rule_ask then;
		size_t i;

		memcpy(c.addr, past[p].addr, 16);
		memcpy(left.fast_addr, past[p].addr, 16);
		then = rule_ask_of(&c, ask->netns);
		if (!rule_reuseport_match(&left, ask))
			continue;
		for (i = 0; i < n; i++)
			if (socks[i].port == ask->port && socks[i].netns == ask->netns &&
			    !maybe_child(&socks[i]) && rule_conflict(&then, &socks[i], true, true))
				break;
		if (i == n)
			return true;
	}
	return false;
}

/* inet_csk_get_port() with a port, for bind() and again for listen().  "listening": the socket's
 * state is TCP_LISTEN already, and SO_REUSEADDR does not open the short way. */
static void get_port(const struct bind_cand *cand, const struct bind_env *env,
		     const struct bind_sock *socks, size_t n, const struct bind_bucket *bucket,
		     bool listening, struct bind_result *res)
{
	struct rule_ask ask = rule_ask_of(cand, env->netns);
	size_t holders = walk(cand, &ask, socks, n, res);
	bool known = bucket && bucket->known;

	rule_decide(res, BIND_OK, 0, BIND_RULE_NONE);
	if (!res->n_conflicts)
		return;
	if (holders &&
	    (ask.reuse > 1 || (known && bucket->fastreuse > 0 && ask.reuse && !listening) ||
	     (known && rule_reuseport_match(bucket, &ask)))) {
		res->skipped = true;
		res->n_conflicts = 0;
		return;
	}
	rule_decide(res, BIND_FAILS, EADDRINUSE, BIND_RULE_PORT_HELD);
	if (!known && history_allows(&ask, socks, n))
		rule_decide(res, BIND_UNKNOWN, EADDRINUSE, BIND_RULE_HISTORY);
}

/* ---- the whole ---- */

/* inet_csk_listen_start(): the state is LISTEN already when get_port() runs.  A socket that bound
 * with SO_REUSEPORT has left itself in the bucket (inet_csk_update_fastreuse), and matches it
 * now. */
static void listen_after_bind(const struct bind_cand *cand, const struct bind_env *env,
			      const struct bind_sock *socks, size_t n, struct bind_result *res)
{
	bool skipped = res->skipped;

	res->fails_at = BIND_OP_LISTEN;
	if (!cand->port && cand->no_port) {
		rule_pick_port(cand, env, socks, n, res);
	} else if (cand->port && !(cand->reuseport && !cand->reuseport_prog)) {
		get_port(cand, env, socks, n, NULL, true, res);
		res->skipped |= skipped;
	}
	if (res->verdict == BIND_OK)
		res->fails_at = cand->op;
}

static void check_bind(const struct bind_cand *cand, const struct bind_env *env,
		       const struct bind_sock *socks, size_t n, const struct bind_bucket *bucket,
		       struct bind_result *res)
{
	res->fails_at = BIND_OP_BIND;
	if (!call_passes(cand, env, res))
		return;
	if (cand->port)
		get_port(cand, env, socks, n, bucket, false, res);
	else if (!cand->no_port)
		rule_pick_port(cand, env, socks, n, res);
	if (res->verdict == BIND_OK && cand->op == BIND_OP_BIND_LISTEN)
		listen_after_bind(cand, env, socks, n, res);
}

/* __inet_listen_sk(): only a socket that is closed, or listens already, may listen. */
static void check_listen(const struct bind_cand *cand, const struct bind_env *env,
			 const struct bind_sock *socks, size_t n, const struct bind_bucket *bucket,
			 struct bind_result *res)
{
	if (cand->state == TCP_LISTEN)
		return;
	if (cand->state != TCP_CLOSE)
		rule_decide(res, BIND_FAILS, EINVAL, BIND_RULE_NOT_CLOSED);
	else if (cand->port)
		get_port(cand, env, socks, n, bucket, true, res);
	else
		rule_pick_port(cand, env, socks, n, res);
}

void bindrule_check(const struct bind_cand *cand, const struct bind_env *env,
		    const struct bind_sock *socks, size_t n, const struct bind_bucket *bucket,
		    struct bind_result *res)
{
	struct bind_conflict *conflicts = res->conflicts;
	size_t cap = res->cap;

	*res = (struct bind_result){.fails_at = cand->op, .conflicts = conflicts, .cap = cap};
	switch (cand->op) {
	case BIND_OP_BIND:
	case BIND_OP_BIND_LISTEN:
		check_bind(cand, env, socks, n, bucket, res);
		break;
	case BIND_OP_LISTEN:
		check_listen(cand, env, socks, n, bucket, res);
		break;
	case BIND_OP_CONNECT:
		rule_connect(cand, env, socks, n, res);
		break;
	}
}
