/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A socket as a snap_sock: for the iterators, and for the lookup.
 *
 * `typed` is a constant: the pointer is one that the verifier knows the type of, so that plain
 * loads do (and cost a tenth); else every load is a checked read.
 */
#ifndef SOCKLINE_SNAP_BPF_H
#define SOCKLINE_SNAP_BPF_H

#include "snap.h"
#include "options.bpf.h"

#define SNAP_GET(sk, field) (typed ? (sk)->field : BPF_CORE_READ(sk, field))

#define SNAP_TIMER_NONE (-1)

static __always_inline s32 snap_timer_ms(unsigned long expires, u16 hz)
{
	s32 ticks = (u32)expires - (u32)bpf_jiffies64();

	return ticks > 0 ? (s64)ticks * 1000 / (hz ?: 1) : 0;
}

/* struct inet_bind_bucket: what inet_csk_get_port() looks at before it looks at the sockets. */
static __always_inline void snap_bucket(struct snap_bucket *b, struct inet_bind_bucket *tb)
{
	struct in6_addr addr;

	b->id = (u64)tb;
	if (!tb)
		return;
	b->fastreuse = BPF_CORE_READ(tb, fastreuse);
	b->fastreuseport = BPF_CORE_READ(tb, fastreuseport);
	b->fastuid = BPF_CORE_READ(tb, fastuid.val);
	b->fast_family = BPF_CORE_READ(tb, fast_sk_family);
	b->fast_v6only = BPF_CORE_READ(tb, fast_ipv6_only);
	if (b->fast_family == AF_INET6) {
		BPF_CORE_READ_INTO(&addr, tb, fast_v6_rcv_saddr);
		__builtin_memcpy(b->fast_addr, &addr, 16);
	} else {
		addr_v4(b->fast_addr, BPF_CORE_READ(tb, fast_rcv_saddr));
	}
}

/* What every kind of socket has: tuple, namespace, the options kept in sock_common. */
static __always_inline void snap_common(struct snap_sock *r, struct sock *sk, u64 cookie,
					const bool typed)
{
	struct ev_tuple t;

	__builtin_memset(r, 0, sizeof(*r));
	tuple_fill(&t, sk, typed);
	__builtin_memcpy(r->laddr, t.laddr, 16);
	__builtin_memcpy(r->raddr, t.raddr, 16);
	r->hdr.kind = SNAP_SOCK;
	r->hdr.netns = t.netns;
	r->id = (u64)sk;
	r->cookie = cookie;
	r->lport = t.lport;
	r->rport = t.rport;
	r->family = SNAP_GET(sk, __sk_common.skc_family);
	r->state = SNAP_GET(sk, __sk_common.skc_state);
	r->device = SNAP_GET(sk, __sk_common.skc_bound_dev_if);
	r->reuse = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuse);
	r->timer_ms = SNAP_TIMER_NONE;
	r->incoming_cpu = -1;
}

static __always_inline void snap_reuseport(struct snap_sock *r, struct sock_reuseport *group)
{
	if (!group)
		return;
	r->reuseport_id = BPF_CORE_READ(group, reuseport_id);
	r->reuseport_cnt = BPF_CORE_READ(group, num_socks);
	if (BPF_CORE_READ(group, prog))
		r->marks |= SNAP_M_REUSEPORT_PROG;
}

static __always_inline void snap_listener(struct snap_sock *r, struct sock *sk, const bool typed)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	struct net *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);

	r->synq = SNAP_GET(icsk, icsk_accept_queue.qlen.counter);
	r->young = SNAP_GET(icsk, icsk_accept_queue.young.counter);
	r->acceptq = SNAP_GET(sk, sk_ack_backlog);
	r->limit = SNAP_GET(sk, sk_max_ack_backlog);
	r->drops = SNAP_GET(sk, sk_drops.counter);
	r->fastopen_qlen = SNAP_GET(icsk, icsk_accept_queue.fastopenq.qlen);
	r->fastopen_limit = SNAP_GET(icsk, icsk_accept_queue.fastopenq.max_qlen);
	r->defer_retrans = SNAP_GET(icsk, icsk_accept_queue.rskq_defer_accept);
	r->incoming_cpu = SNAP_GET(sk, __sk_common.skc_incoming_cpu);
	r->somaxconn = BPF_CORE_READ(net, core.sysctl_somaxconn);
	r->max_syn_backlog = BPF_CORE_READ(net, ipv4.sysctl_max_syn_backlog);
	r->syncookies = BPF_CORE_READ(net, ipv4.sysctl_tcp_syncookies);
	snap_reuseport(r, BPF_CORE_READ(sk, sk_reuseport_cb));
}

/* sock_orphan() clears sk_socket and sets SOCK_DEAD, bit 0 of skc_flags; a child that waits in an
 * accept queue has no sk_socket yet, and is not dead. */
static __always_inline void snap_holder(struct snap_sock *r, struct sock *sk, const bool typed)
{
	struct socket *socket = SNAP_GET(sk, sk_socket);
	struct file *file;

	if (!socket) {
		r->marks |= SNAP_GET(sk, __sk_common.skc_flags) & 1 ? SNAP_M_ORPHAN : SNAP_M_WAITS;
		return;
	}
	file = BPF_CORE_READ(socket, file);
	r->marks |= file ? SNAP_M_FILE : SNAP_M_KERNEL;
	r->file = (u64)file;
	if (!file)
		return;
	r->inode = BPF_CORE_READ(file, f_inode, i_ino);
	if (BPF_CORE_READ(socket, sk) != sk)
		r->marks |= SNAP_M_MPTCP;
}

/* sk is a full TCP socket. */
static __always_inline void snap_full(struct snap_sock *r, struct sock *sk, u64 cookie,
				      const bool typed)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;

	snap_common(r, sk, cookie, typed);
	r->options = sock_options(sk);
	r->uid = SNAP_GET(sk, sk_uid.val);
	r->userlocks = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks);
	snap_holder(r, sk, typed);
	snap_bucket(&r->bucket, SNAP_GET(icsk, icsk_bind_hash));
	if (r->state == TCP_LISTEN)
		snap_listener(r, sk, typed);
}

/* A TIME_WAIT socket keeps of its options what sock_common holds: inet_twsk_alloc(). */
static __always_inline void snap_timewait(struct snap_sock *r, struct tcp_timewait_sock *tw,
					  u64 cookie, u16 hz)
{
	struct inet_timewait_sock___connect *tw_new = (void *)tw;

	snap_common(r, (struct sock *)tw, cookie, true);
	r->substate = tw->tw_sk.tw_substate;
	r->timer_ms = snap_timer_ms(tw->tw_sk.tw_timer.expires, hz);
	if (r->reuse)
		r->options |= SO_F_REUSEADDR;
	if (BPF_CORE_READ_BITFIELD_PROBED(tw, tw_sk.__tw_common.skc_reuseport))
		r->options |= SO_F_REUSEPORT;
	if (BPF_CORE_READ_BITFIELD_PROBED(tw, tw_sk.__tw_common.skc_ipv6only))
		r->options |= SO_F_V6ONLY;
	if (BPF_CORE_READ_BITFIELD_PROBED(tw, tw_sk.tw_transparent))
		r->options |= SO_F_TRANSPARENT;
	/* Where TIME_WAIT remembers SOCK_CONNECT_BIND (16) it has a field of its own for it. */
	if (bpf_core_field_exists(tw_new->tw_connect_bind) &&
	    BPF_CORE_READ_BITFIELD_PROBED(tw_new, tw_connect_bind))
		r->userlocks = 16;
	snap_bucket(&r->bucket, tw->tw_sk.tw_tb);
}

/* A request holds no port of its own, so it has no bucket; inet_rsk() shares its listener's. */
static __always_inline void snap_request(struct snap_sock *r, struct tcp_request_sock *treq,
					 u64 cookie, u16 hz)
{
	snap_common(r, (struct sock *)treq, cookie, true);
	r->parent = (u64)treq->req.req.__req_common.skc_listener;
	r->retrans = treq->req.req.num_retrans;
	r->timer_ms = snap_timer_ms(treq->req.req.rsk_timer.expires, hz);
}

#endif
