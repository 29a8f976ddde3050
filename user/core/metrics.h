/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is shown of listeners as metrics: their sockets, merged by address and process into series,
 * of which a bounded number is shown.  Pure: fed with one read of the counters after another.
 *
 * A series's counts never go back: they are the sum of what each socket of it has added, also of
 * those that are closed.  Once shown it stays shown while it has a socket, unless one that is in
 * more trouble needs its place; for five minutes without a socket its counts still stand.
 */
#ifndef SOCKLINE_METRICS_H
#define SOCKLINE_METRICS_H

#include "counters.h"
#include "metrics_text.h"

#define METRICS_SHOWN_MAX 1000 /* unless one says otherwise */
#define METRICS_LABELS	  1280 /* room for all of what metrics_ops.place() adds */

struct metrics;

struct metrics_ops {
	/* Is this listener to be counted?  NULL: all are. */
	bool (*wanted)(void *ctx, const struct counters_listener *l);
	/* Adds, with metrics_label(), where this process lives; asked when it is another one,
	 * and once a minute.  NULL: nothing is known. */
	void (*place)(void *ctx, const struct snap_owner *owner, char labels[METRICS_LABELS]);
	void *ctx;
};

/* shown_max: at least 1.  NULL: out of memory. */
struct metrics *metrics_new(uint32_t shown_max, const struct metrics_ops *ops);
void metrics_free(struct metrics *m);

/* The next read.  0 or -ENOMEM: then the counts are as they were, or newer. */
int metrics_feed(struct metrics *m, const struct counters_view *v);

/* Everything that the counters tell, as of the last feed.  The last family is METRIC_EVENTS_LOST: who
 * knows of more losses adds them behind it. */
void metrics_write(const struct metrics *m, struct metrics_text *t);

/* Sockets of the last feed, and how many of them are not shown. */
void metrics_sockets(const struct metrics *m, uint64_t *sockets, uint64_t *omitted);

#endif
