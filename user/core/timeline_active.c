// SPDX-License-Identifier: GPL-2.0-only
/* Connections that this host makes: found by the socket's cookie, because the kernel chooses the
 * local port only after the state has changed (tcp_v4_connect).  Pure. */
#include <errno.h>
#include <stddef.h>

#include "timeline_int.h"

static enum outcome outcome_of(uint32_t error)
{
	switch (error) {
	case ECONNREFUSED:
		return OUTCOME_REFUSED;
	case ETIMEDOUT:
		return OUTCOME_TIMED_OUT;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
		return OUTCOME_UNREACHABLE;
	}
	return OUTCOME_ABORTED;
}

static void fail(struct timeline *t, struct slot *slot, uint32_t error, uint64_t now_ns)
{
	slot->story.error = error;
	slot->story.reason = error ? REASON_ERRNO : REASON_NONE;
	timeline_step(t, slot, STEP_FAILED, now_ns, NULL);
	timeline_end(t, slot, outcome_of(error));
}

/* The same socket calls again. */
static void end_last_call(struct timeline *t, struct slot *slot)
{
	if (slot->waiting == WAIT_CALL_RESULT) {
		timeline_end(t, slot, OUTCOME_ABORTED);
		return;
	}
	slot->touched_by_loss = true; /* how the last call ended was not seen */
	timeline_end(t, slot, timeline_outcome_so_far(slot));
}

static void on_connect(struct timeline *t, const union event *ev)
{
	const struct ev_connect *e = &ev->connect;
	struct slot *slot = story_table_by_cookie(t->table, e->cookie);

	if (slot)
		end_last_call(t, slot);
	slot = timeline_begin(t, ROLE_ACTIVE, &e->tuple);
	timeline_set_cookie(t, slot, e->cookie);
	slot->story.process = e->process;
	slot->story.fd = e->fd;
	slot->story.followed = e->hdr.flags & EVF_FOLLOWED;
	timeline_step(t, slot, STEP_CONNECT, e->hdr.time_ns, NULL);
}

static struct slot *connecting(struct timeline *t, uint64_t cookie)
{
	struct slot *slot = story_table_by_cookie(t->table, cookie);

	return slot && slot->story.role == ROLE_ACTIVE ? slot : NULL;
}

/* The kernel has chosen a port by now, unless it was taken from the socket again. */
static struct slot *connecting_now(struct timeline *t, const struct ev_state *e)
{
	struct slot *slot = connecting(t, e->cookie);

	if (slot && e->tuple.lport)
		slot->story.tuple = e->tuple;
	return slot;
}

static void on_connect_state(struct timeline *t, const union event *ev)
{
	const struct ev_state *e = &ev->state;
	struct slot *slot = connecting_now(t, e);

	if (!slot)
		return;
	if (e->new_state == TCP_ESTABLISHED) {
		timeline_step(t, slot, STEP_ESTABLISHED, e->hdr.time_ns, NULL);
		timeline_end(t, slot, OUTCOME_ESTABLISHED);
	} else if (e->new_state == TCP_CLOSE) {
		if (e->error)
			fail(t, slot, e->error, e->hdr.time_ns);
		else
			story_table_wait(t->table, slot, WAIT_CALL_RESULT, e->hdr.time_ns);
	}
}

static void on_syn_retransmit(struct timeline *t, const union event *ev)
{
	const struct ev_state *e = &ev->state;
	struct slot *slot = connecting_now(t, e);

	if (!slot)
		return;
	slot->story.syn_retransmits++;
	timeline_step(t, slot, STEP_SYN_SENT_AGAIN, e->hdr.time_ns, NULL);
}

/* The address that the call named, where no SYN was ever sent. */
static struct slot *begin_unsent(struct timeline *t, const struct ev_call *e)
{
	struct ev_tuple tuple = {.lport = e->local_port, .rport = e->port, .netns = e->netns};
	struct slot *slot;

	__builtin_memcpy(tuple.laddr, e->local_addr, 16);
	__builtin_memcpy(tuple.raddr, e->addr, 16);
	slot = timeline_begin(t, ROLE_ACTIVE, &tuple);
	slot->story.process = e->process;
	slot->story.fd = e->fd;
	slot->story.followed = e->hdr.flags & EVF_FOLLOWED;
	timeline_step(t, slot, STEP_CONNECT, e->hdr.time_ns, NULL);
	return slot;
}

/* What connect() returned.  Most failures have been told by the state change before. */
static void on_call(struct timeline *t, const union event *ev)
{
	const struct ev_call *e = &ev->call;
	struct slot *slot = connecting(t, e->cookie);

	if (e->call != CALL_CONNECT)
		return;
	switch (-e->result) {
	case 0:
	case EINPROGRESS:
	case EALREADY:
	case EISCONN:
	case EINTR:
		if (slot && !slot->story.tuple.lport)
			slot->story.tuple.lport = e->local_port;
		return;
	}
	if (slot && slot->waiting == WAIT_CALL_RESULT)
		fail(t, slot, -e->result, slot->waiting_since_ns);
	else if (!slot && !e->cookie && e->addr_family)
		fail(t, begin_unsent(t, e), -e->result, e->hdr.time_ns);
}

static const timeline_on_fn handlers[] = {
	[EV_CONNECT] = on_connect,
	[EV_CONNECT_STATE] = on_connect_state,
	[EV_SYN_RETRANSMIT] = on_syn_retransmit,
	[EV_CALL] = on_call,
};

timeline_on_fn timeline_active(uint8_t kind)
{
	return kind < sizeof(handlers) / sizeof(handlers[0]) ? handlers[kind] : NULL;
}
