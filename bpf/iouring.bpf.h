/* SPDX-License-Identifier: GPL-2.0-only */
/* accept, bind and listen through io_uring, which no syscall tracepoint shows. */
#ifndef SOCKLINE_IOURING_BPF_H
#define SOCKLINE_IOURING_BPF_H

#define IORING_OP_ACCEPT     13
#define IORING_CQE_F_MORE    2

/* A multishot completion has no request to ask for its opcode: its result may be a file descriptor
 * or a byte count.  It is an accept only if that descriptor is a child known to be waiting. */
static __always_inline int uring_complete(struct io_kiocb *req, s32 res, u32 flags)
{
	u8 unsure = 0;

	if (res < 0)
		return 0;
	if (!req)
		unsure = EVF_UNSURE;
	else if (BPF_CORE_READ(req, opcode) != IORING_OP_ACCEPT)
		return 0;
	if (unsure && !(flags & IORING_CQE_F_MORE))
		return 0;
	return accept_returned(res, EVF_IOURING | unsure);
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(io_uring_complete, void *ring, struct io_kiocb *req, struct io_uring_cqe *cqe)
{
	return uring_complete(req, BPF_CORE_READ(cqe, res), BPF_CORE_READ(cqe, flags));
}

/* Before 6.10 or so the tracepoint passed the completion's fields one by one. */
SEC("?tp_btf/io_uring_complete")
int BPF_PROG(io_uring_complete_fields, void *ring, void *req, u64 user_data, int res,
	     unsigned int flags)
{
	return uring_complete(req, res, flags);
}

#endif
