/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `top` makes of two reads of the counters: rates, waits of the last seconds, the last minute,
 * and who is to blame.  Pure: knows neither kernel nor screen.
 */
#ifndef SOCKLINE_RATES_H
#define SOCKLINE_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counters.h"

#define RATES_HISTORY 60

/* What a listener needs that anything ever came to. */
struct rates_past {
	uint64_t n[COUNTERS_CNT];	 /* at the last read */
	struct counters_hist handshake[2]; /* at the two last turns of the window */
	struct counters_hist wait[2];
	float accepts[RATES_HISTORY];	 /* a second; the newest is at [at - 1] */
	uint8_t fill[RATES_HISTORY];	 /* of the accept queue, in percent */
	uint32_t at;
	uint32_t cnt;
};

struct rates_row {
	uint64_t cookie;
	const struct counters_listener *l; /* of the view that was fed last */
	double per_s[COUNTERS_CNT];
	double drops_per_s;		   /* of all reasons */
	/* Of the last 5 to 10 seconds, in nanoseconds; -1: none. */
	int64_t handshake_p50, handshake_p99;
	int64_t wait_p50, wait_p99;
	struct rates_past *past;	   /* NULL while nothing came */
	double key;			   /* what rows are sorted by; the caller's to fill */
	char netns[16];			   /* what people call its namespace; the caller's to fill */
};

struct rates {
	struct rates_row **rows; /* by cookie */
	size_t cnt;
	uint64_t sets;		    /* raised when a row comes or goes */
	double per_s[COUNTERS_CNT]; /* of all listeners */
	double drops_per_s;
	uint64_t time_ns;	 /* of the last feed, 0: none yet */
	double seconds;		 /* between the last two */
	uint64_t turned_ns;	 /* when the window turned last */
};

void rates_init(struct rates *r);
void rates_free(struct rates *r);

/* The view must hold as long as the rows are looked at.  0 or -ENOMEM. */
int rates_feed(struct rates *r, const struct counters_view *v);

uint64_t rates_drops(const struct counters_row *row);

/* How full the accept queue is: 0 to 1, its limit. */
double rates_fill(const struct rates_row *row);
bool rates_full(const struct rates_row *row);
/* In the last fifth of the queue, or dropping. */
bool rates_pressed(const struct rates_row *row);

/* The members of a reuseport group: the row itself too, 1 if it is in none. */
struct rates_group {
	uint32_t members;
	uint32_t idle; /* other members whose accept queue is empty */
};
bool rates_same_group(const struct snap_sock *a, const struct snap_sock *b);
struct rates_group rates_group(const struct rates *r, const struct rates_row *row);

/* The one under most pressure, or NULL when none is. */
const struct rates_row *rates_worst(const struct rates *r);

/* Nanoseconds since its last accept, -1 if none was seen. */
int64_t rates_idle_ns(const struct rates *r, const struct rates_row *row);

#endif
