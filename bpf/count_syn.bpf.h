/* SPDX-License-Identifier: GPL-2.0-only */
/* Counted at the SYN queue: SYNs, what answers them, and what drops them. */
#ifndef SOCKLINE_COUNT_SYN_BPF_H
#define SOCKLINE_COUNT_SYN_BPF_H

/* An int on 5.12, a byte since 5.13: read by address, its low byte is the same. */
static __always_inline u8 syncookies_of(struct net *net)
{
	return BPF_CORE_READ(net, ipv4.sysctl_tcp_syncookies);
}

/*
 * tcp_conn_request drops silently; what it compares, in its order.  A SYN that it answers all the
 * same (a peer that is known, TIME_WAIT) is taken back when its SYN-ACK is seen.
 */
static __always_inline u32 syn_verdict(struct tcp_sock *tp)
{
	struct sock *listener = &tp->inet_conn.icsk_inet.sk;
	struct net *net = listener->__sk_common.skc_net.net;
	u32 synq = tp->inet_conn.icsk_accept_queue.qlen.counter;
	u32 limit = listener->sk_max_ack_backlog;
	u32 backlog;

	if (synq > limit && !syncookies_of(net))
		return COUNT_DROP_SYN_SYNQ;
	if (listener->sk_ack_backlog > limit)
		return COUNT_DROP_SYN_ACCEPTQ;
	if (!synq || syncookies_of(net))
		return 0;
	backlog = net->ipv4.sysctl_max_syn_backlog;
	return (s32)(backlog - synq) < (s32)(backlog >> 2) ? COUNT_DROP_SYN_RESERVED : 0;
}

static __always_inline void count_syn(struct __sk_buff *skb, struct hand *hand, struct tcp_sock *tp)
{
	u64 key = handshake_key(&hand->seg.tuple, hand->seg.seq);
	struct counters_row *row = row_of(hand->cookie);
	struct syn_slot *slot = syn_slot_of(key);

	/* The same SYN again: the handshake began with the first. */
	if (slot && slot->mark != handshake_mark(key)) {
		slot->mark = handshake_mark(key);
		slot->time_us = hand->time_ns / 1000;
	}
	if (!row)
		return;
	row->n[COUNT_SYN]++;
	row_peak(&row->acceptq_peak, tp->inet_conn.icsk_inet.sk.sk_ack_backlog);
	hand->drop = syn_verdict(tp);
	/* A repeated SYN that finds its request is answered by tcp_check_req, full or not. */
	if (hand->drop && request_met_by(skb, &hand->seg.tuple))
		hand->drop = 0;
	if (hand->drop)
		row->n[hand->drop & (COUNTERS_CNT - 1)]++;
}

static __always_inline void count_met(struct __sk_buff *skb, struct tcp_sock *tp)
{
	struct hand *hand = hand_get();

	if (!hand)
		return;
	hand->armed = 0;
	if (!segment_of_ctx(&hand->seg, skb))
		return;
	hand->seg.tuple.netns = tp->inet_conn.icsk_inet.sk.__sk_common.skc_net.net->ns.inum;
	if (!filter_keep(&hand->seg.tuple))
		return;
	hand->listener = (u64)tp;
	hand->cookie = bpf_get_socket_cookie(skb); /* of skb->sk */
	hand->time_ns = bpf_ktime_get_ns();
	hand->drop = 0;
	hand->armed = 1;
	if ((hand->seg.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		count_syn(skb, hand, tp);
}

SEC("cgroup_skb/ingress")
int cgroup_skb_ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_sock *tp;

	if (sk && sk->state == TCP_LISTEN) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (tp)
			count_met(skb, tp);
	}
	return 1; /* always: it must never drop a packet */
}

/* Answered: a SYN-ACK leaves while its SYN is being handled. */
static __always_inline void count_answer(struct hand *hand, u32 what)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)hand->listener;
	struct counters_row *row = row_of(hand->cookie);

	if (!row)
		return;
	if (hand->drop)
		row->n[hand->drop & (COUNTERS_CNT - 1)]--;
	hand->drop = 0;
	if (what < COUNTERS_CNT)
		row->n[what]++;
	row_peak(&row->synq_peak, BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter));
	hand->armed = 0;
}

/* A SYN cookie's SYN-ACK belongs to no socket: it is the answer to the segment at hand, seen the
 * other way round. */
static __always_inline bool answers_hand(const struct hand *hand, struct sk_buff *skb)
{
	struct segment seg = {};

	if (!segment_of_skb(&seg, skb))
		return false;
	if ((seg.flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK) ||
	    seg.tuple.rport != hand->seg.tuple.lport || seg.tuple.lport != hand->seg.tuple.rport)
		return false;
	for (int i = 0; i < 4; i++)
		if (((u32 *)seg.tuple.laddr)[i] != ((u32 *)hand->seg.tuple.raddr)[i])
			return false;
	return true;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(net_dev_queue, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct hand *hand;

	if (sk && sk->__sk_common.skc_state != TCP_NEW_SYN_RECV)
		return 0;
	hand = hand_get();
	if (!hand || !hand->armed || !(hand->seg.flags & TCP_SYN))
		return 0;
	if (!sk) {
		if (!skb->skb_iif && answers_hand(hand, skb))
			count_answer(hand, COUNT_COOKIE);
	} else if ((u64)sk->__sk_common.skc_listener == hand->listener &&
		   bpf_ntohs(sk->__sk_common.skc_dport) == hand->seg.tuple.rport) {
		/* One sent again is counted by tcp_retransmit_synack. */
		if (!BPF_CORE_READ((struct request_sock *)sk, num_retrans))
			count_answer(hand, COUNT_SYNACK);
	}
	return 0;
}

/* For Fast Open sk is the child (inet_rtx_syn_ack), whose listener is not at hand. */
SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(tcp_retransmit_synack, struct sock *sk, struct request_sock *req)
{
	struct counters_row *row;

	if (sk->__sk_common.skc_state != TCP_LISTEN)
		return 0;
	row = row_of(sock_cookie(sk));
	if (row)
		row->n[COUNT_SYNACK_RETRANSMIT]++;
	return 0;
}

#endif
