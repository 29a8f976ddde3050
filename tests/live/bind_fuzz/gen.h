/* SPDX-License-Identifier: GPL-2.0-only */
/* What a random situation of bind_fuzz consists of.  The same seed gives the same situation. */
#ifndef BIND_GEN_H
#define BIND_GEN_H

#include "make.h"

struct rng {
	uint64_t state;
};

enum kind {
	KIND_BOUND,
	KIND_LISTEN,
	KIND_CONNECTED,
	KIND_SYN_SENT,
	KIND_CHILD,      /* of a listener that stays */
	KIND_CHILD_ONLY, /* of a listener that was closed */
	KIND_TIME_WAIT,
	KIND_CHILD_TIME_WAIT,
	KIND_HALF_CLOSED,
	KIND_AUTO, /* connect() without bind() */
	KIND_AUTO_TIME_WAIT,
	KIND_PICKED, /* bind(0) */
	KIND_DISCONNECTED,
};

/* What the sockets of one situation have in common, so that the interesting ones are not rare. */
struct theme {
	uint32_t reuse;     /* percent */
	uint32_t reuseport; /* percent */
	uint32_t device;    /* percent */
	uint32_t users;     /* 1 or 2 */
	bool flips;         /* options change after bind() */
	bool crowd;         /* wildcards on ports in a row, and the kernel is to pick one */
};

uint32_t rng_below(struct rng *r, uint32_t n);
bool rng_percent(struct rng *r, uint32_t percent);
void gen_theme(struct rng *r, struct theme *t);
enum kind gen_kind(struct rng *r, const struct situation *s);
/* A socket that could be there, or bind(): family, address, port, options. */
void gen_spec(struct rng *r, const struct theme *t, const struct situation *s, struct bind_cand *c);
/* The candidate: the same, with every operation, odd addresses, missing privilege. */
void gen_candidate(struct rng *r, const struct theme *t, struct situation *s, struct bind_cand *c);

#endif
