// SPDX-License-Identifier: GPL-2.0-only
/* The dice of bind_fuzz. */
#include "gen.h"

#include <netinet/tcp.h>
#include <string.h>

static const char *const v4_addrs[] = {"0.0.0.0",   "0.0.0.0",   "0.0.0.0",  "127.0.0.1",
				       "127.0.0.1", "127.0.0.1", "10.9.0.1", "10.9.0.1",
				       "10.9.1.1",  "127.0.0.6"};
static const char *const v6_addrs[] = {"::",
				       "::",
				       "::",
				       "::",
				       "::1",
				       "::1",
				       "fd09::1",
				       "fd09::1",
				       "fd09:1::1",
				       "fe80::1",
				       "::ffff:0.0.0.0",
				       "::ffff:127.0.0.1",
				       "::ffff:127.0.0.1",
				       "::ffff:10.9.0.1",
				       "::ffff:10.9.1.1"};
static const char *const odd_v4[] = {"10.9.9.9",   "10.9.0.255", "10.9.0.0",  "224.0.0.5",
				     "127.3.4.5",  "0.0.0.5",    "10.9.5.1",  "255.255.255.255",
				     "10.9.5.255", "10.9.0.2",   "192.0.2.1", "127.255.255.255"};
static const char *const odd_v6[] = {"fd09:9::9", "ff02::1", "fe80::1",         "fe80::77",
				     "fd09::2",   "::2",     "::ffff:10.9.9.9", "::ffff:224.0.0.5"};

/* splitmix64 */
static uint64_t next(struct rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return next(r) % n;
}

bool rng_percent(struct rng *r, uint32_t percent)
{
	return rng_below(r, 100) < percent;
}

#define PICK(r, list) (list)[rng_below(r, sizeof(list) / sizeof(*(list)))]

void gen_theme(struct rng *r, struct theme *t)
{
	static const uint32_t shares[] = {0, 30, 50, 50, 80, 100};

	t->reuse = PICK(r, shares);
	t->reuseport = PICK(r, shares);
	t->device = rng_percent(r, 40) ? 50 : 5;
	t->users = rng_percent(r, 40) ? 2 : 1;
	t->flips = rng_percent(r, 10);
	t->crowd = rng_percent(r, 10);
}

enum kind gen_kind(struct rng *r, const struct situation *s)
{
	static const uint8_t weights[] = {
		[KIND_BOUND] = 24,       [KIND_LISTEN] = 26,         [KIND_CONNECTED] = 7,
		[KIND_SYN_SENT] = 4,     [KIND_CHILD] = 10,          [KIND_CHILD_ONLY] = 6,
		[KIND_TIME_WAIT] = 4,    [KIND_CHILD_TIME_WAIT] = 5, [KIND_HALF_CLOSED] = 3,
		[KIND_AUTO] = 4,         [KIND_AUTO_TIME_WAIT] = 2,  [KIND_PICKED] = 3,
		[KIND_DISCONNECTED] = 2,
	};
	int at = rng_below(r, 100);
	enum kind k = KIND_BOUND;

	while (at >= weights[k])
		at -= weights[k++];
	if (s->base < UNPRIV_START &&
	    (k == KIND_AUTO || k == KIND_AUTO_TIME_WAIT || k == KIND_PICKED))
		return KIND_BOUND;
	return k;
}

static uint32_t gen_device(struct rng *r, const struct world *w)
{
	const uint32_t devs[] = {w->va, w->va, w->vb, w->lo};

	return PICK(r, devs);
}

void gen_spec(struct rng *r, const struct theme *t, const struct situation *s, struct bind_cand *c)
{
	memset(c, 0, sizeof(*c));
	c->op = BIND_OP_BIND;
	c->state = TCP_CLOSE;
	c->family = rng_percent(r, 45) ? AF_INET : AF_INET6;
	world_addr(c->family == AF_INET ? PICK(r, v4_addrs) : PICK(r, v6_addrs), c->addr);
	c->port = s->base + (rng_percent(r, 85) ? 0 : 1 + rng_below(r, 2));
	c->uid = t->users > 1 && rng_percent(r, 50) ? 1000 : 0;
	c->cap_bind = true;
	c->reuse = rng_percent(r, t->reuse);
	c->reuseport = rng_percent(r, t->reuseport);
	if (c->family == AF_INET6 && !rule_is_mapped(c->addr))
		c->v6only = rng_percent(r, 30);
	if (t->crowd) {
		world_addr(c->family == AF_INET ? "0.0.0.0" : "::", c->addr);
		c->port = s->base + rng_below(r, 6);
	}
	if (rng_percent(r, t->device))
		c->bound_dev_if = gen_device(r, s->w);
	if (rule_is_link_local(c->addr))
		c->scope_id = s->w->va;
}

static void gen_odd(struct rng *r, const struct situation *s, struct bind_cand *c)
{
	world_addr(c->family == AF_INET ? PICK(r, odd_v4) : PICK(r, odd_v6), c->addr);
	c->freebind = rng_percent(r, 15);
	c->transparent = rng_percent(r, 15);
	c->v6only = c->family == AF_INET6 && rng_percent(r, 30);
	c->scope_id = rule_is_link_local(c->addr) && rng_percent(r, 60) ? s->w->va : 0;
}

/* A range of a few ports, by IP_LOCAL_PORT_RANGE or by the sysctl. */
static void gen_range(struct rng *r, struct situation *s, struct bind_cand *c)
{
	struct bind_env *env = &s->w->env;

	env->range_lo = s->base + rng_below(r, 2);
	env->range_hi = env->range_lo + rng_below(r, 6);
	c->local_range = rng_percent(r, 60);
	env->autobind_reuse = rng_percent(r, 25);
}

void gen_candidate(struct rng *r, const struct theme *t, struct situation *s, struct bind_cand *c)
{
	uint32_t what = t->crowd ? 30 + rng_below(r, 30) : rng_below(r, 100);

	gen_spec(r, t, s, c);
	c->cap_bind = !rng_percent(r, 12);
	c->reuseport_prog = c->reuseport && rng_percent(r, 4);
	if (rng_percent(r, 12))
		gen_odd(r, s, c);
	if (what < 30) {
		c->op = BIND_OP_BIND_LISTEN;
	} else if (s->base < UNPRIV_START) {
		return;
	} else if (what < 44) {
		c->port = 0;
		c->op = rng_percent(r, 50) ? BIND_OP_BIND : BIND_OP_BIND_LISTEN;
		c->no_port = rng_percent(r, 20);
		gen_range(r, s, c);
	} else if (what < 48) {
		/* listen() on a socket that was never bound */
		c->op = BIND_OP_LISTEN;
		c->port = 0;
		world_addr(c->family == AF_INET ? "0.0.0.0" : "::", c->addr);
		gen_range(r, s, c);
	} else if (what < 58) {
		uint8_t from[16];

		c->op = BIND_OP_CONNECT;
		c->port = 0;
		world_addr(c->family == AF_INET ? "0.0.0.0" : "::", c->addr);
		c->rport = SERVER_PORT;
		gen_range(r, s, c);
		make_route(s->w, c->family, c->addr, c->bound_dev_if, c->raddr, from);
		memcpy(c->addr, from, 16);
	}
}
