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

/* The verifier lets a program walk a pointer that it vouches for with plain loads, ten times
 * cheaper than a checked read; every other pointer needs the checked one. */
#define SOCK_GET(trusted, sk, field)                                                               \
	((trusted) ? (sk)->__sk_common.field : BPF_CORE_READ(sk, __sk_common.field))

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

static __always_inline void tuple_fill(struct ev_tuple *t, struct sock *sk, const bool trusted)
{
	t->lport = SOCK_GET(trusted, sk, skc_num);
	t->rport = bpf_ntohs(SOCK_GET(trusted, sk, skc_dport));
	t->netns = trusted ? sk->__sk_common.skc_net.net->ns.inum
			   : BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (SOCK_GET(trusted, sk, skc_family) == AF_INET) {
		addr_v4(t->laddr, SOCK_GET(trusted, sk, skc_rcv_saddr));
		addr_v4(t->raddr, SOCK_GET(trusted, sk, skc_daddr));
		return;
	}
	for (int i = 0; i < 4; i++) {
		((u32 *)t->laddr)[i] = SOCK_GET(trusted, sk, skc_v6_rcv_saddr.in6_u.u6_addr32[i]);
		((u32 *)t->raddr)[i] = SOCK_GET(trusted, sk, skc_v6_daddr.in6_u.u6_addr32[i]);
	}
}

/* skc_num is zeroed when the port is given back (inet_put_port); inet_sport outlives it. */
static __always_inline u16 sock_local_port(struct sock *sk)
{
	u16 num = BPF_CORE_READ(sk, __sk_common.skc_num);

	return num ? num : bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

/* listener need not be vouched for; its cookie was made when its first SYN was seen. */
static __always_inline void queues_fill(struct ev_queues *q, struct sock *listener)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)listener;

	if (!listener) {
		__builtin_memset(q, 0, sizeof(*q));
		return;
	}
	q->cookie = BPF_CORE_READ(listener, __sk_common.skc_cookie.counter);
	q->synq = BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter);
	q->acceptq = BPF_CORE_READ(listener, sk_ack_backlog);
	q->limit = BPF_CORE_READ(listener, sk_max_ack_backlog);
	q->drops = BPF_CORE_READ(listener, sk_drops.counter);
}

static __always_inline u64 sock_cookie(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

/* A socket that nobody has accepted yet has no struct socket; an orphan has none either, but is
 * marked SOCK_DEAD, which is bit 0 of skc_flags on every kernel. */
static __always_inline bool sock_waits(struct sock *sk)
{
	return !sk->sk_socket && !(sk->__sk_common.skc_flags & 1);
}

static __always_inline void process_fill(struct ev_process *p)
{
	u64 id = bpf_get_current_pid_tgid();

	p->pid = id >> 32;
	p->tid = (u32)id;
	p->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(p->comm, sizeof(p->comm));
	/* A thread may be named otherwise than its process, a worker of an io_uring always is. */
	if (p->pid != p->tid)
		BPF_CORE_READ_STR_INTO(&p->comm, (struct task_struct *)bpf_get_current_task(),
				       group_leader, comm);
}

/* task->files->fdt->fd[fd], then the struct socket behind it, then its sock; NULL if fd is no TCP
 * socket.  An MPTCP socket is seen as its first subflow, which carries the tuple. */
static __always_inline struct file *file_of_fd(int fd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **slot = BPF_CORE_READ(fdt, fd);
	struct file *file = NULL;

	if (fd < 0 || (u32)fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), slot + fd);
	return file;
}

#define S_IFMT	 0170000
#define S_IFSOCK 0140000

static __always_inline struct sock *tcp_of_file(struct file *file, bool *mptcp)
{
	struct socket *socket;
	struct sock *sk;
	u16 family, protocol;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return NULL;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return NULL;
	protocol = BPF_CORE_READ(sk, sk_protocol);
	*mptcp = protocol == IPPROTO_MPTCP;
	if (*mptcp && bpf_core_type_exists(struct mptcp_sock))
		return BPF_CORE_READ((struct mptcp_sock *)sk, first);
	return protocol == IPPROTO_TCP ? sk : NULL;
}

#endif
