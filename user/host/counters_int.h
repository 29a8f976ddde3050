/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the two halves of the counters: opening (counters.c) and reading (counters_read.c). */
#ifndef SOCKLINE_COUNTERS_INT_H
#define SOCKLINE_COUNTERS_INT_H

#include "counters.h"

struct observer;

struct counters {
	struct observer *observer;
	bool own; /* the observer */
	struct snapshot_reader *reader;
	struct snapshot *snap; /* view.snap */
	struct counters_gauge *gauges; /* the map itself, mapped */
	size_t gauges_len;
	int cpus;
	uint32_t netns;	  /* the only one that is wanted, 0: all */
	uint64_t snap_ns; /* when it was taken */
	uint64_t changes; /* host.changes at the last snapshot */
	uint64_t
		refresh_from_ns; /* not before: a snapshot is to cost half a percent of a CPU at most */
	uint64_t refresh_by_ns;
	bool stranger;	       /* a listener or a process that is not known was met */
	uint64_t *keys;	       /* one batch of rows */
	struct counters_row *values; /* by key, then CPU */
	uint32_t batch;
	size_t idle_turn; /* the listener from which on idle ones are looked at next */
	struct counters_listener *gone; /* view.gone_cnt of them are in the view */
	size_t gone_cnt;
	size_t gone_cap;
	struct counters_view view;
};

/* Listeners that listen no more (counters_gone.c).  What has been told is forgotten at the next read.
 * What is seen to have ended stays in the view until then, because something may have come to it
 * after its row was read. */
void counters_gone_begin(struct counters *c);
void counters_gone_drop(struct counters *c); /* what has ended, from the view */
void counters_gone_add(struct counters *c, const struct counters_listener *l);
struct counters_listener *counters_gone_find(const struct counters *c, uint64_t cookie);
void counters_gone_tell(struct counters *c);
/* The rows of what has been told: a socket that listens again, after shutdown(), counts from 0. */
void counters_gone_forget(struct counters *c);

#endif
