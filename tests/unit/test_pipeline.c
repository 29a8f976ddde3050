// SPDX-License-Identifier: GPL-2.0-only
/* pipeline.c: bytes in, in any order; what the sinks are told, in the order of time. */
#include <errno.h>
#include <stdio.h>

#include "build.h"
#include "pipeline.h"

/* Writes down what it is told, in short. */
struct log_sink {
	struct sink sink;
	char log[4096];
	uint64_t raw_cnt;
	uint64_t story_cnt;
	struct account summary;
	uint64_t last_ns; /* of an event */
	bool disordered;
};

static void __attribute__((format(printf, 2, 3))) say(struct sink *sink, const char *fmt, ...)
{
	struct log_sink *s = (struct log_sink *)sink;
	size_t at = strlen(s->log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->log + at, sizeof(s->log) - at, fmt, ap);
	va_end(ap);
}

static void on_raw(struct sink *sink, const void *bytes, size_t len)
{
	((struct log_sink *)sink)->raw_cnt++;
}

static void on_event(struct sink *sink, const union event *ev)
{
	struct log_sink *s = (struct log_sink *)sink;

	s->disordered |= ev->hdr.time_ns < s->last_ns;
	s->last_ns = ev->hdr.time_ns;
}

static void on_story(struct sink *sink, const struct story *story)
{
	((struct log_sink *)sink)->story_cnt++;
	say(sink, "%s%s:%u ", outcome_name(story->outcome), story->complete ? "" : "?",
	    story->tuple.rport);
}

static void on_listener(struct sink *sink, const struct ev_listen *ev)
{
	say(sink, "%s ", ev->hdr.kind == EV_LISTEN ? "listen" : "unlisten");
}

static void on_call(struct sink *sink, const struct ev_call *ev)
{
	say(sink, "call:%d ", ev->result);
}

static void on_lost(struct sink *sink, const struct ev_lost *ev)
{
	say(sink, "lost:%llu ", ev->events);
}

static void on_summary(struct sink *sink, const struct account *a, uint64_t now_ns)
{
	((struct log_sink *)sink)->summary = *a;
	say(sink, "summary");
}

static const struct sink_ops log_ops = {
	.name = "log", .raw = on_raw, .event = on_event, .story = on_story,
	.listener = on_listener, .call = on_call, .lost = on_lost, .summary = on_summary,
};

static const struct sink_ops no_ops = {.name = "nothing"};

struct one {
	uint16_t cpu;
	uint32_t seq;
	struct act act;
};

static void put(struct pipeline *p, const struct one *one)
{
	union event ev = build(&one->act);

	ev.hdr.cpu = one->cpu;
	ev.hdr.seq = one->seq;
	if (ev.hdr.kind == EV_LOST) {
		ev.lost.cpu = one->act.more;
		ev.lost.span_us = 50;
	}
	pipeline_feed(p, &ev, event_desc(ev.hdr.kind)->size);
}

static struct pipeline *start(struct log_sink *sink, const struct pipeline_conf *conf)
{
	static const struct filter all;
	struct pipeline_conf c = conf ? *conf : (struct pipeline_conf){0};
	struct pipeline *p;

	if (!c.filter)
		c.filter = &all;
	p = pipeline_new(&c);
	*sink = (struct log_sink){.sink.ops = &log_ops};
	cr_assert_eq(pipeline_add_sink(p, &sink->sink), 0);
	return p;
}

#define SYN	 .kind = EV_SYN, .what = 1, .more = 1
#define REFUSED	 .kind = EV_REFUSED
#define HOST_CPU EV_CPU_HOST

struct stream {
	const char *name;
	struct one ones[12];
	const char *log;
};

/* As the rings are read: one CPU after the other. */
static const struct stream streams[] = {
	{"one connection over three CPUs",
	 {{0, 0, {SYN}}, {0, 1, {EV_SYNACK, 4}}, {2, 0, {EV_ACCEPTED, 1516}},
	  {1, 0, {EV_QUEUED, 212}}},
	 "accepted:40000 summary"},
	{"the accept in a ring that is read first",
	 {{0, 0, {EV_ACCEPTED, 1516}}, {1, 0, {SYN}}, {1, 1, {EV_SYNACK, 4}},
	  {1, 2, {EV_QUEUED, 212}}},
	 "accepted:40000 summary"},
	{"a loss is told before what comes behind it",
	 {{0, 0, {SYN, .at_us = 0}}, {0, 2, {EV_QUEUED, 212}}, {0, 3, {EV_ACCEPTED, 1516}},
	  {0, 4, {REFUSED, .at_us = 2000, .rport = 9}}},
	 "lost:1 accepted?:40000 refused:9 summary"},
	{"a loss is told behind what was before it",
	 {{0, 0, {REFUSED, .at_us = 0, .rport = 8}}, {0, 5, {REFUSED, .at_us = 9, .rport = 9}}},
	 "refused:8 lost:4 refused?:9 summary"},
	{"losses of two CPUs, oldest first",
	 {{0, 0, {REFUSED, .at_us = 100, .rport = 1}}, {0, 3, {REFUSED, .at_us = 200, .rport = 2}},
	  {1, 0, {REFUSED, .at_us = 50, .rport = 3}}, {1, 2, {REFUSED, .at_us = 250, .rport = 4}}},
	 "refused:3 lost:1 refused?:1 lost:2 refused?:2 refused?:4 summary"},
	{"the source tells of a loss, and the gap that shows it later is none",
	 {{0, 0, {SYN}}, {HOST_CPU, 0, {EV_LOST, 100, .what = 5, .more = 0}},
	  {0, 6, {REFUSED, .at_us = 200, .rport = 9}}},
	 "lost:5 refused:9 open?:40000 summary"},
	{"a loss that is told reaches as far as it says",
	 {{HOST_CPU, 0, {EV_LOST, 100, .what = 5, .more = 1}},
	  {0, 0, {REFUSED, .at_us = 140, .rport = 8}}, {0, 1, {REFUSED, .at_us = 160, .rport = 9}}},
	 "lost:5 refused?:8 refused:9 summary"},
	{"a whole stream whose beginning is missing",
	 {{HOST_CPU, 0, {EV_HOST, 0, EVF_FRESH}}, {0, 2, {REFUSED, .at_us = 5}}},
	 "lost:2 refused?:40000 summary"},
	{"a stream that was joined later", {{HOST_CPU, 0, {EV_HOST}}, {0, 2, {REFUSED, .at_us = 5}}},
	 "refused:40000 summary"},
	{"a duplicate", {{0, 0, {REFUSED}}, {0, 0, {REFUSED}}}, "refused:40000 summary"},
	{"listeners of the start are no news",
	 {{HOST_CPU, 0, {EV_LISTENER}}, {0, 0, {EV_LISTEN, 5}}, {0, 1, {EV_UNLISTEN, 9}}},
	 "listen unlisten summary"},
	{"calls", {{0, 0, {EV_CALL, 5, .what = EADDRINUSE, .more = CALL_BIND}}},
	 "call:-98 summary"},
	{"a second stream begins: the first one ends, its numbers and times too",
	 {{HOST_CPU, 0, {EV_HOST, 0, EVF_FRESH}}, {0, 0, {SYN, .at_us = 5000000}},
	  {HOST_CPU, 0, {EV_HOST, 0, EVF_FRESH}}, {0, 0, {SYN, .at_us = 10, .rport = 7}},
	  {0, 1, {EV_SYNACK, 11, .rport = 7}}, {0, 2, {EV_QUEUED, 12, .rport = 7}},
	  {0, 3, {EV_ACCEPTED, 13, .rport = 7}}},
	 "open?:40000 accepted:7 summary"},
};

Test(pipeline, streams)
{
	static struct log_sink sink;

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		const struct stream *st = &streams[i];
		struct pipeline *p = start(&sink, NULL);

		for (size_t k = 0; st->ones[k].act.kind; k++)
			put(p, &st->ones[k]);
		pipeline_settle(p, BASE_NS + 100 * MS);
		pipeline_finish(p);
		cr_expect_str_eq(sink.log, st->log, "%s: %s", st->name, sink.log);
		cr_expect(strstr(st->name, "second") || !sink.disordered, "%s", st->name);
		pipeline_free(p);
	}
}

/* Live reads in small pieces, a replay in large ones. */
Test(pipeline, when_it_is_settled_changes_nothing)
{
	static const struct one ones[] = {
		{0, 0, {SYN, .acceptq = LIMIT + 1, .rport = 1}}, {0, 1, {SYN, .rport = 2, .at_us = 9}},
		{0, 2, {EV_SYNACK, 10, EVF_COOKIE, .rport = 2}},
		{0, 3, {REFUSED, .at_us = 90000, .rport = 3}},
		{0, 4, {REFUSED, .at_us = 150000, .rport = 4}},
		{0, 5, {SYN, .at_us = 160000, .rport = 5}},
		{0, 6, {REFUSED, .at_us = 2000000, .rport = 6}},
		{0, 7, {REFUSED, .at_us = 140000000, .rport = 7}},
	};
	static struct log_sink sink;
	char first[sizeof(sink.log)] = "";

	for (uint32_t step_ms = 0; step_ms < 3000; step_ms += 7) {
		struct pipeline *p = start(&sink, NULL);
		uint64_t at_ns = BASE_NS;

		for (size_t i = 0; i < ARRAY_SIZE(ones); i++) {
			uint64_t next_ns = BASE_NS + ones[i].act.at_us * US;

			while (step_ms && at_ns + step_ms * MS < next_ns) {
				at_ns += step_ms * MS;
				pipeline_settle(p, at_ns);
			}
			put(p, &ones[i]);
		}
		pipeline_finish(p);
		if (!*first)
			strcpy(first, sink.log);
		cr_assert_str_eq(sink.log, first, "settled every %u ms: %s", step_ms, sink.log);
		pipeline_free(p);
	}
	cr_expect_str_eq(first, "refused:3 syn_dropped:1 refused:4 syn_dropped:5 refused:6 "
				"expired:2 refused:7 summary");
}

Test(pipeline, malformed_bytes_are_counted)
{
	static struct log_sink sink;
	struct pipeline *p = start(&sink, NULL);
	char junk[EVENT_MAX];

	memset(junk, 0xa5, sizeof(junk));
	pipeline_feed(p, junk, 0);
	pipeline_feed(p, junk, 3);
	pipeline_feed(p, junk, sizeof(junk));
	put(p, &(struct one){0, 0, {REFUSED}});
	pipeline_finish(p);
	cr_expect_eq(sink.summary.malformed, 3);
	cr_expect_eq(sink.summary.events, 1);
	cr_expect_eq(sink.raw_cnt, 4, "a recording keeps what came, as it came");
	cr_expect_str_eq(sink.log, "refused:40000 summary");
	pipeline_free(p);
}

Test(pipeline, max_lines)
{
	static struct log_sink sink;
	struct pipeline *p = start(&sink, &(struct pipeline_conf){.max_lines = 2});

	put(p, &(struct one){0, 0, {REFUSED, .rport = 1}});
	put(p, &(struct one){0, 1, {EV_CALL, 1, .more = CALL_BIND, .cookie = 1}});
	pipeline_settle(p, BASE_NS);
	cr_expect_not(pipeline_done(p));
	for (uint32_t i = 2; i < 10; i++)
		put(p, &(struct one){0, i, {REFUSED, .at_us = i, .rport = i}});
	pipeline_settle(p, BASE_NS + SEC);
	cr_expect(pipeline_done(p));
	pipeline_finish(p);
	cr_expect_eq(sink.summary.connections + sink.summary.calls, 2, "%s", sink.log);
	cr_expect_eq(sink.summary.stories, 9, "those not shown are counted as well");
	pipeline_free(p);
}

/* More than can wait, before anything is settled: late, incomplete, but never false. */
Test(pipeline, no_room_to_wait)
{
	enum { CONNECTIONS = 30000 };
	static struct log_sink sink;
	struct pipeline *p = start(&sink, NULL);
	uint32_t seq = 0;

	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		uint16_t rport = 1 + i;
		struct one ones[] = {
			{0, seq, {SYN, .at_us = 100 * i, .rport = rport}},
			{0, seq + 1, {EV_SYNACK, 100 * i + 1, .rport = rport}},
			{0, seq + 2, {EV_QUEUED, 100 * i + 2, .rport = rport, .cookie = i + 1}},
			{0, seq + 3, {EV_ACCEPTED, 100 * i + 3, .rport = rport, .cookie = i + 1}},
		};

		for (size_t k = 0; k < ARRAY_SIZE(ones); k++)
			if (i != 5 || k != 1) /* the SYN-ACK of one of the first is lost */
				put(p, &ones[k]);
		seq += 4;
	}
	pipeline_finish(p);
	cr_expect_eq(sink.story_cnt, CONNECTIONS);
	cr_expect_eq(sink.summary.incomplete, 1);
	cr_expect_eq(sink.summary.failed, 0);
	cr_expect_eq(sink.summary.lost, 1);
	cr_expect_not(sink.disordered);
	cr_expect(strstr(sink.log, "accepted:5 lost:1 accepted?:6 accepted:7 "), "%.120s",
		  sink.log);
	pipeline_free(p);
}

Test(pipeline, filters_and_roles)
{
	static const struct filter failed = {.failed = true};
	static const struct {
		struct pipeline_conf conf;
		const char *log;
	} rows[] = {
		{{0}, "refused:1 established:2 summary"},
		{{.filter = &failed}, "refused:1 summary"},
		{{.passive_only = true}, "refused:1 summary"},
	};
	static struct log_sink sink;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pipeline *p = start(&sink, &rows[i].conf);

		put(p, &(struct one){0, 0, {REFUSED, .rport = 1}});
		put(p, &(struct one){0, 1, {EV_CONNECT, 1, .rport = 2}});
		put(p, &(struct one){0, 2, {EV_CONNECT_STATE, 2, .what = 1, .rport = 2}});
		pipeline_finish(p);
		cr_expect_str_eq(sink.log, rows[i].log, "row %zu: %s", i, sink.log);
		pipeline_free(p);
	}
}

Test(pipeline, sinks)
{
	static struct log_sink sink;
	struct pipeline *p = start(&sink, NULL);
	struct sink more[PIPELINE_SINKS];

	for (int i = 0; i < PIPELINE_SINKS; i++) {
		more[i] = (struct sink){.ops = &no_ops};
		cr_expect_eq(pipeline_add_sink(p, &more[i]), i < PIPELINE_SINKS - 1 ? 0 : -ENOSPC);
	}
	put(p, &(struct one){0, 0, {REFUSED}});
	pipeline_settle(p, BASE_NS);
	cr_expect_not(pipeline_done(p));
	more[1].error = -EPIPE;
	cr_expect_eq(pipeline_error(p), -EPIPE);
	cr_expect(pipeline_done(p));
	pipeline_finish(p);
	pipeline_free(p);
}

/* Whatever comes, in whatever order: it ends, and every event is accounted for. */
Test(pipeline, any_bytes)
{
	static struct log_sink sink;
	struct pipeline *p = start(&sink, &(struct pipeline_conf){.max_connections = 50});
	uint32_t rnd = 1;
	uint64_t fed = 0;

	for (; fed < 100000; fed++) {
		union event ev;
		uint8_t kind = 1 + fed % 20;
		size_t len = event_desc(kind) ? event_desc(kind)->size : 16;

		for (size_t k = 0; k < len; k++)
			((uint8_t *)&ev)[k] = (rnd = rnd * 1664525 + 1013904223) >> 28;
		ev.hdr.kind = kind;
		ev.hdr.cpu &= 3;
		pipeline_feed(p, &ev, len);
		if (fed % 1000 == 0)
			pipeline_settle(p, fed << 32);
		sink.log[0] = 0;
	}
	pipeline_finish(p);
	cr_expect_eq(sink.summary.events + sink.summary.malformed + sink.summary.duplicates, fed);
	cr_expect_eq(sink.summary.open, 0);
	pipeline_free(p);
}
