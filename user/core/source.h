/* SPDX-License-Identifier: GPL-2.0-only */
/* Where events come from: the kernel, or a recording.  Sources do not know sinks. */
#ifndef SOCKLINE_SOURCE_H
#define SOCKLINE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

/* One event as it came. */
typedef void (*source_feed_fn)(void *ctx, const void *bytes, size_t len);

struct source;
struct observer;

struct source_ops {
	/*
	 * Feeds whatever is there, and tells the time before which nothing is still to come
	 * (UINT64_MAX: the order of the stream decides alone).  1: go on; 0: the stream is over;
	 * -errno.  A horizon of 0: nothing is known anew.  Does not wait.
	 */
	int (*read)(struct source *s, uint64_t *horizon_ns);
	/* How long it is worth to wait before the next read, in milliseconds. */
	int (*pause_ms)(const struct source *s);
	/* Stops taking in, and feeds what is still under way. */
	int (*drain)(struct source *s);
	void (*close)(struct source *s);
};

struct source {
	const struct source_ops *ops;
	source_feed_fn feed;
	void *ctx;
};

#define SOURCE_WHY 256

/* What a live source must see.  config is completed with what depends on the kernel. */
struct live_conf {
	struct config config;
	const uint64_t *ports; /* 65536 bits, or NULL: all */
	struct observer *observer; /* for events, outlives the source; NULL: its own */
	uint32_t ring_bytes; /* of each CPU, a power of two, 0: by the number of CPUs */
	uint32_t follow_pid; /* the first of the process tree to follow, 0: none */
	bool verbose;
};

/* Loads and attaches, and feeds what exists already.  0, or -errno and one line in why. */
int source_live_open(const struct live_conf *conf, source_feed_fn feed, void *ctx,
		     struct source **out, char why[SOURCE_WHY]);
/* The hooks that its probes are attached to, a line each; cut off at len. */
void source_live_probes(const struct source *s, char *buf, size_t len);

#endif
