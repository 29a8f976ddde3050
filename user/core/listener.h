/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of listeners: filled from the snapshot at the start of a stream, kept by its events.
 * It knows whose a listener is and who accepted from it last, so that a queue that fills has a name.
 */
#ifndef SOCKLINE_LISTENER_H
#define SOCKLINE_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "decode.h"

#define LISTENER_OWNERS 8

struct listener_owner {
	struct ev_process process;
	int32_t fd; /* -1: unknown */
};

struct listener {
	uint64_t cookie;
	uint8_t addr[16];
	uint16_t port;
	uint16_t family;
	uint32_t netns;
	uint32_t options; /* SO_F_* */
	uint32_t device;
	uint32_t limit;
	int32_t backlog; /* as asked for; -1: unknown */
	bool closed;
	bool followed;	 /* opened by the process tree that is followed */
	uint32_t owner_cnt; /* all that were told; the first LISTENER_OWNERS are kept */
	struct listener_owner owners[LISTENER_OWNERS];
	uint64_t last_accept_ns; /* 0: not seen to accept */
	struct ev_process last_accept_by;
	uint32_t synq; /* both queues, and the kernel's count of drops, as they were told last */
	uint32_t acceptq;
	uint32_t drops;
	uint32_t synq_peak;
	uint32_t acceptq_peak;
	uint32_t used; /* internal: when it was last asked for */
	uint32_t next; /* internal: hash chain */
};

struct listeners;

/* Room for `capacity`; when it is full the closed one, or else the one longest not asked for,
 * makes room. */
struct listeners *listeners_new(uint32_t capacity);
void listeners_free(struct listeners *l);

/* EV_LISTENER, EV_LISTEN, EV_UNLISTEN.  Returns the row. */
struct listener *listeners_feed(struct listeners *l, const struct ev_listen *ev);
void listeners_feed_owner(struct listeners *l, const struct ev_owner *ev);
/* What an event says of both queues now. */
void listeners_feed_queues(struct listeners *l, const struct ev_queues *q);
/* This process took a child from it. */
void listeners_feed_accept(struct listeners *l, uint64_t cookie, const struct ev_process *by,
			   uint64_t time_ns);

/* NULL if unknown.  Valid until the next feed. */
const struct listener *listeners_find(const struct listeners *l, uint64_t cookie);

/* Forgets all of them. */
void listeners_reset(struct listeners *l);
void listeners_each(const struct listeners *l, void (*fn)(void *ctx, const struct listener *l),
		    void *ctx);

/* How many are open, and in how many namespaces (64 at most).  Walks the table. */
void listeners_count(const struct listeners *l, uint32_t *open, uint32_t *namespaces);

#endif
