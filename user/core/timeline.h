/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events in the order of time become stories.
 *
 * A passive connection is found by (namespace, local, remote) until its child exists, and by the
 * child's socket cookie from then on; an active one by its cookie.  A SYN that comes again is told
 * by its sequence number.  A story whose beginning was not seen, or during which events were lost,
 * is marked incomplete; nothing is ever concluded from the absence of an event while some are lost.
 *
 * An event older than one already fed came late.  It is put where it belongs in a story that is
 * open, and nothing is concluded from what did not follow it.
 *
 * Memory is fixed: when there is no room the story longest without news is ended as it stands,
 * incomplete.
 */
#ifndef SOCKLINE_TIMELINE_H
#define SOCKLINE_TIMELINE_H

#include "decode.h"
#include "story.h"

struct timeline;

struct timeline_stats {
	uint64_t stories;   /* ended, by whatever outcome */
	uint64_t failed;
	uint64_t evicted;   /* ended for want of room */
	uint32_t open;
};

/* Called once for each story, when it ends.  The story is valid during the call only. */
typedef void (*timeline_end_fn)(void *ctx, const struct story *story);

/* Room for `capacity` open stories.  NULL if there is no memory. */
struct timeline *timeline_new(uint32_t capacity, timeline_end_fn end, void *ctx);
void timeline_free(struct timeline *t);

/* The next event, in order of time.  Kinds that change no story are ignored. */
void timeline_feed(struct timeline *t, const union event *ev);

/* Events were lost on one CPU between these two times: what was open then, and what is touched
 * until then, is incomplete. */
void timeline_lost(struct timeline *t, uint64_t until_ns);

/* Nothing that happened before now_ns is still to come: what can be concluded is, in the order in
 * which it fell due. */
void timeline_tick(struct timeline *t, uint64_t now_ns);

/* The stream is over: what is still open ends as it stands, oldest first.  Another may follow. */
void timeline_finish(struct timeline *t);

struct timeline_stats timeline_stats(const struct timeline *t);

#endif
