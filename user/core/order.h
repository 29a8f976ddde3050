/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rings' streams become one stream in the order of time.
 *
 * Each CPU's ring is nearly in order by itself; across CPUs an event may arrive a drain later than
 * one that happened after it.  So events wait until the horizon, a time before which
 * nothing can still be on its way, has passed them.
 *
 * Losses are read off the sequence numbers: each CPU numbers every event, also those that found no
 * room in its ring.  A number seen twice is a duplicate and is thrown away.  A CPU's numbers begin
 * where its first event begins, unless the stream is known to be whole.
 */
#ifndef SOCKLINE_ORDER_H
#define SOCKLINE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "decode.h"

struct order;

struct order_stats {
	uint64_t events;	/* that went in */
	uint64_t lost;		/* missing numbers */
	uint64_t duplicates;
	uint64_t late;		/* came after the horizon had passed them; given out at once */
};

/* Room for `capacity` waiting events.  NULL if there is no memory. */
struct order *order_new(uint32_t capacity);
void order_free(struct order *o);

/* Takes a copy of ev.  0, -EEXIST for a duplicate, or -ENOSPC when full: then pop one first,
 * whatever the horizon. */
int order_push(struct order *o, const union event *ev);

/* The stream is whole: every CPU's numbers begin at 0.  Before the first push of a CPU. */
void order_from_zero(struct order *o);

/* Another stream begins: numbers and times start anew.  Only when no event waits. */
void order_reset(struct order *o);

/* The oldest event at or before horizon_ns, or with UINT64_MAX the oldest of all; NULL if none.
 * Valid until the next push. */
const union event *order_pop(struct order *o, uint64_t horizon_ns);

/* A loss that has been established since the last call. */
struct order_loss {
	uint64_t events;
	uint64_t from_ns;  /* the last event of that CPU before the gap */
	uint64_t until_ns; /* the first behind it */
	uint16_t cpu;
};

/* Time of what order_pop() would give next; UINT64_MAX if nothing waits. */
uint64_t order_oldest_ns(const struct order *o);

/* The source has told of this loss itself: the gap that will show it is no further one. */
void order_told(struct order *o, uint16_t cpu, uint64_t events);

/* Losses that begin at until_ns or before, oldest first.  Call until it returns false; with
 * UINT64_MAX only when all rings have been drained, because a number may come a little later than
 * the next one. */
bool order_next_loss(struct order *o, uint64_t until_ns, struct order_loss *loss);

const struct order_stats *order_stats(const struct order *o);

#endif
