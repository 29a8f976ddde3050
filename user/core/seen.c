// SPDX-License-Identifier: GPL-2.0-only
/* Owns the high-water marks: open addressing by cookie, at most half full. */
#include <stdlib.h>
#include <string.h>

#include "queue.h"
#include "seen.h"

#define SEEN_START 1024 /* a power of two */

struct seen_table {
	struct seen *rows;
	uint32_t len;
	uint32_t cnt;
};

struct seen_table *seen_new(void)
{
	struct seen_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->len = SEEN_START;
	t->rows = calloc(t->len, sizeof(*t->rows));
	if (!t->rows) {
		free(t);
		return NULL;
	}
	return t;
}

void seen_free(struct seen_table *t)
{
	if (t)
		free(t->rows);
	free(t);
}

/* Its row, or the free one where it belongs. */
static struct seen *place_of(const struct seen_table *t, uint64_t cookie)
{
	uint32_t at = (cookie * 0x9e3779b97f4a7c15ULL >> 32) & (t->len - 1);

	while (t->rows[at].cookie && t->rows[at].cookie != cookie)
		at = (at + 1) & (t->len - 1);
	return &t->rows[at];
}

/* Moves the rows that are to stay into a table of len; where there is no memory nothing changes. */
static void rebuild(struct seen_table *t, uint32_t len, bool closed_too)
{
	struct seen_table bigger = {.rows = calloc(len, sizeof(*bigger.rows)), .len = len};

	if (!bigger.rows)
		return;
	for (uint32_t i = 0; i < t->len; i++) {
		if (!t->rows[i].cookie || (t->rows[i].closed && !closed_too))
			continue;
		*place_of(&bigger, t->rows[i].cookie) = t->rows[i];
		bigger.cnt++;
	}
	free(t->rows);
	*t = bigger;
}

static struct seen *find_or_add(struct seen_table *t, uint64_t cookie, uint32_t drops,
				uint64_t now_ns)
{
	struct seen *row;

	if (!cookie)
		return NULL;
	row = place_of(t, cookie);
	if (row->cookie)
		return row;
	if (t->cnt * 2 >= t->len) {
		rebuild(t, t->len * 2, true);
		row = place_of(t, cookie);
	}
	if (t->cnt + 1 >= t->len)
		return NULL;
	row->cookie = cookie;
	row->asked = -1;
	row->drops = row->marked_drops = drops;
	row->marked_ns = now_ns;
	t->cnt++;
	return row;
}

const struct seen *seen_find(const struct seen_table *t, uint64_t cookie)
{
	const struct seen *row = cookie ? place_of(t, cookie) : NULL;

	return row && row->cookie ? row : NULL;
}

void seen_forget_closed(struct seen_table *t)
{
	rebuild(t, t->len, false);
}

uint64_t seen_pressed_ns(const struct seen_queue *q, uint64_t now_ns)
{
	return q->pressed_ns + (q->since_ns && now_ns > q->since_ns ? now_ns - q->since_ns : 0);
}

static void queue_is(struct seen_queue *q, uint32_t depth, uint32_t limit, uint64_t now_ns)
{
	bool pressed = queue_pressed(depth, limit);

	q->depth = depth;
	q->limit = limit;
	if (depth > q->peak)
		q->peak = depth;
	if (pressed && !q->since_ns) {
		q->since_ns = now_ns;
	} else if (!pressed && q->since_ns) {
		q->pressed_ns = seen_pressed_ns(q, now_ns);
		q->since_ns = 0;
	}
}

static struct seen *queues_are(struct seen_table *t, const struct ev_queues *q, uint64_t now_ns)
{
	struct seen *row = find_or_add(t, q->cookie, q->drops, now_ns);

	if (!row)
		return NULL;
	/* The SYN queue's own limit comes with SYNs, and with looks at the listener. */
	queue_is(&row->synq, q->synq, row->synq.limit ? row->synq.limit : q->limit, now_ns);
	queue_is(&row->acceptq, q->acceptq, q->limit, now_ns);
	row->drops = q->drops;
	return row;
}

static void syn(struct seen_table *t, const struct ev_syn *e)
{
	struct seen *row = queues_are(t, &e->queues, e->hdr.time_ns);

	if (!row)
		return;
	row->syns++;
	row->synq.limit = queue_synq_limit(e->queues.limit, e->max_syn_backlog, e->syncookies);
}

static void listens(struct seen_table *t, const struct ev_listen *e)
{
	struct seen *row = queues_are(t, &e->queues, e->hdr.time_ns);

	if (!row)
		return;
	row->closed = e->hdr.kind == EV_UNLISTEN;
	if (e->backlog >= 0)
		row->asked = e->backlog;
}

void seen_event(struct seen_table *t, const union event *ev)
{
	uint64_t now_ns = ev->hdr.time_ns;

	switch ((enum event_kind)ev->hdr.kind) {
	case EV_SYN:
		syn(t, &ev->syn);
		return;
	case EV_SYNACK:
	case EV_SYNACK_RETRANSMIT:
		queues_are(t, &ev->synack.queues, now_ns);
		return;
	case EV_QUEUED:
		queues_are(t, &ev->queued.queues, now_ns);
		return;
	case EV_DROP:
		queues_are(t, &ev->drop.queues, now_ns);
		return;
	case EV_REQUEST_GONE:
		queues_are(t, &ev->gone.queues, now_ns);
		return;
	case EV_LISTEN:
	case EV_UNLISTEN:
	case EV_LISTENER:
		listens(t, &ev->listen);
		return;
	case EV_ACCEPTED:
	case EV_CHILD_STATE:
	case EV_REFUSED:
	case EV_CONNECT:
	case EV_CONNECT_STATE:
	case EV_SYN_RETRANSMIT:
	case EV_CALL:
	case EV_HOST:
	case EV_OWNER:
	case EV_CGROUP:
	case EV_IFNAME:
	case EV_LOST:
	case EV_END:
		return;
	}
}

void seen_story(struct seen_table *t, const struct story *s)
{
	struct seen *row = (struct seen *)seen_find(t, s->listener);
	struct seen_queue *q;

	if (!row || s->outcome != OUTCOME_ACCEPTED)
		return;
	q = &row->acceptq;
	row->accepts++;
	row->last_accept_ns = s->ended_ns;
	row->last_accept_by = s->process;
	queue_is(q, q->depth ? q->depth - 1 : 0, q->limit, s->ended_ns);
}

void seen_sync(struct seen_table *t, uint64_t cookie, uint32_t synq, uint32_t synq_limit,
	       uint32_t acceptq, uint32_t limit, uint32_t drops, uint64_t now_ns)
{
	struct seen *row = find_or_add(t, cookie, drops, now_ns);

	if (!row)
		return;
	row->closed = false;
	row->drops = drops;
	queue_is(&row->synq, synq, synq_limit, now_ns);
	queue_is(&row->acceptq, acceptq, limit, now_ns);
}

void seen_mark(struct seen_table *t, uint64_t cookie, uint64_t now_ns)
{
	struct seen *row = (struct seen *)seen_find(t, cookie);

	if (!row)
		return;
	row->marked_ns = now_ns;
	row->marked_syns = row->syns;
	row->marked_accepts = row->accepts;
	row->marked_drops = row->drops;
}

struct seen_rates seen_rates(const struct seen *s, uint64_t now_ns)
{
	double seconds = now_ns > s->marked_ns ? (now_ns - s->marked_ns) / 1e9 : 0;

	if (seconds <= 0)
		return (struct seen_rates){0};
	return (struct seen_rates){
		.syns = (s->syns - s->marked_syns) / seconds,
		.accepts = (s->accepts - s->marked_accepts) / seconds,
		.drops = (uint32_t)(s->drops - s->marked_drops) / seconds,
	};
}
