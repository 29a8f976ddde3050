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

static __always_inline void count_syn(struct __sk_buff *skb, struct met *met, struct tcp_sock *tp)
{
	u64 key = handshake_key(&met->seg.tuple, met->seg.seq);
	struct counters_row *row = row_of(met->cookie);
	struct syn_slot *slot = syn_slot_of(key);

	/* The same SYN again: the handshake began with the first. */
	if (slot && slot->mark != handshake_mark(key)) {
		slot->mark = handshake_mark(key);
		slot->time_us = met->time_ns / 1000;
	}
	if (!row)
		return;
	row->n[COUNT_SYN]++;
	row_peak(&row->acceptq_peak, tp->inet_conn.icsk_inet.sk.sk_ack_backlog);
	met->drop = syn_verdict(tp);
	/* A repeated SYN that finds its request is answered by tcp_check_req, full or not. */
	if (met->drop && request_met_by(skb, &met->seg.tuple))
		met->drop = 0;
	if (met->drop)
		row->n[met->drop & (COUNTERS_CNT - 1)]++;
}

static __always_inline void count_met(struct met *met, struct __sk_buff *skb, struct tcp_sock *tp)
{
	met->time_ns = bpf_ktime_get_ns();
	met->drop = 0;
	met->counting = 1;
	if ((met->seg.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		count_syn(skb, met, tp);
}

/* Answered: a SYN-ACK leaves while its SYN is being handled. */
static __always_inline void count_answer(struct met *met, u32 what)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)met->listener;
	struct counters_row *row = row_of(met->cookie);

	if (!row)
		return;
	if (met->drop)
		row->n[met->drop & (COUNTERS_CNT - 1)]--;
	met->drop = 0;
	if (what < COUNTERS_CNT)
		row->n[what]++;
	row_peak(&row->synq_peak, BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter));
	met->counting = 0;
}

static __always_inline void count_synack(struct sk_buff *skb, struct sock *sk)
{
	struct met *met = met_get();

	if (!met || !met->counting || !(met->seg.flags & TCP_SYN))
		return;
	/* One sent again is counted by tcp_retransmit_synack. */
	if ((u64)sk->__sk_common.skc_listener == met->listener &&
	    bpf_ntohs(sk->__sk_common.skc_dport) == met->seg.tuple.rport &&
	    !BPF_CORE_READ((struct request_sock *)sk, num_retrans))
		count_answer(met, COUNT_SYNACK);
}

/* For Fast Open sk is the child (inet_rtx_syn_ack), whose listener is not at hand. */
static __always_inline void count_answer_again(struct sock *sk)
{
	struct counters_row *row;

	if (sk->__sk_common.skc_state != TCP_LISTEN)
		return;
	row = row_of(sock_cookie(sk));
	if (row)
		row->n[COUNT_SYNACK_RETRANSMIT]++;
}

#endif
