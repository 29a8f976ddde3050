/* SPDX-License-Identifier: GPL-2.0-only */
/* Recordings as a source, one after another. */
#ifndef SOCKLINE_SOURCE_FILE_H
#define SOCKLINE_SOURCE_FILE_H

#include "record_read.h"
#include "source.h"

struct source_file_conf {
	const char *const *paths; /* "-": stdin.  They outlive the source */
	size_t path_cnt;
	uint64_t duration_ns;	  /* of recorded time; 0: all */
	/* A file cannot be read, or not whole: told when that is known. */
	void (*complain)(void *ctx, const char *path, const char *why);
	/* A recording begins. */
	void (*begin)(void *ctx, const char *path, const struct record_header *h);
	void *ctx;
};

int source_file_open(const struct source_file_conf *conf, source_feed_fn feed, void *feed_ctx,
		     struct source **out);

/* The worst of those read so far. */
enum record_health source_file_health(const struct source *s);
/* Bytes that were read, and of all files together: 0 if that is unknown. */
void source_file_progress(const struct source *s, uint64_t *done, uint64_t *total);

#endif
