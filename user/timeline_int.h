/* SPDX-License-Identifier: GPL-2.0-only */
/* What the three files of the timeline share: timeline.c (lifecycle and time), timeline_passive.c
 * (connections that come), timeline_active.c (connections that this host makes). */
#ifndef SOCKLINE_TIMELINE_INT_H
#define SOCKLINE_TIMELINE_INT_H

#include "story_table.h"
#include "timeline.h"

/* include/net/tcp_states.h */
#define TCP_ESTABLISHED 1
#define TCP_CLOSE	7
#define TCP_CLOSE_WAIT	8

/* SYNs that were dropped are remembered for a while: the client will say them again. */
#define TRIES 4096

struct try {
	uint64_t key;
	uint32_t cnt;
};

struct timeline {
	struct story_table *table;
	timeline_end_fn end;
	void *ctx;
	struct timeline_stats stats;
	uint64_t lossy_until_ns;
	struct try tries[TRIES];
};

/* A new slot, entered by its tuple if passive.  Never fails: the oldest story makes room. */
struct slot *timeline_begin(struct timeline *t, enum role role, const struct ev_tuple *tuple);

/* q may be NULL: nothing is known of the queues. */
void timeline_step(struct timeline *t, struct slot *slot, enum step_kind kind, uint64_t time_ns,
		   const struct ev_queues *q);

/* Makes it findable by this cookie, unless it has one. */
void timeline_set_cookie(struct timeline *t, struct slot *slot, uint64_t cookie);

/* Tells the sink, and frees the slot. */
void timeline_end(struct timeline *t, struct slot *slot, enum outcome outcome);

/* A SYN that was not answered, and will not be. */
void timeline_drop_syn(struct timeline *t, struct slot *slot, uint64_t now_ns);

typedef void (*timeline_on_fn)(struct timeline *t, const union event *ev);

/* NULL: this kind is none of its business. */
timeline_on_fn timeline_passive(uint8_t kind);
timeline_on_fn timeline_active(uint8_t kind);

#endif
