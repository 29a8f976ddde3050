// SPDX-License-Identifier: GPL-2.0-only
/* Connections in the accept queue: how they get there, what becomes of them there, and how they
 * leave it.  Pure. */
#include <errno.h>
#include <stddef.h>

#include "timeline_int.h"

static void on_queued(struct timeline *t, const union event *ev)
{
	const struct ev_queued *e = &ev->queued;
	struct slot *slot = timeline_get(t, &e->tuple, e->cookie);
	bool early = e->hdr.flags & EVF_FASTOPEN;
	struct story *s;

	if (!slot)
		return;
	s = &slot->story;
	if (story_step(s, STEP_QUEUED)) {
		timeline_step(t, slot, STEP_ESTABLISHED, e->hdr.time_ns, NULL);
		return; /* Fast Open: it was queued before its handshake ended */
	}
	if (s->fastopen && !early)
		slot->touched_by_loss = true;
	s->fastopen |= early;
	timeline_set_cookie(t, slot, e->cookie);
	timeline_seen(&s->acceptq, e->queues.acceptq, &e->queues);
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

	if (e->hdr.flags & EVF_UNSURE && (!slot || slot->story.role != ROLE_PASSIVE))
		return;
	slot = timeline_find(t, &e->tuple, e->cookie);
	if (!slot) /* that it was accepted is so, however late it is told */
		slot = timeline_begin(t, ROLE_PASSIVE, &e->tuple);
	s = &slot->story;
	timeline_set_cookie(t, slot, e->cookie);
	s->process = e->process;
	if (e->fd >= 0) {
		s->fd = e->fd;
	} else {
		slot->went = OUTCOME_CLOSED;
		s->reason = REASON_ERRNO;
		s->error = -e->fd;
	}
	s->io_uring = e->hdr.flags & EVF_IOURING;
	s->direct = e->hdr.flags & EVF_DIRECT;
	s->followed = e->hdr.flags & EVF_FOLLOWED;
	s->mptcp |= !!(e->hdr.flags & EVF_MPTCP);
	timeline_step(t, slot, STEP_ACCEPTED, e->hdr.time_ns, NULL);
	timeline_end(t, slot, slot->went == OUTCOME_OPEN ? OUTCOME_ACCEPTED : slot->went);
}

/* tcp_reset, tcp_write_err: sk_err is set first; accept() will return this child all the same. */
static void child_failed(struct timeline *t, struct slot *slot, const struct ev_state *e)
{
	bool timed_out = e->error == ETIMEDOUT;

	slot->went = timed_out ? OUTCOME_EXPIRED : OUTCOME_RESET;
	slot->story.error = e->error;
	timeline_step(t, slot, timed_out ? STEP_EXPIRED : STEP_RESET, e->hdr.time_ns, NULL);
}

/* Most ends of a child are told twice (bpf/state.bpf.h). */
static bool is_known(const struct slot *slot, uint8_t state)
{
	if (state == TCP_CLOSE_WAIT)
		return slot->went != OUTCOME_OPEN;
	return slot->went == OUTCOME_RESET;
}

/* It is part of another connection, which is accepted for it: there is no more to be told. */
static void joined(struct timeline *t, const struct ev_state *e)
{
	struct slot *slot = timeline_find(t, &e->tuple, e->cookie);

	if (slot && !story_step(&slot->story, STEP_QUEUED))
		story_table_remove(t->table, slot);
}

static void on_child_state(struct timeline *t, const union event *ev)
{
	const struct ev_state *e = &ev->state;
	struct slot *slot;

	if (e->new_state == TCP_ESTABLISHED)
		joined(t, e);
	if (e->new_state != TCP_CLOSE && e->new_state != TCP_CLOSE_WAIT)
		return;
	slot = timeline_get(t, &e->tuple, e->cookie);
	if (!slot)
		return;
	timeline_set_cookie(t, slot, e->cookie);
	story_table_wait(t->table, slot, WAIT_NONE, 0);
	if (is_known(slot, e->new_state))
		return;
	if (e->new_state == TCP_CLOSE_WAIT) {
		slot->went = OUTCOME_CLOSED;
		timeline_step(t, slot, STEP_CLOSED, e->hdr.time_ns, NULL);
	} else if (e->error) {
		child_failed(t, slot, e);
	} else {
		/* inet_csk_listen_stop disconnects each child, with no error yet. */
		timeline_step(t, slot, STEP_LISTENER_CLOSED, e->hdr.time_ns, NULL);
		timeline_end(t, slot, OUTCOME_LISTENER_CLOSED);
	}
}

static void lose_listener(struct timeline *t, struct slot *slot, uint64_t now_ns)
{
	bool is_child = slot->story.cookie || story_step(&slot->story, STEP_QUEUED);

	if (slot->went == OUTCOME_RESET || slot->went == OUTCOME_EXPIRED) {
		timeline_end(t, slot, slot->went);
	} else if (!is_child) { /* a child's own state change follows */
		timeline_step(t, slot, STEP_LISTENER_CLOSED, now_ns, NULL);
		timeline_end(t, slot, OUTCOME_LISTENER_CLOSED);
	}
}

/* A listener closes: its SYN queue dies silently, and so do children that are closed already. */
static void on_unlisten(struct timeline *t, const union event *ev)
{
	const struct ev_listen *e = &ev->listen;
	struct slot *slot, *next;

	if (e->hdr.flags & EVF_MIGRATE || !e->queues.cookie)
		return;
	for (slot = story_table_oldest(t->table); slot; slot = next) {
		next = story_table_younger(t->table, slot);
		if (slot->story.listener == e->queues.cookie && timeline_answered(slot))
			lose_listener(t, slot, e->hdr.time_ns);
	}
}

static const timeline_on_fn handlers[] = {
	[EV_QUEUED] = on_queued,
	[EV_ACCEPTED] = on_accepted,
	[EV_CHILD_STATE] = on_child_state,
	[EV_UNLISTEN] = on_unlisten,
};

timeline_on_fn timeline_child(uint8_t kind)
{
	return kind < sizeof(handlers) / sizeof(handlers[0]) ? handlers[kind] : NULL;
}
