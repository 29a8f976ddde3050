/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of `sockline top` share: its options, and the loop that reads the counters. */
#ifndef SOCKLINE_TOP_H
#define SOCKLINE_TOP_H

#include "counters.h"
#include "filter.h"
#include "host.h"
#include "opts.h"
#include "rates.h"
#include "stop.h"

struct top_opts {
	double interval; /* seconds, 0: 1 */
	const char *sort;
};

struct top {
	const struct cmd *cmd;
	const struct top_opts *opts;
	const struct filter *filter;
	const struct common *common;
	struct stop *stop;
	struct counters *counters;
	const struct counters_view *view; /* of the last top_read() */
	struct rates rates;
	struct host *host; /* of the view's snapshot; NULL until top_host() */
	uint64_t host_snap;
};

/* Reads the counters and makes rates of them.  0 or -errno. */
int top_read(struct top *t);
/* What goes with the snapshot that the rows are of.  NULL: out of memory. */
struct host *top_host(struct top *t);
/* The filter options, as far as a listener can answer them. */
bool top_wanted(struct top *t, const struct rates_row *row);

/* The two faces.  Return an exit status. */
int top_json(struct top *t);
int top_screen(struct top *t);

#endif
