/* SPDX-License-Identifier: GPL-2.0-only */
/* One line on a terminal's stderr that says how far long work is.  To be added before the sinks
 * that write to stdout: it makes room for their lines. */
#ifndef SOCKLINE_SINK_PROGRESS_H
#define SOCKLINE_SINK_PROGRESS_H

#include "sink.h"
#include "text.h"

/* Says it in buf; seconds: since the work began. */
typedef void (*sink_progress_fn)(void *ctx, const struct account *a, double seconds, char *buf,
				 size_t len);

struct sink_progress {
	struct sink sink;
	sink_progress_fn say;
	void *ctx;
	struct look look;
	uint64_t began_ns;
	uint64_t shown_ns; /* when it was said last */
	bool on;	   /* stderr is a terminal */
	bool shown;	   /* a line stands there */
	bool busy;	   /* lines went out since the last tick */
};

void sink_progress_init(struct sink_progress *s, sink_progress_fn say, void *ctx);

/* Makes room for another line on stderr. */
void sink_progress_wipe(struct sink_progress *s);

/* "41 kB" */
#define BYTES_LEN 24
char *bytes_format(char buf[BYTES_LEN], uint64_t bytes);

#endif
