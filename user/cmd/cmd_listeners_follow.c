// SPDX-License-Identifier: GPL-2.0-only
/* sockline listeners -i: between two looks the observer runs, so that a peak is never missed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd_listeners.h"
#include "flow.h"
#include "json.h"
#include "pipeline.h"
#include "queue.h"
#include "source.h"
#include "stop.h"

struct follow {
	struct sink sink; /* first: the pipeline's callbacks are given it */
	const struct listeners_conf *conf;
	struct seen_table *seen;
	struct snapshot_reader *reader;
	struct pipeline *pipeline;
	struct source *source;
	struct look look;
	uint64_t start_ns;
	uint64_t next_ns; /* when to look again */
	uint64_t looks;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void on_event(struct sink *s, const union event *ev)
{
	seen_event(((struct follow *)s)->seen, ev);
}

static void on_story(struct sink *s, const struct story *story)
{
	seen_story(((struct follow *)s)->seen, story);
}

static const struct sink_ops ops = {
	.name = "seen",
	.event = on_event,
	.story = on_story,
};

static void sync_rows(struct follow *f, const struct rows *rows, uint64_t now_ns)
{
	for (size_t i = 0; i < rows->cnt; i++) {
		const struct snap_sock *s = &rows->rows[i].sock->s;

		seen_sync(f->seen, s->cookie, s->synq,
			  queue_synq_limit(s->limit, s->max_syn_backlog, s->syncookies), s->acceptq,
			  s->limit, s->drops, now_ns);
	}
}

static void mark_rows(struct follow *f, const struct rows *rows, uint64_t now_ns)
{
	for (size_t i = 0; i < rows->cnt; i++)
		seen_mark(f->seen, rows->rows[i].sock->s.cookie, now_ns);
	seen_forget_closed(f->seen);
}

static int show(struct follow *f, const struct snapshot *snapshot)
{
	const struct common *c = f->conf->common;
	struct listeners_view v = {
		.conf = f->conf,
		.look = f->look,
		.seen = f->seen,
		.start_ns = f->start_ns,
		.now_ns = clock_ns(CLOCK_MONOTONIC),
		.unix_ns = clock_ns(CLOCK_REALTIME),
		.header = !c->no_header,
	};
	struct rows rows;
	int ret = rows_make(&rows, snapshot, f->conf->filter);

	if (ret)
		return ret;
	v.rows = &rows;
	sync_rows(f, &rows, v.now_ns);
	if (!c->json && f->looks)
		putchar('\n');
	ret = c->json ? listeners_json(&v) : listeners_text(&v);
	mark_rows(f, &rows, v.now_ns);
	rows_free(&rows);
	f->looks++;
	return ret;
}

static int look_now(struct follow *f)
{
	struct snapshot_query query = {.scope = SNAP_LISTENERS, .netns = f->conf->filter->netns};
	struct snapshot *snapshot;
	int ret = snapshot_read(f->reader, &query, &snapshot);

	if (ret)
		return ret;
	ret = show(f, snapshot);
	snapshot_free(snapshot);
	return ret;
}

/* 1: go on, 0: it is over, -errno. */
static int step(struct follow *f)
{
	uint64_t period_ns = f->conf->interval * 1e9, count = f->conf->common->count, horizon_ns;
	int ret = f->source->ops->read(f->source, &horizon_ns);

	if (ret < 0)
		return ret;
	pipeline_settle(f->pipeline, horizon_ns);
	if (clock_ns(CLOCK_MONOTONIC) < f->next_ns)
		return 1;
	ret = look_now(f);
	f->next_ns += period_ns;
	if (f->next_ns < clock_ns(CLOCK_MONOTONIC))
		f->next_ns = clock_ns(CLOCK_MONOTONIC) + period_ns;
	return ret ? ret : !count || f->looks < count;
}

static void last_word(const struct follow *f)
{
	struct account a = pipeline_account(f->pipeline);
	struct json j = {0};

	if (f->conf->common->json) {
		json_object(&j, NULL);
		json_str(&j, "type", "summary");
		json_time(&j, "time", clock_ns(CLOCK_REALTIME));
		json_u64(&j, "looks", f->looks);
		json_u64(&j, "events", a.events);
		json_u64(&j, "lost", a.lost);
		json_end_object(&j);
		json_newline(&j);
		fwrite(j.buf, 1, j.len, stdout);
		fflush(stdout);
		json_free(&j);
	}
	fprintf(stderr, "%llu look%s, %llu events, ", (unsigned long long)f->looks,
		f->looks == 1 ? "" : "s", (unsigned long long)a.events);
	if (a.lost)
		fprintf(stderr, "%llu lost: peaks may have been higher\n",
			(unsigned long long)a.lost);
	else
		fprintf(stderr, "none lost\n");
}

static int run(struct follow *f, struct stop *stop)
{
	int ret;

	f->start_ns = clock_ns(CLOCK_MONOTONIC);
	f->next_ns = f->start_ns + (uint64_t)(f->conf->interval * 1e9);
	stop_restart(stop, f->conf->common->duration);
	do
		ret = step(f);
	while (ret > 0 && !stop_wait(stop, f->source->ops->pause_ms(f->source)));
	if (ret >= 0)
		ret = f->source->ops->drain(f->source);
	pipeline_finish(f->pipeline);
	last_word(f);
	return ret;
}

static int open_all(struct follow *f, const struct pipeline_conf *pc, char why[SOURCE_WHY])
{
	struct live_conf live = {
		.ports = f->conf->filter->ports_on ? f->conf->filter->ports : NULL,
		.verbose = f->conf->common->verbose,
	};
	int ret;

	live.config.netns = f->conf->filter->netns;
	live.config.ports_on = f->conf->filter->ports_on;
	f->seen = seen_new();
	f->pipeline = pipeline_new(pc);
	if (!f->seen || !f->pipeline || pipeline_add_sink(f->pipeline, &f->sink)) {
		snprintf(why, SOURCE_WHY, "out of memory");
		return -ENOMEM;
	}
	ret = source_live_open(&live, flow_feed, f->pipeline, &f->source, why);
	if (ret)
		return ret;
	ret = snapshot_open(&f->reader);
	if (ret)
		snprintf(why, SOURCE_WHY, "reading the sockets: %s", strerror(-ret));
	return ret;
}

int listeners_follow(const struct listeners_conf *conf)
{
	/* Whatever comes to a listener counts, however the listeners shown are chosen. */
	struct filter all = {0};
	struct pipeline_conf pc = {.filter = &all};
	struct follow f = {.sink.ops = &ops, .conf = conf};
	char why[SOURCE_WHY];
	struct stop stop;
	int ret, status = EXIT_YES;

	look_init(&f.look);
	ret = stop_init(&stop, 0);
	if (ret)
		return opts_error(conf->cmd, "signals: %s", strerror(-ret));
	if (open_all(&f, &pc, why)) {
		status = opts_error(conf->cmd, "%s", why);
	} else {
		ret = run(&f, &stop);
		if (ret && ret != -EPIPE)
			status = opts_error(conf->cmd, "%s", strerror(-ret));
	}
	if (f.source)
		f.source->ops->close(f.source);
	snapshot_close(f.reader);
	pipeline_free(f.pipeline);
	seen_free(f.seen);
	stop_close(&stop);
	return status;
}
