/* SPDX-License-Identifier: GPL-2.0-only */
/* NDJSON, as the command-line contract fixes it. */
#ifndef SOCKLINE_SINK_JSON_H
#define SOCKLINE_SINK_JSON_H

#include "json.h"
#include "sink.h"

struct sink_json {
	struct sink sink;
	struct json out;
	int fd;
	bool binds; /* tell of listeners that come and go, and of calls */
};

/* Writes to fd, whole lines, at every tick.  fd stays the caller's. */
void sink_json_init(struct sink_json *s, int fd, bool binds);

/* One connection as one line; for sinks that store JSON elsewhere. */
void sink_json_story(struct json *j, const struct sink_view *view, const struct story *story);

/* "process": {…}, or null where pid is 0.  fd < 0: null. */
void sink_json_process(struct json *j, const struct sink_view *view, const char *key,
		       const struct ev_process *p, int fd);

#endif
