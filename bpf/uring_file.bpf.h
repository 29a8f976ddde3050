/* SPDX-License-Identifier: GPL-2.0-only */
/* What an accept through io_uring has brought: a descriptor, or a slot of the ring's own. */
#ifndef SOCKLINE_URING_FILE_BPF_H
#define SOCKLINE_URING_FILE_BPF_H

#define IORING_OP_ACCEPT  13
#define IORING_OP_BIND	  56
#define IORING_OP_LISTEN  57
#define IORING_CQE_F_MORE 2

/* Since 6.11; before, the types are not there to be asked. */
static __always_inline bool uring_is_call(u32 opcode)
{
	return bpf_core_type_exists(struct io_listen) &&
	       (opcode == IORING_OP_BIND || opcode == IORING_OP_LISTEN);
}

/* A direct descriptor: a slot of the ring's own table (io_file_get_fixed; two flag bits in the
 * pointer).  Before 6.13 the table looks otherwise; then such an accept is not seen. */
static __always_inline struct file *uring_file(struct io_ring_ctx *ring, u32 slot)
{
	struct io_rsrc_node **nodes, *node = NULL;

	if (!bpf_core_field_exists(ring->file_table.data.nodes))
		return NULL;
	if (slot >= BPF_CORE_READ(ring, file_table.data.nr))
		return NULL;
	nodes = BPF_CORE_READ(ring, file_table.data.nodes);
	bpf_probe_read_kernel(&node, sizeof(node), nodes + slot);
	return (struct file *)(BPF_CORE_READ(node, file_ptr) & ~3UL);
}

#define IORING_FILE_INDEX_ALLOC (~0U)

static __always_inline u32 uring_file_slot(struct io_kiocb *req)
{
	struct io_accept *accept = (struct io_accept *)req;

	return bpf_core_field_exists(accept->file_slot) ? BPF_CORE_READ(accept, file_slot) : 0;
}

#endif
