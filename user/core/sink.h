/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the pipeline's results go.  A sink is a struct that begins with `struct sink` and a table
 * of callbacks, each of which may be NULL.  Sinks do not know sources.
 */
#ifndef SOCKLINE_SINK_H
#define SOCKLINE_SINK_H

#include <stddef.h>

#include "decode.h"
#include "listener.h"
#include "names.h"
#include "story.h"

struct sink;

/* What happened to the stream as a whole. */
struct account {
	uint64_t connections; /* stories that were shown */
	uint64_t stories;     /* stories that ended, shown or not */
	uint64_t failed;      /* of those shown */
	uint64_t incomplete;  /* of those shown */
	uint64_t evicted;
	uint64_t events;
	uint64_t lost;
	uint64_t late;
	uint64_t malformed;   /* bytes that were no event */
	uint64_t duplicates;
	uint64_t calls;	      /* bind, listen, connect calls that were shown */
	uint32_t open;
};

/* What a sink may ask about a thing it is given. */
struct sink_view {
	const struct listeners *listeners;
	const struct names *names;
	uint64_t realtime_offset_ns; /* add to a time_ns for nanoseconds since 1970 */
	uint64_t start_ns;	     /* when the stream began */
};

struct sink_ops {
	const char *name;
	/* Every event as it came, before it is checked or ordered. */
	void (*raw)(struct sink *s, const void *bytes, size_t len);
	/* Every event, checked and in the order of time, before the story that it ends. */
	void (*event)(struct sink *s, const union event *ev);
	void (*story)(struct sink *s, const struct story *story);
	/* EV_LISTEN, EV_UNLISTEN as they happen; not the listeners of the start. */
	void (*listener)(struct sink *s, const struct ev_listen *ev);
	void (*call)(struct sink *s, const struct ev_call *ev);
	void (*lost)(struct sink *s, const struct ev_lost *ev);
	/* Whatever was ready has been given: flush.  now_ns is the horizon. */
	void (*tick)(struct sink *s, uint64_t now_ns, const struct account *a);
	/* The last call but one. */
	void (*summary)(struct sink *s, const struct account *a, uint64_t now_ns);
	void (*close)(struct sink *s);
};

struct sink {
	const struct sink_ops *ops;
	const struct sink_view *view;
	int error; /* -errno once writing has failed: the pipeline stops */
};

#endif
