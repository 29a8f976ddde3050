// SPDX-License-Identifier: GPL-2.0-only
/* Owns the blocks, and who may touch which: nobody else locks. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "store_queue.h"

struct store_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled; /* a block was put, or the queue closed */
	pthread_cond_t freed;
	struct store_block *blocks;
	struct store_block *free;  /* the last one given back is the next one taken */
	struct store_block *first; /* of the full ones */
	struct store_block *last;
	unsigned int cnt;
	_Atomic unsigned int full; /* also read without the lock */
	_Atomic unsigned int taken;
	bool closed;
};

struct store_queue *store_queue_new(unsigned int blocks, size_t bytes)
{
	struct store_queue *q = calloc(1, sizeof(*q));
	pthread_condattr_t attr;

	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->filled, &attr);
	pthread_cond_init(&q->freed, &attr);
	pthread_condattr_destroy(&attr);
	q->blocks = calloc(blocks, sizeof(*q->blocks));
	for (; q->blocks && q->cnt < blocks; q->cnt++) {
		struct store_block *b = &q->blocks[q->cnt];

		if (store_block_init(b, bytes))
			break;
		b->next = q->free;
		q->free = b;
	}
	if (q->cnt == blocks)
		return q;
	store_queue_free(q);
	return NULL;
}

void store_queue_free(struct store_queue *q)
{
	if (!q)
		return;
	for (unsigned int i = 0; i < q->cnt; i++)
		store_block_free(&q->blocks[i]);
	free(q->blocks);
	pthread_cond_destroy(&q->filled);
	pthread_cond_destroy(&q->freed);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static struct timespec after(unsigned int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000L;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

struct store_block *store_queue_get(struct store_queue *q, unsigned int wait_ms)
{
	struct timespec until = after(wait_ms);
	struct store_block *b;

	pthread_mutex_lock(&q->lock);
	while (!q->free && wait_ms)
		if (pthread_cond_timedwait(&q->freed, &q->lock, &until))
			break;
	b = q->free;
	if (b)
		q->free = b->next;
	pthread_mutex_unlock(&q->lock);
	if (b)
		store_block_reset(b);
	return b;
}

void store_queue_put(struct store_queue *q, struct store_block *b)
{
	pthread_mutex_lock(&q->lock);
	b->next = NULL;
	if (q->last)
		q->last->next = b;
	else
		q->first = b;
	q->last = b;
	q->full++;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

struct store_block *store_queue_take(struct store_queue *q, unsigned int wait_ms)
{
	struct timespec until = after(wait_ms);
	struct store_block *b;

	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->closed && wait_ms)
		if (pthread_cond_timedwait(&q->filled, &q->lock, &until))
			break;
	b = q->first;
	if (b) {
		q->first = b->next;
		if (!q->first)
			q->last = NULL;
		q->full--;
		q->taken++;
	}
	pthread_mutex_unlock(&q->lock);
	return b;
}

void store_queue_give_back(struct store_queue *q, struct store_block *b)
{
	pthread_mutex_lock(&q->lock);
	b->next = q->free;
	q->free = b;
	q->taken--;
	pthread_cond_signal(&q->freed);
	pthread_mutex_unlock(&q->lock);
}

void store_queue_close(struct store_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

bool store_queue_closed(struct store_queue *q)
{
	bool closed;

	pthread_mutex_lock(&q->lock);
	closed = q->closed;
	pthread_mutex_unlock(&q->lock);
	return closed;
}

bool store_queue_empty(const struct store_queue *q)
{
	return !q->full;
}

bool store_queue_idle(const struct store_queue *q)
{
	return !q->full && !q->taken;
}

bool store_queue_crowded(const struct store_queue *q)
{
	return q->full > q->cnt / 2;
}
