/* SPDX-License-Identifier: GPL-2.0-only */
/* When handshakes began, and since when children wait: by what every hook can know of a connection. */
#ifndef SOCKLINE_COUNT_SLOTS_BPF_H
#define SOCKLINE_COUNT_SLOTS_BPF_H

/* Time is kept in ticks of 1024 ns: a shift, where a division would cost as much as a lookup. */
#define TICK_BITS 10

/*
 * A hash, 48 bits, and above it 16 for the place in a table: the client's port counts on from there, a
 * place that all others have chosen.  Ports are handed out upwards, every other one
 * (__inet_hash_connect), so that one connection after the other finds its slots in the cache, and
 * all that one client can have at once have slots of their own.  net: struct net *, as a number
 */
static __always_inline u64 tuple_key(const struct ev_tuple *t, u64 net)
{
	const u64 *w = (const u64 *)t;
	u64 key = net * 0x9e3779b97f4a7c15ULL + t->lport * 0xd6e8feb86659fd93ULL;
	u16 place;

	/* An IPv4 address lies in the upper half of its word. */
	key += w[0] * 0xa0761d6478bd642fULL;
	key += (w[1] >> 32 | w[1] << 32) * 0xe7037ed1a0b428dbULL;
	key += w[2] * 0x8ebc6af09c88c6e3ULL;
	key += (w[3] >> 32 | w[3] << 32) * 0x589965cc75374cc3ULL;
	place = (key >> 48) + (u16)(t->rport >> 1 | t->rport << 15);
	key += t->rport * 0x2127599bf4325c37ULL;
	return (u64)place << 48 | key >> 16;
}

/* One connection of a tuple, told from the next by an initial sequence number. */
static __always_inline u64 handshake_key(u64 key, u32 isn)
{
	return key >> 48 << 48 | (key ^ isn) * 0x9e3779b97f4a7c15ULL >> 16;
}

static __always_inline u32 handshake_mark(u64 key)
{
	return (u32)(key >> 16) | 1; /* 0: a free slot */
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
 * SYN, goes by 0.  Where there is no room, the one that waits longest gives way.
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

/* Clients whose ports come to the same places share more than one bucket: what finds it full goes
 * where the hash says. */
static __always_inline struct wait_bucket *wait_bucket_second(u64 key)
{
	return wait_bucket_of(key << 48);
}

/* A free one, taken; or NULL, and *eldest. */
static __always_inline struct wait_slot *wait_slot_free(struct wait_bucket *b, u32 mark, u32 ticks,
							struct wait_slot **eldest)
{
	u32 most = 0;

	if (!b)
		return NULL;
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
	u64 ticks = time_ns >> TICK_BITS;
	u32 mark = handshake_mark(key);
	struct wait_slot *slot, *eldest = NULL;

	slot = wait_slot_free(wait_bucket_of(key), mark, ticks, &eldest);
	if (!slot)
		slot = wait_slot_free(wait_bucket_second(key), mark, ticks, &eldest);
	if (!slot) {
		if (!eldest)
			return;
		__sync_fetch_and_add(&host.waits_full, 1);
		slot = eldest;
		slot->mark = mark;
	}
	slot->ticks = ticks;
	slot->ticks_listener = listener << 16 | (u16)(ticks >> 32);
}

static __always_inline bool wait_end_in(struct wait_bucket *b, u32 mark, u64 *listener,
					u64 *since_ns)
{
	if (!b)
		return false;
	for (int i = 0; i < WAIT_SLOTS; i++) {
		struct wait_slot *slot = &b->slots[i];

		if (slot->mark != mark)
			continue;
		*listener = slot->ticks_listener >> 16;
		*since_ns = ((slot->ticks_listener & 0xffff) << 32 | slot->ticks) << TICK_BITS;
		slot->mark = 0;
		return true;
	}
	return false;
}

/* False: it is not known to wait. */
static __always_inline bool wait_end(u64 key, u64 *listener, u64 *since_ns)
{
	u32 mark = handshake_mark(key);

	return wait_end_in(wait_bucket_of(key), mark, listener, since_ns) ||
	       wait_end_in(wait_bucket_second(key), mark, listener, since_ns);
}

#endif
