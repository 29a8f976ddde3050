// SPDX-License-Identifier: GPL-2.0-only
/*
 * A port that the kernel picks, and connect(): is there one left?
 *
 * Owns the two searches, inet_csk_find_open_port() and __inet_hash_connect(), and what makes a
 * connection unique, __inet_check_established().  Knows nothing of a port that the caller named for
 * bind(): that is bindrule.c's.
 */
#include "bindrule_int.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define PORTS 65536

struct port_set {
	uint8_t bits[PORTS / 8];
};

static void set_add(struct port_set *set, uint16_t port)
{
	set->bits[port / 8] |= 1u << port % 8;
}

static bool set_has(const struct port_set *set, uint32_t port)
{
	return set->bits[port / 8] >> port % 8 & 1;
}

static bool is_free(const struct port_set *taken, const struct bind_env *env, uint32_t port)
{
	return !set_has(taken, port) && !(env->reserved && env->reserved[port / 8] >> port % 8 & 1);
}

/*
 * Would the search in [lo, hi) find a free port?  inet_csk_find_open_port() and
 * __inet_hash_connect() both go in steps of two from a random place, over (hi - lo) rounded down to
 * even: of a range with an odd number of ports one end is left out, the last of three always, else
 * by chance either.
 */
static enum bind_tri search(const struct port_set *taken, const struct bind_env *env, uint32_t lo,
			    uint32_t hi, bool every)
{
	uint32_t first = lo, last = hi;
	bool ends = false;

	if (!every && hi - lo > 1 && (hi - lo) % 2) {
		last = hi - 1;
		if (hi - lo > 3) {
			first = lo + 1;
			if (is_free(taken, env, lo) && is_free(taken, env, hi - 1))
				return BIND_YES;
			ends = is_free(taken, env, lo) || is_free(taken, env, hi - 1);
		}
	}
	for (uint32_t port = first; port < last; port++)
		if (is_free(taken, env, port))
			return BIND_YES;
	return ends ? BIND_MAYBE : BIND_NO;
}

static void count_ports(const struct port_set *taken, const struct bind_env *env,
			struct bind_result *res)
{
	static const struct port_set none;

	res->ports_free = res->ports_total = 0;
	for (uint32_t port = env->range_lo; port <= env->range_hi; port++) {
		res->ports_free += is_free(taken, env, port);
		res->ports_total += is_free(&none, env, port);
	}
}

/* inet_csk_find_open_port(): SO_REUSEPORT never shares a port that is picked; SO_REUSEADDR does, on
 * the second round, where ip_autobind_reuse is set. */
static enum bind_tri find_open_port(const struct bind_cand *cand, const struct bind_env *env,
				    const struct bind_sock *socks, size_t n, bool relax,
				    struct bind_result *res)
{
	struct rule_ask ask = rule_ask_of(cand, env->netns);
	uint32_t lo = env->range_lo, hi = env->range_hi + 1u;
	struct port_set taken = {{0}};
	enum bind_tri found = BIND_NO;
	struct bind_pair pair;

	res->n_conflicts = 0;
	for (size_t i = 0; i < n; i++) {
		if (socks[i].netns != env->netns || socks[i].port < lo || socks[i].port >= hi ||
		    !rule_conflict(&ask, &socks[i], relax, false))
			continue;
		set_add(&taken, socks[i].port);
		if (bindrule_pair(cand, env->netns, &socks[i], &pair))
			rule_add(res, &socks[i], &pair);
	}
	count_ports(&taken, env, res);
	if (ask.reuse == 1 && hi - lo >= 4) {
		/* attempt_half: the lower half first, then the upper one */
		uint32_t half = lo + ((hi - lo) >> 2 << 1);

		found = search(&taken, env, lo, half, false);
		lo = half;
	}
	return found == BIND_YES ? found : search(&taken, env, lo, hi, false);
}

void rule_pick_port(const struct bind_cand *cand, const struct bind_env *env,
		    const struct bind_sock *socks, size_t n, struct bind_result *res)
{
	enum bind_tri found = find_open_port(cand, env, socks, n, false, res);

	if (found != BIND_YES && env->autobind_reuse) {
		enum bind_tri again = find_open_port(cand, env, socks, n, true, res);

		found = again == BIND_NO ? found : again;
	}
	if (found == BIND_YES) {
		res->n_conflicts = 0;
		rule_decide(res, BIND_OK, 0, BIND_RULE_NONE);
	} else if (found == BIND_MAYBE) {
		rule_decide(res, BIND_UNKNOWN, EADDRINUSE, BIND_RULE_SCAN);
	} else {
		rule_decide(res, BIND_FAILS, EADDRINUSE, BIND_RULE_RANGE_USED_UP);
	}
}

/* ---- connect() ---- */

static const struct bind_pair tuple_pair = {.in_way = true, .meet = BIND_MEET_TUPLE};
static const struct bind_pair range_pair = {.in_way = true, .meet = BIND_MEET_RANGE};

/* __inet_check_established() for a port that the socket has: any connection with the same four
 * numbers forbids it, a TIME_WAIT unless tcp_twsk_unique() may take it over, which is up to its
 * timestamps.  The source address of a wildcard is not known before the route is. */
static void connect_from_port(const struct bind_cand *cand, const struct bind_env *env,
			      const struct bind_sock *socks, size_t n, struct bind_result *res)
{
	bool any_source = rule_is_wildcard(cand->family, cand->addr);

	for (size_t i = 0; i < n; i++) {
		if (socks[i].netns != env->netns || socks[i].port != cand->port ||
		    !rule_same_tuple(cand, &socks[i], any_source))
			continue;
		rule_add(res, &socks[i], &tuple_pair);
		if (res->verdict == BIND_FAILS)
			continue;
		if (socks[i].state == TCP_TIME_WAIT)
			rule_decide(res, BIND_UNKNOWN, EADDRNOTAVAIL, BIND_RULE_TIME_WAIT);
		else if (any_source)
			rule_decide(res, BIND_UNKNOWN, EADDRNOTAVAIL, BIND_RULE_SOURCE);
		else
			rule_decide(res, BIND_FAILS, EADDRNOTAVAIL, BIND_RULE_CONNECT_DUPLICATE);
	}
}

/* Is this port, for this socket's sake, lost to a connect() that picks one?  YES, NO, or MAYBE with
 * the reason in *why. */
static enum bind_tri takes_port(const struct bind_cand *cand, const struct bind_sock *sock,
				bool any_source, enum bind_rule *why)
{
	bool same = rule_same_tuple(cand, sock, any_source);

	if (same && !any_source && sock->state != TCP_TIME_WAIT)
		return BIND_YES;
	/* __inet_hash_connect() passes over a port whose bucket has fastreuse or fastreuseport at 0
	 * or more: one that somebody bound, and that is still there. */
	if (sock->from != BIND_PORT_CONNECT) {
		if (sock->state == TCP_CLOSE || sock->state == TCP_LISTEN)
			return BIND_YES;
		/* Since 6.18 the bucket is forgotten (-1) when only sockets are left that connect()
		 * put there, and a connected one may be among these by its address:
		 * __inet_inherit_port() and __inet_bhash2_update_saddr() join an inet_bind2_bucket
		 * as they find it. */
		*why = BIND_RULE_HISTORY;
		return BIND_MAYBE;
	}
	if (!same)
		return BIND_NO;
	*why = any_source ? BIND_RULE_SOURCE : BIND_RULE_TIME_WAIT;
	return BIND_MAYBE;
}

/* __inet_hash_connect() for a socket without a port.  Before 6.18 a port that was ever bound is
 * lost to it until the last of all its sockets is gone. */
static void connect_and_pick(const struct bind_cand *cand, const struct bind_env *env,
			     const struct bind_sock *socks, size_t n, struct bind_result *res)
{
	bool any_source = rule_is_wildcard(cand->family, cand->addr);
	uint32_t lo = env->range_lo, hi = env->range_hi + 1u;
	struct port_set taken = {{0}}, unsure = {{0}};
	enum bind_rule why = BIND_RULE_SCAN;

	for (size_t i = 0; i < n; i++) {
		enum bind_tri takes;

		if (socks[i].netns != env->netns || socks[i].port < lo || socks[i].port >= hi)
			continue;
		takes = takes_port(cand, &socks[i], any_source, &why);
		if (takes == BIND_NO)
			continue;
		set_add(&unsure, socks[i].port);
		if (takes == BIND_YES)
			set_add(&taken, socks[i].port);
		rule_add(res, &socks[i],
			 socks[i].from == BIND_PORT_CONNECT ? &tuple_pair : &range_pair);
	}
	count_ports(&taken, env, res);
	if (search(&unsure, env, lo, hi, cand->local_range) == BIND_YES)
		res->n_conflicts = 0;
	else if (search(&taken, env, lo, hi, cand->local_range) == BIND_NO)
		rule_decide(res, BIND_FAILS, EADDRNOTAVAIL, BIND_RULE_CONNECT_USED_UP);
	else
		rule_decide(res, BIND_UNKNOWN, EADDRNOTAVAIL, why);
}

void rule_connect(const struct bind_cand *cand, const struct bind_env *env,
		  const struct bind_sock *socks, size_t n, struct bind_result *res)
{
	if (cand->port)
		connect_from_port(cand, env, socks, n, res);
	else
		connect_and_pick(cand, env, socks, n, res);
}
