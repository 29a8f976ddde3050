/* SPDX-License-Identifier: GPL-2.0-only */
/* Every TCP state change of the host, and what each means to a connection being made. */
#ifndef SOCKLINE_STATE_BPF_H
#define SOCKLINE_STATE_BPF_H

/* A child whose SYN carried data (Fast Open) is made while that SYN is at hand. */
static __always_inline void child_made(struct sock *child)
{
	struct met *met = met_get();

	if (!met || !met->armed || !(met->seg.flags & TCP_SYN))
		return;
	bpf_get_socket_cookie(child); /* from now on it has one */
	met->child = (u64)child;
}

static __always_inline void record_connect(struct sock *sk)
{
	struct ev_connect *e;
	struct ev_tuple tuple;

	if (!config.active || !follow_wants())
		return;
	tuple_fill(&tuple, sk, true);
	if (!filter_keep(&tuple))
		return;
	e = emit_reserve(sizeof(*e), EV_CONNECT, follow_flag());
	if (!e)
		return;
	e->tuple = tuple;
	e->cookie = bpf_get_socket_cookie(sk);
	process_fill(&e->process);
	e->fd = connecting_fd();
	e->pad = 0;
	emit_submit(e);
}

static __always_inline void state_from_listen(struct sock *sk, u8 to)
{
	if (to == TCP_SYN_RECV && !config.calls_only)
		child_made(sk);
	else if (to == TCP_CLOSE && !is_in_listen(sk))
		record_listener(sk, EV_UNLISTEN, -1, -1);
}

static __always_inline void state_of_child(struct sock *sk, u8 from, u8 to)
{
	if (sock_waits(sk)) {
		if (to == TCP_CLOSE || to == TCP_CLOSE_WAIT)
			record_state(sk, EV_CHILD_STATE, from, to, sk->sk_err);
	} else if (from == TCP_ESTABLISHED || from == TCP_CLOSE_WAIT) {
		closed_after_fault(sk);
	}
}

static __always_inline void state_established(struct sock *sk)
{
	struct ev_tuple tuple;

	if (sock_waits(sk) && !config.calls_only) {
		/* Before 6.12 or so inet_csk_clone_lock clears what was made earlier. */
		record_queued(sk, bpf_get_socket_cookie(sk), 0, 0);
		return;
	}
	/* The listener is told of a subflow that joins, too, but nothing is put in its queue. */
	tuple_fill(&tuple, sk, true);
	met_made(&tuple);
	if (!config.calls_only && sock_joins(sk))
		record_state(sk, EV_CHILD_STATE, TCP_SYN_RECV, TCP_ESTABLISHED, 0);
	else if (config.active) /* both sides called at once, or a socket called itself */
		record_state(sk, EV_CONNECT_STATE, TCP_SYN_RECV, TCP_ESTABLISHED, sk->sk_err);
}

static __always_inline void record_change(struct sock *sk, int from, int to)
{
	if (from == TCP_LISTEN) {
		state_from_listen(sk, to);
	} else if (from == TCP_CLOSE) {
		if (to == TCP_LISTEN) {
			bpf_get_socket_cookie(sk); /* from now on it has one */
			if (!is_in_listen(sk))
				record_listener(sk, EV_LISTEN, -1, -1);
		}
		if (to == TCP_SYN_SENT)
			record_connect(sk);
	} else if (from == TCP_SYN_SENT) {
		if (config.active)
			record_state(sk, EV_CONNECT_STATE, from, to, sk->sk_err);
	} else if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED) {
		state_established(sk);
	} else if (!config.calls_only) {
		state_of_child(sk, from, to);
	}
}

/*
 * A program does not run on top of itself on one CPU (__bpf_trace_run): what changes its state while
 * a task is interrupted or preempted in inet_sock_set_state goes unseen there.  What becomes of a
 * child that nobody has accepted yet is seen a second time here; the reader takes what it knows for
 * known.
 */

/* Nothing tells what was skipped: a Fast Open child. */
__u64 unseen = 0;

/* The listener is told of a child right after it was put in the queue (tcp_child_process). */
static __always_inline void queued_again(struct sock *listener)
{
	struct met *met = met_get();
	struct ev_queued *e;

	if (!met || !met->armed || met->listener != (u64)listener)
		return;
	met->armed = 0;
	if (met->seg.flags & TCP_SYN) {
		__sync_fetch_and_add(&unseen, 1);
		return;
	}
	e = emit_reserve(sizeof(*e), EV_QUEUED, 0);
	if (!e)
		return;
	e->tuple = met->seg.tuple;
	met_queues(&e->queues, met);
	e->cookie = 0; /* the child is not at hand */
	emit_submit(e);
}

#define EPIPE	   32
#define ECONNRESET 104

/* tcp_reset: the errors are those that it is about to set. */
SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(tcp_receive_reset, struct sock *sk)
{
	u8 state = sk->__sk_common.skc_state;

	if (state != TCP_SYN_SENT && sock_waits(sk))
		record_state(sk, EV_CHILD_STATE, state, TCP_CLOSE,
			     state == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcp_retransmit_skb, struct sock *sk)
{
	if (sk->__sk_common.skc_state == TCP_SYN_SENT)
		record_state(sk, EV_SYN_RETRANSMIT, TCP_SYN_SENT, TCP_SYN_SENT, 0);
	return 0;
}

#endif
