/* SPDX-License-Identifier: GPL-2.0-only */
/* Both queues of listeners that the reader knows, as they are now.  Never attached: the reader runs
 * it, so that a look at ten thousand listeners costs a millisecond, not a walk over all sockets. */
#ifndef SOCKLINE_COUNT_GAUGE_BPF_H
#define SOCKLINE_COUNT_GAUGE_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct counters_gauge);
} gauges SEC(".maps");

/* The address may have been given back and used again: its state and cookie tell. */
static __always_inline void gauge_read(struct counters_gauge *g)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)g->id;
	struct sock *sk = (struct sock *)g->id;

	g->synq = BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter);
	g->acceptq = BPF_CORE_READ(sk, sk_ack_backlog);
	g->limit = BPF_CORE_READ(sk, sk_max_ack_backlog);
	g->drops = BPF_CORE_READ(sk, sk_drops.counter);
	g->alive = BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN &&
		   (!g->cookie || sock_cookie(sk) == g->cookie);
}

struct gauge_args {
	u64 first;
	u64 count;
};

SEC("raw_tp")
int read_gauges(struct gauge_args *ctx)
{
	u32 first = ctx->first, count = ctx->count;

	for (u32 i = 0; i < COUNTERS_GAUGE_RUN; i++) {
		u32 at = first + i;
		struct counters_gauge *g;

		if (i >= count)
			break;
		g = bpf_map_lookup_elem(&gauges, &at);
		if (!g)
			break;
		gauge_read(g);
	}
	return 0;
}

#endif
