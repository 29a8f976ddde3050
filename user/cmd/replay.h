/* SPDX-License-Identifier: GPL-2.0-only */
/* Recordings through a pipeline, with progress on a terminal, and what is wrong with them told on
 * stderr.  For every command that takes recordings. */
#ifndef SOCKLINE_REPLAY_H
#define SOCKLINE_REPLAY_H

#include "opts.h"
#include "pipeline.h"
#include "record_file.h"
#include "stop.h"

struct replay {
	const struct cmd *cmd;
	const char *const *paths; /* "-": stdin */
	size_t path_cnt;
	double seconds;		  /* of recorded time, 0: all */
	bool banner;		  /* say what is replayed */
	bool wants_active;	  /* say it if a recording has no active connections */
	/* Each may be NULL: a recording begins; one cannot be read, or not whole. */
	void (*on_begin)(void *ctx, const char *path, const struct record_header *h);
	void (*on_fault)(void *ctx, const char *path, const char *why);
	void *ctx;
};

/* Adds the sink, and finishes the pipeline.  An exit status: EXIT_NO if a recording is cut off,
 * EXIT_UNABLE if one is damaged or is none. */
int replay_run(const struct replay *r, struct pipeline *p, struct sink *sink, struct stop *stop);

#endif
