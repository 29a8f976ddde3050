/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that the kernel throws away: the one a listener was being given, and SYNs to no socket.
 * A SYN dropped because a queue is full is not among them: tcp_conn_request drops it silently.
 */
#ifndef SOCKLINE_DROP_BPF_H
#define SOCKLINE_DROP_BPF_H

static __always_inline u32 drop_reason_of(s32 reason)
{
	for (u32 i = DROP_NOT_SPECIFIED; i < 8; i++)
		if (config.drop_reason[i] == reason)
			return i;
	return DROP_UNKNOWN;
}

/* Before 6.16 an overflow has no reason of its own; the rule is tcp_v4_syn_recv_sock's
 * (sk_acceptq_is_full) and tcp_check_req's (rskq_defer_accept). */
static __always_inline u32 ack_drop_reason(u32 reason, const struct ev_queues *q, struct sock *sk)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;

	if (reason == DROP_LISTEN_OVERFLOW)
		return reason;
	if (reason != DROP_NOT_SPECIFIED && reason != DROP_NO_SOCKET)
		return reason;
	if (q->acceptq > q->limit)
		return DROP_LISTEN_OVERFLOW;
	if (reason == DROP_NOT_SPECIFIED &&
	    BPF_CORE_READ(icsk, icsk_accept_queue.rskq_defer_accept))
		return DROP_DEFERRED;
	return reason;
}

static __always_inline void record_drop(struct met *met, u32 reason)
{
	struct sock *listener = (struct sock *)met->listener;
	struct net *net = BPF_CORE_READ(listener, __sk_common.skc_net.net);
	struct ev_drop *e = emit_reserve(sizeof(*e), EV_DROP, 0);

	if (!e)
		return;
	e->tuple = met->seg.tuple;
	met_queues(&e->queues, met);
	e->reason = reason;
	if (!(met->seg.flags & TCP_SYN))
		e->reason = ack_drop_reason(reason, &e->queues, listener);
	if (e->reason == DROP_LISTEN_OVERFLOW &&
	    BPF_CORE_READ(net, ipv4.sysctl_tcp_abort_on_overflow))
		e->hdr.flags |= EVF_ABORT;
	e->tcp_flags = met->seg.flags;
	__builtin_memset(e->pad, 0, sizeof(e->pad));
	emit_submit(e);
}

static __always_inline void drop_met(struct met *met, u32 reason)
{
	struct request_sock *req = (struct request_sock *)met->request;

	met->armed = 0;
	if (!(met->seg.flags & TCP_RST))
		record_drop(met, reason);
	else if (req && request_is_gone(req))
		record_request_gone(&met->seg.tuple, GONE_RESET, 0, (struct sock *)met->listener,
				    BPF_CORE_READ(req, num_retrans));
}

/* tcp_v4_rcv, no_tcp_socket: a SYN that finds no socket is answered with a reset. */
static __always_inline void record_refused(struct sk_buff *skb)
{
	struct segment seg = {};
	struct ev_refused *e;

	if (!segment_of_skb(&seg, skb) || (seg.flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
		return;
	seg.tuple.netns = skb->dev->nd_net.net->ns.inum;
	if (!filter_keep(&seg.tuple))
		return;
	e = emit_reserve(sizeof(*e), EV_REFUSED, 0);
	if (!e)
		return;
	e->tuple = seg.tuple;
	e->tcp_seq = seg.seq;
	e->ifindex = skb->dev->ifindex;
	emit_submit(e);
}

#endif
