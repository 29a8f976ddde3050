/* SPDX-License-Identifier: GPL-2.0-only */
/* Every TCP state change of the host, and what each means to a connection being made. */
#ifndef SOCKLINE_STATE_BPF_H
#define SOCKLINE_STATE_BPF_H

/* A child whose SYN carried data (Fast Open) is made while that SYN is at hand. */
static __always_inline void child_made(struct sock *child)
{
	struct met *met = met_get();

	bpf_get_socket_cookie(child);
	if (met && met->armed && met->seg.flags & TCP_SYN)
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

static __always_inline int state_from_listen(struct sock *sk, u8 to)
{
	if (to == TCP_SYN_RECV && !config.calls_only)
		child_made(sk);
	else if (to == TCP_CLOSE && !is_in_listen(sk))
		record_listener(sk, EV_UNLISTEN, -1, -1);
	return 0;
}

static __always_inline void state_of_child(struct sock *sk, u8 from, u8 to)
{
	if (sock_waits(sk)) {
		if (to == TCP_CLOSE || to == TCP_CLOSE_WAIT)
			record_state(sk, EV_CHILD_STATE, from, to);
	} else if (from == TCP_ESTABLISHED || from == TCP_CLOSE_WAIT) {
		closed_after_fault(sk);
	}
}

static __always_inline int state_changed(struct sock *sk, int from, int to)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (from == TCP_LISTEN)
		return state_from_listen(sk, to);
	if (from == TCP_CLOSE) {
		if (to == TCP_LISTEN) {
			bpf_get_socket_cookie(sk); /* from now on it has one */
			if (!is_in_listen(sk))
				record_listener(sk, EV_LISTEN, -1, -1);
		}
		if (to == TCP_SYN_SENT)
			record_connect(sk);
	} else if (from == TCP_SYN_SENT) {
		if (config.active)
			record_state(sk, EV_CONNECT_STATE, from, to);
	} else if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED) {
		if (sock_waits(sk) && !config.calls_only)
			/* Before 6.12 or so inet_csk_clone_lock clears what was made earlier. */
			record_queued(sk, bpf_get_socket_cookie(sk), 0, 0);
		else if (config.active) /* both sides called at once, or a socket called itself */
			record_state(sk, EV_CONNECT_STATE, from, to);
	} else if (!config.calls_only) {
		state_of_child(sk, from, to);
	}
	return 0;
}

/*
 * A program does not run on top of itself (__bpf_trace_run): a state that changes in a softirq,
 * while the program is at one that a process has changed, would go unseen some times a minute under
 * load.  So a second one, attached behind the first, looks at each change that the first has not
 * come to its end with.  It is skipped itself only on top of itself, when the first is free.
 */
struct turns {
	u32 first;  /* changes that the first program has ended with on this CPU */
	u32 second; /* of them, those that the second has seen */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct turns);
} turns SEC(".maps");

/* Times that the first program was skipped and the second was there. */
__u64 stood_in = 0;

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int from, int to)
{
	u32 zero = 0;
	struct turns *t = bpf_map_lookup_elem(&turns, &zero);

	state_changed(sk, from, to);
	if (t)
		t->first++;
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state_again, struct sock *sk, int from, int to)
{
	u32 zero = 0;
	struct turns *t = bpf_map_lookup_elem(&turns, &zero);

	if (!t)
		return 0;
	if (t->first == t->second) {
		__sync_fetch_and_add(&stood_in, 1);
		state_changed(sk, from, to);
	}
	t->second = t->first;
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcp_retransmit_skb, struct sock *sk)
{
	if (sk->__sk_common.skc_state == TCP_SYN_SENT)
		record_state(sk, EV_SYN_RETRANSMIT, TCP_SYN_SENT, TCP_SYN_SENT);
	return 0;
}

#endif
