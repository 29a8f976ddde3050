/* SPDX-License-Identifier: GPL-2.0-only */
/* Counted at the SYN queue: SYNs, what answers them, and what drops them. */
#ifndef SOCKLINE_COUNT_SYN_BPF_H
#define SOCKLINE_COUNT_SYN_BPF_H

/* Are SYN-ACKs seen?  If not from the start, they are soon after the first SYN to which the rule may
 * not apply; until then the rule counts. */
__u32 answers_seen = 0;

static __always_inline bool answers_are_seen(void)
{
	return !config.answers_late || answers_seen;
}

/*
 * tcp_conn_request drops silently; what it compares, in its order.  Not sure: a SYN that it answers
 * all the same (a peer that is known, TIME_WAIT), which is taken back when its SYN-ACK is seen.
 */
static __always_inline u32 syn_verdict(struct tcp_sock *tp, bool *sure)
{
	struct sock *listener = &tp->inet_conn.icsk_inet.sk;
	struct net *net = listener->__sk_common.skc_net.net;
	u32 synq = tp->inet_conn.icsk_accept_queue.qlen.counter;
	u32 limit = listener->sk_max_ack_backlog;
	u8 cookies = compat_syncookies(net);
	u32 backlog;

	*sure = synq <= limit && cookies != 2;
	if (synq > limit && !cookies)
		return COUNT_DROP_SYN_SYNQ;
	if (listener->sk_ack_backlog > limit)
		return COUNT_DROP_SYN_ACCEPTQ;
	if (!*sure)
		return COUNT_COOKIE;
	if (!synq || cookies)
		return 0;
	backlog = net->ipv4.sysctl_max_syn_backlog;
	*sure = (s32)(backlog - synq) >= (s32)(backlog >> 2);
	return *sure ? 0 : COUNT_DROP_SYN_RESERVED;
}

static __always_inline void count_verdict(struct counters_row *row, struct __sk_buff *skb,
					  struct met *met, struct tcp_sock *tp)
{
	bool sure;
	u32 told = syn_verdict(tp, &sure);

	if (!sure && config.answers_late && !host.unsure)
		host.unsure = 1;
	if (told == COUNT_COOKIE && answers_are_seen())
		told = 0;
	/* A repeated SYN that finds its request is answered by tcp_check_req, full or not. */
	if (!told || request_met_by(skb, &met->seg.tuple))
		return;
	met->told = told;
	row->n[told & (COUNTERS_CNT - 1)]++;
}

static __always_inline void count_syn(struct __sk_buff *skb, struct met *met, struct tcp_sock *tp)
{
	u64 key = handshake_key(met->key, met->seg.seq);
	struct counters_row *row = row_of(met->cookie);
	struct syn_slot *slot = syn_slot_of(key);

	/* The same SYN again: the handshake began with the first. */
	if (slot && slot->mark != handshake_mark(key)) {
		slot->mark = handshake_mark(key);
		slot->ticks = bpf_ktime_get_ns() >> TICK_BITS;
	}
	if (!row)
		return;
	row->n[COUNT_SYN]++;
	row_peak(&row->acceptq_peak, tp->inet_conn.icsk_inet.sk.sk_ack_backlog);
	row_peak(&row->synq_peak, met->synq);
	count_verdict(row, skb, met, tp);
}

/* The request of a subflow that joins says so (subflow_check_req). */
static __always_inline bool request_joins(struct __sk_buff *skb, const struct met *met)
{
	struct mptcp_subflow_request_sock *req;

	req = (struct mptcp_subflow_request_sock *)request_met_by(skb, &met->seg.tuple);
	return req && BPF_CORE_READ_BITFIELD_PROBED(req, mp_join);
}

static __always_inline void count_met(struct met *met, struct __sk_buff *skb, struct tcp_sock *tp)
{
	met->net = (u64)tp->inet_conn.icsk_inet.sk.__sk_common.skc_net.net;
	/* Read back, it is a number to the verifier. */
	met->key = tuple_key(&met->seg.tuple, *(volatile u64 *)&met->net);
	met->synq = tp->inet_conn.icsk_accept_queue.qlen.counter;
	met->told = 0;
	met->counting = 1;
	met->joins = 0;
	if ((met->seg.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		count_syn(skb, met, tp);
	else if (bpf_core_type_exists(struct mptcp_subflow_request_sock) && tp->is_mptcp)
		met->joins = request_joins(skb, met);
}

/* Answered: a SYN-ACK leaves while its SYN is being handled. */
static __always_inline void count_answer(struct met *met, u32 what)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)met->listener;
	struct counters_row *row = row_of(met->cookie);

	if (!row)
		return;
	if (met->told)
		row->n[met->told & (COUNTERS_CNT - 1)]--;
	met->told = 0;
	if (what < COUNTERS_CNT)
		row->n[what]++;
	row_peak(&row->synq_peak, READ(icsk, icsk_accept_queue.qlen.counter));
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
	    is_first_synack(skb, (struct tcp_request_sock *)sk))
		count_answer(met, COUNT_SYNACK);
}

/* For Fast Open sk is the child (inet_rtx_syn_ack), whose listener is not at hand. */
static __always_inline void count_answer_again(struct sock *sk)
{
	struct met *met = met_get();
	struct counters_row *row;

	if (sk->__sk_common.skc_state != TCP_LISTEN)
		return;
	/* A repeated SYN that is answered is thrown away, but not lost (tcp_check_req). */
	if (met && met->listener == (u64)sk)
		met->counting = 0;
	row = row_of(sock_cookie(sk));
	if (row)
		row->n[COUNT_SYNACK_RETRANSMIT]++;
}

#endif
