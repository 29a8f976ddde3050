/* SPDX-License-Identifier: GPL-2.0-only */
/* Counted at accept(), also through io_uring: who took a child, and how long it had waited. */
#ifndef SOCKLINE_COUNT_ACCEPT_BPF_H
#define SOCKLINE_COUNT_ACCEPT_BPF_H

#define IORING_OP_ACCEPT 13

/*
 * The listener that a system call names, for a child that was in the queue before the counters
 * were there: its first argument is still in the task's registers, which bpf_task_pt_regs() shows
 * from 5.15 on.
 */
static __always_inline u64 listener_of_call(void)
{
	struct pt_regs *regs;
	bool mptcp = false;
	struct sock *sk;
	s32 fd;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	if (bpf_core_field_exists(regs->di))
		fd = BPF_CORE_READ(regs, di);
	else if (bpf_core_field_exists(regs->orig_x0))
		fd = BPF_CORE_READ(regs, orig_x0);
	else
		return 0;
	sk = tcp_of_file(file_of_fd(fd), &mptcp);
	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN)
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
	struct task_struct *task;
	struct socket *socket;
	struct fdtable *fdt;
	struct file *file;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		task = bpf_get_current_task_btf();
		fdt = task->files->fdt;
		if ((u32)fd >= fdt->max_fds ||
		    bpf_probe_read_kernel(&file, sizeof(file), fdt->fd + (u32)fd))
			return NULL;
	} else {
		file = file_of_fd(fd);
	}
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* A child that was not seen to come, or an MPTCP socket, which carries its listener's cookie. */
static __always_inline void accepted_unknown(s64 fd)
{
	struct ev_tuple tuple;
	bool mptcp = false;
	struct sock *sk = tcp_of_file(file_of_fd(fd), &mptcp);
	struct wait_slot *slot;

	if (!sk)
		return;
	tuple_fill(&tuple, sk, false);
	if (!filter_keep(&tuple))
		return;
	slot = wait_slot_of(sock_cookie(sk));
	if (mptcp && slot && slot->child && slot->child == sock_cookie(sk)) {
		slot->child = 0;
		count_accept(slot->listener, slot->time_ns);
	} else {
		count_accept(listener_of_call(), 0);
	}
}

static __always_inline int accept_returned(s64 ret, bool is_call)
{
	struct sock *sk = ret < 0 ? NULL : accepted_sock(ret);
	struct wait_slot *slot;
	u64 key;

	if (!sk)
		return 0;
	/* A cookie is of one socket of the whole host, whatever its family. */
	key = (u64)sk;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_check_mtu))
		key = sock_cookie(sk);
	slot = wait_slot_of(key);
	if (slot && key && slot->child == key) {
		slot->child = 0;
		count_accept(slot->listener, slot->time_ns);
	} else if (is_call) {
		accepted_unknown(ret);
	}
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_accept")
int sys_exit_accept(struct syscall_exit *ctx)
{
	return accept_returned(ctx->ret, true);
}

SEC("tracepoint/syscalls/sys_exit_accept4")
int sys_exit_accept4(struct syscall_exit *ctx)
{
	return accept_returned(ctx->ret, true);
}

/* A multishot completion has no request to ask for its opcode: its result is a descriptor or a
 * byte count, and an accept only if that descriptor is a child that waits. */
static __always_inline int uring_complete(struct io_kiocb *req, s32 res)
{
	if (res < 0 || (req && BPF_CORE_READ(req, opcode) != IORING_OP_ACCEPT))
		return 0;
	return accept_returned(res, false);
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(io_uring_complete, void *ring, struct io_kiocb *req, struct io_uring_cqe *cqe)
{
	return uring_complete(req, BPF_CORE_READ(cqe, res));
}

/* Before 6.10 or so the tracepoint passed the completion's fields one by one. */
SEC("?tp_btf/io_uring_complete")
int BPF_PROG(io_uring_complete_fields, void *ring, void *req, u64 user_data, int res,
	     unsigned int flags)
{
	return uring_complete(req, res);
}

#endif
