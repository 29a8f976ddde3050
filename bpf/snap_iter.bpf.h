/* SPDX-License-Identifier: GPL-2.0-only */
/* The iterators that every look at listeners takes: for the snapshot, and for an object of their own
 * that loads fast. */
#ifndef SOCKLINE_SNAP_ITER_BPF_H
#define SOCKLINE_SNAP_ITER_BPF_H

#include "snap.bpf.h"

struct snap_filter filter;

/* Namespaces already written: the reader empties it before each pass. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, u8);
} netns_seen SEC(".maps");

/* The socket met last was of this one: most are. */
__u32 netns_last;

static __always_inline void met_netns(struct seq_file *seq, u32 inum, u32 via, u32 pid, s32 fd)
{
	struct snap_netns r = {};
	u8 yes = 1;

	if (!inum || inum == netns_last)
		return;
	netns_last = inum;
	if (bpf_map_lookup_elem(&netns_seen, &inum))
		return;
	bpf_map_update_elem(&netns_seen, &inum, &yes, BPF_ANY);
	r.hdr.kind = SNAP_NETNS;
	r.hdr.netns = inum;
	r.via = via;
	r.pid = pid;
	r.fd = fd;
	bpf_seq_write(seq, &r, sizeof(r));
}

/* bpf_get_socket_cookie() takes a struct sock in tracing programs from 5.12 on, the version that
 * brought bpf_check_mtu(). */
static __always_inline u64 make_cookie(void *sk)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_check_mtu))
		return bpf_get_socket_cookie(sk);
	return BPF_CORE_READ((struct sock_common *)sk, skc_cookie.counter);
}

SEC("iter/task")
int iter_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task)
		met_netns(ctx->meta->seq, BPF_CORE_READ(task, nsproxy, net_ns, ns.inum),
			  SNAP_VIA_TASK, task->tgid, -1);
	return 0;
}

/* Returning 1 ends this read(): bpf_seq_read() hands over what there is, and says EAGAIN when that
 * is nothing.  The listeners come first (tcp_seq_start()), so for them this is the end. */
SEC("iter/tcp")
int iter_tcp_listeners(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct tcp_sock *tp;
	struct snap_sock r;

	if (!skc)
		return 0;
	if (skc->skc_state != TCP_LISTEN)
		return 1;
	tp = bpf_skc_to_tcp_sock(skc);
	if (!tp || (filter.port && skc->skc_num != filter.port))
		return 0;
	snap_full(&r, (struct sock *)tp, make_cookie(tp), true);
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

#endif
