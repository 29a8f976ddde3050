/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side counts for each listener, and how the reader asks for its queues.
 *
 * One counters_row for each listener and CPU: only that CPU writes it, the reader adds them up.
 * Counts never go back, except a drop that was counted one moment before its SYN was answered after
 * all.  Durations lie in buckets of powers of two: bucket 0 is below 2 µs, bucket i from 2^i to
 * 2^(i+1) µs, the last one has no upper end.
 */
#ifndef SOCKLINE_COUNT_H
#define SOCKLINE_COUNT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#include "event.h"

enum counter {
	COUNT_SYN,		  /* SYNs that met it, repeated ones too */
	COUNT_SYNACK,		  /* first SYN-ACKs, cookies not counted */
	COUNT_COOKIE,		  /* SYN-ACKs that are SYN cookies */
	COUNT_SYNACK_RETRANSMIT,
	COUNT_QUEUED,		  /* children that came into the accept queue */
	COUNT_ACCEPT,		  /* children that accept() returned */
	COUNT_DROP_SYN_ACCEPTQ,	  /* SYN dropped: the accept queue is full */
	COUNT_DROP_SYN_SYNQ,	  /* SYN dropped: the SYN queue is full, syncookies being off */
	COUNT_DROP_SYN_RESERVED,  /* SYN dropped: its last quarter is kept for known peers */
	COUNT_DROP_ACK_ACCEPTQ,	  /* final ACK dropped: the accept queue is full */
	COUNT_DROP_OTHER,	  /* another packet that met it: checksum, filter, TCP-MD5, … */
	COUNT_UNTIMED_HANDSHAKE,  /* of COUNT_QUEUED: its SYN was not seen */
	COUNT_UNTIMED_WAIT,	  /* of COUNT_ACCEPT: was in the queue before, or found no room */
};

#define COUNTERS_CNT  16
#define COUNTERS_BINS 32

struct counters_hist {
	__u64 sum_ns;
	__u64 max_ns; /* since the start */
	__u64 bins[COUNTERS_BINS];
};

struct counters_row {
	__u64 n[COUNTERS_CNT];	      /* by enum counter */
	struct counters_hist handshake; /* its first SYN to the accept queue */
	struct counters_hist wait;	/* in the accept queue, to accept() */
	__u32 synq_peak;	      /* deepest that was met */
	__u32 acceptq_peak;
	__u64 last_accept_ns;	      /* CLOCK_MONOTONIC, 0: none */
	__u64 last_queued_ns;
	struct ev_process last_accept_by;
};

/* What the reader wants to know of one listener, and the answer.  Written by the reader up to
 * cookie, by the kernel side from there on. */
struct counters_gauge {
	__u64 id;     /* as in snap_sock */
	__u64 cookie; /* 0: not known */
	__u32 synq;
	__u32 acceptq;
	__u32 limit;
	__u32 drops;  /* sk_drops */
	__u32 alive;  /* it is still that listener */
	__u32 pad;
};

/* Gauges that one run of the program reads. */
#define COUNTERS_GAUGE_RUN 256

/* Where there was no room; one for the whole host. */
struct counters_host {
	__u64 changes;	   /* listeners that came or, before 6.3, went */
	__u64 unsure;	   /* 1: a SYN met a listener where only its answer tells */
	__u64 rows_full;   /* times that a listener got no row */
	__u64 waits_full;  /* children whose time in the queue was given up for another's */
};

/* bind() and listen() that failed: how often, by enum call_kind and errno; 0: an errno from
 * COUNTERS_ERRNOS on.  One for the whole host. */
#define COUNTERS_CALLS	3
#define COUNTERS_ERRNOS 256

struct counters_calls {
	__u64 n[COUNTERS_CALLS][COUNTERS_ERRNOS];
};

EVENT_SIZE_IS(counters_hist, 272);
EVENT_SIZE_IS(counters_row, 728);
EVENT_SIZE_IS(counters_gauge, 40);
EVENT_SIZE_IS(counters_host, 32);

#endif
