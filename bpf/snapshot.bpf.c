// SPDX-License-Identifier: GPL-2.0-only
/*
 * The snapshot: iterators over tasks, their files, and the TCP sockets of one network namespace.
 *
 * Each writes the records of snap.h; what was not asked for is left out here, so that a question
 * about one port does not pay for a hundred thousand sockets.  Those of them that are for listeners
 * alone read less, and load faster.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "event.h"
#include "snap.h"

#include "compat.bpf.h"
#include "sock.bpf.h"
#include "snap.bpf.h"
#include "snap_iter.bpf.h"

#define SOCK_STREAM 1
#define NSFS_MAGIC 0x6e736673 /* include/uapi/linux/magic.h */

static __always_inline bool wanted(u32 netns, u8 state, u16 lport)
{
	if (filter.netns && netns != filter.netns)
		return false;
	switch (filter.scope) {
	case SNAP_LISTENERS:
		return state == TCP_LISTEN && (!filter.port || lport == filter.port);
	case SNAP_PORT:
		return lport == filter.port;
	}
	return lport != 0;
}

/* An iterator's context, read once: the verifier forgets a NULL check when a field is read again. */
struct at {
	struct seq_file *seq;
	struct task_struct *task;
	struct file *file;
	u32 fd;
};

static __always_inline void write_owner(const struct at *at, u64 id, u64 cookie, u32 marks)
{
	struct task_struct *task = at->task;
	struct snap_owner r = {};

	r.hdr.kind = SNAP_OWNER;
	r.sock = id;
	r.cookie = cookie;
	r.inode = at->file->f_inode->i_ino;
	r.cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	r.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	r.pid = task->tgid;
	r.tid = task->pid;
	r.fd = at->fd;
	r.uid = BPF_CORE_READ(task, cred, euid.val);
	r.marks = SNAP_M_FILE | marks;
	BPF_CORE_READ_STR_INTO(&r.comm, task, group_leader, comm);
	bpf_seq_write(at->seq, &r, sizeof(r));
}

/* The file's socket by a pointer whose type the verifier does not know: Linux 5.10, and MPTCP
 * everywhere.  brief, a constant: the owner alone, iter/tcp shows the socket. */
static __always_inline void file_untyped(const struct at *at, struct sock *sk, u32 marks,
					 const bool brief)
{
	struct snap_sock r;
	u32 netns;
	u8 state;

	if (!sk)
		return;
	netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	met_netns(at->seq, netns, SNAP_VIA_SOCKET, at->task->tgid, at->fd);
	if (!wanted(netns, state, BPF_CORE_READ(sk, __sk_common.skc_num)))
		return;
	if (!brief) {
		snap_full(&r, sk, sock_cookie(sk), false);
		bpf_seq_write(at->seq, &r, sizeof(r));
	}
	write_owner(at, (u64)sk, sock_cookie(sk), marks);
}

static __always_inline void file_typed(const struct at *at, struct tcp_sock *tp, const bool brief)
{
	u64 cookie = make_cookie(tp);
	struct snap_sock r;

	if (!brief) {
		snap_full(&r, (struct sock *)tp, cookie, true);
		bpf_seq_write(at->seq, &r, sizeof(r));
	}
	write_owner(at, (u64)tp, cookie, 0);
}

static __always_inline struct sock *mptcp_first(struct sock *sk)
{
	if (!bpf_core_type_exists(struct mptcp_sock))
		return NULL;
	return BPF_CORE_READ((struct mptcp_sock *)sk, first);
}

/*
 * bpf_sock_from_file() is of 5.11.  Most sockets are not wanted, and of those only the first cache
 * line of sock_common is touched: state, port and namespace lie in it, for a socket of any family.
 * An MPTCP socket has the same state and port as its first subflow (mptcp_copy_inaddrs()).
 */
static __always_inline bool file_by_helper(const struct at *at, const bool brief)
{
	struct socket *socket = bpf_sock_from_file(at->file);
	struct tcp_sock *tp;
	struct sock *sk;
	u32 netns;
	u16 family;

	if (!socket)
		return false;
	/* What listens was never connected, inet_listen(): one cache line less for all the rest. */
	if (filter.scope == SNAP_LISTENERS && socket->state == SS_CONNECTED)
		return true;
	sk = socket->sk;
	if (!sk)
		return true;
	netns = sk->__sk_common.skc_net.net->ns.inum;
	met_netns(at->seq, netns, SNAP_VIA_SOCKET, at->task->tgid, at->fd);
	family = sk->__sk_common.skc_family;
	if ((family != AF_INET && family != AF_INET6) ||
	    !wanted(netns, sk->__sk_common.skc_state, sk->__sk_common.skc_num) ||
	    sk->sk_type != SOCK_STREAM)
		return true;
	if (sk->sk_protocol == IPPROTO_MPTCP) {
		file_untyped(at, mptcp_first(sk), SNAP_M_MPTCP, brief);
		return true;
	}
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp)
		file_typed(at, tp, brief);
	return true;
}

static __always_inline bool file_by_reads(const struct at *at, const bool brief)
{
	struct file *file = at->file;
	struct socket *socket;
	bool mptcp = false;
	struct sock *sk;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return false;
	socket = BPF_CORE_READ(file, private_data);
	if (BPF_CORE_READ(socket, type) != SOCK_STREAM)
		return true;
	sk = tcp_of_file(file, &mptcp);
	file_untyped(at, sk, mptcp ? SNAP_M_MPTCP : 0, brief);
	return true;
}

/* A file that is no socket may hold a namespace: the reader asks which kind it is. */
static __always_inline void file_other(const struct at *at)
{
	struct inode *inode = at->file->f_inode;

	if (inode->i_sb->s_magic == NSFS_MAGIC)
		met_netns(at->seq, inode->i_ino, SNAP_VIA_NSFD, at->task->tgid, at->fd);
}

static __always_inline int show_file(struct bpf_iter__task_file *ctx, const bool brief)
{
	struct at at = {ctx->meta->seq, ctx->task, ctx->file, ctx->fd};
	bool is_socket;

	if (!at.task || !at.file)
		return 0;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_sock_from_file))
		is_socket = file_by_helper(&at, brief);
	else
		is_socket = file_by_reads(&at, brief);
	if (!is_socket)
		file_other(&at);
	return 0;
}

SEC("iter/task_file")
int iter_task_file(struct bpf_iter__task_file *ctx)
{
	return show_file(ctx, false);
}

SEC("iter/task_file")
int iter_task_file_brief(struct bpf_iter__task_file *ctx)
{
	return show_file(ctx, true);
}

SEC("iter/tcp")
int iter_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct tcp_request_sock *req;
	struct tcp_timewait_sock *tw;
	struct snap_sock r;
	struct tcp_sock *tp;

	if (!skc || (filter.port && skc->skc_num != filter.port))
		return 0;
	tp = bpf_skc_to_tcp_sock(skc);
	tw = tp ? NULL : bpf_skc_to_tcp_timewait_sock(skc);
	req = tp || tw ? NULL : bpf_skc_to_tcp_request_sock(skc);
	if (tp)
		snap_full(&r, (struct sock *)tp, make_cookie(tp), true);
	else if (tw)
		snap_timewait(&r, tw, make_cookie(tw), filter.hz);
	else if (req)
		snap_request(&r, req, make_cookie(req), filter.hz);
	else
		return 0;
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
