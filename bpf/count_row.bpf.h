/* SPDX-License-Identifier: GPL-2.0-only */
/* The row of a listener on this CPU, by its cookie; and when handshakes began. */
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

/*
 * When a handshake began: by tuple and initial sequence number, in a slot that a later one may
 * take.  A SYN flood overwrites what is never completed, and no table fills.  A slot is eight bytes, half
 * mark and half time, so that all of them stay in the cache: microseconds, which wrap after 71
 * minutes, long after any handshake has been given up.
 */
#define SYN_SLOTS 65536

struct syn_slot {
	u32 mark;
	u32 time_us;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYN_SLOTS);
	__type(key, u32);
	__type(value, struct syn_slot);
} syns SEC(".maps");

static __always_inline u64 handshake_key(const struct ev_tuple *t, u32 isn)
{
	const u64 *w = (const u64 *)t;
	u64 key = isn;

	for (int i = 0; i < 5; i++) {
		key = (key ^ w[i]) * 0x9e3779b97f4a7c15ULL;
		key ^= key >> 29;
	}
	return key;
}

static __always_inline u32 handshake_mark(u64 key)
{
	return key >> 32 | 1; /* 0: a free slot */
}

static __always_inline struct syn_slot *syn_slot_of(u64 key)
{
	u32 i = key & (SYN_SLOTS - 1);

	return bpf_map_lookup_elem(&syns, &i);
}

#endif
