/* SPDX-License-Identifier: GPL-2.0-only */
/* What a report knows of each listener: its queues over time, how long its connections took, and
 * how they failed.  Listener 0 stands for none, and for those beyond REPORT_LISTENERS. */
#ifndef SOCKLINE_REPORT_LISTENER_H
#define SOCKLINE_REPORT_LISTENER_H

#include "count.h"
#include "listener.h"
#include "names.h"
#include "report_dict.h"
#include "report_series.h"
#include "story.h"

#define REPORT_LISTENERS 512

struct report_listener {
	struct listener known;	      /* cookie 0: nothing is known of it */
	struct report_series *series; /* NULL until it is used */
	struct counters_hist handshake, wait;
	uint64_t connections, failed, accepted;
	uint64_t *by_verdict; /* connections, by the number of their verdict */
	uint32_t verdict_room;
	uint32_t synq, acceptq;		  /* now */
	uint32_t synq_peak, acceptq_peak; /* of events */
	uint64_t told_ns;		  /* when the queues were told last; 0: never */
};

struct report_listeners {
	struct report_dict numbers; /* (stream, cookie) to 1 less than the number */
	struct report_listener *rows;
	uint32_t stream;   /* cookies begin anew with each */
	uint64_t overflow; /* stories of listeners that found no room */
	struct report_clock clock;
	bool failed; /* out of memory */
};

int report_listeners_init(struct report_listeners *l);
void report_listeners_free(struct report_listeners *l);

/* The number of the listener with this cookie; 0: none, or no room. */
uint32_t report_listener_number(struct report_listeners *l, uint64_t cookie);

/* An event tells of its queues.  Times are nanoseconds since 1970. */
void report_listener_queues(struct report_listeners *l, const struct ev_queues *q,
			    uint64_t time_ns);
/* A story of it has ended; offset_ns makes its times nanoseconds since 1970. */
void report_listener_story(struct report_listeners *l, uint32_t number, const struct story *s,
			   uint32_t verdict, uint64_t offset_ns);
/* What the stream knows of it, which may grow. */
void report_listener_known(struct report_listeners *l, const struct listener *known);

/* "listeners": […]; "clock": {…} */
void report_listeners_write(struct report_listeners *l, const struct names *names, struct json *j);

#endif
