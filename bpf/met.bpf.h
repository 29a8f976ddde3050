/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The segment that a listener is being given right now.
 *
 * The kernel handles a segment that meets a listener in one go, on one CPU: cgroup_skb sees it with
 * the listener, and whatever follows (a child, a drop, a removed request) happens before that CPU
 * takes the next.  So the last such segment is kept per CPU, and a later hook that sees the same
 * tuple knows its listener without any lookup.
 */
#ifndef SOCKLINE_MET_BPF_H
#define SOCKLINE_MET_BPF_H

struct met {
	struct segment seg;
	u64 listener; /* struct sock * */
	u64 request;  /* struct request_sock *, for a reset only */
	u64 child;    /* struct sock *, for Fast Open only */
	u8 armed;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct met);
} mets SEC(".maps");

static __always_inline struct met *met_get(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&mets, &zero);
}

#endif
