/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where open stories are kept: a fixed number of slots, found by tuple or by cookie, in a list by
 * age of their last news, and, while something is waited for, in one list per kind of waiting.
 * Knows nothing of what stories mean.
 */
#ifndef SOCKLINE_STORY_TABLE_H
#define SOCKLINE_STORY_TABLE_H

#include "story.h"

/* What a story may be waiting for, in vain; the timeline knows for how long. */
enum wait_kind {
	WAIT_NONE,
	WAIT_SYNACK_FULL,   /* a queue was full at its SYN: no SYN-ACK is expected */
	WAIT_SYNACK,	    /* nothing speaks against a SYN-ACK */
	WAIT_COOKIE_ACK,    /* the kernel holds nothing; the client's ACK may still come */
	WAIT_CALL_RESULT,   /* connect() will say why */
	WAIT_MIGRATION,	    /* its listener closed; another one may have taken it over */
	WAIT_KINDS,
};

struct links {
	uint32_t prev;
	uint32_t next;
};

struct slot {
	struct story story;
	enum story_reason suspect; /* why this SYN will be dropped, by the queues that it met */
	enum outcome went;	   /* RESET, CLOSED, EXPIRED: what became of the child; else OPEN */
	enum wait_kind waiting;
	uint64_t waiting_since_ns;
	uint32_t drops; /* of its listener, when its SYN came */
	bool in_synq;	/* an entry stands there, although no SYN-ACK of it was seen */
	bool shadows;	/* an older story of the same tuple is still open */
	bool ack_dropped;
	bool touched_by_loss;
	bool late; /* some of its events came when younger ones had been seen */
	/* internal */
	bool has_tuple;
	bool has_cookie;
	uint32_t next_tuple;
	uint32_t next_cookie;
	struct links age;
	struct links wait;
};

struct story_table;

struct story_table *story_table_new(uint32_t capacity);
void story_table_free(struct story_table *t);

/* A cleared slot, the youngest; NULL when full. */
struct slot *story_table_add(struct story_table *t);
void story_table_remove(struct story_table *t, struct slot *s);

/* Enters it by story.tuple, or by story.cookie; or takes it out of there again. */
void story_table_index_tuple(struct story_table *t, struct slot *s);
void story_table_index_cookie(struct story_table *t, struct slot *s);
void story_table_unindex_tuple(struct story_table *t, struct slot *s);

struct slot *story_table_by_tuple(struct story_table *t, const struct ev_tuple *tuple);
struct slot *story_table_by_cookie(struct story_table *t, uint64_t cookie);

/* There is news of it: it becomes the youngest. */
void story_table_touch(struct story_table *t, struct slot *s);
/* The one longest without news, or the next younger one; NULL at the end. */
struct slot *story_table_oldest(struct story_table *t);
struct slot *story_table_younger(struct story_table *t, const struct slot *s);

void story_table_wait(struct story_table *t, struct slot *s, enum wait_kind kind, uint64_t now_ns);
/* The first that waits for this, longest waiting first; NULL if none. */
struct slot *story_table_waiting(struct story_table *t, enum wait_kind kind);

uint32_t story_table_cnt(const struct story_table *t);

#endif
