/* SPDX-License-Identifier: GPL-2.0-only */
/* When handshakes began, and since when children wait: by what every hook can know of a connection. */
#ifndef SOCKLINE_COUNT_SLOTS_BPF_H
#define SOCKLINE_COUNT_SLOTS_BPF_H

/* Time is kept in ticks of 1024 ns: a shift, where a division would cost as much as a lookup. */
#define TICK_BITS 10

/* net: struct net *, as a number */
static __always_inline u64 tuple_key(const struct ev_tuple *t, u64 net)
{
	const u64 *w = (const u64 *)t;
	u64 key = net * 0x9e3779b97f4a7c15ULL + *(u32 *)&t->lport * 0xd6e8feb86659fd93ULL;

	/* An IPv4 address lies in the upper half of its word. */
	key += w[0] * 0xa0761d6478bd642fULL;
	key += (w[1] >> 32 | w[1] << 32) * 0xe7037ed1a0b428dbULL;
	key += w[2] * 0x8ebc6af09c88c6e3ULL;
	key += (w[3] >> 32 | w[3] << 32) * 0x589965cc75374cc3ULL;
	return key ^ key >> 32;
}

/* One connection of a tuple, told from the next by an initial sequence number. */
static __always_inline u64 handshake_key(u64 key, u32 isn)
{
	key = (key ^ isn) * 0x9e3779b97f4a7c15ULL;
	return key ^ key >> 32;
}

static __always_inline u32 handshake_mark(u64 key)
{
	return (u32)key | 1; /* 0: a free slot */
}

/*
 * When a handshake began, by the client's number: a slot that a later one may take.  A SYN flood
 * overwrites what is never completed, and no table fills.  Eight bytes, so that all of them stay in the
 * cache; ticks wrap after 73 minutes, long after any handshake has been given up.
 */
#define SYN_SLOTS 65536

struct syn_slot {
	u32 mark;
	u32 ticks;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYN_SLOTS);
	__type(key, u32);
	__type(value, struct syn_slot);
} syns SEC(".maps");

static __always_inline struct syn_slot *syn_slot_of(u64 key)
{
	u32 i = key >> 48;

	return bpf_map_lookup_elem(&syns, &i);
}

/*
 * A child that waits for accept(), by the server's number: the ACK that made it acknowledges it
 * (tcp_check_req), and write_seq stays there until the server writes.  A Fast Open child, made by a
 * SYN, goes by 0.  Where four that wait share a bucket, the one that waits longest gives way to a fifth.
 */
#define WAIT_BUCKETS	16384
#define WAIT_SLOTS	4

struct wait_slot {
	u32 mark;
	u32 ticks;	   /* its lower half */
	u64 ticks_listener; /* upper half, 16 bits; cookie */
};

struct wait_bucket {
	struct wait_slot slots[WAIT_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* for its alignment: a bucket is a line of the cache */
	__uint(max_entries, WAIT_BUCKETS);
	__type(key, u32);
	__type(value, struct wait_bucket);
} waits SEC(".maps");

static __always_inline struct wait_bucket *wait_bucket_of(u64 key)
{
	u32 i = key >> 50;

	return bpf_map_lookup_elem(&waits, &i);
}

/* A free one, taken; or NULL, and *eldest. */
static __always_inline struct wait_slot *wait_slot_free(struct wait_bucket *b, u32 mark, u32 ticks,
							struct wait_slot **eldest)
{
	u32 most = 0;

	*eldest = &b->slots[0];
	for (int i = 0; i < WAIT_SLOTS; i++) {
		struct wait_slot *slot = &b->slots[i];

		if (!slot->mark && !__sync_val_compare_and_swap(&slot->mark, 0, mark))
			return slot;
		if (ticks - slot->ticks > most) {
			most = ticks - slot->ticks;
			*eldest = slot;
		}
	}
	return NULL;
}

static __always_inline void wait_begin(u64 key, u64 listener, u64 time_ns)
{
	struct wait_bucket *b = wait_bucket_of(key);
	u64 ticks = time_ns >> TICK_BITS;
	struct wait_slot *slot, *eldest;

	if (!b)
		return;
	slot = wait_slot_free(b, handshake_mark(key), ticks, &eldest);
	if (!slot) {
		__sync_fetch_and_add(&host.waits_full, 1);
		slot = eldest;
		slot->mark = handshake_mark(key);
	}
	slot->ticks = ticks;
	slot->ticks_listener = listener << 16 | (u16)(ticks >> 32);
}

/* False: it is not known to wait. */
static __always_inline bool wait_end(u64 key, u64 *listener, u64 *since_ns)
{
	struct wait_bucket *b = wait_bucket_of(key);

	if (!b)
		return false;
	for (int i = 0; i < WAIT_SLOTS; i++) {
		struct wait_slot *slot = &b->slots[i];

		if (slot->mark != handshake_mark(key))
			continue;
		*listener = slot->ticks_listener >> 16;
		*since_ns = ((slot->ticks_listener & 0xffff) << 32 | slot->ticks) << TICK_BITS;
		slot->mark = 0;
		return true;
	}
	return false;
}

#endif
