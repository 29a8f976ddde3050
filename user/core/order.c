// SPDX-License-Identifier: GPL-2.0-only
/* Owns the merge of the rings by time, and the account of sequence numbers.  Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"

#ifndef CPUS /* a fuzz build has fewer */
#define CPUS   0x10000
#endif
#define NONE   UINT32_MAX
#define WINDOW 64 /* numbers behind the newest that are remembered one by one */

/* A sliding window over one CPU's numbers, as in RFC 4303, 3.4.3: bit i is newest - i. */
struct sequence {
	uint64_t seen;
	uint64_t last_ns;	/* of the newest event */
	uint64_t gap_from_ns;	/* around the gaps not yet told of */
	uint64_t gap_until_ns;
	uint64_t missing;
	uint64_t told;		/* lost, as the source says; their gap is still to come */
	uint32_t newest;
	uint32_t established;	/* the newest when the gaps before it were told of */
	bool begun;
};

/* A CPU's events come nearly in order: each that is not older than the one before it joins its run,
 * and only the first of a run stands in the heap. */
struct waiting {
	uint32_t arrival; /* of two at the same time, the first to come is the first to go */
	uint32_t next;	  /* slot, NONE: the last of its run */
};

struct heap_entry {
	uint64_t time_ns;
	uint32_t arrival;
	uint32_t slot;
};

struct order {
	struct order_stats stats;
	struct sequence *cpus;
	/* By CPU, [CPUS] the host's: slot of the last event of its youngest run, or NONE. */
	uint32_t *run_ends;
	struct heap_entry *heap;
	struct waiting *waiting; /* by slot */
	union event *slots;
	uint32_t *free_slots;
	uint32_t free_cnt;
	uint32_t heap_cnt;
	uint32_t cpus_used; /* highest CPU seen, plus one */
	bool from_zero;
	uint64_t passed_ns; /* time of the last event given out */
};

struct order *order_new(uint32_t capacity)
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->cpus = calloc(CPUS, sizeof(*o->cpus));
	o->run_ends = malloc((CPUS + 1) * sizeof(*o->run_ends));
	o->heap = calloc(capacity, sizeof(*o->heap));
	o->waiting = calloc(capacity, sizeof(*o->waiting));
	o->slots = calloc(capacity, sizeof(*o->slots));
	o->free_slots = calloc(capacity, sizeof(*o->free_slots));
	if (!o->cpus || !o->run_ends || !o->heap || !o->waiting || !o->slots || !o->free_slots) {
		order_free(o);
		return NULL;
	}
	memset(o->run_ends, 0xff, (CPUS + 1) * sizeof(*o->run_ends));
	/* The last one given back is the next one taken: little memory is ever touched. */
	for (uint32_t i = 0; i < capacity; i++)
		o->free_slots[i] = capacity - 1 - i;
	o->free_cnt = capacity;
	return o;
}

void order_free(struct order *o)
{
	if (!o)
		return;
	free(o->cpus);
	free(o->run_ends);
	free(o->heap);
	free(o->waiting);
	free(o->slots);
	free(o->free_slots);
	free(o);
}

static bool entry_before(const struct heap_entry *a, const struct heap_entry *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	return (int32_t)(a->arrival - b->arrival) < 0;
}

static void heap_up(struct order *o, struct heap_entry e)
{
	uint32_t i = o->heap_cnt++;

	while (i && entry_before(&e, &o->heap[(i - 1) / 2])) {
		o->heap[i] = o->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	o->heap[i] = e;
}

/* The first of all has gone: e takes its place. */
static void heap_down(struct order *o, struct heap_entry e)
{
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < o->heap_cnt) {
		if (child + 1 < o->heap_cnt && entry_before(&o->heap[child + 1], &o->heap[child]))
			child++;
		if (!entry_before(&o->heap[child], &e))
			break;
		o->heap[i] = o->heap[child];
		i = child;
	}
	o->heap[i] = e;
}

static void gap_add(struct order *o, struct sequence *s, uint32_t events, uint64_t now_ns)
{
	uint32_t known = s->told < events ? s->told : events;

	s->told -= known;
	events -= known;
	if (!events)
		return;
	if (!s->missing)
		s->gap_from_ns = s->last_ns;
	s->missing += events;
	s->gap_until_ns = now_ns;
	o->stats.lost += events;
}

/* 0, or -EEXIST if this number was seen before. */
static int sequence_note(struct order *o, const struct ev_hdr *hdr)
{
	struct sequence *s = &o->cpus[hdr->cpu];
	uint32_t behind;
	int32_t ahead;

	if (hdr->cpu >= o->cpus_used)
		o->cpus_used = hdr->cpu + 1;
	if (!s->begun) { /* as if the number before the first had been the newest */
		s->begun = true;
		s->seen = o->from_zero ? UINT64_MAX : 0;
		s->newest = o->from_zero ? UINT32_MAX : hdr->seq - 1;
		s->established = s->newest;
	}
	ahead = hdr->seq - s->newest;
	if (ahead <= 0) {
		behind = s->newest - hdr->seq;
		if (behind >= WINDOW || s->seen >> behind & 1)
			return -EEXIST;
		s->seen |= 1ULL << behind;
		if (s->missing && (int32_t)(hdr->seq - s->established) > 0) {
			s->missing--;
			o->stats.lost--;
		}
		return 0;
	}
	if (ahead > 1)
		gap_add(o, s, ahead - 1, hdr->time_ns);
	s->seen = ahead < WINDOW ? s->seen << ahead | 1 : 1;
	s->newest = hdr->seq;
	s->last_ns = hdr->time_ns;
	return 0;
}

void order_from_zero(struct order *o)
{
	o->from_zero = true;
}

void order_reset(struct order *o)
{
	memset(o->cpus, 0, o->cpus_used * sizeof(*o->cpus));
	o->cpus_used = 0;
	o->from_zero = false;
	o->passed_ns = 0;
}

static uint32_t *run_end(struct order *o, uint16_t cpu)
{
	return &o->run_ends[cpu == EV_CPU_HOST ? CPUS : cpu];
}

static void enqueue(struct order *o, uint32_t slot)
{
	const struct ev_hdr *hdr = &o->slots[slot].hdr;
	uint32_t *end = run_end(o, hdr->cpu);

	o->waiting[slot] = (struct waiting){o->stats.events, NONE};
	if (*end != NONE && o->slots[*end].hdr.time_ns <= hdr->time_ns)
		o->waiting[*end].next = slot;
	else
		heap_up(o, (struct heap_entry){hdr->time_ns, o->stats.events, slot});
	*end = slot;
}

/* The first of all; who stands behind it in its run comes into the heap. */
static uint32_t dequeue(struct order *o)
{
	uint32_t slot = o->heap[0].slot, next = o->waiting[slot].next;
	uint32_t *end = run_end(o, o->slots[slot].hdr.cpu);

	if (*end == slot)
		*end = NONE;
	if (next != NONE)
		heap_down(o, (struct heap_entry){o->slots[next].hdr.time_ns,
						 o->waiting[next].arrival, next});
	else if (--o->heap_cnt)
		heap_down(o, o->heap[o->heap_cnt]);
	return slot;
}

int order_push(struct order *o, const union event *ev)
{
	uint32_t slot;

	if (!o->free_cnt)
		return -ENOSPC;
	if (ev->hdr.cpu != EV_CPU_HOST && sequence_note(o, &ev->hdr)) {
		o->stats.duplicates++;
		return -EEXIST;
	}
	slot = o->free_slots[--o->free_cnt];
	o->slots[slot] = *ev;
	enqueue(o, slot);
	o->stats.events++;
	if (ev->hdr.time_ns < o->passed_ns)
		o->stats.late++;
	return 0;
}

const union event *order_pop(struct order *o, uint64_t horizon_ns)
{
	uint64_t time_ns;
	uint32_t slot;

	if (!o->heap_cnt || o->heap[0].time_ns > horizon_ns)
		return NULL;
	time_ns = o->heap[0].time_ns;
	slot = dequeue(o);
	o->free_slots[o->free_cnt++] = slot;
	if (time_ns > o->passed_ns)
		o->passed_ns = time_ns;
	return &o->slots[slot];
}

uint64_t order_oldest_ns(const struct order *o)
{
	return o->heap_cnt ? o->heap[0].time_ns : UINT64_MAX;
}

void order_told(struct order *o, uint16_t cpu, uint64_t events)
{
	if (cpu == EV_CPU_HOST)
		return;
	o->cpus[cpu].told += events;
	if (cpu >= o->cpus_used)
		o->cpus_used = cpu + 1;
}

bool order_next_loss(struct order *o, uint64_t until_ns, struct order_loss *loss)
{
	struct sequence *first = NULL;

	for (uint32_t cpu = 0; cpu < o->cpus_used; cpu++) {
		struct sequence *s = &o->cpus[cpu];

		if (s->missing && s->gap_from_ns <= until_ns &&
		    (!first || s->gap_from_ns < first->gap_from_ns))
			first = s;
	}
	if (!first)
		return false;
	*loss = (struct order_loss){first->missing, first->gap_from_ns, first->gap_until_ns,
				    first - o->cpus};
	first->missing = 0;
	first->established = first->newest;
	return true;
}

const struct order_stats *order_stats(const struct order *o)
{
	return &o->stats;
}
