// SPDX-License-Identifier: GPL-2.0-only
/* Owns the order in which blocks are written, and what happens to them while the store does not
 * take any.  Runs in a thread of its own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store_int.h"

#define IDLE_MS	     1000
#define SLICE_MS     200
#define BACKOFF_MIN  200
#define BACKOFF_MAX  10000
#define LAST_TRY_SEC 5 /* for a store that does not take anything, when all else has ended */

struct writer {
	struct store *st;
	unsigned int backoff_ms;
	time_t closed_at; /* CLOCK_MONOTONIC, 0: the queue is open */
};

static time_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void stored(struct store *st, const struct store_block *b)
{
	for (int i = 0; i < STORE_TABLES; i++)
		if (b->table == store_tables[i])
			st->stored[i] += b->rows;
	if (st->trouble)
		fprintf(stderr, "sockline: %s: takes rows again\n", st->backend->ops->name);
	st->trouble = false;
}

static void say_trouble(struct store *st)
{
	if (!st->trouble)
		fprintf(stderr, "sockline: %s: %s; trying again\n", st->backend->ops->name,
			st->backend->why);
	st->trouble = true;
}

/* Into the spool; false if it takes no more. */
static bool keep(struct store *st, const struct store_block *b)
{
	return st->spool && !spool_put(st->spool, b);
}

/* Makes room in the queue before the pipeline finds none. */
static void relieve(struct store *st)
{
	struct store_block *b;

	/* A recording waits: its blocks are in no hurry. */
	if (!st->spool || st->conf.patient)
		return;
	while (spool_room(st->spool, st->load.cap) && store_queue_crowded(st->queue) &&
	       (b = store_queue_take(st->queue, 0))) {
		if (!keep(st, b))
			st->lost += b->rows;
		store_queue_give_back(st->queue, b);
	}
}

static void wait_a_while(struct writer *w)
{
	unsigned int ms = w->backoff_ms;

	for (; ms >= SLICE_MS && !store_queue_closed(w->st->queue); ms -= SLICE_MS) {
		usleep(SLICE_MS * 1000);
		relieve(w->st);
	}
	if (store_queue_closed(w->st->queue))
		usleep(SLICE_MS * 1000);
	w->backoff_ms = w->backoff_ms * 2 < BACKOFF_MAX ? w->backoff_ms * 2 : BACKOFF_MAX;
}

/* Has it been trying in vain for long enough after the end? */
static bool time_is_up(struct writer *w)
{
	if (!store_queue_closed(w->st->queue))
		return false;
	if (!w->closed_at)
		w->closed_at = now_s();
	return now_s() - w->closed_at >= LAST_TRY_SEC;
}

/* While a write takes its time. */
static bool meanwhile(void *ctx)
{
	struct writer *w = ctx;

	relieve(w->st);
	return !time_is_up(w);
}

static bool write_block(struct writer *w, struct store_block *b)
{
	struct store *st = w->st;

	if (!st->backend->ops->write(st->backend, b)) {
		stored(st, b);
		w->backoff_ms = BACKOFF_MIN;
		w->closed_at = 0;
		return true;
	}
	say_trouble(st);
	return false;
}

/* Nothing can be written any more: what is left is kept, or lost. */
static void give_up(struct writer *w, struct store_block *b)
{
	struct store *st = w->st;

	do {
		if (!keep(st, b))
			st->lost += b->rows;
		store_queue_give_back(st->queue, b);
	} while ((b = store_queue_take(st->queue, 0)));
}

/* One block from the queue: written, or else spooled, or else tried until it is time to give up. */
static void from_queue(struct writer *w, struct store_block *b)
{
	while (!write_block(w, b)) {
		if (time_is_up(w) || (w->st->spool && store_queue_closed(w->st->queue))) {
			give_up(w, b);
			return;
		}
		if (keep(w->st, b)) {
			wait_a_while(w);
			break;
		}
		wait_a_while(w);
	}
	store_queue_give_back(w->st->queue, b);
}

static void from_spool(struct writer *w)
{
	struct store *st = w->st;
	char why[SPOOL_WHY];
	int ret = spool_load(st->spool, &st->load, why);

	if (ret == -ENOENT)
		return;
	if (ret) {
		fprintf(stderr, "sockline: %s\n", why);
		return;
	}
	if (write_block(w, &st->load))
		spool_drop(st->spool);
	else
		wait_a_while(w);
}

/* The spool's blocks are older than the queue's.  At the end of a live stream they wait for the
 * next start; at the end of a recording they go as long as the store takes them. */
static bool spool_is_next(const struct writer *w)
{
	const struct store *st = w->st;

	if (!st->spool || spool_empty(st->spool))
		return false;
	return !store_queue_closed(st->queue) || (st->conf.patient && !st->trouble);
}

static void tidy(struct store *st)
{
	if (st->backend->ops->tidy)
		st->backend->ops->tidy(st->backend);
}

void *store_writer(void *store)
{
	struct writer w = {.st = store, .backoff_ms = BACKOFF_MIN};
	struct store *st = store;
	time_t tidied = now_s();
	struct store_block *b;

	store_pace_join(&st->pace);
	st->backend->meanwhile = meanwhile;
	st->backend->ctx = &w;
	while (true) {
		if (spool_is_next(&w)) {
			from_spool(&w);
			relieve(st);
		} else if ((b = store_queue_take(st->queue, IDLE_MS))) {
			from_queue(&w, b);
		} else if (store_queue_closed(st->queue)) {
			break;
		}
		if (now_s() != tidied) {
			tidied = now_s();
			tidy(st);
		}
	}
	tidy(st);
	return NULL;
}
