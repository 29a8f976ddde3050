/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What events have told of each listener since the start: how deep its queues were at most, for how
 * long in their last fifth, how many came, and who took one last.  Pure.
 */
#ifndef SOCKLINE_SEEN_H
#define SOCKLINE_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "decode.h"
#include "story.h"

#define SEEN_UNKNOWN UINT64_MAX

struct seen_queue {
	uint32_t depth; /* as told last */
	uint32_t limit;
	uint32_t peak;
	uint64_t pressed_ns; /* in its last fifth, spells that are over; or SEEN_UNKNOWN */
	uint64_t since_ns;   /* in its last fifth since then; 0: is not */
};

struct seen {
	uint64_t cookie; /* of the listener; 0: a free place */
	int64_t asked;	 /* what was given to listen(); -1: not seen */
	struct seen_queue synq;
	struct seen_queue acceptq;
	uint64_t syns;
	uint64_t accepts;
	uint64_t drops; /* sk_drops, as told last */
	uint64_t marked_ns; /* seen_mark(): these were the counts then */
	uint64_t marked_syns;
	uint64_t marked_accepts;
	uint64_t marked_drops;
	uint64_t last_accept_ns; /* 0: not seen to accept */
	struct ev_process last_accept_by;
	bool closed;
};

struct seen_table;

/* NULL: out of memory.  The table grows with the listeners that are told of. */
struct seen_table *seen_new(void);
void seen_free(struct seen_table *t);

/* In the order of time. */
void seen_event(struct seen_table *t, const union event *ev);
/* A connection was accepted, or ended otherwise. */
void seen_story(struct seen_table *t, const struct story *s);
/* What a look at the listener shows now: what events did not tell is put right. */
void seen_sync(struct seen_table *t, uint64_t cookie, uint32_t synq, uint32_t synq_limit,
	       uint32_t acceptq, uint32_t limit, uint32_t drops, uint64_t now_ns);
/* From now on seen_rates() counts anew. */
void seen_mark(struct seen_table *t, uint64_t cookie, uint64_t now_ns);
/* Those that closed are told of no more. */
void seen_forget_closed(struct seen_table *t);

/* NULL if nothing is known.  Valid until the next call that takes a table that is not const. */
const struct seen *seen_find(const struct seen_table *t, uint64_t cookie);
/* In the last fifth of the queue, all spells together, until now. */
uint64_t seen_pressed_ns(const struct seen_queue *q, uint64_t now_ns);

struct seen_rates {
	double syns; /* a second */
	double accepts;
	double drops;
};

/* Since the mark, or since it was first told of. */
struct seen_rates seen_rates(const struct seen *s, uint64_t now_ns);

#endif
