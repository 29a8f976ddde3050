/* SPDX-License-Identifier: GPL-2.0-only */
/* Between store.c, which fills blocks, and store_writer.c, which has them written. */
#ifndef SOCKLINE_STORE_INT_H
#define SOCKLINE_STORE_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "spool.h"
#include "store.h"
#include "store_pace.h"
#include "store_queue.h"

struct store {
	struct sink sink;
	struct store_conf conf;
	struct store_queue *queue;
	struct store_block *filling[STORE_TABLES];
	struct json json;
	uint64_t run_id;
	uint32_t block_cnt;
	uint64_t flushed_ns; /* CLOCK_MONOTONIC */
	uint64_t idle_ns;    /* when the writer was last seen with nothing to do */
	struct store_pace pace;
	uint64_t sampled_ns; /* of the stream */
	uint64_t said_lost;
	_Atomic uint64_t events_lost;
	uint64_t said_ns;
	pthread_t thread;
	bool running;
	/* the writer's */
	struct store_backend *backend;
	struct spool *spool;	 /* NULL: none */
	struct store_block load; /* what comes from the spool */
	bool trouble;		 /* the last write failed */
	_Atomic uint64_t stored[STORE_TABLES];
	_Atomic uint64_t lost;
};

/* Stops when the queue is closed, and nothing more can be done. */
void *store_writer(void *store);

#endif
