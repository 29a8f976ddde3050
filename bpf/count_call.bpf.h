/* SPDX-License-Identifier: GPL-2.0-only */
/* Counted when bind() or listen() of a TCP socket fails, also through io_uring.  A call that works
 * costs one comparison. */
#ifndef SOCKLINE_COUNT_CALL_BPF_H
#define SOCKLINE_COUNT_CALL_BPF_H

#include "call.bpf.h"

#define IORING_OP_BIND	 56
#define IORING_OP_LISTEN 57

struct counters_calls calls_failed = {};

static __always_inline void count_failure(u32 call, struct file *file, s64 ret)
{
	bool mptcp = false;
	struct sock *sk = tcp_of_file(file, &mptcp);
	u64 error = -ret; /* 6.12's verifier bounds no negated u32 */

	if (!sk)
		return;
	if (config.netns && BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != config.netns)
		return;
	if (error >= COUNTERS_ERRNOS)
		error = 0;
	if (call < COUNTERS_CALLS)
		__sync_fetch_and_add(&calls_failed.n[call][error], 1);
}

static __always_inline int call_returned(u32 call, s64 ret)
{
	struct call_regs regs;

	if (ret < 0 && call_regs_read(&regs))
		count_failure(call, file_of_fd(regs.fd), ret);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_bind")
int sys_exit_bind(struct syscall_exit *ctx)
{
	return call_returned(CALL_BIND, ctx->ret);
}

SEC("tracepoint/syscalls/sys_exit_listen")
int sys_exit_listen(struct syscall_exit *ctx)
{
	return call_returned(CALL_LISTEN, ctx->ret);
}

/* Since 6.11; before, the types are not there to be asked. */
static __always_inline int uring_failed(struct io_kiocb *req, s32 res)
{
	u32 opcode;

	if (!req || !bpf_core_type_exists(struct io_listen))
		return 0;
	opcode = BPF_CORE_READ(req, opcode);
	if (opcode == IORING_OP_BIND || opcode == IORING_OP_LISTEN)
		count_failure(opcode == IORING_OP_BIND ? CALL_BIND : CALL_LISTEN,
			      BPF_CORE_READ(req, file), res);
	return 0;
}

#endif
