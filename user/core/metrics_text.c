// SPDX-License-Identifier: GPL-2.0-only
/* Owns the syntax of both formats. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hist.h"
#include "json.h"
#include "metrics_text.h"

enum type {
	COUNTER,
	GAUGE,
	HISTOGRAM,
	INFO,
};

static const struct {
	const char *name;
	enum type type;
	const char *unit;
	const char *help;
} families[] = {
#define METRIC(id, name, type, unit, labels, help) {name, type, unit, help},
#include "metrics.def"
#undef METRIC
};

/* What is in these buckets and below is shown as one: a factor of four is fine enough to tell a
 * slow accept from a lost SYN, and a third of the lines. */
static const struct {
	int bin;
	const char *le; /* hist_bound_us() of it */
} bounds[] = {
	{3, "1.6e-05"},	  {5, "6.4e-05"},   {7, "0.000256"},  {9, "0.001024"},
	{11, "0.004096"}, {13, "0.016384"}, {15, "0.065536"}, {17, "0.262144"},
	{19, "1.048576"}, {21, "4.194304"}, {23, "16.777216"}, {25, "67.108864"},
};
#define BOUNDS_CNT (sizeof(bounds) / sizeof(bounds[0]))

const char *metrics_name(enum metric m)
{
	return families[m].name;
}

const char *metrics_content_type(enum metrics_format format)
{
	switch (format) {
	case METRICS_TEXT:
		return "text/plain; version=0.0.4; charset=utf-8";
	case METRICS_OPEN:
		return "application/openmetrics-text; version=1.0.0; charset=utf-8";
	}
	return NULL;
}

/* The weight of one media range, from 0 to 1; 1 if it has none. */
static double weight(const char *range, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++)
		if (range[i] == ';') {
			size_t at = i + 1 + strspn(range + i + 1, " \t");

			if (at + 1 < len && (range[at] == 'q' || range[at] == 'Q') &&
			    range[at + 1] == '=')
				return strtod(range + at + 2, NULL);
		}
	return 1;
}

static void heavier(double *best, double w)
{
	if (w > *best)
		*best = w;
}

enum metrics_format metrics_format_wanted(const char *accept)
{
	static const char open[] = "application/openmetrics-text";
	double best_open = 0, best_text = 0;

	while (*accept) {
		size_t skip = strspn(accept, ", \t"), len = strcspn(accept + skip, ",");
		size_t type = strcspn(accept + skip, ";, \t");

		accept += skip;
		if (type == sizeof(open) - 1 && !strncasecmp(accept, open, type))
			heavier(&best_open, weight(accept, len));
		else if (type)
			heavier(&best_text, weight(accept, len));
		accept += len;
	}
	return best_open > 0 && best_open >= best_text ? METRICS_OPEN : METRICS_TEXT;
}

/* Room for n more bytes and a final 0. */
static char *room(struct metrics_text *t, size_t n)
{
	if (t->cap - t->len < n + 1) {
		size_t cap = t->cap + t->cap / 4 + n + 512;
		char *buf = realloc(t->buf, cap);

		if (!buf) {
			t->failed = true;
			return NULL;
		}
		t->buf = buf;
		t->cap = cap;
	}
	return t->buf + t->len;
}

static void put(struct metrics_text *t, const char *text, size_t len)
{
	char *to = room(t, len);

	if (!to)
		return;
	memcpy(to, text, len);
	to[len] = 0;
	t->len += len;
}

static void puts_(struct metrics_text *t, const char *text)
{
	put(t, text, strlen(text));
}

/* OpenMetrics names a family without the suffix of its samples. */
static size_t family_len(const struct metrics_text *t, enum metric m)
{
	static const char *const suffix[] = {[COUNTER] = "_total", [INFO] = "_info",
					     [GAUGE] = "", [HISTOGRAM] = ""};
	size_t len = strlen(families[m].name);

	return t->format == METRICS_OPEN ? len - strlen(suffix[families[m].type]) : len;
}

static void comment(struct metrics_text *t, enum metric m, const char *what, const char *text)
{
	puts_(t, "# ");
	puts_(t, what);
	put(t, " ", 1);
	put(t, families[m].name, family_len(t, m));
	put(t, " ", 1);
	puts_(t, text);
	put(t, "\n", 1);
}

static const char *type_name(const struct metrics_text *t, enum metric m)
{
	switch (families[m].type) {
	case COUNTER:
		return "counter";
	case GAUGE:
		return "gauge";
	case HISTOGRAM:
		return "histogram";
	case INFO:
		return t->format == METRICS_OPEN ? "info" : "gauge";
	}
	return NULL;
}

void metrics_family(struct metrics_text *t, enum metric m)
{
	comment(t, m, "HELP", families[m].help);
	comment(t, m, "TYPE", type_name(t, m));
	if (t->format == METRICS_OPEN && *families[m].unit)
		comment(t, m, "UNIT", families[m].unit);
}

/* name_suffix{labels,more} and a blank */
static void sample(struct metrics_text *t, enum metric m, const char *suffix, const char *labels,
		   const char *more)
{
	puts_(t, families[m].name);
	puts_(t, suffix);
	if (*labels || *more) {
		put(t, "{", 1);
		puts_(t, labels);
		if (*labels && *more)
			put(t, ",", 1);
		puts_(t, more);
		put(t, "}", 1);
	}
	put(t, " ", 1);
}

static void number(struct metrics_text *t, uint64_t value)
{
	char buf[21], *p = buf + sizeof(buf);

	*--p = '\n';
	do {
		*--p = '0' + value % 10;
		value /= 10;
	} while (value);
	put(t, p, buf + sizeof(buf) - p);
}

/* Exact, without zeros at the end. */
static void number_ns(struct metrics_text *t, uint64_t ns)
{
	char buf[32];
	int len = snprintf(buf, sizeof(buf), "%" PRIu64 ".%09" PRIu64, ns / 1000000000,
			   ns % 1000000000);

	while (buf[len - 1] == '0' && buf[len - 2] != '.')
		len--;
	buf[len++] = '\n';
	put(t, buf, len);
}

void metrics_u64(struct metrics_text *t, enum metric m, const char *labels, uint64_t value)
{
	sample(t, m, "", labels, "");
	number(t, value);
}

void metrics_seconds(struct metrics_text *t, enum metric m, const char *labels, uint64_t ns)
{
	sample(t, m, "", labels, "");
	number_ns(t, ns);
}

void metrics_ratio(struct metrics_text *t, enum metric m, const char *labels, double value)
{
	char buf[32];

	sample(t, m, "", labels, "");
	put(t, buf, snprintf(buf, sizeof(buf), "%.6g\n", value));
}

void metrics_histogram(struct metrics_text *t, enum metric m, const char *labels,
		       const struct counters_hist *h)
{
	uint64_t all = hist_count(h), below = 0;
	char le[32];
	int bin = 0;

	for (size_t i = 0; i < BOUNDS_CNT; i++) {
		while (bin <= bounds[i].bin)
			below += h->bins[bin++];
		snprintf(le, sizeof(le), "le=\"%s\"", bounds[i].le);
		sample(t, m, "_bucket", labels, le);
		number(t, below);
	}
	sample(t, m, "_bucket", labels, "le=\"+Inf\"");
	number(t, all);
	sample(t, m, "_sum", labels, "");
	number_ns(t, h->sum_ns);
	sample(t, m, "_count", labels, "");
	number(t, all);
}

void metrics_end(struct metrics_text *t)
{
	if (t->format == METRICS_OPEN)
		puts_(t, "# EOF\n");
}

/* One character of a label's value, escaped; how many bytes it takes there. */
static size_t escape(char to[4], const unsigned char **s)
{
	int len = **s >= 0x80 ? json_utf8_len(*s) : 1;
	const char *text = (const char *)*s;

	if (!len || (len == 1 && (**s < 0x20 || **s == 0x7f) && **s != '\n')) {
		text = "\xef\xbf\xbd"; /* U+FFFD */
		len = 3;
		(*s)++;
	} else {
		*s += len;
	}
	if (len > 1 || (*text != '"' && *text != '\\' && *text != '\n')) {
		memcpy(to, text, len);
		return len;
	}
	to[0] = '\\';
	to[1] = *text == '\n' ? 'n' : *text;
	return 2;
}

void metrics_label(char *labels, size_t size, const char *name, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	size_t begin = strlen(labels), at = begin;
	char c[4];

	if (!value || !*value)
		return;
	at += snprintf(labels + at, size - at, "%s%s=\"", begin ? "," : "", name);
	while (*s && at < size) {
		size_t len = escape(c, &s);

		if (at + len >= size) {
			at = size;
			break;
		}
		memcpy(labels + at, c, len);
		at += len;
	}
	if (at + 2 > size) {
		labels[begin] = 0;
		return;
	}
	labels[at] = '"';
	labels[at + 1] = 0;
}
