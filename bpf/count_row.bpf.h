/* SPDX-License-Identifier: GPL-2.0-only */
/* The row of a listener on this CPU, by its cookie. */
#ifndef SOCKLINE_COUNT_ROW_BPF_H
#define SOCKLINE_COUNT_ROW_BPF_H

/* Made when a listener is met first: what is never connected to costs nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct counters_row);
} rows SEC(".maps");

const volatile struct counters_row row_empty = {};
struct counters_host host = {};

static __always_inline struct counters_row *row_of(u64 cookie)
{
	struct counters_row *row = bpf_map_lookup_elem(&rows, &cookie);

	if (row || !cookie)
		return row;
	bpf_map_update_elem(&rows, &cookie, (void *)&row_empty, BPF_NOEXIST);
	row = bpf_map_lookup_elem(&rows, &cookie);
	if (!row)
		__sync_fetch_and_add(&host.rows_full, 1);
	return row;
}

static __always_inline void row_peak(u32 *peak, u32 depth)
{
	if (depth > *peak)
		*peak = depth;
}

static __always_inline u32 log2_floor(u64 v)
{
	u32 shift, r;

	r = (v > 0xffffffff) << 5;
	v >>= r;
	shift = (v > 0xffff) << 4;
	v >>= shift;
	r |= shift;
	shift = (v > 0xff) << 3;
	v >>= shift;
	r |= shift;
	shift = (v > 0xf) << 2;
	v >>= shift;
	r |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	r |= shift;
	return r | v >> 1;
}

static __always_inline void hist_add(struct counters_hist *h, u64 ns)
{
	u64 bin = log2_floor(ns / 1000);

	h->sum_ns += ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
	if (bin >= COUNTERS_BINS)
		bin = COUNTERS_BINS - 1;
	/* Hidden from the compiler, the mask stays; 6.1's verifier bounds nothing but that. */
	asm volatile("" : "+r"(bin));
	h->bins[bin & (COUNTERS_BINS - 1)]++;
}

#endif
