// SPDX-License-Identifier: GPL-2.0-only
/* Owns which number goes into which family. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "errno_name.h"
#include "metrics_int.h"

static const struct counters_row nothing;

static const struct counters_row *row_of(const struct series *s)
{
	return s->sum ? s->sum : &nothing;
}

#define EACH_SHOWN(m, s)                                                                           \
	for (uint32_t i_ = 0; i_ < (m)->shown_cnt; i_++)                                           \
		for (const struct series *s = (m)->shown[i_]; s; s = NULL)

static void write_counts(const struct metrics *m, struct metrics_text *t)
{
	static const struct {
		enum metric metric;
		enum counter counter;
	} rows[] = {
		{METRIC_LISTENER_SYNS, COUNT_SYN},
		{METRIC_LISTENER_SYNACKS, COUNT_SYNACK},
		{METRIC_LISTENER_SYNACK_RETRANSMITS, COUNT_SYNACK_RETRANSMIT},
		{METRIC_LISTENER_SYNCOOKIES, COUNT_COOKIE},
		{METRIC_LISTENER_ACCEPTS, COUNT_ACCEPT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		metrics_family(t, rows[i].metric);
		EACH_SHOWN(m, s)
		metrics_u64(t, rows[i].metric, s->labels, row_of(s)->n[rows[i].counter]);
	}
}

static void write_drops(const struct metrics *m, struct metrics_text *t)
{
	static const struct {
		enum counter counter;
		const char *labels;
	} rows[] = {
		{COUNT_DROP_SYN_ACCEPTQ, "packet=\"syn\",reason=\"accept_queue_full\""},
		{COUNT_DROP_SYN_SYNQ, "packet=\"syn\",reason=\"syn_queue_full\""},
		{COUNT_DROP_SYN_RESERVED, "packet=\"syn\",reason=\"syn_queue_last_quarter\""},
		{COUNT_DROP_ACK_ACCEPTQ, "packet=\"ack\",reason=\"accept_queue_full\""},
		{COUNT_DROP_OTHER, "packet=\"other\",reason=\"other\""},
	};
	char labels[512];

	metrics_family(t, METRIC_LISTENER_DROPS);
	EACH_SHOWN(m, s)
	{
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			snprintf(labels, sizeof(labels), "%s,%s", s->labels, rows[i].labels);
			metrics_u64(t, METRIC_LISTENER_DROPS, labels,
				    row_of(s)->n[rows[i].counter]);
		}
	}
}

/* What only a series that has a socket can tell. */
static void write_queues(const struct metrics *m, struct metrics_text *t)
{
#define ROW(metric, field) {METRIC_LISTENER_##metric, offsetof(struct series, field), \
			    sizeof(((struct series *)0)->field)}
	static const struct {
		enum metric metric;
		size_t at, size;
	} rows[] = {
		ROW(SYN_QUEUE_LENGTH, synq),
		ROW(SYN_QUEUE_LIMIT, synq_limit),
		ROW(SYN_QUEUE_HIGH_WATER, synq_peak),
		ROW(ACCEPT_QUEUE_LENGTH, acceptq),
		ROW(ACCEPT_QUEUE_LIMIT, acceptq_limit),
		ROW(ACCEPT_QUEUE_HIGH_WATER, acceptq_peak),
	};
#undef ROW

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		metrics_family(t, rows[i].metric);
		EACH_SHOWN(m, s)
		{
			const char *field = (const char *)s + rows[i].at;
			uint64_t value = rows[i].size == sizeof(uint32_t)
						 ? *(const uint32_t *)field
						 : *(const uint64_t *)field;

			if (s->sockets)
				metrics_u64(t, rows[i].metric, s->labels, value);
		}
	}
	metrics_family(t, METRIC_LISTENER_ACCEPT_QUEUE_FILL);
	EACH_SHOWN(m, s)
	if (s->sockets)
		metrics_ratio(t, METRIC_LISTENER_ACCEPT_QUEUE_FILL, s->labels, s->fill);
}

static void write_times(const struct metrics *m, struct metrics_text *t)
{
	metrics_family(t, METRIC_LISTENER_HANDSHAKE);
	EACH_SHOWN(m, s)
	metrics_histogram(t, METRIC_LISTENER_HANDSHAKE, s->labels, &row_of(s)->handshake);
	metrics_family(t, METRIC_LISTENER_ACCEPT_WAIT);
	EACH_SHOWN(m, s)
	metrics_histogram(t, METRIC_LISTENER_ACCEPT_WAIT, s->labels, &row_of(s)->wait);
	metrics_family(t, METRIC_LISTENER_LAST_ACCEPT_AGE);
	EACH_SHOWN(m, s)
	{
		uint64_t last = row_of(s)->last_accept_ns;

		if (last && s->sockets)
			metrics_seconds(t, METRIC_LISTENER_LAST_ACCEPT_AGE, s->labels,
					m->time_ns > last ? m->time_ns - last : 0);
	}
}

static void write_infos(const struct metrics *m, struct metrics_text *t)
{
	char labels[METRICS_LABELS + 256];

	metrics_family(t, METRIC_LISTENER_INFO);
	EACH_SHOWN(m, s)
	{
		snprintf(labels, sizeof(labels), "%s%s%s", s->labels,
			 s->place && *s->place ? "," : "", s->place ? s->place : "");
		if (s->sockets)
			metrics_u64(t, METRIC_LISTENER_INFO, labels, 1);
	}
}

static void write_bind_failures(const struct metrics *m, struct metrics_text *t)
{
	static const char *const calls[COUNTERS_CALLS] = {
		[CALL_BIND] = "bind",
		[CALL_LISTEN] = "listen",
	};
	/* These begin at 0, so that the first one is an increase. */
	static const int usual[COUNTERS_CALLS][3] = {
		[CALL_BIND] = {EADDRINUSE, EADDRNOTAVAIL, EACCES},
		[CALL_LISTEN] = {EADDRINUSE},
	};
	char labels[96];

	if (!m->failed_known)
		return;
	metrics_family(t, METRIC_BIND_FAILURES);
	for (int call = 0; call < COUNTERS_CALLS; call++) {
		for (int error = 0; error < COUNTERS_ERRNOS; error++) {
			const int *u = usual[call];

			if (!calls[call] ||
			    (!m->failed.n[call][error] &&
			     (!error || (error != u[0] && error != u[1] && error != u[2]))))
				continue;
			*labels = 0;
			metrics_label(labels, sizeof(labels), "syscall", calls[call]);
			metrics_label(labels, sizeof(labels), "errno",
				      error ? errno_name(error) : "other");
			metrics_u64(t, METRIC_BIND_FAILURES, labels, m->failed.n[call][error]);
		}
	}
}

static void write_lost(const struct metrics *m, struct metrics_text *t)
{
	metrics_family(t, METRIC_EVENTS_LOST);
	metrics_u64(t, METRIC_EVENTS_LOST, "where=\"listener_table\"", m->untracked);
	metrics_u64(t, METRIC_EVENTS_LOST, "where=\"wait_table\"", m->waits_full);
	metrics_u64(t, METRIC_EVENTS_LOST, "where=\"probe\"", m->misses);
}

static void write_one(struct metrics_text *t, enum metric metric, uint64_t value)
{
	metrics_family(t, metric);
	metrics_u64(t, metric, "", value);
}

void metrics_write(const struct metrics *m, struct metrics_text *t)
{
	write_one(t, METRIC_LISTENERS, m->sockets);
	write_one(t, METRIC_LISTENERS_OMITTED, m->omitted);
	write_one(t, METRIC_LISTENERS_SHOWN_MAX, m->shown_max);
	write_infos(m, t);
	write_counts(m, t);
	write_drops(m, t);
	write_queues(m, t);
	write_times(m, t);
	write_bind_failures(m, t);
	write_lost(m, t);
}
