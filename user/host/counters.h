/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every listener of the host with its queues, its owners, and what the kernel side has counted for
 * it.  Knows no output: for screens and for metrics alike.
 *
 * Counts, histograms and peaks run from counters_open() on, and go with their listener.  Needs what
 * the snapshot needs, and CAP_NET_ADMIN.  Not thread-safe.
 */
#ifndef SOCKLINE_COUNTERS_H
#define SOCKLINE_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "count.h"
#include "snapshot.h"

#define COUNTERS_WHY 256

struct counters;
struct observer;

struct counters_conf {
	struct config config;  /* filters, as for the observer */
	const uint64_t *ports; /* 65536 bits, or NULL: all */
	struct observer *observer; /* loaded for counts, outlives the counters, attached by who owns
				    * it; NULL: one of its own */
	bool verbose;
};

/* One listener.  sock.synq, acceptq, limit, drops are of the moment of the read where something
 * comes or waits; all else, and the owners, are as fresh as the last snapshot: some seconds. */
struct counters_listener {
	struct snap_sock sock;
	const struct snap_owner *owners;
	uint32_t owner_cnt;
	struct counters_row total; /* all CPUs together; all 0 while nothing came to it */
	uint32_t drops_since; /* sk_drops now, less what it was when it was seen first */
	bool stirred;	      /* something came or was taken since the last read */
	bool asked;	      /* for its queues, in this read */
	bool ended;	      /* it listens no more, and is gone with the next read */
};

struct counters_view {
	uint64_t time_ns; /* CLOCK_MONOTONIC, of this read */
	uint64_t start_ns;
	struct counters_listener *listeners; /* by cookie */
	size_t cnt;
	const struct snapshot *snap; /* the last one: namespaces, owners */
	uint64_t snaps;		     /* counts them: another snapshot, another number */
	/* Those that have stopped listening since the last read, once each, with their last counts;
	 * no owners. */
	const struct counters_listener *gone;
	size_t gone_cnt;
	const struct counters_calls *failed; /* NULL: this kernel (before 5.15) cannot tell */
	uint64_t misses;    /* times that a program was not run: events that nothing else tells of */
	uint64_t untracked; /* listeners that have no row for want of room, times they were met */
	uint64_t waits_full; /* connections whose wait went unmeasured for want of room */
	const char *unseen; /* what is not counted, for want of a hook; or NULL */
};

/* Loads and attaches, unless it is given an observer.  0, or -errno and one line in why. */
int counters_open(const struct counters_conf *conf, struct counters **out, char why[COUNTERS_WHY]);
void counters_close(struct counters *c);

/* The view stays the counters' own, and holds until the next read.  0 or -errno. */
int counters_read(struct counters *c, const struct counters_view **out);

/* NULL if there is none of this cookie. */
const struct counters_listener *counters_find(const struct counters_view *v, uint64_t cookie);

#endif
