// SPDX-License-Identifier: GPL-2.0-only
/* hist.c: quantiles of durations in powers of two. */
#include "build.h"
#include "hist.h"

Test(hist, empty)
{
	struct counters_hist h = {0};

	cr_expect_eq(hist_count(&h), 0);
	cr_expect_eq(hist_quantile(&h, 0.5), -1);
	cr_expect_eq(hist_quantile(&h, 0.99), -1);
}

Test(hist, bounds)
{
	cr_expect_eq(hist_bound_us(0), 2);
	cr_expect_eq(hist_bound_us(1), 4);
	cr_expect_eq(hist_bound_us(30), 1ULL << 31);
	cr_expect_eq(hist_bound_us(31), 0);
}

/* Whatever lies in one bucket: every quantile lies in it too. */
Test(hist, one_bucket)
{
	for (int bin = 0; bin < COUNTERS_BINS; bin++) {
		struct counters_hist h = {0};
		int64_t low = bin ? 1000LL << bin : 0, high = 2000LL << bin;

		h.bins[bin] = 7;
		for (double q = 0.01; q <= 1; q += 0.01) {
			int64_t ns = hist_quantile(&h, q);

			cr_expect(ns >= low && ns <= high, "bin %d, q %.2f: %lld", bin, q,
				  (long long)ns);
		}
		cr_expect_eq(hist_quantile(&h, 1), high);
	}
}

Test(hist, quantiles)
{
	struct counters_hist h = {0};

	h.bins[3] = 90;	 /* 8 to 16 µs */
	h.bins[10] = 9;	 /* 1024 to 2048 µs */
	h.bins[20] = 1;
	cr_expect_eq(hist_count(&h), 100);
	cr_expect_eq(hist_quantile(&h, 0.45), 12000);
	cr_expect_eq(hist_quantile(&h, 0.90), 16000);
	cr_expect_eq(hist_quantile(&h, 0.99), 2048000);
	cr_expect_gt(hist_quantile(&h, 0.995), 1048576000LL);
}

/* 2.1 to 4.2 s, but none took longer than 2.56 s. */
Test(hist, none_above_the_largest)
{
	struct counters_hist h = {.max_ns = 2560000000};

	h.bins[3] = 50;
	h.bins[21] = 50;
	cr_expect_eq(hist_quantile(&h, 1), 2560000000LL);
	cr_expect_eq(hist_quantile(&h, 0.5), 16000);
	cr_expect_lt(hist_quantile(&h, 0.99), 2560000000LL);
	cr_expect_gt(hist_quantile(&h, 0.51), 2097152000LL);
}

Test(hist, quantiles_never_fall)
{
	struct counters_hist h = {0};
	uint32_t seed = 5;

	for (int i = 0; i < COUNTERS_BINS; i++)
		h.bins[i] = (seed = seed * 1103515245 + 12345) >> 16 & 3 ? seed >> 20 & 15 : 0;
	for (double q = 0.001, last = 0; q <= 1; q += 0.001) {
		double ns = hist_quantile(&h, q);

		cr_expect(ns >= last, "q %.3f", q);
		last = ns;
	}
}

Test(hist, difference)
{
	struct counters_hist a = {.sum_ns = 100}, b = {.sum_ns = 450, .max_ns = 60}, d;

	a.bins[2] = 4;
	b.bins[2] = 9;
	b.bins[31] = 1;
	hist_diff(&d, &b, &a);
	cr_expect_eq(d.sum_ns, 350);
	cr_expect_eq(d.max_ns, 60);
	cr_expect_eq(d.bins[2], 5);
	cr_expect_eq(d.bins[31], 1);
	cr_expect_eq(hist_count(&d), 6);
}
