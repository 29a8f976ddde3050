// SPDX-License-Identifier: GPL-2.0-only
#include "hist.h"

uint64_t hist_count(const struct counters_hist *h)
{
	uint64_t sum = 0;

	for (int i = 0; i < COUNTERS_BINS; i++)
		sum += h->bins[i];
	return sum;
}

void hist_diff(struct counters_hist *to, const struct counters_hist *later,
	       const struct counters_hist *earlier)
{
	to->sum_ns = later->sum_ns - earlier->sum_ns;
	to->max_ns = later->max_ns;
	for (int i = 0; i < COUNTERS_BINS; i++)
		to->bins[i] = later->bins[i] - earlier->bins[i];
}

uint64_t hist_bound_us(int bin)
{
	return bin < COUNTERS_BINS - 1 ? 2ULL << bin : 0;
}

int64_t hist_quantile(const struct counters_hist *h, double q)
{
	uint64_t all = hist_count(h), below = 0;
	double rank = q * all, low, high;

	if (!all)
		return -1;
	for (int i = 0; i < COUNTERS_BINS; i++) {
		if (!h->bins[i] || below + h->bins[i] < rank) {
			below += h->bins[i];
			continue;
		}
		low = i ? 1000ULL << i : 0;
		high = 2000ULL << i;
		if (h->max_ns > low && h->max_ns < high)
			high = h->max_ns;
		return low + (high - low) * (rank - below) / h->bins[i];
	}
	return -1;
}
