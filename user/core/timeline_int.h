/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the timeline share: timeline.c (lifecycle and time), timeline_passive.c
 * (connections that come, up to the accept queue), timeline_child.c (the accept queue and the end),
 * timeline_active.c (connections that this host makes). */
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

struct attempt {
	uint64_t key;
	uint32_t cnt;
};

struct timeline {
	struct story_table *table;
	timeline_end_fn end;
	void *ctx;
	struct timeline_stats stats;
	uint64_t lossy_until_ns;
	uint64_t now_ns; /* of the newest event or tick */
	bool late;	 /* the event at hand is older than that */
	bool tried;	 /* there is anything in tries */
	struct attempt tries[TRIES];
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

/* What can be said of a story that nothing more will be heard of. */
enum outcome timeline_outcome_so_far(const struct slot *slot);

/* A SYN that was not answered, and will not be. */
void timeline_drop_syn(struct timeline *t, struct slot *slot, uint64_t now_ns);

/* The story that an event of a passive connection belongs to.  find: NULL if there is none.  get:
 * one that began before we looked begins here, incomplete; NULL if the event is late, because then
 * that story has most likely ended. */
struct slot *timeline_find(struct timeline *t, const struct ev_tuple *tuple, uint64_t cookie);
struct slot *timeline_get(struct timeline *t, const struct ev_tuple *tuple, uint64_t cookie);

/* Has its SYN been answered, as far as is known? */
bool timeline_answered(const struct slot *slot);

/* Another story takes over its tuple, which can only be if it has ended unseen, or is known by its
 * cookie from now on. */
void timeline_supersede(struct timeline *t, struct slot *slot);

/* Remembers what a connection met, unless the listener is not known. */
void timeline_seen(struct queue_seen *to, uint32_t depth, const struct ev_queues *q);

typedef void (*timeline_on_fn)(struct timeline *t, const union event *ev);

/* NULL: this kind is none of its business. */
timeline_on_fn timeline_passive(uint8_t kind);
timeline_on_fn timeline_child(uint8_t kind);
timeline_on_fn timeline_active(uint8_t kind);

#endif
