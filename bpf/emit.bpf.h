/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only file that touches the rings.  One ring per CPU, because a shared one collapses under
 * many producers; never a wake-up, because waking the reader costs more than all the rest
 * together: it looks every few milliseconds instead.
 */
#ifndef SOCKLINE_EMIT_BPF_H
#define SOCKLINE_EMIT_BPF_H

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); /* the reader sets the real size before it loads */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* the reader sets the number of possible CPUs */
	__type(key, u32);
	__array(values, struct ring);
} rings SEC(".maps");

/* What one CPU has emitted.  Read by the reader for the account of losses. */
struct emit_count {
	u32 seq;
	u32 pad;
	u64 lost[64]; /* by kind */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct emit_count);
} emit_counts SEC(".maps");

/*
 * A place for one event of this kind, its header filled, or NULL: then it is counted as lost.
 * Sequence and time are taken after the reservation: a softirq that interrupts in between gets the
 * later slot and the earlier number, but the reader never sees one of the two without the other.
 */
static __always_inline void *emit_reserve(u64 size, u8 kind, u8 flags)
{
	u32 zero = 0, cpu = bpf_get_smp_processor_id();
	struct emit_count *count = bpf_map_lookup_elem(&emit_counts, &zero);
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	struct ev_hdr *hdr;
	u32 seq;

	if (!count || !ring)
		return NULL;
	hdr = bpf_ringbuf_reserve(ring, size, 0);
	seq = __sync_fetch_and_add(&count->seq, 1);
	if (!hdr) {
		__sync_fetch_and_add(&count->lost[kind & 63], 1);
		return NULL;
	}
	hdr->time_ns = bpf_ktime_get_ns();
	hdr->seq = seq;
	hdr->cpu = cpu;
	hdr->kind = kind;
	hdr->flags = flags;
	return hdr;
}

/* Every reserved event is submitted: a discarded one would leave a gap in the sequence. */
static __always_inline void emit_submit(void *event)
{
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

#endif
