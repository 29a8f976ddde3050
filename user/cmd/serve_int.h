/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by reading (serve.c) and answering (serve_answer.c). */
#ifndef SOCKLINE_SERVE_INT_H
#define SOCKLINE_SERVE_INT_H

#include <pthread.h>

#include "counters.h"
#include "host.h"
#include "metrics.h"
#include "pod.h"
#include "serve.h"

#define SERVE_STALE_NS 10000000000ULL /* after so long without a look there is nothing to tell */

struct serve {
	struct sink sink;
	struct serve_conf conf;
	struct http *http;
	/* Of the thread that looks. */
	struct counters *counters;
	uint64_t tried_ns; /* CLOCK_MONOTONIC, the last look */
	struct host *host; /* of the last snapshot */
	uint64_t host_snaps;
	struct pod_names *pods;
	/* Between both threads. */
	pthread_mutex_t lock;
	struct metrics *metrics;
	uint64_t looks;	    /* that succeeded */
	uint64_t looked_ns; /* the last that did */
	int error;	    /* -errno of the last look, 0: it succeeded */
	uint64_t lost;	    /* events of the pipeline */
	uint64_t scrapes;
	/* Of http's thread. */
	struct metrics_text text[2]; /* by format: what was answered last */
	uint64_t text_looks[2];	     /* as of which look */
	uint64_t start_ns;
};

uint64_t serve_now_ns(void);
/* http_conf.answer; ctx is a struct serve. */
void serve_answer(void *ctx, const char *path, const char *accept, struct http_reply *r);

#endif
