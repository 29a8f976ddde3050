/* SPDX-License-Identifier: GPL-2.0-only */
/* Compares what the kernel did with what bindrule says, and prints what disagrees as a unit
 * test. */
#ifndef BIND_JUDGE_H
#define BIND_JUDGE_H

#include "make.h"

struct judge {
	uint64_t seed;
	uint32_t index;  /* of the situation */
	uint32_t failed; /* disagreements in this situation */
	uint64_t calls;
	uint64_t errs;     /* calls that the kernel refused */
	uint64_t unknowns; /* without the bucket */
	uint64_t skips;    /* let pass by the bucket alone */
	uint64_t cures;    /* advice tried */
	uint64_t removals; /* blockers taken away */
	uint64_t rules[128];
	uint64_t cured[32];
};

/* One real call: err and step are the kernel's.  res is bindrule's answer, with the bucket
 * known. */
void judge_call(struct judge *j, const struct situation *s, const struct live_sock *self,
		const struct bind_cand *c, int err, enum bind_op step, struct bind_result *res);
/* Something else that must hold. */
void judge_that(struct judge *j, const struct situation *s, const struct bind_cand *c, bool ok,
		const char *what);

#endif
