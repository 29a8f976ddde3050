// SPDX-License-Identifier: GPL-2.0-only
/* Owns the pipeline's side of a store: what becomes a row, and when a block is full.  It writes
 * nothing, and waits for nothing but a recording's turn. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "store_int.h"

#define BLOCKS	    8
#define BLOCK_BYTES (16u << 20)
#define FLUSH_NS    1000000000ULL  /* a row waits no longer for its block to be full */
#define LATE_NS	    5000000000ULL  /* nor longer than this for an idle CPU */
#define SAY_NS	    10000000000ULL /* between two lines about the same loss */
#define PATIENCE_MS 30000

static const struct store_backend_ops *const backends[] = {&store_sqlite, &store_clickhouse};

static const struct store_backend_ops *find(const char *target, const char **rest)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		size_t len = strlen(backends[i]->name);

		if (strncmp(target, backends[i]->name, len) || target[len] != ':')
			continue;
		*rest = target + len + 1;
		return **rest ? backends[i] : NULL;
	}
	return NULL;
}

bool store_target_known(const char *target)
{
	const char *rest;

	return find(target, &rest);
}

char *store_target_show(char buf[STORE_NAME], const char *target)
{
	const char *scheme = strstr(target, "://"), *at = scheme ? strchr(scheme, '@') : NULL;

	if (at)
		snprintf(buf, STORE_NAME, "%.*s%s", (int)(scheme + 3 - target), target, at + 1);
	else
		snprintf(buf, STORE_NAME, "%s", target);
	return buf;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void hand_on(struct store *st, int table)
{
	struct store_block *b = st->filling[table];

	st->filling[table] = NULL;
	if (b)
		store_queue_put(st->queue, b);
}

/* The block that a row of this table goes into, or NULL: there is no room. */
static struct store_block *filling(struct store *st, int table)
{
	struct store_block *b = st->filling[table];

	if (b && store_block_room(b))
		return b;
	hand_on(st, table);
	b = store_queue_get(st->queue, st->conf.patient ? PATIENCE_MS : 0);
	if (!b)
		return NULL;
	b->table = store_tables[table];
	b->stored_s = clock_ns(CLOCK_REALTIME) / 1000000000;
	snprintf(b->id, sizeof(b->id), "%016" PRIx64 "-%u", st->run_id, ++st->block_cnt);
	st->filling[table] = b;
	return b;
}

static void add_row(struct store *st, int table, struct store_in *in)
{
	struct store_block *b = filling(st, table);

	if (!b) {
		st->lost++;
		if (st->conf.patient)
			st->sink.error = -ETIMEDOUT;
		return;
	}
	in->view = st->sink.view;
	in->host = st->conf.host;
	in->block = b;
	in->json = &st->json;
	store_encode(b, st->backend->ops->dialect, in);
}

static void on_story(struct sink *sink, const struct story *story)
{
	struct store_in in = {
		.time_ns = story_start_ns(story) + sink->view->realtime_offset_ns,
		.story = story,
		.listener = listeners_find(sink->view->listeners, story->listener),
	};

	add_row((struct store *)sink, STORE_CONNECTIONS, &in);
}

static void on_call(struct sink *sink, const struct ev_call *ev)
{
	struct store_in in = {
		.time_ns = ev->hdr.time_ns + sink->view->realtime_offset_ns,
		.call = ev,
	};

	if (store_call_failed(ev))
		add_row((struct store *)sink, STORE_BIND_FAILURES, &in);
}

static void sample_one(void *ctx, const struct listener *l)
{
	struct store *st = ctx;
	const struct filter *f = st->conf.filter;
	struct store_in in = {
		.time_ns = st->sampled_ns + st->sink.view->realtime_offset_ns,
		.listener = l,
	};

	if (!l->closed && l->port && filter_port(f, l->port) && (!f->netns || f->netns == l->netns))
		add_row(st, STORE_LISTENERS, &in);
}

/* At whole multiples of the interval, whenever the horizon is told. */
static void sample(struct store *st, uint64_t now_ns)
{
	uint64_t due = st->conf.sample_ns ? now_ns - now_ns % st->conf.sample_ns : 0;

	if (!due || due == st->sampled_ns)
		return;
	if (!st->sampled_ns || due < st->sampled_ns) {
		st->sampled_ns = due;
		return;
	}
	st->sampled_ns = due;
	listeners_each(st->sink.view->listeners, sample_one, st);
}

static void say_lost(struct store *st, uint64_t now_ns)
{
	uint64_t lost = st->lost;

	if (lost == st->said_lost || (st->said_ns && now_ns - st->said_ns < SAY_NS))
		return;
	st->said_lost = lost;
	st->said_ns = now_ns;
	fprintf(stderr, "sockline: %s: %" PRIu64 " rows lost so far, there is no room for them\n",
		st->backend->ops->name, lost);
}

/* The CPUs are for what is watched, until the writer falls behind. */
static void pace(struct store *st, uint64_t clock)
{
	if (st->conf.patient)
		return;
	if (store_queue_idle(st->queue))
		st->idle_ns = clock;
	store_pace_set(&st->pace, clock - st->idle_ns < LATE_NS && !store_queue_crowded(st->queue));
}

static void on_tick(struct sink *sink, uint64_t now_ns, const struct account *a)
{
	struct store *st = (struct store *)sink;
	uint64_t clock = clock_ns(CLOCK_MONOTONIC_COARSE);

	sample(st, now_ns);
	/* While the writer has enough to do, blocks grow: there are few of them. */
	if (clock - st->flushed_ns >= FLUSH_NS && store_queue_empty(st->queue)) {
		st->flushed_ns = clock;
		for (int i = 0; i < STORE_TABLES; i++)
			hand_on(st, i);
	}
	st->events_lost = a->lost;
	pace(st, clock);
	say_lost(st, clock);
}

/* The listeners as they were last, so that a short stream has a sample too. */
static void on_summary(struct sink *sink, const struct account *a, uint64_t now_ns)
{
	struct store *st = (struct store *)sink;

	st->events_lost = a->lost;
	if (st->conf.sample_ns && now_ns != st->sampled_ns) {
		st->sampled_ns = now_ns;
		listeners_each(sink->view->listeners, sample_one, st);
	}
	for (int i = 0; i < STORE_TABLES; i++)
		hand_on(st, i);
}

static void on_close(struct sink *sink)
{
	struct store *st = (struct store *)sink;

	store_finish(sink);
	if (st->backend)
		st->backend->ops->close(st->backend);
	spool_close(st->spool);
	store_block_free(&st->load);
	store_queue_free(st->queue);
	json_free(&st->json);
	free(st);
}

struct store_account store_account(const struct sink *sink)
{
	const struct store *st = (const struct store *)sink;
	struct store_account a = {0};

	for (int i = 0; i < STORE_TABLES; i++)
		a.rows[i] = st->stored[i];
	a.lost = st->lost;
	a.events_lost = st->events_lost;
	a.spooled = st->spool ? spool_rows(st->spool) : 0;
	return a;
}

struct store_account store_finish(struct sink *sink)
{
	struct store *st = (struct store *)sink;

	if (st->running) {
		store_pace_set(&st->pace, false);
		store_queue_close(st->queue);
		pthread_join(st->thread, NULL);
		st->running = false;
	}
	return store_account(sink);
}

static const struct sink_ops ops = {
	.name = "store",
	.story = on_story,
	.call = on_call,
	.tick = on_tick,
	.summary = on_summary,
	.close = on_close,
};

static int start(struct store *st, const char *target, const struct store_backend_ops *be,
		 char why[STORE_WHY])
{
	int ret;

	st->queue = store_queue_new(BLOCKS, BLOCK_BYTES);
	if (!st->queue || store_block_init(&st->load, BLOCK_BYTES)) {
		snprintf(why, STORE_WHY, "out of memory");
		return -ENOMEM;
	}
	if (st->conf.spool && be->spools) {
		ret = spool_open(st->conf.spool, st->conf.spool_size, &st->spool, why);
		if (ret)
			return ret;
	}
	ret = be->open(target, &st->conf, &st->backend, why);
	if (ret)
		return ret;
	ret = -pthread_create(&st->thread, NULL, store_writer, st);
	if (ret)
		snprintf(why, STORE_WHY, "cannot start a thread: %s", strerror(-ret));
	else
		st->running = true;
	return ret;
}

int store_open(const struct store_conf *conf, struct sink **out, char why[STORE_WHY])
{
	const struct store_backend_ops *be;
	struct store *st = calloc(1, sizeof(*st));
	const char *target;
	int ret;

	if (!st) {
		snprintf(why, STORE_WHY, "out of memory");
		return -ENOMEM;
	}
	be = find(conf->target, &target);
	if (!be) {
		snprintf(why, STORE_WHY, "no such kind of store");
		free(st);
		return -EINVAL;
	}
	st->sink.ops = &ops;
	st->conf = *conf;
	st->flushed_ns = st->idle_ns = clock_ns(CLOCK_MONOTONIC_COARSE);
	if (getrandom(&st->run_id, sizeof(st->run_id), 0) != sizeof(st->run_id))
		st->run_id = clock_ns(CLOCK_REALTIME);
	ret = start(st, target, be, why);
	if (ret) {
		on_close(&st->sink);
		return ret;
	}
	*out = &st->sink;
	return 0;
}
