/* SPDX-License-Identifier: GPL-2.0-only */
/* Counted when bind() or listen() of a TCP socket fails, also through io_uring.  A call that works
 * costs one comparison; of listen() it is told. */
#ifndef SOCKLINE_COUNT_CALL_BPF_H
#define SOCKLINE_COUNT_CALL_BPF_H

#include "call.bpf.h"
#include "uring_file.bpf.h"

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

static __always_inline void count_call(u32 call, s64 ret)
{
	struct call_regs regs;

	if (ret < 0 && call_regs_read(&regs))
		count_failure(call, file_of_fd(regs.fd), ret);
}

static __always_inline void count_listen(s64 ret)
{
	if (!ret)
		__sync_fetch_and_add(&host.changes, 1);
	count_call(CALL_LISTEN, ret);
}

static __always_inline void count_uring_call(struct io_kiocb *req, s32 res)
{
	u32 opcode = req ? BPF_CORE_READ(req, opcode) : 0;

	u32 call = opcode == IORING_OP_BIND ? CALL_BIND : CALL_LISTEN;

	if (!uring_is_call(opcode))
		return;
	if (res < 0)
		count_failure(call, BPF_CORE_READ(req, file), res);
	else if (call == CALL_LISTEN)
		__sync_fetch_and_add(&host.changes, 1);
}

#endif
