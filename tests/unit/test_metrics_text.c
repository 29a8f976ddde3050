// SPDX-License-Identifier: GPL-2.0-only
/* metrics_text.c: both formats, to the byte. */
#include <stdio.h>
#include <stdlib.h>

#include "build.h"
#include "hist.h"
#include "metrics_text.h"

static void expect(struct metrics_text *t, const char *want)
{
	cr_expect_str_eq(t->buf, want);
	cr_expect_eq(t->len, strlen(want));
	free(t->buf);
}

Test(metrics_text, labels)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{"nginx", "a=\"nginx\""},
		{"", ""},
		{NULL, ""},
		{"say \"hi\"", "a=\"say \\\"hi\\\"\""},
		{"back\\slash", "a=\"back\\\\slash\""},
		{"two\nlines", "a=\"two\\nlines\""},
		{"caf\xc3\xa9", "a=\"caf\xc3\xa9\""},
		{"\xf0\x9f\x90\xa7", "a=\"\xf0\x9f\x90\xa7\""},
		{"\xff", "a=\"\xef\xbf\xbd\""},
		{"cut\xc3", "a=\"cut\xef\xbf\xbd\""},
		{"esc\033[31m", "a=\"esc\xef\xbf\xbd[31m\""},
		{"{}=,", "a=\"{}=,\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char labels[64] = "";

		metrics_label(labels, sizeof(labels), "a", rows[i].value);
		cr_expect_str_eq(labels, rows[i].want);
	}
}

/* What does not fit is left out, and what was there before stays. */
Test(metrics_text, labels_that_do_not_fit)
{
	for (size_t size = 8; size < 32; size++) {
		char labels[40];
		bool fits = size >= sizeof("a=\"1\",b=\"x\\\"y\"");

		memset(labels, '#', sizeof(labels));
		labels[0] = 0;
		metrics_label(labels, size, "a", "1");
		cr_assert_str_eq(labels, "a=\"1\"");
		metrics_label(labels, size, "b", "x\"y");
		cr_expect_str_eq(labels, fits ? "a=\"1\",b=\"x\\\"y\"" : "a=\"1\"", "%zu", size);
		cr_expect_eq(labels[size], '#', "%zu", size);
	}
}

Test(metrics_text, a_counter)
{
	struct metrics_text t = {METRICS_TEXT}, o = {METRICS_OPEN};

	for (struct metrics_text *x = &t; x; x = x == &t ? &o : NULL) {
		metrics_family(x, METRIC_CPU);
		metrics_seconds(x, METRIC_CPU, "", 1500000000);
		metrics_family(x, METRIC_EVENTS_LOST);
		metrics_u64(x, METRIC_EVENTS_LOST, "where=\"ring\"", UINT64_MAX);
		metrics_end(x);
	}
	expect(&t, "# HELP process_cpu_seconds_total CPU time that sockline has used, in user and "
		   "kernel mode.\n"
		   "# TYPE process_cpu_seconds_total counter\n"
		   "process_cpu_seconds_total 1.5\n"
		   "# HELP sockline_events_lost_total What happened and was not counted, or not "
		   "stored.\n"
		   "# TYPE sockline_events_lost_total counter\n"
		   "sockline_events_lost_total{where=\"ring\"} 18446744073709551615\n");
	expect(&o, "# HELP process_cpu_seconds CPU time that sockline has used, in user and "
		   "kernel mode.\n"
		   "# TYPE process_cpu_seconds counter\n"
		   "# UNIT process_cpu_seconds seconds\n"
		   "process_cpu_seconds_total 1.5\n"
		   "# HELP sockline_events_lost What happened and was not counted, or not "
		   "stored.\n"
		   "# TYPE sockline_events_lost counter\n"
		   "sockline_events_lost_total{where=\"ring\"} 18446744073709551615\n"
		   "# EOF\n");
}

Test(metrics_text, an_info)
{
	struct metrics_text t = {METRICS_TEXT}, o = {METRICS_OPEN};

	for (struct metrics_text *x = &t; x; x = x == &t ? &o : NULL) {
		metrics_family(x, METRIC_BUILD_INFO);
		metrics_u64(x, METRIC_BUILD_INFO, "version=\"1\"", 1);
	}
	expect(&t, "# HELP sockline_build_info The sockline that serves this.\n"
		   "# TYPE sockline_build_info gauge\n"
		   "sockline_build_info{version=\"1\"} 1\n");
	expect(&o, "# HELP sockline_build The sockline that serves this.\n"
		   "# TYPE sockline_build info\n"
		   "sockline_build_info{version=\"1\"} 1\n");
}

/* Exact to the nanosecond, and never a float that another format would write otherwise. */
Test(metrics_text, seconds)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} rows[] = {
		{0, "0.0"},
		{1, "0.000000001"},
		{1000, "0.000001"},
		{120000000000, "120.0"},
		{1795363991877953587, "1795363991.877953587"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct metrics_text t = {METRICS_TEXT};
		char want[64];

		metrics_seconds(&t, METRIC_START_TIME, "", rows[i].ns);
		snprintf(want, sizeof(want), "process_start_time_seconds %s\n", rows[i].want);
		expect(&t, want);
	}
}

/* The value behind name{…le="LE"…}, or -1. */
static int64_t bucket(const struct metrics_text *t, const char *le)
{
	char want[32];
	const char *at;

	snprintf(want, sizeof(want), ",le=\"%s\"} ", le);
	at = strstr(t->buf, want);
	return at ? atoll(at + strlen(want)) : -1;
}

/* Whatever lies in a bucket of the kernel's side is in the first bucket here that reaches as far,
 * and in all after it. */
Test(metrics_text, histogram_bounds)
{
	static const char *const les[] = {
		"1.6e-05",  "6.4e-05",	"0.000256", "0.001024", "0.004096",  "0.016384",  "0.065536",
		"0.262144", "1.048576", "4.194304", "16.777216", "67.108864", "+Inf",
	};

	for (int bin = 0; bin < COUNTERS_BINS; bin++) {
		struct counters_hist h = {.sum_ns = 250000000};
		struct metrics_text t = {METRICS_TEXT};
		double end = bin < COUNTERS_BINS - 1 ? hist_bound_us(bin) / 1e6 : 1e12;

		h.bins[bin] = 7;
		metrics_histogram(&t, METRIC_LISTENER_ACCEPT_WAIT, "a=\"b\"", &h);
		for (size_t i = 0; i < ARRAY_SIZE(les); i++) {
			double le = strcmp(les[i], "+Inf") ? atof(les[i]) : 1e13;

			cr_expect_eq(bucket(&t, les[i]), le >= end * 0.9999 ? 7 : 0,
				     "bin %d, le %s", bin, les[i]);
		}
		cr_expect_not_null(strstr(t.buf, "_sum{a=\"b\"} 0.25\n"));
		cr_expect_not_null(strstr(t.buf, "_count{a=\"b\"} 7\n"));
		free(t.buf);
	}
}

Test(metrics_text, histogram)
{
	struct counters_hist h = {.sum_ns = 3000000};
	struct metrics_text t = {METRICS_TEXT};

	h.bins[4] = 3;
	h.bins[10] = 2;
	h.bins[31] = 1;
	metrics_histogram(&t, METRIC_LISTENER_HANDSHAKE, "", &h);
	expect(&t, "sockline_listener_handshake_seconds_bucket{le=\"1.6e-05\"} 0\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"6.4e-05\"} 3\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"0.000256\"} 3\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"0.001024\"} 3\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"0.004096\"} 5\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"0.016384\"} 5\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"0.065536\"} 5\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"0.262144\"} 5\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"1.048576\"} 5\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"4.194304\"} 5\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"16.777216\"} 5\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"67.108864\"} 5\n"
		   "sockline_listener_handshake_seconds_bucket{le=\"+Inf\"} 6\n"
		   "sockline_listener_handshake_seconds_sum 0.003\n"
		   "sockline_listener_handshake_seconds_count 6\n");
}

Test(metrics_text, negotiation)
{
	static const struct {
		const char *accept;
		enum metrics_format want;
	} rows[] = {
		{"", METRICS_TEXT},
		{"*/*", METRICS_TEXT},
		{"text/html,application/xhtml+xml,*/*;q=0.8", METRICS_TEXT},
		{"application/openmetrics-text", METRICS_OPEN},
		{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
		 "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", METRICS_OPEN},
		{"application/openmetrics-text; version=1.0.0; charset=utf-8; q=0.3, text/plain; q=0.5",
		 METRICS_TEXT},
		{"text/plain;q=0.5 , APPLICATION/OpenMetrics-Text;q=0.7", METRICS_OPEN},
		{"application/openmetrics-text;q=0", METRICS_TEXT},
		{"application/openmetrics-text;q=0,text/plain;q=0", METRICS_TEXT},
		{"application/openmetrics-textual", METRICS_TEXT},
		{",,;q=1,", METRICS_TEXT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_expect_eq(metrics_format_wanted(rows[i].accept), rows[i].want, "%s",
			     rows[i].accept);
}
