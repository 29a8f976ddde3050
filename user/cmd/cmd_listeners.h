/* SPDX-License-Identifier: GPL-2.0-only */
/* What the one-shot and the repeated `listeners` share. */
#ifndef SOCKLINE_CMD_LISTENERS_H
#define SOCKLINE_CMD_LISTENERS_H

#include "opts.h"
#include "seen.h"
#include "snapshot_rows.h"

struct listeners_conf {
	const struct cmd *cmd;
	const struct filter *filter;
	const struct common *common;
	double interval; /* seconds, 0: once */
};

/* What is shown at one moment. */
struct listeners_view {
	const struct listeners_conf *conf;
	struct look look;
	const struct rows *rows;
	const struct seen_table *seen; /* NULL: a single look, nothing was seen before */
	uint64_t start_ns;	       /* since when events are seen */
	uint64_t now_ns;	       /* CLOCK_MONOTONIC */
	uint64_t unix_ns;	       /* the same moment */
	bool header;
};

/* Does the filter's --failed want it?  Drops, or a queue in its last fifth. */
bool listeners_wants(const struct listeners_view *v, const struct row *row);
/* To stdout; 0 or -errno. */
int listeners_text(const struct listeners_view *v);
int listeners_json(const struct listeners_view *v);

/* Looks every conf->interval seconds until it is time to stop; an exit status. */
int listeners_follow(const struct listeners_conf *conf);

#endif
