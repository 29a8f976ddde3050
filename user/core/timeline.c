// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the stories while they are open: what each kind of event means to the story that it belongs
 * to.  One function a kind.  Pure; reads no clock.
 */
#include <stdlib.h>
#include <string.h>

#include "timeline_int.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)

/*
 * How long nothing must happen before something can be concluded from it.  A SYN-ACK leaves in the
 * same softirq as its SYN came in, unless a neighbour must be resolved first or a firewall stops it;
 * then the entry's timer and the client's next SYN tell so after 1 s (TCP_TIMEOUT_INIT, and some
 * jiffies of slack).  A SYN cookie is valid for two periods of 60 s (MAX_SYNCOOKIE_AGE).  An entry
 * that was taken over is heard of before the next SYN-ACK is due (at most TCP_RTO_MAX).
 */
static const uint64_t patience_ns[WAIT_KINDS] = {
	[WAIT_SYNACK_FULL] = 100 * MS,
	[WAIT_SYNACK] = 1500 * MS,
	[WAIT_COOKIE_ACK] = 130 * SECOND,
	[WAIT_CALL_RESULT] = 50 * MS,
	[WAIT_MIGRATION] = 130 * SECOND,
};

struct timeline *timeline_new(uint32_t capacity, timeline_end_fn end, void *ctx)
{
	struct timeline *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->end = end;
	t->ctx = ctx;
	t->table = story_table_new(capacity);
	if (!t->table) {
		free(t);
		return NULL;
	}
	return t;
}

void timeline_free(struct timeline *t)
{
	if (!t)
		return;
	story_table_free(t->table);
	free(t);
}

/* Does it have every step that its outcome takes? */
static bool is_whole(const struct story *s)
{
	if (s->role == ROLE_ACTIVE)
		return s->step_cnt && s->steps[0].kind == STEP_CONNECT;
	if (!s->step_cnt || s->steps[0].kind != STEP_SYN)
		return false;
	if (s->outcome == OUTCOME_SYN_DROPPED || s->outcome == OUTCOME_REFUSED)
		return true;
	if (!story_step(s, STEP_SYNACK))
		return false;
	return (!s->cookie && !story_step(s, STEP_ACCEPTED)) || story_step(s, STEP_QUEUED);
}

void timeline_end(struct timeline *t, struct slot *slot, enum outcome outcome)
{
	struct story *s = &slot->story;

	s->outcome = outcome;
	s->complete = !slot->touched_by_loss && !s->cut && is_whole(s) &&
		      !(slot->late && outcome == OUTCOME_OPEN);
	t->stats.stories++;
	t->stats.failed += story_failed(s);
	t->end(t->ctx, s);
	story_table_remove(t->table, slot);
}

/* Of what repeats itself the last repetition goes; with more room than kinds there is one. */
static void cut_one(struct story *s)
{
	_Static_assert(STEPS_MAX > STEP_FAILED + 1, "a story could be full without a repetition");
	int i = s->step_cnt - 1;

	while (i > 0 && story_step(s, s->steps[i].kind) == &s->steps[i])
		i--;
	s->step_cnt--;
	memmove(&s->steps[i], &s->steps[i + 1], (s->step_cnt - i) * sizeof(s->steps[0]));
	s->cut += s->cut < UINT8_MAX;
}

void timeline_step(struct timeline *t, struct slot *slot, enum step_kind kind, uint64_t time_ns,
		   const struct ev_queues *q)
{
	struct story *s = &slot->story;
	int i;

	if (time_ns <= t->lossy_until_ns)
		slot->touched_by_loss = true;
	if (time_ns > s->ended_ns)
		s->ended_ns = time_ns;
	story_table_touch(t->table, slot);
	if (s->step_cnt == STEPS_MAX)
		cut_one(s);
	for (i = s->step_cnt++; i && s->steps[i - 1].time_ns > time_ns; i--)
		s->steps[i] = s->steps[i - 1];
	/* What came after it was understood without it. */
	if (i + 1 < s->step_cnt && kind != STEP_SYN)
		slot->touched_by_loss = true;
	slot->late |= t->late;
	s->steps[i] = (struct step){
		.time_ns = time_ns,
		.synq = q && q->cookie ? q->synq : QUEUE_UNKNOWN,
		.acceptq = q && q->cookie ? q->acceptq : QUEUE_UNKNOWN,
		.kind = kind,
	};
	if (q && q->cookie)
		s->listener = q->cookie;
}

/* What can be said of a story that nothing more will be heard of. */
enum outcome timeline_outcome_so_far(const struct slot *slot)
{
	if (slot->ack_dropped)
		return OUTCOME_ACK_DROPPED;
	return slot->went;
}

struct slot *timeline_begin(struct timeline *t, enum role role, const struct ev_tuple *tuple)
{
	struct slot *slot = story_table_add(t->table);
	struct story *s;

	if (!slot) {
		slot = story_table_oldest(t->table);
		slot->touched_by_loss = true;
		t->stats.evicted++;
		timeline_end(t, slot, timeline_outcome_so_far(slot));
		slot = story_table_add(t->table);
	}
	s = &slot->story;
	s->role = role;
	s->tuple = *tuple;
	s->fd = -1;
	s->synq = s->acceptq = (struct queue_seen){QUEUE_UNKNOWN, QUEUE_UNKNOWN};
	if (role == ROLE_PASSIVE)
		story_table_index_tuple(t->table, slot);
	return slot;
}

void timeline_set_cookie(struct timeline *t, struct slot *slot, uint64_t cookie)
{
	if (!cookie || slot->story.cookie)
		return;
	slot->story.cookie = cookie;
	story_table_index_cookie(t->table, slot);
}

void timeline_feed(struct timeline *t, const union event *ev)
{
	timeline_on_fn on = timeline_passive(ev->hdr.kind);

	t->late = ev->hdr.time_ns < t->now_ns;
	if (!t->late)
		t->now_ns = ev->hdr.time_ns;
	if (!on)
		on = timeline_child(ev->hdr.kind);
	if (!on)
		on = timeline_active(ev->hdr.kind);
	if (on)
		on(t, ev);
}

void timeline_lost(struct timeline *t, uint64_t until_ns)
{
	struct slot *slot;

	for (slot = story_table_oldest(t->table); slot; slot = story_table_younger(t->table, slot))
		slot->touched_by_loss = true;
	if (until_ns > t->lossy_until_ns)
		t->lossy_until_ns = until_ns;
}

static void give_up(struct timeline *t, struct slot *slot, uint64_t when_ns)
{
	enum wait_kind waited = slot->waiting;

	story_table_wait(t->table, slot, WAIT_NONE, 0);
	if (waited == WAIT_CALL_RESULT) { /* that it has ended was seen */
		timeline_end(t, slot, OUTCOME_ABORTED);
		return;
	}
	if (slot->touched_by_loss || slot->late)
		return; /* the answer may have been lost, or have come before */
	switch (waited) {
	case WAIT_SYNACK_FULL:
	case WAIT_SYNACK:
		timeline_drop_syn(t, slot, slot->story.ended_ns);
		return;
	case WAIT_COOKIE_ACK:
		timeline_step(t, slot, STEP_EXPIRED, when_ns, NULL);
		timeline_end(t, slot, OUTCOME_EXPIRED);
		return;
	case WAIT_MIGRATION:
		timeline_step(t, slot, STEP_LISTENER_CLOSED, slot->story.ended_ns, NULL);
		timeline_end(t, slot, OUTCOME_LISTENER_CLOSED);
		return;
	case WAIT_CALL_RESULT:
	case WAIT_NONE:
	case WAIT_KINDS:
		return;
	}
}

static uint64_t due_ns(const struct slot *slot)
{
	return slot->waiting_since_ns + patience_ns[slot->waiting];
}

static struct slot *first_due(struct timeline *t)
{
	struct slot *first = NULL;

	for (enum wait_kind kind = WAIT_NONE + 1; kind < WAIT_KINDS; kind++) {
		struct slot *slot = story_table_waiting(t->table, kind);

		if (slot && (!first || due_ns(slot) < due_ns(first)))
			first = slot;
	}
	return first;
}

void timeline_tick(struct timeline *t, uint64_t now_ns)
{
	struct slot *slot;

	if (now_ns > t->now_ns)
		t->now_ns = now_ns;
	while ((slot = first_due(t)) && due_ns(slot) < now_ns)
		give_up(t, slot, due_ns(slot));
}

void timeline_finish(struct timeline *t)
{
	struct slot *slot;

	/* A queue was full, and the softirq of the SYN has long ended. */
	while ((slot = story_table_waiting(t->table, WAIT_SYNACK_FULL)) &&
	       slot->waiting_since_ns + 5 * MS < t->now_ns)
		give_up(t, slot, t->now_ns);
	while ((slot = story_table_oldest(t->table)))
		timeline_end(t, slot, timeline_outcome_so_far(slot));
	memset(t->tries, 0, sizeof(t->tries));
	t->tried = false;
	t->lossy_until_ns = t->now_ns = 0;
}

struct timeline_stats timeline_stats(const struct timeline *t)
{
	struct timeline_stats stats = t->stats;

	stats.open = story_table_cnt(t->table);
	return stats;
}
