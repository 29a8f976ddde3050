// SPDX-License-Identifier: GPL-2.0-only
/* Owns the bins of a time series, and how they merge.  Pure. */
#include <string.h>

#include "report_column.h"
#include "report_series.h"

#define NARROWEST_NS 1000000

void report_clock_init(struct report_clock *clock)
{
	*clock = (struct report_clock){.width_ns = NARROWEST_NS};
}

void report_clock_cover(struct report_clock *clock, uint64_t time_ns)
{
	uint64_t bin = time_ns / clock->width_ns, low = bin, high = bin;

	if (clock->used) {
		if (clock->first < low)
			low = clock->first;
		if (clock->first + clock->used - 1 > high)
			high = clock->first + clock->used - 1;
	}
	while (high - low >= REPORT_BINS) {
		clock->width_ns *= 2;
		low /= 2;
		high /= 2;
	}
	clock->first = low;
	clock->used = high - low + 1;
}

static void depth_merge(struct report_depth *to, const struct report_depth *later)
{
	if (later->low < to->low)
		to->low = later->low;
	if (later->high > to->high)
		to->high = later->high;
	to->last = later->last;
}

static void bin_merge(struct report_bin *to, const struct report_bin *later)
{
	to->syns += later->syns;
	to->accepts += later->accepts;
	to->failures += later->failures;
	if (!later->seen)
		return;
	if (to->seen) {
		depth_merge(&to->synq, &later->synq);
		depth_merge(&to->acceptq, &later->acceptq);
	} else {
		to->synq = later->synq;
		to->acceptq = later->acceptq;
	}
	to->limit = later->limit;
	to->seen = true;
}

/* To where the clock has gone since this series was used last. */
static void refit(struct report_series *s, const struct report_clock *clock)
{
	struct report_bin old[REPORT_BINS];
	uint64_t times = s->width_ns ? clock->width_ns / s->width_ns : 1;

	if (s->width_ns == clock->width_ns && s->first == clock->first)
		return;
	memcpy(old, s->bins, sizeof(old));
	memset(s->bins, 0, sizeof(s->bins));
	for (uint64_t i = 0; s->width_ns && i < REPORT_BINS; i++) {
		uint64_t to = (s->first + i) / times - clock->first;

		/* Beyond what the clock covers lie only bins that were never used. */
		if (to < REPORT_BINS)
			bin_merge(&s->bins[to], &old[i]);
	}
	s->width_ns = clock->width_ns;
	s->first = clock->first;
}

struct report_bin *report_series_at(struct report_series *s, struct report_clock *clock,
				    uint64_t time_ns)
{
	report_clock_cover(clock, time_ns);
	refit(s, clock);
	return &s->bins[time_ns / clock->width_ns - clock->first];
}

void report_bin_depth(struct report_bin *bin, uint32_t synq, uint32_t acceptq, uint32_t limit)
{
	struct report_bin now = {
		.synq = {synq, synq, synq},
		.acceptq = {acceptq, acceptq, acceptq},
		.limit = limit,
		.seen = true,
	};

	bin_merge(bin, &now);
}

static int64_t if_seen(const struct report_bin *bin, uint32_t value)
{
	return bin->seen ? value : REPORT_NONE;
}

enum column {
	AT,
	SYNS,
	ACCEPTS,
	FAILURES,
	SYNQ_LOW,
	SYNQ_HIGH,
	SYNQ_LAST,
	ACCEPTQ_LOW,
	ACCEPTQ_HIGH,
	ACCEPTQ_LAST,
	LIMIT,
	COLUMNS,
};

static void bin_write(const struct report_bin *b, uint32_t at, struct report_column *columns)
{
	const int64_t values[COLUMNS] = {
		[AT] = at,
		[SYNS] = b->syns,
		[ACCEPTS] = b->accepts,
		[FAILURES] = b->failures,
		[SYNQ_LOW] = if_seen(b, b->synq.low),
		[SYNQ_HIGH] = if_seen(b, b->synq.high),
		[SYNQ_LAST] = if_seen(b, b->synq.last),
		[ACCEPTQ_LOW] = if_seen(b, b->acceptq.low),
		[ACCEPTQ_HIGH] = if_seen(b, b->acceptq.high),
		[ACCEPTQ_LAST] = if_seen(b, b->acceptq.last),
		[LIMIT] = if_seen(b, b->limit),
	};

	for (int i = 0; i < COLUMNS; i++)
		report_column_add(&columns[i], values[i]);
}

void report_series_write(struct report_series *s, const struct report_clock *clock, struct json *j,
			 const char *key)
{
	static const char *const names[COLUMNS] = {
		"at",	     "syns",	    "accepts",	    "failures",	    "synq_low", "synq_high",
		"synq_last", "acceptq_low", "acceptq_high", "acceptq_last", "limit",
	};
	struct report_column columns[COLUMNS] = {0};

	refit(s, clock);
	for (uint32_t i = 0; i < clock->used; i++) {
		const struct report_bin *b = &s->bins[i];

		if (b->seen || b->syns || b->accepts || b->failures)
			bin_write(b, i, columns);
	}
	json_object(j, key);
	for (int i = 0; i < COLUMNS; i++)
		report_column_write(&columns[i], j, names[i]);
	json_end_object(j);
}
