// SPDX-License-Identifier: GPL-2.0-only
/* Connections that come to a listener: what each kind of event means to their story.  Pure. */
#include <string.h>

#include "timeline_int.h"

/* The story this event belongs to; one that began before we looked begins here, incomplete. */
static struct slot *passive(struct timeline *t, const struct ev_tuple *tuple, uint64_t cookie)
{
	struct slot *slot = story_table_by_cookie(t->table, cookie);

	if (slot)
		return slot;
	slot = story_table_by_tuple(t->table, tuple);
	/* Same tuple, another child: that one has gone without a word. */
	if (slot && cookie && slot->story.cookie && slot->story.cookie != cookie) {
		story_table_unindex_tuple(t->table, slot);
		slot = NULL;
	}
	return slot ? slot : timeline_begin(t, ROLE_PASSIVE, tuple);
}

static bool answered(const struct story *s)
{
	return story_step(s, STEP_SYNACK) || story_step(s, STEP_SYNACK_RETRANSMIT) ||
	       story_step(s, STEP_QUEUED);
}

static void seen(struct queue_seen *to, uint32_t depth, const struct ev_queues *q)
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

static struct try *try_of(struct timeline *t, const struct ev_tuple *tuple, uint32_t seq)
{
	uint64_t w[5], key = seq;

	memcpy(w, tuple, sizeof(w));
	for (int i = 0; i < 5; i++)
		key = (key ^ w[i]) * 0x9e3779b97f4a7c15ULL, key ^= key >> 29;
	struct try *try = &t->tries[key % TRIES];

	if (try->key != key)
		*try = (struct try){key, 0};
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

/* A SYN for a tuple that has a story: is it the same again?  True if it was taken care of. */
static bool syn_again(struct timeline *t, struct slot *slot, const struct ev_syn *e)
{
	struct story *s = &slot->story;
	bool same = s->has_seq && s->tcp_seq == e->tcp_seq;

	if (!answered(s) && !slot->touched_by_loss) {
		timeline_drop_syn(t, slot, s->ended_ns);
		return false;
	}
	if (same) {
		s->syn_retransmits++;
		timeline_step(t, slot, STEP_SYN_REPEATED, e->hdr.time_ns, &e->queues);
		return true;
	}
	/* Reset while it waited: the child is out of the hash, but accept() will still return it. */
	if (slot->went == OUTCOME_RESET) {
		story_table_unindex_tuple(t->table, slot);
		return false;
	}
	slot->touched_by_loss = true;
	timeline_end(t, slot, slot->went);
	return false;
}

static void on_syn(struct timeline *t, const union event *ev)
{
	const struct ev_syn *e = &ev->syn;
	struct slot *slot = story_table_by_tuple(t->table, &e->tuple);
	struct story *s;

	if (slot && syn_again(t, slot, e))
		return;
	slot = timeline_begin(t, ROLE_PASSIVE, &e->tuple);
	s = &slot->story;
	s->tcp_seq = e->tcp_seq;
	s->has_seq = true;
	s->ifindex = e->ifindex;
	s->syn_retransmits = try_of(t, &e->tuple, e->tcp_seq)->cnt;
	seen(&s->synq, e->queues.synq, &e->queues);
	seen(&s->acceptq, e->queues.acceptq, &e->queues);
	slot->suspect = syn_verdict(e);
	timeline_step(t, slot, STEP_SYN, e->hdr.time_ns, &e->queues);
	story_table_wait(t->table, slot, slot->suspect ? WAIT_SYNACK_FULL : WAIT_SYNACK,
			 e->hdr.time_ns);
}

static void on_synack(struct timeline *t, const union event *ev)
{
	const struct ev_synack *e = &ev->synack;
	struct slot *slot = passive(t, &e->tuple, 0);
	struct story *s = &slot->story;
	bool again = answered(s);

	if (again && !(e->hdr.flags & EVF_COOKIE))
		return; /* tcp_retransmit_synack tells of it */
	s->syncookie |= !!(e->hdr.flags & EVF_COOKIE);
	s->fastopen |= !!(e->hdr.flags & EVF_FASTOPEN);
	s->mptcp |= !!(e->hdr.flags & EVF_MPTCP);
	s->synack_retransmits += again;
	/* By now it is one of those in the SYN queue itself, unless it is a cookie. */
	if (!again)
		seen(&s->synq, e->queues.synq, &e->queues);
	timeline_step(t, slot, again ? STEP_SYNACK_RETRANSMIT : STEP_SYNACK, e->hdr.time_ns, &e->queues);
	story_table_wait(t->table, slot, s->syncookie ? WAIT_COOKIE_ACK : WAIT_NONE,
			 e->hdr.time_ns);
}

static void on_synack_retransmit(struct timeline *t, const union event *ev)
{
	const struct ev_synack *e = &ev->synack;
	struct slot *slot = passive(t, &e->tuple, 0);
	struct story *s = &slot->story;

	/* inet_rtx_syn_ack counts after the tracepoint. */
	s->synack_retransmits++;
	if (s->synack_retransmits < e->retrans + 1)
		s->synack_retransmits = e->retrans + 1;
	timeline_step(t, slot, STEP_SYNACK_RETRANSMIT, e->hdr.time_ns, &e->queues);
	story_table_wait(t->table, slot, WAIT_NONE, 0);
}

static void on_queued(struct timeline *t, const union event *ev)
{
	const struct ev_queued *e = &ev->queued;
	struct slot *slot = passive(t, &e->tuple, e->cookie);
	struct story *s = &slot->story;

	if (story_step(s, STEP_QUEUED)) {
		timeline_step(t, slot, STEP_ESTABLISHED, e->hdr.time_ns, NULL);
		return; /* Fast Open: it was queued before its handshake ended */
	}
	timeline_set_cookie(t, slot, e->cookie);
	seen(&s->acceptq, e->queues.acceptq, &e->queues);
	slot->ack_dropped = false;
	s->reason = REASON_NONE;
	timeline_step(t, slot, STEP_QUEUED, e->hdr.time_ns, &e->queues);
	story_table_wait(t->table, slot, WAIT_NONE, 0);
}

static void on_accepted(struct timeline *t, const union event *ev)
{
	const struct ev_accepted *e = &ev->accepted;
	struct slot *slot = story_table_by_cookie(t->table, e->cookie);
	struct story *s;

	if (!slot && e->hdr.flags & EVF_UNSURE)
		return;
	if (!slot)
		slot = passive(t, &e->tuple, e->cookie);
	s = &slot->story;
	timeline_set_cookie(t, slot, e->cookie);
	s->process = e->process;
	s->fd = e->fd;
	s->io_uring = e->hdr.flags & EVF_IOURING;
	s->direct = e->hdr.flags & EVF_DIRECT;
	s->followed = e->hdr.flags & EVF_FOLLOWED;
	s->mptcp |= !!(e->hdr.flags & EVF_MPTCP);
	timeline_step(t, slot, STEP_ACCEPTED, e->hdr.time_ns, NULL);
	timeline_end(t, slot, slot->went == OUTCOME_OPEN ? OUTCOME_ACCEPTED : slot->went);
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
	seen(&s->acceptq, e->queues.acceptq, &e->queues);
	slot->ack_dropped = true;
	timeline_step(t, slot, STEP_ACK_DROPPED, e->hdr.time_ns, &e->queues);
	/* Without a SYN-queue entry, or with the client reset, there is no second chance. */
	if (e->hdr.flags & EVF_ABORT || s->syncookie)
		timeline_end(t, slot, OUTCOME_ACK_DROPPED);
}

static void on_drop(struct timeline *t, const union event *ev)
{
	const struct ev_drop *e = &ev->drop;
	struct slot *slot = story_table_by_tuple(t->table, &e->tuple);

	if (e->tcp_flags & 2) { /* SYN */
		/* A SYN said again to an entry that exists is dropped too, as it should be. */
		if (!slot || answered(&slot->story))
			return;
		if (reason_of_drop(e->reason))
			slot->suspect = reason_of_drop(e->reason);
		timeline_drop_syn(t, slot, e->hdr.time_ns);
		return;
	}
	if (slot && story_step(&slot->story, STEP_QUEUED))
		return;
	if (e->reason == DROP_LISTEN_OVERFLOW)
		ack_dropped(t, slot ? slot : passive(t, &e->tuple, 0), e);
	else if (slot && e->reason == DROP_DEFERRED) {
		if (!story_step(&slot->story, STEP_ACK_DEFERRED))
			timeline_step(t, slot, STEP_ACK_DEFERRED, e->hdr.time_ns, &e->queues);
	} else if (slot && reason_of_drop(e->reason))
		ack_dropped(t, slot, e);
}

static void on_request_gone(struct timeline *t, const union event *ev)
{
	const struct ev_request_gone *e = &ev->gone;
	struct slot *slot;

	if (e->hdr.flags & EVF_MIGRATE)
		return; /* another listener may have taken it over */
	slot = passive(t, &e->tuple, 0);
	if (story_step(&slot->story, STEP_QUEUED))
		return;
	if (slot->story.synack_retransmits < e->retrans)
		slot->story.synack_retransmits = e->retrans;
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

static void on_child_state(struct timeline *t, const union event *ev)
{
	const struct ev_state *e = &ev->state;
	struct slot *slot = passive(t, &e->tuple, e->cookie);

	timeline_set_cookie(t, slot, e->cookie);
	if (e->new_state == TCP_CLOSE_WAIT) {
		slot->went = OUTCOME_CLOSED;
		timeline_step(t, slot, STEP_CLOSED, e->hdr.time_ns, NULL);
	} else if (e->error) {
		/* tcp_reset sets sk_err first; accept() will return this child all the same. */
		slot->went = OUTCOME_RESET;
		slot->story.error = e->error;
		timeline_step(t, slot, STEP_RESET, e->hdr.time_ns, NULL);
	} else {
		/* inet_csk_listen_stop disconnects each child, with no error yet. */
		timeline_step(t, slot, STEP_LISTENER_CLOSED, e->hdr.time_ns, NULL);
		timeline_end(t, slot, OUTCOME_LISTENER_CLOSED);
	}
}

static void on_refused(struct timeline *t, const union event *ev)
{
	const struct ev_refused *e = &ev->refused;
	struct slot *slot = story_table_by_tuple(t->table, &e->tuple);
	struct try *try = try_of(t, &e->tuple, e->tcp_seq);

	if (slot)
		story_table_unindex_tuple(t->table, slot);
	slot = timeline_begin(t, ROLE_PASSIVE, &e->tuple);
	slot->story.ifindex = e->ifindex;
	slot->story.syn_retransmits = try->cnt++;
	timeline_step(t, slot, STEP_SYN, e->hdr.time_ns, NULL);
	timeline_step(t, slot, STEP_REFUSED, e->hdr.time_ns, NULL);
	timeline_end(t, slot, OUTCOME_REFUSED);
}

/* A listener closes: its SYN queue dies silently, and so do children that the client has reset. */
static void on_unlisten(struct timeline *t, const union event *ev)
{
	const struct ev_listen *e = &ev->listen;
	struct slot *slot, *next;

	if (e->hdr.flags & EVF_MIGRATE || !e->queues.cookie)
		return;
	for (slot = story_table_oldest(t->table); slot; slot = next) {
		bool queued = story_step(&slot->story, STEP_QUEUED);

		next = story_table_younger(t->table, slot);
		if (slot->story.listener != e->queues.cookie || !answered(&slot->story))
			continue;
		if (queued && slot->went != OUTCOME_RESET)
			continue; /* its own state change follows */
		if (!queued)
			timeline_step(t, slot, STEP_LISTENER_CLOSED, e->hdr.time_ns, NULL);
		timeline_end(t, slot, queued ? OUTCOME_RESET : OUTCOME_LISTENER_CLOSED);
	}
}

static const timeline_on_fn handlers[] = {
	[EV_SYN] = on_syn,
	[EV_SYNACK] = on_synack,
	[EV_SYNACK_RETRANSMIT] = on_synack_retransmit,
	[EV_QUEUED] = on_queued,
	[EV_ACCEPTED] = on_accepted,
	[EV_DROP] = on_drop,
	[EV_REQUEST_GONE] = on_request_gone,
	[EV_CHILD_STATE] = on_child_state,
	[EV_REFUSED] = on_refused,
	[EV_UNLISTEN] = on_unlisten,
};

timeline_on_fn timeline_passive(uint8_t kind)
{
	return kind < sizeof(handlers) / sizeof(handlers[0]) ? handlers[kind] : NULL;
}
