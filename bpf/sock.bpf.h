/* SPDX-License-Identifier: GPL-2.0-only */
/* What a socket says of itself: tuple, namespace, both queues of a listener, its options. */
#ifndef SOCKLINE_SOCK_BPF_H
#define SOCKLINE_SOCK_BPF_H

#define AF_INET	 2
#define AF_INET6 10

#define IPPROTO_TCP   6
#define IPPROTO_MPTCP 262

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV,
};

static __always_inline void addr_v4(u8 to[16], __be32 addr)
{
	__builtin_memset(to, 0, 8);
	*(u32 *)(to + 8) = bpf_htonl(0xffff);
	*(u32 *)(to + 12) = addr;
}

static __always_inline bool addr_is_v4(const u8 addr[16])
{
	return *(u64 *)addr == 0 && *(u32 *)(addr + 8) == bpf_htonl(0xffff);
}

/* Room for what all sockets have in common: 136 bytes on 5.12 to 7.3. */
struct sock_head {
	u64 words[20];
};

/* One checked read instead of one for each field: CO-RE finds the fields in the copy as it does in
 * the socket itself. */
static __always_inline const struct sock_common *sock_head_copy(struct sock_head *to,
								struct sock *sk)
{
	u32 size = bpf_core_type_size(struct sock_common);

	if (size > sizeof(*to))
		size = sizeof(*to);
	bpf_probe_read_kernel(to, size, sk);
	return (const struct sock_common *)to;
}

static __always_inline void tuple_of(struct ev_tuple *t, const struct sock_common *c, u32 netns)
{
	t->lport = c->skc_num;
	t->rport = bpf_ntohs(c->skc_dport);
	t->netns = netns;
	if (c->skc_family == AF_INET) {
		addr_v4(t->laddr, c->skc_rcv_saddr);
		addr_v4(t->raddr, c->skc_daddr);
		return;
	}
	for (int i = 0; i < 4; i++) {
		((u32 *)t->laddr)[i] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
		((u32 *)t->raddr)[i] = c->skc_v6_daddr.in6_u.u6_addr32[i];
	}
}

/* trusted: the verifier vouches for sk.  Returns its cookie, 0: it has none yet. */
static __always_inline u64 tuple_fill(struct ev_tuple *t, struct sock *sk, const bool trusted)
{
	const struct sock_common *c;
	struct sock_head head;

	if (trusted || HAS_CAST) {
		c = trusted ? &sk->__sk_common : &CAST(sk)->__sk_common;
		tuple_of(t, c, c->skc_net.net->ns.inum);
	} else {
		c = sock_head_copy(&head, sk);
		tuple_of(t, c, BPF_CORE_READ(c->skc_net.net, ns.inum));
	}
	return c->skc_cookie.counter;
}

/* skc_num is zeroed when the port is given back (inet_put_port); inet_sport outlives it. */
static __always_inline u16 sock_local_port(struct sock *sk)
{
	u16 num = READ(sk, __sk_common.skc_num);

	return num ? num : bpf_ntohs(READ((struct inet_sock *)sk, inet_sport));
}

/* The verifier lets a program walk a pointer that it vouches for with plain loads, ten times
 * cheaper than a checked read; every other pointer needs the checked one. */
static __always_inline void queues_of(struct ev_queues *q, const struct tcp_sock *listener)
{
	const struct sock *sk = &listener->inet_conn.icsk_inet.sk;

	q->synq = listener->inet_conn.icsk_accept_queue.qlen.counter;
	q->acceptq = sk->sk_ack_backlog;
	q->limit = sk->sk_max_ack_backlog;
	q->drops = sk->sk_drops.counter;
}

/* listener: need not be vouched for; NULL: unknown. */
static __always_inline void queues_fill(struct ev_queues *q, struct sock *listener)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)listener;

	if (!listener) {
		__builtin_memset(q, 0, sizeof(*q));
		return;
	}
	q->cookie = READ(listener, __sk_common.skc_cookie.counter);
	q->synq = READ(icsk, icsk_accept_queue.qlen.counter);
	q->acceptq = READ(listener, sk_ack_backlog);
	q->limit = READ(listener, sk_max_ack_backlog);
	q->drops = READ(listener, sk_drops.counter);
}

static __always_inline u64 sock_cookie(struct sock *sk)
{
	return READ(sk, __sk_common.skc_cookie.counter);
}

/* SOCK_DEAD is bit 0 of skc_flags on every kernel. */
#define SOCK_IS_DEAD 1

static __always_inline bool sock_is_subflow(struct sock *sk)
{
	return bpf_core_type_exists(struct mptcp_subflow_context) &&
	       READ((struct tcp_sock *)sk, is_mptcp);
}

static __always_inline struct mptcp_subflow_context *subflow_of(struct sock *sk)
{
	return BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_ulp_data);
}

/* Accepted is the MPTCP socket: a subflow that joins it is not (mptcp_finish_join). */
static __always_inline bool sock_joins(struct sock *sk)
{
	struct mptcp_subflow_context *subflow = sock_is_subflow(sk) ? subflow_of(sk) : NULL;

	return subflow && BPF_CORE_READ_BITFIELD_PROBED(subflow, mp_join);
}

/* One that joins loses its struct socket before the end (__mptcp_close). */
static __always_inline bool subflow_waits(struct sock *sk)
{
	struct mptcp_subflow_context *subflow = subflow_of(sk);
	struct sock *whole;

	if (!subflow || BPF_CORE_READ_BITFIELD_PROBED(subflow, mp_join))
		return false;
	whole = BPF_CORE_READ(subflow, conn);
	return whole && !BPF_CORE_READ(whole, sk_socket) &&
	       !(BPF_CORE_READ(whole, __sk_common.skc_flags) & SOCK_IS_DEAD);
}

/* A socket that nobody has accepted yet has no struct socket; an orphan has none either, but is
 * marked dead. */
static __always_inline bool sock_waits(struct sock *sk)
{
	if (sk->sk_socket || sk->__sk_common.skc_flags & SOCK_IS_DEAD)
		return false;
	return sock_is_subflow(sk) ? subflow_waits(sk) : true;
}

static __always_inline void process_fill(struct ev_process *p)
{
	u64 id = bpf_get_current_pid_tgid();

	p->pid = id >> 32;
	p->tid = (u32)id;
	p->cgroup = bpf_get_current_cgroup_id();
	/* A thread may be named otherwise than its process, a worker of an io_uring always is. */
	bpf_probe_read_kernel(p->comm, sizeof(p->comm),
			      bpf_get_current_task_btf()->group_leader->comm);
}

/* The task's own pointers are vouched for; its table of files is not. */
static __always_inline struct file *file_of_fd(int fd)
{
	struct fdtable *fdt = bpf_get_current_task_btf()->files->fdt;
	struct file *file = NULL;

	if (fd < 0 || (u32)fd >= fdt->max_fds)
		return NULL;
	if (HAS_CAST) /* any struct that is one pointer */
		return (struct file *)CAST((struct hlist_head *)(fdt->fd + fd))->first;
	bpf_probe_read_kernel(&file, sizeof(file), fdt->fd + fd);
	return file;
}

#define S_IFMT	 0170000
#define S_IFSOCK 0140000

/* The struct socket behind a file, then its sock; NULL if the file is no TCP socket.  Whatever else
 * private_data may be, only a struct socket knows its file (sock_alloc_file).  An MPTCP socket is
 * seen as its first subflow, which carries the tuple. */
static __always_inline struct sock *tcp_of_file(struct file *file, bool *mptcp)
{
	struct socket *socket = file ? READ(file, private_data) : NULL;
	struct sock *sk = socket ? READ(socket, sk) : NULL;
	u16 family, protocol;

	if (!sk || READ(socket, file) != file)
		return NULL;
	family = READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return NULL;
	protocol = READ(sk, sk_protocol);
	*mptcp = protocol == IPPROTO_MPTCP;
	if (*mptcp && bpf_core_type_exists(struct mptcp_sock))
		return BPF_CORE_READ((struct mptcp_sock *)sk, first);
	return protocol == IPPROTO_TCP ? sk : NULL;
}

#endif
