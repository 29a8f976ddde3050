/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The segment that a listener is being given right now.
 *
 * The kernel handles a segment that meets a listener in one go, on one CPU: cgroup_skb sees it with
 * the listener, and whatever follows (a child, a drop, a removed request) happens before that CPU
 * takes the next.  So the last such segment is kept per CPU, and a later hook that sees the same
 * tuple knows its listener without any lookup.  Events and counts are done with it at different hooks.
 */
#ifndef SOCKLINE_MET_BPF_H
#define SOCKLINE_MET_BPF_H

struct met {
	struct segment seg;
	struct ev_queues queues; /* of the listener, when it came; for events */
	u64 listener; /* struct sock * */
	u64 cookie;   /* of the listener */
	u64 request;  /* struct request_sock *, for a reset only */
	u64 child;    /* struct sock *, for Fast Open only */
	u64 net;      /* for counts: struct net * */
	u64 key;      /* for counts: of the connection, count_slots.bpf.h */
	u32 synq;     /* for counts: depth of the SYN queue */
	u32 told;     /* enum counter: by the rule, this SYN was counted as that; 0: not */
	u8 armed;     /* for events */
	u8 counting;  /* for counts */
	u8 joins;     /* an MPTCP subflow that joins: nothing is put in the queue */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct met);
} mets SEC(".maps");

static __always_inline struct met *met_get(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&mets, &zero);
}

/* NULL: no segment that is wanted. */
static __always_inline struct met *met_new(struct __sk_buff *skb, struct tcp_sock *tp)
{
	struct sock *listener = (struct sock *)tp;
	struct met *met = met_get();

	if (!met)
		return NULL;
	met->armed = 0;
	met->counting = 0;
	if (!segment_of_ctx(&met->seg, skb))
		return NULL;
	met->seg.tuple.netns = listener->__sk_common.skc_net.net->ns.inum;
	if (!filter_keep(&met->seg.tuple))
		return NULL;
	met->listener = (u64)listener;
	met->cookie = listener->__sk_common.skc_cookie.counter;
	if (!met->cookie)
		met->cookie = bpf_get_socket_cookie(skb); /* of skb->sk: from now on it has one */
	return met;
}

/* Its listener's queues now: what does not change meanwhile is not read again. */
static __always_inline void met_queues(struct ev_queues *q, const struct met *met)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)met->listener;
	struct sock *listener = (struct sock *)met->listener;

	q->cookie = met->queues.cookie;
	q->limit = met->queues.limit;
	q->synq = READ(icsk, icsk_accept_queue.qlen.counter);
	q->acceptq = READ(listener, sk_ack_backlog);
	q->drops = READ(listener, sk_drops.counter);
}

/* Has this connection's segment been met here last? */
static __always_inline bool met_is_of(const struct met *met, const struct ev_tuple *tuple)
{
	return met && met->armed && tuple_equal(&met->seg.tuple, tuple);
}

static __always_inline bool met_at_hand(const struct met *met)
{
	return met && (met->armed || met->counting);
}

/* Is it this packet? */
static __always_inline bool met_is(const struct met *met, struct sk_buff *skb)
{
	struct segment seg = {};

	seg.tuple.netns = met->seg.tuple.netns;
	return segment_of_skb(&seg, skb) && seg.seq == met->seg.seq &&
	       seg.flags == met->seg.flags && tuple_equal(&seg.tuple, &met->seg.tuple);
}

/* A SYN cookie's SYN-ACK belongs to no socket.  It leaves while its SYN is being handled, so it is
 * the answer to the segment that was met last, seen the other way round. */
static __always_inline bool met_is_answered_by(const struct met *met, struct sk_buff *skb)
{
	struct segment seg = {};

	if (!(met->seg.flags & TCP_SYN) || !segment_of_skb(&seg, skb))
		return false;
	if ((seg.flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK) ||
	    seg.tuple.rport != met->seg.tuple.lport || seg.tuple.lport != met->seg.tuple.rport)
		return false;
	for (int i = 0; i < 4; i++)
		if (((u32 *)seg.tuple.laddr)[i] != ((u32 *)met->seg.tuple.raddr)[i])
			return false;
	return true;
}

#endif
