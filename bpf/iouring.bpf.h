/* SPDX-License-Identifier: GPL-2.0-only */
/* accept, bind and listen through io_uring, which no syscall tracepoint shows. */
#ifndef SOCKLINE_IOURING_BPF_H
#define SOCKLINE_IOURING_BPF_H

#include "uring_file.bpf.h"

#define IORING_OP_BIND	 56
#define IORING_OP_LISTEN 57

/* A multishot completion has no request to ask for its opcode: its result may be a descriptor, a
 * slot or a byte count.  It is an accept only if that names a child known to be waiting. */
static __always_inline int uring_multishot(struct io_ring_ctx *ring, s32 res, u32 flags)
{
	if (!(flags & IORING_CQE_F_MORE))
		return 0;
	accept_file(uring_file(ring, res), res, EVF_IOURING | EVF_UNSURE | EVF_DIRECT);
	return accept_returned(res, EVF_IOURING | EVF_UNSURE);
}

/* The address lies in the request's own data (io_bind_prep): on 6.18 at its beginning, before as a
 * field of an io_async_msghdr, which begins with a pointer, and no pointer ends in 2 or 10. */
static __always_inline void uring_address(struct ev_call *c, struct io_async_msghdr *data)
{
	struct sockaddr_in6 a = {};

	bpf_probe_read_kernel(&a, sizeof(a), data);
	if (a.sin6_family != AF_INET && a.sin6_family != AF_INET6 &&
	    bpf_core_read(&a, sizeof(a), &data->addr))
		return;
	call_address(c, &a);
}

/* Neither says its descriptor. */
static __always_inline int uring_call(struct io_kiocb *req, u8 kind, s32 res)
{
	struct io_async_msghdr *data = BPF_CORE_READ(req, async_data);
	struct begun *b = call_fill(kind, BPF_CORE_READ(req, file));

	if (!b)
		return 0;
	b->call.fd = -1;
	if (kind == CALL_LISTEN) {
		b->call.backlog = BPF_CORE_READ((struct io_listen *)req, backlog);
		if (!res)
			record_listener((struct sock *)b->sk, EV_LISTEN, -1, b->call.backlog);
	} else if (data) {
		uring_address(&b->call, data);
	}
	if (config.binds && follow_wants())
		record_call(b, res, EVF_IOURING);
	return 0;
}

static __always_inline int uring_complete(struct io_ring_ctx *ring, struct io_kiocb *req, s32 res,
					  u32 flags)
{
	u32 slot, opcode;

	if (!req)
		return res < 0 ? 0 : uring_multishot(ring, res, flags);
	opcode = BPF_CORE_READ(req, opcode);
	/* Since 6.11; before, the types are not there to be asked. */
	if (bpf_core_type_exists(struct io_listen) &&
	    (opcode == IORING_OP_BIND || opcode == IORING_OP_LISTEN))
		return uring_call(req, opcode == IORING_OP_BIND ? CALL_BIND : CALL_LISTEN, res);
	if (opcode != IORING_OP_ACCEPT || res < 0)
		return 0;
	slot = uring_file_slot(req);
	if (!slot)
		return accept_returned(res, EVF_IOURING);
	slot = slot == IORING_FILE_INDEX_ALLOC ? (u32)res : slot - 1;
	return accept_file(uring_file(ring, slot), slot, EVF_IOURING | EVF_DIRECT);
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(io_uring_complete, struct io_ring_ctx *ring, struct io_kiocb *req,
	     struct io_uring_cqe *cqe)
{
	return uring_complete(ring, req, BPF_CORE_READ(cqe, res), BPF_CORE_READ(cqe, flags));
}

/* Before 6.10 or so the tracepoint passed the completion's fields one by one. */
SEC("?tp_btf/io_uring_complete")
int BPF_PROG(io_uring_complete_fields, struct io_ring_ctx *ring, struct io_kiocb *req,
	     u64 user_data, int res, unsigned int flags)
{
	return uring_complete(ring, req, res, flags);
}

#endif
