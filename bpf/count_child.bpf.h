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

static __always_inline void count_handshake(struct counters_row *row, const struct hand *hand)
{
	/* The segment that ends a handshake begins right behind its SYN. */
	u64 key = handshake_key(&hand->seg.tuple, hand->seg.seq - 1);
	struct syn_slot *slot = syn_slot_of(key);

	if (!slot || slot->mark != handshake_mark(key)) {
		row->n[COUNT_UNTIMED_HANDSHAKE]++;
		return;
	}
	slot->mark = 0;
	hist_add(&row->handshake, (u32)((u32)(hand->time_ns / 1000) - slot->time_us) * 1000ULL);
}

/* to_come: it is being put in the queue, but not counted in yet. */
static __always_inline struct counters_row *count_queued(struct sock *child, struct hand *hand,
							 u32 to_come)
{
	struct sock *listener = (struct sock *)hand->listener;
	struct counters_row *row = row_of(hand->cookie);
	u64 key = bpf_get_socket_cookie(child);
	struct wait_slot *slot = wait_slot_of(key);

	if (!row || !slot)
		return NULL;
	if (slot->child)
		__sync_fetch_and_add(&host.waits_full, 1);
	slot->child = key;
	slot->listener = hand->cookie;
	slot->time_ns = bpf_ktime_get_ns();
	row->last_queued_ns = slot->time_ns;
	row->n[COUNT_QUEUED]++;
	hand->armed = 0; /* what is thrown away from now on is not this segment */
	row_peak(&row->acceptq_peak, BPF_CORE_READ(listener, sk_ack_backlog) + to_come);
	return row;
}

/* Fast Open: the child is made by the SYN itself, and ends its handshake in the queue or beyond. */
static __always_inline void count_made(struct sock *child)
{
	struct hand *hand = hand_get();

	if (!hand || !hand->armed || !(hand->seg.flags & TCP_SYN))
		return;
	count_answer(hand, COUNT_SYNACK);
	count_queued(child, hand, 1);
}

static __always_inline void count_established(struct sock *child)
{
	struct hand *hand = hand_get();
	struct counters_row *row;
	struct ev_tuple tuple;

	if (!hand || !hand->armed || hand->seg.flags & TCP_SYN)
		return;
	tuple_fill(&tuple, child, true);
	if (!tuple_equal(&tuple, &hand->seg.tuple))
		return;
	row = count_queued(child, hand, 0);
	if (row)
		count_handshake(row, hand);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int from, int to)
{
	if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED) {
		if (sk->sk_protocol == IPPROTO_TCP && sock_waits(sk))
			count_established(sk);
	} else if (from == TCP_LISTEN && to == TCP_SYN_RECV) {
		count_made(sk);
	} else if (from == TCP_LISTEN || to == TCP_LISTEN) {
		__sync_fetch_and_add(&host.changes, 1);
	}
	return 0;
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
static __always_inline u32 drop_kind(const struct hand *hand, s32 reason)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)hand->listener;

	if (hand->seg.flags & TCP_RST || hand->drop)
		return 0;
	if (hand->seg.flags & TCP_SYN)
		return COUNT_DROP_OTHER;
	if (is_overflow(reason, (struct sock *)hand->listener))
		return COUNT_DROP_ACK_ACCEPTQ;
	if (reason == config.drop_reason[DROP_TCP_FLAGS] ||
	    reason == config.drop_reason[DROP_NO_SOCKET])
		return 0;
	if (reason == config.drop_reason[DROP_NOT_SPECIFIED] &&
	    BPF_CORE_READ(icsk, icsk_accept_queue.rskq_defer_accept))
		return 0;
	return COUNT_DROP_OTHER;
}

static __always_inline int count_drop(struct sk_buff *skb, s32 reason)
{
	struct hand *hand = hand_get();
	struct counters_row *row;
	struct segment seg = {};
	u32 kind;

	if (!hand || !hand->armed)
		return 0;
	seg.tuple.netns = hand->seg.tuple.netns;
	if (!segment_of_skb(&seg, skb) || !tuple_equal(&seg.tuple, &hand->seg.tuple))
		return 0;
	hand->armed = 0;
	kind = drop_kind(hand, reason);
	row = kind ? row_of(hand->cookie) : NULL;
	if (row && kind < COUNTERS_CNT)
		row->n[kind]++;
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(kfree_skb, struct sk_buff *skb, void *location, int reason)
{
	return count_drop(skb, reason);
}

/* Kernels before 5.17 give no reason. */
SEC("?tp_btf/kfree_skb")
int BPF_PROG(kfree_skb_no_reason, struct sk_buff *skb)
{
	return count_drop(skb, config.drop_reason[DROP_NOT_SPECIFIED]);
}

#endif
