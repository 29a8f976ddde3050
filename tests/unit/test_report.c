// SPDX-License-Identifier: GPL-2.0-only
/* What a report is made of: columns, dictionaries, time series. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "report_column.h"
#include "report_dict.h"
#include "report_series.h"

static void column_is(const int64_t *values, size_t cnt, const char *want)
{
	struct report_column c = {0};
	struct json j = {0};

	for (size_t i = 0; i < cnt; i++)
		report_column_add(&c, values[i]);
	json_object(&j, NULL);
	report_column_write(&c, &j, "c");
	json_end_object(&j);
	cr_assert_eq(j.len, strlen(want), "%.*s", (int)j.len, j.buf);
	cr_assert(!memcmp(j.buf, want, j.len), "%.*s", (int)j.len, j.buf);
	json_free(&j);
}

Test(report_column, runs)
{
	static const int64_t values[] = {-1, 5, 5, 5, 7, 7, 7, 7, REPORT_NONE, 0, 0, 0, 0, 0};

	column_is(values, 0, "{\"c\":[]}");
	column_is(values, 1, "{\"c\":[-1]}");
	column_is(values, 4, "{\"c\":[-1,5,5,5]}");
	column_is(values, 14, "{\"c\":[-1,5,5,5,[7,4],null,[0,5]]}");
}

Test(report_dict, numbers_in_order_of_coming)
{
	struct report_dict d = {0};
	bool fresh;

	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 5000; i++) {
			uint32_t key[2] = {i * 2654435761u, i};

			cr_assert_eq(report_dict_number(&d, key, sizeof(key), &fresh), i);
			cr_assert_eq(fresh, !round);
		}
	}
	cr_assert_eq(d.cnt, 5000);
	/* The empty key, and one that begins like another, are their own. */
	cr_assert_eq(report_dict_number(&d, "", 0, &fresh), 5000);
	cr_assert_eq(report_dict_number(&d, "a", 1, &fresh), 5001);
	cr_assert_eq(report_dict_number(&d, "ab", 2, &fresh), 5002);
	cr_assert_eq(report_dict_number(&d, "", 0, &fresh), 5000);
	cr_assert(!fresh);
	report_dict_free(&d);
}

#define SEC 1000000000ULL
#define NOW (1795356307ULL * SEC)

/* Whatever the order of times and however often bins merge, nothing is lost or made up, and what
 * is asked for lies where the clock says. */
static void feed(unsigned int seed, uint64_t span_ns, int cnt)
{
	struct report_series *series = calloc(2, sizeof(*series));
	struct report_clock clock;
	uint32_t sums[2] = {0}, high = 0;

	report_clock_init(&clock);
	for (int i = 0; i < cnt; i++) {
		uint64_t at = NOW + (((uint64_t)rand_r(&seed) << 31) ^ rand_r(&seed)) % span_ns;
		struct report_bin *bin = report_series_at(&series[i % 2], &clock, at);
		uint64_t index = bin - series[i % 2].bins;

		cr_assert_lt(index, clock.used);
		cr_assert_leq((clock.first + index) * clock.width_ns, at);
		cr_assert_gt((clock.first + index + 1) * clock.width_ns, at);
		bin->syns++;
		report_bin_depth(bin, i, cnt - i, 9);
	}
	report_series_at(&series[0], &clock, NOW);
	report_series_at(&series[1], &clock, NOW);
	for (uint32_t i = 0; i < REPORT_BINS; i++) {
		for (int k = 0; k < 2; k++) {
			const struct report_bin *bin = &series[k].bins[i];

			sums[k] += bin->syns;
			cr_assert_eq(bin->seen, bin->syns > 0);
			cr_assert_leq(bin->synq.low, bin->synq.high);
			high = bin->synq.high > high ? bin->synq.high : high;
			cr_assert(!bin->syns || i < clock.used);
		}
	}
	cr_assert_eq(sums[0] + sums[1], (uint32_t)cnt);
	cr_assert_eq(high, (uint32_t)cnt - 1);
	cr_assert_leq(clock.used, REPORT_BINS);
	free(series);
}

Test(report_series, merges)
{
	static const uint64_t spans[] = {1,	    1000000,	 SEC / 2,	  SEC,
					 100 * SEC, 86400 * SEC, 1000000000 * SEC};

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		for (unsigned int seed = 1; seed < 20; seed++)
			feed(seed, spans[i], 300);
}

Test(report_series, as_fine_as_it_can_be)
{
	struct report_series *s = calloc(1, sizeof(*s));
	struct report_clock clock;

	report_clock_init(&clock);
	for (uint64_t ms = 0; ms < 400; ms++)
		report_series_at(s, &clock, NOW + ms * 1000000)->syns++;
	cr_assert_eq(clock.used, 400);
	for (uint64_t ms = 400; ms < 100000; ms++)
		report_series_at(s, &clock, NOW + ms * 1000000)->syns++;
	/* More than half of the bins are in use, always. */
	cr_assert_gt(clock.used, REPORT_BINS / 2 - 2);
	free(s);
}
