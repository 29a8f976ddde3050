/* SPDX-License-Identifier: GPL-2.0-only */
/* The SYN queue: SYN at its listener, SYN-ACK, SYN-ACK again, and entries that end there. */
#ifndef SOCKLINE_SYN_BPF_H
#define SOCKLINE_SYN_BPF_H

static __always_inline void record_syn(struct met *met, struct sock *listener, u32 ifindex)
{
	struct net *net = listener->__sk_common.skc_net.net;
	struct ev_syn *e = emit_reserve(sizeof(*e), EV_SYN, 0);

	if (!e)
		return;
	e->tuple = met->seg.tuple;
	e->queues = met->queues;
	e->tcp_seq = met->seg.seq;
	e->ifindex = ifindex;
	e->max_syn_backlog = net->ipv4.sysctl_max_syn_backlog;
	e->syncookies = compat_syncookies(net);
	__builtin_memset(e->pad, 0, sizeof(e->pad));
	emit_submit(e);
}

static __always_inline void record_met(struct met *met, struct __sk_buff *skb, struct tcp_sock *tp)
{
	met->request = 0;
	met->child = 0;
	met->armed = 1;
	met->queues.cookie = met->cookie;
	queues_of(&met->queues, tp);
	if ((met->seg.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		record_syn(met, (struct sock *)tp, skb->ifindex);
	else if (met->seg.flags & TCP_RST)
		met->request = request_met_by(skb, &met->seg.tuple);
}

/* reqsk_timer_handler, a static function: its address is learnt from the first request that is
 * seen, whose timer was set up before its SYN-ACK was sent (inet_csk_reqsk_queue_hash_add). */
__u64 reqsk_timer_handler = 0;

static __always_inline void learn_timer(struct request_sock *req)
{
	if (!reqsk_timer_handler)
		reqsk_timer_handler = (u64)BPF_CORE_READ(req, rsk_timer.function);
}

static __always_inline void record_synack(struct sock *sk, u8 kind, u8 flags, u32 retrans,
					  struct sock *listener)
{
	struct met *met = met_get();
	struct ev_tuple tuple;
	struct ev_synack *e;

	tuple_fill(&tuple, sk, true);
	if (!filter_keep(&tuple))
		return;
	e = emit_reserve(sizeof(*e), kind, flags);
	if (!e)
		return;
	e->tuple = tuple;
	if (kind == EV_SYNACK && met_is_of(met, &tuple))
		met_queues(&e->queues, met);
	else
		queues_fill(&e->queues, listener);
	e->retrans = retrans;
	e->pad = 0;
	emit_submit(e);
}

static __always_inline void record_cookie(struct met *met)
{
	struct ev_synack *e = emit_reserve(sizeof(*e), EV_SYNACK, EVF_COOKIE);

	if (!e)
		return;
	e->tuple = met->seg.tuple;
	met_queues(&e->queues, met);
	e->retrans = 0;
	e->pad = 0;
	emit_submit(e);
}

/* tcp_make_synack: the request keeps the time of the first one, in microseconds.  num_retrans is
 * counted after the segment has left (inet_rtx_syn_ack), and tells nothing of the second one. */
static __always_inline bool is_first_synack(struct sk_buff *skb, struct tcp_request_sock *req)
{
	u64 first_us = READ(req, snt_synack);

	return !first_us || !skb->tstamp || (u64)skb->tstamp / 1000 == first_us;
}

static __always_inline void record_answer(struct sk_buff *skb, struct sock *sk)
{
	struct tcp_request_sock *req = (struct tcp_request_sock *)sk;

	learn_timer((struct request_sock *)req);
	/* A SYN-ACK sent again is told by tcp_retransmit_synack, once. */
	if (is_first_synack(skb, req))
		record_synack(sk, EV_SYNACK, READ(req, is_mptcp) ? EVF_MPTCP : 0, 0,
			      sk->__sk_common.skc_listener);
}

static __always_inline void record_answer_again(struct sock *sk, struct request_sock *req)
{
	u8 flags = sk->__sk_common.skc_state == TCP_LISTEN ? 0 : EVF_FASTOPEN;

	learn_timer(req);
	/* For Fast Open sk is the child, which has no queues (inet_rtx_syn_ack). */
	record_synack((struct sock *)req, EV_SYNACK_RETRANSMIT, flags, req->num_retrans,
		      flags ? NULL : sk);
}

static __always_inline bool request_is_gone(struct request_sock *req)
{
	/* Taken out of the hash by __sk_nulls_del_node_init_rcu: pprev is NULL. */
	return !BPF_CORE_READ(req, __req_common.skc_nulls_node.pprev);
}

static __always_inline void record_request_gone(const struct ev_tuple *tuple, u32 reason, u8 flags,
						struct sock *listener, u32 retrans)
{
	struct ev_request_gone *e;

	if (!filter_keep(tuple))
		return;
	e = emit_reserve(sizeof(*e), EV_REQUEST_GONE, flags);
	if (!e)
		return;
	e->tuple = *tuple;
	queues_fill(&e->queues, listener);
	e->reason = reason;
	e->retrans = retrans;
	emit_submit(e);
}

/* The request whose timer runs on this CPU right now.  Its facts are taken before the handler
 * runs, because the handler may free it. */
struct running_timer {
	struct ev_tuple tuple;
	u64 timer;
	u64 request;
	u64 listener;
	u32 retrans;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct running_timer);
} timers SEC(".maps");

SEC("tp_btf/timer_expire_entry")
int BPF_PROG(timer_expire_entry, struct timer_list *timer)
{
	struct running_timer *run;
	struct request_sock *req;
	u32 zero = 0;

	if (!reqsk_timer_handler || (u64)timer->function != reqsk_timer_handler)
		return 0;
	run = bpf_map_lookup_elem(&timers, &zero);
	if (!run)
		return 0;
	req = (void *)timer - bpf_core_field_offset(struct request_sock, rsk_timer);
	tuple_fill(&run->tuple, (struct sock *)req, false);
	run->timer = (u64)timer;
	run->request = (u64)req;
	run->listener = (u64)BPF_CORE_READ(req, __req_common.skc_listener);
	run->retrans = BPF_CORE_READ(req, num_retrans);
	return 0;
}

/* reqsk_timer_handler: dropped after the last retry, or because the listener listens no more. */
SEC("tp_btf/timer_expire_exit")
int BPF_PROG(timer_expire_exit, struct timer_list *timer)
{
	struct running_timer *run;
	struct sock *listener;
	u32 zero = 0, reason = GONE_EXPIRED;
	u8 flags = 0;

	run = bpf_map_lookup_elem(&timers, &zero);
	if (!run || run->timer != (u64)timer)
		return 0;
	run->timer = 0;
	if (!request_is_gone((struct request_sock *)run->request))
		return 0;
	listener = (struct sock *)run->listener;
	if (BPF_CORE_READ(listener, __sk_common.skc_state) != TCP_LISTEN) {
		reason = GONE_LISTENER_CLOSED;
		if (sock_may_migrate(listener))
			flags = EVF_MIGRATE;
	}
	record_request_gone(&run->tuple, reason, flags, listener, run->retrans);
	return 0;
}

#endif
