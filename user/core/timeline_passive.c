// SPDX-License-Identifier: GPL-2.0-only
/* Connections that come to a listener, from the SYN to the accept queue.  Pure. */
#include <string.h>

#include "timeline_int.h"

/* struct ev_drop.tcp_flags */
#define FLAG_SYN 2
#define FLAG_ACK 16

struct slot *timeline_find(struct timeline *t, const struct ev_tuple *tuple, uint64_t cookie)
{
	struct slot *slot = story_table_by_cookie(t->table, cookie);

	if (slot)
		return slot->story.role == ROLE_PASSIVE ? slot : NULL;
	slot = story_table_by_tuple(t->table, tuple);
	/* Same tuple, another child: that one has gone without a word. */
	if (slot && cookie && slot->story.cookie && slot->story.cookie != cookie) {
		timeline_supersede(t, slot);
		slot = NULL;
	}
	return slot;
}

struct slot *timeline_get(struct timeline *t, const struct ev_tuple *tuple, uint64_t cookie)
{
	struct slot *slot = timeline_find(t, tuple, cookie);

	if (slot || t->late)
		return slot;
	return timeline_begin(t, ROLE_PASSIVE, tuple);
}

bool timeline_answered(const struct slot *slot)
{
	const struct story *s = &slot->story;

	return slot->in_synq || s->cookie || story_step(s, STEP_SYNACK) ||
	       story_step(s, STEP_SYNACK_RETRANSMIT) || story_step(s, STEP_QUEUED);
}

void timeline_supersede(struct timeline *t, struct slot *slot)
{
	if (slot->story.cookie) {
		story_table_unindex_tuple(t->table, slot);
		return;
	}
	slot->touched_by_loss = true;
	timeline_end(t, slot, timeline_outcome_so_far(slot));
}

void timeline_seen(struct queue_seen *to, uint32_t depth, const struct ev_queues *q)
{
	if (q->cookie)
		*to = (struct queue_seen){depth, q->limit};
}

/* tcp_conn_request: in this order, with what it compares. */
static enum story_reason syn_verdict(const struct ev_syn *e)
{
	const struct ev_queues *q = &e->queues;

	if (!e->syncookies && q->synq > q->limit)
		return REASON_SYN_QUEUE_FULL;
	if (q->acceptq > q->limit)
		return REASON_ACCEPT_QUEUE_FULL;
	if (!e->syncookies && (int)(e->max_syn_backlog - q->synq) < (int)(e->max_syn_backlog >> 2))
		return REASON_SYN_QUEUE_LAST_QUARTER;
	return REASON_NONE;
}

static struct attempt *try_of(struct timeline *t, const struct ev_tuple *tuple, uint32_t seq)
{
	uint64_t w[5], key = seq;

	memcpy(w, tuple, sizeof(w));
	for (int i = 0; i < 5; i++)
		key = (key ^ w[i]) * 0x9e3779b97f4a7c15ULL, key ^= key >> 29;
	struct attempt *try = &t->tries[key % TRIES];

	if (try->key != key)
		*try = (struct attempt){key, 0};
	t->tried = true;
	return try;
}

void timeline_drop_syn(struct timeline *t, struct slot *slot, uint64_t now_ns)
{
	struct story *s = &slot->story;

	s->reason = slot->suspect;
	if (s->has_seq)
		try_of(t, &s->tuple, s->tcp_seq)->cnt++;
	timeline_step(t, slot, STEP_SYN_DROPPED, now_ns, NULL);
	timeline_end(t, slot, OUTCOME_SYN_DROPPED);
}

/* tcp_conn_request counts every SYN that it drops; it had not when this one came, if the same
 * listener's count is still what the SYN before it met. */
static bool may_be_dropped(const struct slot *slot, const struct ev_syn *e)
{
	return slot->suspect || e->queues.cookie != slot->story.listener ||
	       e->queues.drops != slot->drops;
}

/*
 * A SYN for a tuple that has a story: is it the same again?  True if it was taken care of, false if
 * a story of its own begins.
 */
static bool syn_again(struct timeline *t, struct slot *slot, const struct ev_syn *e)
{
	struct story *s = &slot->story;

	if (!timeline_answered(slot) && !slot->touched_by_loss) {
		if (may_be_dropped(slot, e)) {
			timeline_drop_syn(t, slot, s->ended_ns);
			return false;
		}
		slot->in_synq = true;
		story_table_wait(t->table, slot, WAIT_NONE, 0);
	}
	/* It stood in the SYN queue when we came: its own SYN was not seen, so this is another try. */
	if (!s->has_seq && timeline_answered(slot) && !s->cookie && !story_step(s, STEP_QUEUED)) {
		s->tcp_seq = e->tcp_seq;
		s->has_seq = true;
	}
	if (s->has_seq && s->tcp_seq == e->tcp_seq) {
		s->syn_retransmits++;
		timeline_step(t, slot, STEP_SYN_REPEATED, e->hdr.time_ns, &e->queues);
		return true;
	}
	/* Reset or timed out while it waited: the child is out of the hash, but accept() will still
	 * return it. */
	if (slot->went == OUTCOME_RESET || slot->went == OUTCOME_EXPIRED) {
		story_table_unindex_tuple(t->table, slot);
		return false;
	}
	/* tcp_check_req: the entry stays, this SYN will be dropped, and the client is asked whether
	 * it means it. */
	if (timeline_answered(slot) && !slot->touched_by_loss && !s->cookie && !s->syncookie &&
	    !slot->shadows)
		return false;
	timeline_supersede(t, slot);
	return false;
}

/* The SYN of a story that began without it: it came late. */
static bool syn_adopted(struct timeline *t, struct slot *slot, const struct ev_syn *e)
{
	struct story *s = &slot->story;

	if (!t->late || s->has_seq || e->hdr.time_ns > story_start_ns(s))
		return false;
	s->tcp_seq = e->tcp_seq;
	s->has_seq = true;
	s->ifindex = e->ifindex;
	timeline_step(t, slot, STEP_SYN, e->hdr.time_ns, &e->queues);
	return true;
}

static void on_syn(struct timeline *t, const union event *ev)
{
	const struct ev_syn *e = &ev->syn;
	struct slot *slot = story_table_by_tuple(t->table, &e->tuple);
	const struct slot *older;
	struct story *s;

	if (slot && (syn_adopted(t, slot, e) || syn_again(t, slot, e)))
		return;
	older = story_table_by_tuple(t->table, &e->tuple);
	slot = timeline_begin(t, ROLE_PASSIVE, &e->tuple);
	slot->shadows = older;
	s = &slot->story;
	s->tcp_seq = e->tcp_seq;
	s->has_seq = true;
	s->ifindex = e->ifindex;
	if (t->tried)
		s->syn_retransmits = try_of(t, &e->tuple, e->tcp_seq)->cnt;
	timeline_seen(&s->synq, e->queues.synq, &e->queues);
	timeline_seen(&s->acceptq, e->queues.acceptq, &e->queues);
	slot->drops = e->queues.drops;
	slot->suspect = syn_verdict(e);
	timeline_step(t, slot, STEP_SYN, e->hdr.time_ns, &e->queues);
	story_table_wait(t->table, slot, slot->suspect ? WAIT_SYNACK_FULL : WAIT_SYNACK,
			 e->hdr.time_ns);
}

static void on_synack(struct timeline *t, const union event *ev)
{
	const struct ev_synack *e = &ev->synack;
	struct slot *slot = timeline_get(t, &e->tuple, 0);
	bool is_cookie = e->hdr.flags & EVF_COOKIE;
	struct story *s;
	bool again;

	if (!slot)
		return;
	s = &slot->story;
	again = story_step(s, STEP_SYNACK) || story_step(s, STEP_SYNACK_RETRANSMIT) ||
		story_step(s, STEP_QUEUED);
	/* Of an entry tcp_retransmit_synack tells.  A cookie leaves no entry; the next SYN may. */
	if (again && (story_step(s, STEP_QUEUED) || !(is_cookie || s->syncookie)))
		return;
	s->syncookie = is_cookie;
	s->fastopen |= !!(e->hdr.flags & EVF_FASTOPEN);
	s->mptcp |= !!(e->hdr.flags & EVF_MPTCP);
	s->synack_retransmits += again;
	/* By now it is one of those in the SYN queue itself, unless it is a cookie. */
	if (!again)
		timeline_seen(&s->synq, e->queues.synq, &e->queues);
	timeline_step(t, slot, again ? STEP_SYNACK_RETRANSMIT : STEP_SYNACK, e->hdr.time_ns,
		      &e->queues);
	story_table_wait(t->table, slot, is_cookie ? WAIT_COOKIE_ACK : WAIT_NONE, e->hdr.time_ns);
}

/* inet_rtx_syn_ack counts those that left: more than were seen means that some were not. */
static void count_synacks(struct slot *slot, uint32_t sent_again)
{
	struct story *s = &slot->story;

	if (s->synack_retransmits >= sent_again)
		return;
	s->synack_retransmits = sent_again;
	slot->touched_by_loss = true;
}

static void on_synack_retransmit(struct timeline *t, const union event *ev)
{
	const struct ev_synack *e = &ev->synack;
	struct slot *slot = timeline_get(t, &e->tuple, 0);

	if (!slot)
		return;
	slot->story.synack_retransmits++;
	count_synacks(slot, e->retrans + 1); /* counted after the tracepoint */
	timeline_step(t, slot, STEP_SYNACK_RETRANSMIT, e->hdr.time_ns, &e->queues);
	story_table_wait(t->table, slot, WAIT_NONE, 0);
}

static enum story_reason reason_of_drop(uint32_t reason)
{
	switch ((enum drop_reason)reason) {
	case DROP_LISTEN_OVERFLOW:
		return REASON_ACCEPT_QUEUE_FULL;
	case DROP_AUTH:
		return REASON_AUTH;
	case DROP_FILTER:
		return REASON_FILTER;
	case DROP_TCP_FLAGS:
		return REASON_TCP_FLAGS;
	case DROP_UNKNOWN:
	case DROP_NOT_SPECIFIED:
	case DROP_NO_SOCKET:
	case DROP_DEFERRED:
		return REASON_NONE;
	}
	return REASON_NONE;
}

static void ack_dropped(struct timeline *t, struct slot *slot, const struct ev_drop *e)
{
	struct story *s = &slot->story;

	s->reason = reason_of_drop(e->reason);
	timeline_seen(&s->acceptq, e->queues.acceptq, &e->queues);
	slot->ack_dropped = true;
	timeline_step(t, slot, STEP_ACK_DROPPED, e->hdr.time_ns, &e->queues);
	story_table_wait(t->table, slot, WAIT_NONE, 0);
	/* Without a SYN-queue entry, or with the client reset, there is no second chance. */
	if (e->hdr.flags & EVF_ABORT || s->syncookie)
		timeline_end(t, slot, OUTCOME_ACK_DROPPED);
}

static void ack_deferred(struct timeline *t, struct slot *slot, const struct ev_drop *e)
{
	if (story_step(&slot->story, STEP_ACK_DEFERRED))
		return;
	timeline_step(t, slot, STEP_ACK_DEFERRED, e->hdr.time_ns, &e->queues);
	story_table_wait(t->table, slot, WAIT_NONE, 0);
}

static void syn_dropped(struct timeline *t, struct slot *slot, const struct ev_drop *e)
{
	/* A SYN said again to an entry that exists is dropped too, as it should be; and when events
	 * were lost, its SYN-ACK may be among them. */
	if (timeline_answered(slot) || slot->touched_by_loss)
		return;
	if (reason_of_drop(e->reason))
		slot->suspect = reason_of_drop(e->reason);
	timeline_drop_syn(t, slot, e->hdr.time_ns);
}

static void on_drop(struct timeline *t, const union event *ev)
{
	const struct ev_drop *e = &ev->drop;
	struct slot *slot = timeline_find(t, &e->tuple, 0);

	if (e->tcp_flags & FLAG_SYN) {
		if (slot && !(e->tcp_flags & FLAG_ACK))
			syn_dropped(t, slot, e);
		return;
	}
	if (slot && (slot->story.cookie || story_step(&slot->story, STEP_QUEUED)))
		return;
	if (e->reason == DROP_LISTEN_OVERFLOW) {
		if (!slot)
			slot = timeline_get(t, &e->tuple, 0);
		if (slot)
			ack_dropped(t, slot, e);
	} else if (slot && e->reason == DROP_DEFERRED) {
		ack_deferred(t, slot, e);
	} else if (slot && reason_of_drop(e->reason)) {
		ack_dropped(t, slot, e);
	}
}

static void on_request_gone(struct timeline *t, const union event *ev)
{
	const struct ev_request_gone *e = &ev->gone;
	bool migrates = e->hdr.flags & EVF_MIGRATE;
	struct slot *slot = timeline_find(t, &e->tuple, 0);

	if (!slot && !migrates)
		slot = timeline_get(t, &e->tuple, 0);
	if (!slot || slot->story.cookie || story_step(&slot->story, STEP_QUEUED))
		return;
	count_synacks(slot, e->retrans);
	if (migrates) {
		/* reqsk_timer_handler: another listener may have taken it over, silently. */
		story_table_wait(t->table, slot, WAIT_MIGRATION, e->hdr.time_ns);
		return;
	}
	switch ((enum gone_reason)e->reason) {
	case GONE_EXPIRED:
		timeline_step(t, slot, STEP_EXPIRED, e->hdr.time_ns, &e->queues);
		timeline_end(t, slot, slot->ack_dropped ? OUTCOME_ACK_DROPPED : OUTCOME_EXPIRED);
		return;
	case GONE_RESET:
		timeline_step(t, slot, STEP_RESET, e->hdr.time_ns, &e->queues);
		timeline_end(t, slot, OUTCOME_RESET);
		return;
	case GONE_LISTENER_CLOSED:
		timeline_step(t, slot, STEP_LISTENER_CLOSED, e->hdr.time_ns, NULL);
		timeline_end(t, slot, OUTCOME_LISTENER_CLOSED);
		return;
	}
}

static void on_refused(struct timeline *t, const union event *ev)
{
	const struct ev_refused *e = &ev->refused;
	struct slot *slot = story_table_by_tuple(t->table, &e->tuple);
	struct attempt *try = try_of(t, &e->tuple, e->tcp_seq);

	if (slot)
		timeline_supersede(t, slot);
	slot = timeline_begin(t, ROLE_PASSIVE, &e->tuple);
	slot->story.ifindex = e->ifindex;
	slot->story.syn_retransmits = try->cnt++;
	timeline_step(t, slot, STEP_SYN, e->hdr.time_ns, NULL);
	timeline_step(t, slot, STEP_REFUSED, e->hdr.time_ns, NULL);
	timeline_end(t, slot, OUTCOME_REFUSED);
}

static const timeline_on_fn handlers[] = {
	[EV_SYN] = on_syn,
	[EV_SYNACK] = on_synack,
	[EV_SYNACK_RETRANSMIT] = on_synack_retransmit,
	[EV_DROP] = on_drop,
	[EV_REQUEST_GONE] = on_request_gone,
	[EV_REFUSED] = on_refused,
};

timeline_on_fn timeline_passive(uint8_t kind)
{
	return kind < sizeof(handlers) / sizeof(handlers[0]) ? handlers[kind] : NULL;
}
