/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happened at a listener over time, in a few hundred bins whatever the time is.  All series
 * share one clock, whose bins become twice as wide when the time no longer fits.  Times are
 * nanoseconds since 1970.
 */
#ifndef SOCKLINE_REPORT_SERIES_H
#define SOCKLINE_REPORT_SERIES_H

#include "json.h"

#define REPORT_BINS 512

struct report_clock {
	uint64_t width_ns;
	uint64_t first; /* bin 0 begins at first * width_ns */
	uint32_t used;	/* bins from first on */
};

/* How long a queue was: least, most and last in a bin. */
struct report_depth {
	uint32_t low, high, last;
};

struct report_bin {
	uint32_t syns, accepts, failures;
	struct report_depth synq, acceptq;
	uint32_t limit;
	bool seen; /* the depths and the limit are known */
};

struct report_series {
	uint64_t width_ns;
	uint64_t first;
	struct report_bin bins[REPORT_BINS];
};

void report_clock_init(struct report_clock *clock);
/* Makes room for this time. */
void report_clock_cover(struct report_clock *clock, uint64_t time_ns);

/* The bin of this time. */
struct report_bin *report_series_at(struct report_series *s, struct report_clock *clock,
				    uint64_t time_ns);
void report_bin_depth(struct report_bin *bin, uint32_t synq, uint32_t acceptq, uint32_t limit);

/* "key": columns of the bins that are not empty. */
void report_series_write(struct report_series *s, const struct report_clock *clock, struct json *j,
			 const char *key);

#endif
