/* SPDX-License-Identifier: GPL-2.0-only */
/* Counted where a handshake ends: children that come into the accept queue, and ACKs for which it
 * has no room. */
#ifndef SOCKLINE_COUNT_CHILD_BPF_H
#define SOCKLINE_COUNT_CHILD_BPF_H

static __always_inline void count_handshake(struct counters_row *row, const struct met *met,
					    u64 now)
{
	/* The segment that ends a handshake begins right behind its SYN. */
	u64 key = handshake_key(met->key, met->seg.seq - 1);
	struct syn_slot *slot = syn_slot_of(key);

	if (!slot || slot->mark != handshake_mark(key)) {
		row->n[COUNT_UNTIMED_HANDSHAKE]++;
		return;
	}
	slot->mark = 0;
	hist_add(&row->handshake, (u64)((u32)(now >> TICK_BITS) - slot->ticks) << TICK_BITS);
}

/* acceptq: with this child.  What is thrown away from now on is not this segment. */
static __always_inline void count_queued(struct met *met, u32 acceptq)
{
	struct counters_row *row = row_of(met->cookie);
	bool fastopen = met->seg.flags & TCP_SYN;
	u64 now = bpf_ktime_get_ns();

	met->counting = 0;
	if (!row)
		return;
	wait_begin(handshake_key(met->key, fastopen ? 0 : met->seg.ack), met->cookie, now);
	row->last_queued_ns = now;
	row->n[COUNT_QUEUED]++;
	row_peak(&row->acceptq_peak, acceptq);
	row_peak(&row->synq_peak, met->synq);
	/* Fast Open: the child is made by the SYN itself, and ends its handshake in the queue or beyond. */
	if (!fastopen)
		count_handshake(row, met, now);
}

/* The listener is told of a child right after it was put in the queue (tcp_child_process; with Fast
 * Open tcp_conn_request), and of a subflow that joins, which was not. */
static __always_inline void count_ready(struct sock *listener)
{
	struct met *met = met_get();

	if (!met || !met->counting || met->joins || met->listener != (u64)listener)
		return;
	if (met->seg.flags & TCP_SYN)
		count_answer(met, COUNT_SYNACK);
	count_queued(met, listener->sk_ack_backlog);
}

static __always_inline u32 queue_depth(const struct met *met)
{
	struct sock *listener = (struct sock *)met->listener;

	return READ(listener, sk_ack_backlog);
}

static __always_inline void count_made(void)
{
	struct met *met = met_get();

	if (!met || !met->counting || !(met->seg.flags & TCP_SYN))
		return;
	count_answer(met, COUNT_SYNACK);
	count_queued(met, queue_depth(met) + 1);
}

static __always_inline void count_established(struct sock *child)
{
	struct met *met = met_get();
	struct ev_tuple tuple;

	if (!met || !met->counting || met->seg.flags & TCP_SYN)
		return;
	tuple_fill(&tuple, child, true);
	if (tuple_equal(&tuple, &met->seg.tuple))
		count_queued(met, queue_depth(met));
}

/* Before 6.3, where no listener is heard to be told. */
static __always_inline void count_change(struct sock *sk, int from, int to)
{
	if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED) {
		if (sock_waits(sk))
			count_established(sk);
	} else if (from == TCP_LISTEN && to == TCP_SYN_RECV) {
		count_made();
	} else if (from == TCP_LISTEN || to == TCP_LISTEN) {
		__sync_fetch_and_add(&host.changes, 1);
	}
}

/* tcp_v4_syn_recv_sock: before 6.16 an overflow has no reason of its own. */
static __always_inline bool is_overflow(s32 reason, struct sock *listener)
{
	if (reason == config.drop_reason[DROP_LISTEN_OVERFLOW])
		return true;
	if (reason != config.drop_reason[DROP_NOT_SPECIFIED] &&
	    reason != config.drop_reason[DROP_NO_SOCKET])
		return false;
	return READ(listener, sk_ack_backlog) > READ(listener, sk_max_ack_backlog);
}

/* enum counter, or 0: no loss.  A reset is meant to vanish; an ACK without a request behind it is
 * answered with a reset; TCP_DEFER_ACCEPT throws a bare ACK away (tcp_check_req) and waits. */
static __always_inline u32 drop_kind(const struct met *met, s32 reason)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)met->listener;

	if (met->seg.flags & TCP_RST || met->told)
		return 0;
	if (met->seg.flags & TCP_SYN)
		return COUNT_DROP_OTHER;
	if (is_overflow(reason, (struct sock *)met->listener))
		return COUNT_DROP_ACK_ACCEPTQ;
	if (reason == config.drop_reason[DROP_TCP_FLAGS] ||
	    reason == config.drop_reason[DROP_NO_SOCKET])
		return 0;
	if (reason == config.drop_reason[DROP_NOT_SPECIFIED] &&
	    BPF_CORE_READ(icsk, icsk_accept_queue.rskq_defer_accept))
		return 0;
	return COUNT_DROP_OTHER;
}

static __always_inline void count_drop(struct met *met, s32 reason)
{
	struct counters_row *row;
	u32 kind;

	met->counting = 0;
	kind = drop_kind(met, reason);
	row = kind ? row_of(met->cookie) : NULL;
	if (row && kind < COUNTERS_CNT)
		row->n[kind]++;
}

#endif
