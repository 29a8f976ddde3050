/* SPDX-License-Identifier: GPL-2.0-only */
/* Counted at accept(), also through io_uring: who took a child, and how long it had waited. */
#ifndef SOCKLINE_COUNT_ACCEPT_BPF_H
#define SOCKLINE_COUNT_ACCEPT_BPF_H

#include "count_call.bpf.h"

/* The listener that a system call names, for a child that was in the queue before the counters
 * were there. */
static __always_inline u64 listener_of_call(void)
{
	struct call_regs regs;
	bool mptcp = false;
	struct sock *sk;

	if (!call_regs_read(&regs))
		return 0;
	sk = tcp_of_file(file_of_fd(regs.fd), &mptcp);
	if (!sk || READ(sk, __sk_common.skc_state) != TCP_LISTEN)
		return 0;
	return sock_cookie(sk);
}

static __always_inline void count_accept(u64 listener, u64 since_ns)
{
	struct counters_row *row = row_of(listener);

	if (!row)
		return;
	row->n[COUNT_ACCEPT]++;
	row->last_accept_ns = bpf_ktime_get_ns();
	if (row->last_accept_by.tid != (u32)bpf_get_current_pid_tgid())
		process_fill(&row->last_accept_by);
	if (since_ns)
		hist_add(&row->wait, row->last_accept_ns - since_ns);
	else
		row->n[COUNT_UNTIMED_WAIT]++;
}

/* The socket behind a descriptor that accept() has just returned, of whatever family. */
static __always_inline struct sock *accepted_sock(s64 fd)
{
	struct file *file = file_of_fd(fd);
	struct socket *socket = file ? READ(file, private_data) : NULL;

	return socket ? READ(socket, sk) : NULL;
}

/* Was it a child known to be waiting? */
static __always_inline bool count_taken(struct sock *sk)
{
	u32 isn = READ((struct tcp_sock *)sk, write_seq);
	const struct sock_common *c;
	struct sock_head head;
	u64 listener, since_ns, key;
	struct ev_tuple tuple;

	c = sock_head_copy(&head, sk);
	if (c->skc_family != AF_INET && c->skc_family != AF_INET6)
		return false;
	tuple_of(&tuple, c, 0);
	/* Reset while it waited: inet_put_port has taken skc_num, the tuple is otherwise whole. */
	if (!tuple.lport)
		tuple.lport = sock_local_port(sk);
	key = tuple_key(&tuple, (u64)c->skc_net.net);
	if (!wait_end(handshake_key(key, isn), &listener, &since_ns) &&
	    !wait_end(handshake_key(key, 0), &listener, &since_ns))
		return false;
	count_accept(listener, since_ns);
	return true;
}

/* An MPTCP socket, of which the first subflow waited, or a child that was not seen to come. */
static __always_inline void count_taken_unknown(s64 fd)
{
	struct ev_tuple tuple;
	bool mptcp = false;
	struct sock *sk = tcp_of_file(file_of_fd(fd), &mptcp);

	if (!sk || count_taken(sk))
		return;
	tuple_fill(&tuple, sk, false);
	if (filter_keep(&tuple))
		count_accept(listener_of_call(), 0);
}

static __always_inline void count_accepted(s64 ret)
{
	struct sock *sk = ret < 0 ? NULL : accepted_sock(ret);

	if (sk && !count_taken(sk))
		count_taken_unknown(ret);
}

static __always_inline bool count_uring_file(struct file *file)
{
	bool mptcp = false;
	struct sock *sk = file ? tcp_of_file(file, &mptcp) : NULL;

	return sk && count_taken(sk);
}

/* A multishot completion has no request to ask for its opcode: its result may be a descriptor, a
 * slot or a byte count.  It is an accept only if that names a child that waits. */
static __always_inline void count_uring(struct io_ring_ctx *ring, struct io_kiocb *req, s32 res,
					u32 flags)
{
	u32 slot;

	if (req && BPF_CORE_READ(req, opcode) != IORING_OP_ACCEPT) {
		count_uring_call(req, res);
		return;
	}
	if (res < 0)
		return;
	if (!req) {
		if (flags & IORING_CQE_F_MORE && !count_uring_file(uring_file(ring, res)))
			count_uring_file(file_of_fd(res));
		return;
	}
	slot = uring_file_slot(req);
	if (slot)
		count_uring_file(
			uring_file(ring, slot == IORING_FILE_INDEX_ALLOC ? (u32)res : slot - 1));
	else
		count_uring_file(file_of_fd(res));
}

#endif
