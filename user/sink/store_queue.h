/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks between the pipeline's thread, which fills them, and a store's writer, which empties them.
 * Their number is fixed: a pipeline that finds none free never waits for a disk or a server, unless
 * it wants to.  Every function may be called from either thread.
 */
#ifndef SOCKLINE_STORE_QUEUE_H
#define SOCKLINE_STORE_QUEUE_H

#include "store_block.h"

struct store_queue;

/* Room for `blocks` of `bytes` each.  NULL: out of memory. */
struct store_queue *store_queue_new(unsigned int blocks, size_t bytes);
void store_queue_free(struct store_queue *q);

/* An empty block, or NULL when none has become free in wait_ms. */
struct store_block *store_queue_get(struct store_queue *q, unsigned int wait_ms);
/* Hands a full one on. */
void store_queue_put(struct store_queue *q, struct store_block *b);

/* The oldest full block, or NULL when there is none, after wait_ms or when the queue is closed. */
struct store_block *store_queue_take(struct store_queue *q, unsigned int wait_ms);
/* It is empty again. */
void store_queue_give_back(struct store_queue *q, struct store_block *b);

/* Nothing more will be put. */
void store_queue_close(struct store_queue *q);
bool store_queue_closed(struct store_queue *q);

/* None is full. */
bool store_queue_empty(const struct store_queue *q);
/* Nor is one taken: the writer has nothing to do. */
bool store_queue_idle(const struct store_queue *q);
/* More than half of the blocks are full. */
bool store_queue_crowded(const struct store_queue *q);

#endif
