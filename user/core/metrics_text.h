/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes metrics in Prometheus's text format 0.0.4, or in OpenMetrics 1.0.  What a family is called
 * and means is in metrics.def alone.  Pure.  Growing fails silently into `failed`.
 */
#ifndef SOCKLINE_METRICS_TEXT_H
#define SOCKLINE_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "count.h"

enum metric {
#define METRIC(id, name, type, unit, labels, help) METRIC_##id,
#include "metrics.def"
#undef METRIC
};

enum metrics_format {
	METRICS_TEXT,
	METRICS_OPEN,
};

struct metrics_text {
	enum metrics_format format;
	char *buf; /* ends with 0 once something was written; the owner's to free */
	size_t len;
	size_t cap;
	bool failed; /* out of memory: buf is not whole */
};

/* The name of its samples. */
const char *metrics_name(enum metric m);

/* Which of the two a client wants, by its Accept header ("" if it sent none). */
enum metrics_format metrics_format_wanted(const char *accept);
/* The Content-Type. */
const char *metrics_content_type(enum metrics_format format);

/* The lines that go before the samples of a family.  All of these follow at once. */
void metrics_family(struct metrics_text *t, enum metric m);
/* labels: as metrics_label() made them, or "". */
void metrics_u64(struct metrics_text *t, enum metric m, const char *labels, uint64_t value);
void metrics_seconds(struct metrics_text *t, enum metric m, const char *labels, uint64_t ns);
void metrics_ratio(struct metrics_text *t, enum metric m, const char *labels, double value);
void metrics_histogram(struct metrics_text *t, enum metric m, const char *labels,
		       const struct counters_hist *h);
/* The last line. */
void metrics_end(struct metrics_text *t);

/* Adds name="value", after a comma if there is something already; nothing if value is NULL or "".
 * What does not fit is left out altogether. */
void metrics_label(char *labels, size_t size, const char *name, const char *value);

#endif
