/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One ring buffer per CPU: made, read, and asked what found no room in it.
 *
 * The rings are read side by side: when one holds more than can be taken at once, none runs ahead
 * of it, so that events of all CPUs meet in their order however far behind the reader is.
 */
#ifndef SOCKLINE_LIVE_RINGS_H
#define SOCKLINE_LIVE_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_map;
struct live_rings;

/* What the rings tell of. */
struct live_rings_ops {
	void (*event)(void *ctx, const void *bytes, size_t len);
	void (*lost)(void *ctx, uint64_t events, uint32_t cpu, uint64_t from_ns);
	void *ctx;
};

/* NULL if there is no memory. */
struct live_rings *live_rings_new(int cpus, const struct live_rings_ops *ops);
/* Makes rings of so many bytes and puts them into the map of maps.  0 or -errno. */
int live_rings_make(struct live_rings *r, const struct bpf_map *outer, uint32_t bytes);
void live_rings_free(struct live_rings *r);

/* Takes what is there.  now_ns, the time before the call, comes back as the time before which
 * nothing is left in any ring.  0 or -errno. */
int live_rings_read(struct live_rings *r, uint64_t *now_ns);
/* How long to wait before the next look: 0 if something was left in a ring. */
int live_rings_pause_ms(const struct live_rings *r);

/* Tells of losses that no gap in the numbers shows, by the kernel's own count: nothing may follow
 * them for a long time.  from_ns: they are younger than the last event of that CPU.  counts: struct
 * emit_count by CPU. */
void live_rings_ask(struct live_rings *r, const struct bpf_map *counts);

#endif
