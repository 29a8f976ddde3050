/* SPDX-License-Identifier: GPL-2.0-only */
/* accept, bind and listen through io_uring, which no syscall tracepoint shows. */
#ifndef SOCKLINE_IOURING_BPF_H
#define SOCKLINE_IOURING_BPF_H

#include "uring_file.bpf.h"

/* A multishot completion has no request to ask for its opcode: its result may be a descriptor, a
 * slot or a byte count.  It is an accept only if that names a child known to be waiting. */
static __always_inline void uring_multishot(struct io_ring_ctx *ring, s32 res, u32 flags)
{
	if (!(flags & IORING_CQE_F_MORE))
		return;
	accept_file(uring_file(ring, res), res, EVF_IOURING | EVF_UNSURE | EVF_DIRECT);
	record_accept(res, EVF_IOURING | EVF_UNSURE);
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
static __always_inline void uring_call(struct io_kiocb *req, u8 kind, s32 res)
{
	struct io_async_msghdr *data = BPF_CORE_READ(req, async_data);
	struct begun *b = call_fill(kind, BPF_CORE_READ(req, file));

	if (!b)
		return;
	b->call.fd = -1;
	if (kind == CALL_LISTEN) {
		b->call.backlog = BPF_CORE_READ((struct io_listen *)req, backlog);
		if (!res)
			record_listener((struct sock *)b->sk, EV_LISTEN, -1, b->call.backlog);
	} else if (data) {
		uring_address(&b->call, data);
	}
	if (call_wanted(kind, res))
		record_call(b, res, EVF_IOURING);
}

static __always_inline void record_uring(struct io_ring_ctx *ring, struct io_kiocb *req, s32 res,
					 u32 flags)
{
	u32 slot, opcode;

	if (!req) {
		if (res >= 0)
			uring_multishot(ring, res, flags);
		return;
	}
	opcode = BPF_CORE_READ(req, opcode);
	if (uring_is_call(opcode)) {
		uring_call(req, opcode == IORING_OP_BIND ? CALL_BIND : CALL_LISTEN, res);
		return;
	}
	if (opcode != IORING_OP_ACCEPT || res < 0)
		return;
	slot = uring_file_slot(req);
	if (!slot) {
		record_accept(res, EVF_IOURING);
		return;
	}
	slot = slot == IORING_FILE_INDEX_ALLOC ? (u32)res : slot - 1;
	accept_file(uring_file(ring, slot), slot, EVF_IOURING | EVF_DIRECT);
}

#endif
