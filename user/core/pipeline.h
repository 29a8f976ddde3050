/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one flow: bytes → decode → order → listeners, names, timeline → sinks.
 *
 * Whatever the bytes come from, everything behind pipeline_feed() is the same code.  Two pipelines
 * can live in one process.
 */
#ifndef SOCKLINE_PIPELINE_H
#define SOCKLINE_PIPELINE_H

#include <stdbool.h>

#include "filter.h"
#include "sink.h"

struct pipeline;

#define PIPELINE_SINKS 4
#define PIPELINE_CONNECTIONS 32768

struct pipeline_conf {
	const struct filter *filter; /* outlives the pipeline */
	uint32_t max_connections;    /* 0: PIPELINE_CONNECTIONS */
	uint64_t max_lines;	     /* stories and calls to show, 0: no limit */
	bool passive_only;	     /* do not show what this host calls itself */
};

struct pipeline *pipeline_new(const struct pipeline_conf *conf);
void pipeline_free(struct pipeline *p);

/* The sink stays the caller's; it must outlive the pipeline.  -ENOSPC beyond PIPELINE_SINKS. */
int pipeline_add_sink(struct pipeline *p, struct sink *sink);

/* One event as it came.  Bytes that are no event are counted, and otherwise ignored.  An EV_HOST
 * behind other events begins another stream: what was open ends, what was known is forgotten. */
void pipeline_feed(struct pipeline *p, const void *bytes, size_t len);

/* Everything before horizon_ns has been fed: it goes on to the sinks.  When this is called changes
 * nothing in what they are told, as long as that is true. */
void pipeline_settle(struct pipeline *p, uint64_t horizon_ns);

/* The stream is over: what waits goes on, what is open ends, the sinks hear the summary. */
void pipeline_finish(struct pipeline *p);

/* max_lines have been shown, or a sink can write no more. */
bool pipeline_done(const struct pipeline *p);

/* -errno of the first sink that failed, or 0. */
int pipeline_error(const struct pipeline *p);

struct account pipeline_account(const struct pipeline *p);

#endif
