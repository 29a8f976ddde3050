/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the two halves of the metrics: the series (metrics.c) and how they are written
 * (metrics_write.c). */
#ifndef SOCKLINE_METRICS_INT_H
#define SOCKLINE_METRICS_INT_H

#include "metrics.h"

/* The higher keeps its place.  A series never falls back while it has a socket. */
enum rank {
	RANK_IDLE,    /* nothing came to it */
	RANK_USED,
	RANK_PRESSED, /* it dropped something, or its queue was in its last fifth */
};

struct metrics_key {
	uint8_t addr[16];
	uint32_t netns;
	uint16_t port;
	uint16_t pad;
	char comm[EV_COMM_LEN]; /* "": no process holds it, or it is not known */
};

struct series {
	struct series *next; /* in its bucket */
	struct metrics_key key;
	char *labels;
	struct snap_owner owner;  /* whose comm it is; pid 0: not known */
	char *place;		  /* more labels, of that process; or NULL */
	uint64_t place_ns;	  /* when it was asked; 0: it is to be asked anew */
	struct counters_row *sum; /* of all its sockets, closed ones too; NULL while all is 0 */
	enum rank rank;
	bool shown;
	uint64_t ended_ns; /* when its last socket was missed first; 0: it has one */
	/* Of the sockets that it has now. */
	uint32_t sockets;
	uint64_t synq, synq_limit, acceptq, acceptq_limit;
	uint32_t synq_peak, acceptq_peak;
	double fill;
};

/* A socket, and what of its counts its series has. */
struct member {
	uint64_t cookie;
	struct series *series;
	struct counters_row *last; /* NULL: nothing yet */
};

#define METRICS_BUCKETS 4096

struct metrics {
	struct metrics_ops ops;
	uint32_t shown_max;
	struct series *buckets[METRICS_BUCKETS];
	size_t series_cnt;
	struct member *members; /* by cookie */
	size_t member_cnt;
	struct series **shown; /* shown_max of them at most, by namespace, port, address, process */
	uint32_t shown_cnt;
	/* Of the last feed. */
	uint64_t time_ns;
	uint64_t sockets, omitted;
	struct counters_calls failed;
	bool failed_known;
	uint64_t untracked, waits_full, misses;
};

#endif
