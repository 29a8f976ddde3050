/* SPDX-License-Identifier: GPL-2.0-only */
/* Histograms of durations in powers of two (count.h).  Pure. */
#ifndef SOCKLINE_HIST_H
#define SOCKLINE_HIST_H

#include <stdint.h>

#include "count.h"

uint64_t hist_count(const struct counters_hist *h);

/* to = later - earlier; the largest is that of later */
void hist_diff(struct counters_hist *to, const struct counters_hist *later,
	       const struct counters_hist *earlier);

/* The duration below which the share q (0 to 1) of them lies, in nanoseconds; -1 if there is none.
 * Within a bucket they are taken to lie evenly, and none above the largest. */
int64_t hist_quantile(const struct counters_hist *h, double q);

/* Upper end of a bucket in microseconds, 0: it has none. */
uint64_t hist_bound_us(int bin);

#endif
