/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks that events and counts share: a program costs more than most of what it does, so each
 * hook has one for both.  Which of the two is wanted is constant when the program loads; the
 * verifier removes the other.
 */
#ifndef SOCKLINE_HOOKS_BPF_H
#define SOCKLINE_HOOKS_BPF_H

static __always_inline void hook_met(struct __sk_buff *skb, struct tcp_sock *tp)
{
	struct met *met = met_new(skb, tp);

	if (!met)
		return;
	if (config.events)
		record_met(met, skb, tp);
	if (config.counts)
		count_met(met, skb, tp);
}

SEC("cgroup_skb/ingress")
int cgroup_skb_ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_sock *tp;

	if (sk && sk->state == TCP_LISTEN) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (tp)
			hook_met(skb, tp);
	}
	return 1; /* always: it must never drop a packet */
}

static __always_inline void hook_cookie(struct sk_buff *skb)
{
	struct met *met = met_get();

	if (!met_at_hand(met) || !met_is_answered_by(met, skb))
		return;
	if (config.events && met->armed)
		record_cookie(met);
	if (config.counts && met->counting)
		count_answer(met, COUNT_COOKIE);
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(net_dev_queue, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	u8 state;

	if (!sk) {
		if (!skb->skb_iif)
			hook_cookie(skb);
		return 0;
	}
	state = sk->__sk_common.skc_state;
	if (state == TCP_NEW_SYN_RECV) {
		if (config.events)
			record_answer(skb, sk);
		if (config.counts)
			count_synack(skb, sk);
	} else if (config.events && state == TCP_SYN_RECV) {
		record_fastopen(sk);
	}
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(tcp_retransmit_synack, struct sock *sk, struct request_sock *req)
{
	if (config.events)
		record_answer_again(sk, req);
	if (config.counts)
		count_answer_again(sk);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int from, int to)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (config.events)
		record_change(sk, from, to);
	if (config.counts && !config.ready_told)
		count_change(sk, from, to);
	return 0;
}

/* A FIN is told like data (tcp_data_queue). */
SEC("?tp_btf/sk_data_ready")
int BPF_PROG(sk_data_ready, struct sock *sk)
{
	u8 state = sk->__sk_common.skc_state;

	if (state == TCP_LISTEN) {
		if (config.events)
			queued_again(sk);
		if (config.counts)
			count_ready(sk);
	} else if (config.events && state == TCP_CLOSE_WAIT && sk->sk_protocol == IPPROTO_TCP &&
		   sock_waits(sk)) {
		record_state(sk, EV_CHILD_STATE, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 0);
	}
	return 0;
}

static __always_inline int accept_returned(s64 ret)
{
	if (config.events)
		record_accept(ret, 0);
	if (config.counts)
		count_accepted(ret);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_accept")
int sys_exit_accept(struct syscall_exit *ctx)
{
	return accept_returned(ctx->ret);
}

SEC("tracepoint/syscalls/sys_exit_accept4")
int sys_exit_accept4(struct syscall_exit *ctx)
{
	return accept_returned(ctx->ret);
}

SEC("tracepoint/syscalls/sys_exit_bind")
int sys_exit_bind(struct syscall_exit *ctx)
{
	if (config.events && config.calls_at_exit)
		call_failed(CALL_BIND, ctx->ret);
	else if (config.events)
		call_returned(ctx->ret);
	if (config.counts)
		count_call(CALL_BIND, ctx->ret);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_listen")
int sys_exit_listen(struct syscall_exit *ctx)
{
	if (config.events && config.calls_at_exit)
		ctx->ret ? call_failed(CALL_LISTEN, ctx->ret) : listen_returned(ctx->ret);
	else if (config.events)
		call_returned(ctx->ret);
	if (config.counts)
		count_listen(ctx->ret);
	return 0;
}

static __always_inline int uring_complete(struct io_ring_ctx *ring, struct io_kiocb *req, s32 res,
					  u32 flags)
{
	if (config.events)
		record_uring(ring, req, res, flags);
	if (config.counts)
		count_uring(ring, req, res, flags);
	return 0;
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(io_uring_complete, struct io_ring_ctx *ring, struct io_kiocb *req,
	     struct io_uring_cqe *cqe)
{
	return uring_complete(ring, req, BPF_CORE_READ(cqe, res), BPF_CORE_READ(cqe, flags));
}

/* Before 6.10 or so the tracepoint passed the completion's fields one by one. */
SEC("?tp_btf/io_uring_complete")
int BPF_PROG(io_uring_complete_fields, struct io_ring_ctx *ring, struct io_kiocb *req,
	     u64 user_data, int res, unsigned int flags)
{
	return uring_complete(ring, req, res, flags);
}

static __always_inline void hook_freed(struct sk_buff *skb, s32 reason, u32 why)
{
	struct met *met = met_get();

	if (!met_at_hand(met) || !met_is(met, skb))
		return;
	if (config.events && met->armed)
		drop_met(met, why);
	if (config.counts && met->counting)
		count_drop(met, reason);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(kfree_skb, struct sk_buff *skb, void *location, int reason)
{
	u32 why = config.events ? drop_reason_of(reason) : DROP_UNKNOWN;

	hook_freed(skb, reason, why);
	if (config.events && why == DROP_NO_SOCKET)
		record_refused(skb);
	return 0;
}

/* Kernels before 5.17 give no reason: a drop is still seen, a refused SYN is not. */
SEC("?tp_btf/kfree_skb")
int BPF_PROG(kfree_skb_no_reason, struct sk_buff *skb)
{
	hook_freed(skb, config.drop_reason[DROP_NOT_SPECIFIED], DROP_NOT_SPECIFIED);
	return 0;
}

#endif
