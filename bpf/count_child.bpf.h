/* SPDX-License-Identifier: GPL-2.0-only */
/* Counted where a handshake ends: children that come into the accept queue, and ACKs for which it
 * has no room. */
#ifndef SOCKLINE_COUNT_CHILD_BPF_H
#define SOCKLINE_COUNT_CHILD_BPF_H

/* A child that waits for accept().  The slot is its cookie's: cookies are handed out in sequence,
 * so that two that wait at the same time meet in a slot only when WAIT_SLOTS others came in
 * between. */
struct wait_slot {
	u64 child;    /* cookie; 0: free */
	u64 listener; /* cookie */
	u64 time_ns;
};

#define WAIT_SLOTS 65536

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WAIT_SLOTS);
	__type(key, u32);
	__type(value, struct wait_slot);
} waits SEC(".maps");

static __always_inline struct wait_slot *wait_slot_of(u64 child)
{
	u32 i = (child ^ child >> 16) & (WAIT_SLOTS - 1);

	return bpf_map_lookup_elem(&waits, &i);
}

static __always_inline void count_handshake(struct counters_row *row, const struct met *met)
{
	/* The segment that ends a handshake begins right behind its SYN. */
	u64 key = handshake_key(&met->seg.tuple, met->seg.seq - 1);
	struct syn_slot *slot = syn_slot_of(key);

	if (!slot || slot->mark != handshake_mark(key)) {
		row->n[COUNT_UNTIMED_HANDSHAKE]++;
		return;
	}
	slot->mark = 0;
	hist_add(&row->handshake, (u32)((u32)(met->time_ns / 1000) - slot->time_us) * 1000ULL);
}

/* to_come: it is being put in the queue, but not counted in yet. */
static __always_inline struct counters_row *count_queued(struct sock *child, struct met *met,
							 u32 to_come)
{
	struct sock *listener = (struct sock *)met->listener;
	struct counters_row *row = row_of(met->cookie);
	u64 key = bpf_get_socket_cookie(child);
	struct wait_slot *slot = wait_slot_of(key);

	if (!row || !slot)
		return NULL;
	if (slot->child)
		__sync_fetch_and_add(&host.waits_full, 1);
	slot->child = key;
	slot->listener = met->cookie;
	slot->time_ns = bpf_ktime_get_ns();
	row->last_queued_ns = slot->time_ns;
	row->n[COUNT_QUEUED]++;
	met->counting = 0; /* what is thrown away from now on is not this segment */
	row_peak(&row->acceptq_peak, BPF_CORE_READ(listener, sk_ack_backlog) + to_come);
	return row;
}

/* Fast Open: the child is made by the SYN itself, and ends its handshake in the queue or beyond. */
static __always_inline void count_made(struct sock *child)
{
	struct met *met = met_get();

	if (!met || !met->counting || !(met->seg.flags & TCP_SYN))
		return;
	count_answer(met, COUNT_SYNACK);
	count_queued(child, met, 1);
}

static __always_inline void count_established(struct sock *child)
{
	struct met *met = met_get();
	struct counters_row *row;
	struct ev_tuple tuple;

	if (!met || !met->counting || met->seg.flags & TCP_SYN)
		return;
	tuple_fill(&tuple, child, true);
	if (!tuple_equal(&tuple, &met->seg.tuple))
		return;
	row = count_queued(child, met, 0);
	if (row)
		count_handshake(row, met);
}

static __always_inline void count_change(struct sock *sk, int from, int to)
{
	if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED) {
		if (sock_waits(sk))
			count_established(sk);
	} else if (from == TCP_LISTEN && to == TCP_SYN_RECV) {
		count_made(sk);
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
	return BPF_CORE_READ(listener, sk_ack_backlog) >
	       BPF_CORE_READ(listener, sk_max_ack_backlog);
}

/* enum counter, or 0: no loss.  A reset is meant to vanish; an ACK without a request behind it is
 * answered with a reset; TCP_DEFER_ACCEPT throws a bare ACK away (tcp_check_req) and waits. */
static __always_inline u32 drop_kind(const struct met *met, s32 reason)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)met->listener;

	if (met->seg.flags & TCP_RST || met->drop)
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
