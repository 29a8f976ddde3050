/* SPDX-License-Identifier: GPL-2.0-only */
/* Gathers what a report shows, and gives it as JSON when all has been seen. */
#ifndef SOCKLINE_SINK_REPORT_H
#define SOCKLINE_SINK_REPORT_H

#include "report_listener.h"
#include "report_rows.h"
#include "sink.h"

#define REPORT_ROWS 200000 /* connections that are listed, unless it is said otherwise */

struct sink_report {
	struct sink sink;
	struct report_listeners listeners;
	struct report_rows rows;
	struct report_series *losses; /* lost events, as the failures of a series; NULL: none */
	uint64_t max_rows;
	struct account account;
	uint64_t first_ns, last_ns; /* nanoseconds since 1970 */
};

/* 0 or -errno. */
int sink_report_init(struct sink_report *s, uint64_t max_rows);

/* Members of an object that the caller has begun.  Once, after the summary. */
void sink_report_write(struct sink_report *s, struct json *j);

#endif
