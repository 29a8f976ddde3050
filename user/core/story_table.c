// SPDX-License-Identifier: GPL-2.0-only
/* Owns the slots of open stories and their indexes.  Pure. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "story_table.h"

#define NONE	  UINT32_MAX
#define HEADS_MIN 1024 /* a power of two */

struct list {
	uint32_t first;
	uint32_t last;
};

struct story_table {
	struct slot *slots;
	uint32_t *by_tuple;
	uint32_t *by_cookie;
	uint32_t *free_slots;
	uint32_t free_cnt;
	uint32_t capacity;
	uint32_t heads;	/* that there is room for */
	uint32_t mask;	/* of those in use: few stories need few, which stay in the cache */
	struct list age;
	struct list waits[WAIT_KINDS];
};

struct story_table *story_table_new(uint32_t capacity)
{
	struct story_table *t = calloc(1, sizeof(*t));
	uint32_t heads = 1;

	if (!t)
		return NULL;
	while (heads < capacity)
		heads *= 2;
	t->capacity = capacity;
	t->heads = heads;
	t->slots = calloc(capacity, sizeof(*t->slots));
	t->by_tuple = malloc(heads * sizeof(uint32_t));
	t->by_cookie = malloc(heads * sizeof(uint32_t));
	t->free_slots = malloc(capacity * sizeof(uint32_t));
	if (!t->slots || !t->by_tuple || !t->by_cookie || !t->free_slots) {
		story_table_free(t);
		return NULL;
	}
	t->mask = (heads < HEADS_MIN ? heads : HEADS_MIN) - 1;
	memset(t->by_tuple, 0xff, heads * sizeof(uint32_t));
	memset(t->by_cookie, 0xff, heads * sizeof(uint32_t));
	t->age = (struct list){NONE, NONE};
	for (int i = 0; i < WAIT_KINDS; i++)
		t->waits[i] = (struct list){NONE, NONE};
	for (uint32_t i = 0; i < capacity; i++)
		t->free_slots[i] = capacity - 1 - i;
	t->free_cnt = capacity;
	return t;
}

void story_table_free(struct story_table *t)
{
	if (!t)
		return;
	free(t->slots);
	free(t->by_tuple);
	free(t->by_cookie);
	free(t->free_slots);
	free(t);
}

static struct slot *at(struct story_table *t, uint32_t i)
{
	return i == NONE ? NULL : &t->slots[i];
}

/* Both lists are linked alike; `field` says through which links. */
#define LINKS(t, i, field) (*(struct links *)((char *)&(t)->slots[i] + (field)))
#define BY_AGE		   offsetof(struct slot, age)
#define BY_WAIT		   offsetof(struct slot, wait)

static void list_append(struct story_table *t, struct list *l, uint32_t i, size_t field)
{
	LINKS(t, i, field) = (struct links){l->last, NONE};
	if (l->last == NONE)
		l->first = i;
	else
		LINKS(t, l->last, field).next = i;
	l->last = i;
}

static void list_remove(struct story_table *t, struct list *l, uint32_t i, size_t field)
{
	struct links links = LINKS(t, i, field);

	if (links.prev == NONE)
		l->first = links.next;
	else
		LINKS(t, links.prev, field).next = links.next;
	if (links.next == NONE)
		l->last = links.prev;
	else
		LINKS(t, links.next, field).prev = links.prev;
}

static uint32_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return h ^ h >> 32;
}

static uint32_t *tuple_head(struct story_table *t, const struct ev_tuple *tuple)
{
	uint64_t w[5];

	memcpy(w, tuple, sizeof(w));
	return &t->by_tuple[mix(w[0] * 3 + w[1] * 5 + w[2] * 7 + w[3] * 11 + w[4] * 13) & t->mask];
}

static uint32_t *cookie_head(struct story_table *t, uint64_t cookie)
{
	return &t->by_cookie[mix(cookie) & t->mask];
}

static uint32_t *head_by_tuple(struct story_table *t, const struct slot *s)
{
	return tuple_head(t, &s->story.tuple);
}

static uint32_t *head_by_cookie(struct story_table *t, const struct slot *s)
{
	return cookie_head(t, s->story.cookie);
}

/* Each chain becomes two, in the order that it had: of the same tuple the last entered is found. */
static void split(struct story_table *t, uint32_t *heads, uint32_t head, size_t next,
		  uint32_t *(*head_of)(struct story_table *t, const struct slot *s))
{
	uint32_t *ends[2] = {&heads[head], &heads[head + (t->mask + 1) / 2]};

	for (uint32_t i = heads[head]; i != NONE;) {
		uint32_t **end = &ends[head_of(t, &t->slots[i]) != &heads[head]];

		**end = i;
		*end = (uint32_t *)((char *)&t->slots[i] + next);
		i = **end;
	}
	*ends[0] = *ends[1] = NONE;
}

static void grow(struct story_table *t)
{
	uint32_t heads = t->mask + 1;

	t->mask = heads * 2 - 1;
	for (uint32_t i = 0; i < heads; i++) {
		split(t, t->by_tuple, i, offsetof(struct slot, next_tuple), head_by_tuple);
		split(t, t->by_cookie, i, offsetof(struct slot, next_cookie), head_by_cookie);
	}
}

struct slot *story_table_add(struct story_table *t)
{
	struct slot *s;
	uint32_t i;

	if (!t->free_cnt)
		return NULL;
	if (story_table_cnt(t) > t->mask && t->mask + 1 < t->heads)
		grow(t);
	i = t->free_slots[--t->free_cnt];
	s = &t->slots[i];
	/* The steps are not read beyond step_cnt: they need no clearing. */
	memset(s, 0, offsetof(struct slot, story.steps));
	memset(&s->suspect, 0, sizeof(*s) - offsetof(struct slot, suspect));
	list_append(t, &t->age, i, BY_AGE);
	return s;
}

void story_table_unindex_tuple(struct story_table *t, struct slot *s)
{
	uint32_t *p, i = s - t->slots;

	if (!s->has_tuple)
		return;
	for (p = tuple_head(t, &s->story.tuple); *p != i; p = &t->slots[*p].next_tuple)
		;
	*p = s->next_tuple;
	s->has_tuple = false;
}

static void unindex_cookie(struct story_table *t, struct slot *s)
{
	uint32_t *p, i = s - t->slots;

	if (!s->has_cookie)
		return;
	for (p = cookie_head(t, s->story.cookie); *p != i; p = &t->slots[*p].next_cookie)
		;
	*p = s->next_cookie;
	s->has_cookie = false;
}

void story_table_remove(struct story_table *t, struct slot *s)
{
	uint32_t i = s - t->slots;

	story_table_wait(t, s, WAIT_NONE, 0);
	story_table_unindex_tuple(t, s);
	unindex_cookie(t, s);
	list_remove(t, &t->age, i, BY_AGE);
	t->free_slots[t->free_cnt++] = i;
}

void story_table_index_tuple(struct story_table *t, struct slot *s)
{
	uint32_t *head = tuple_head(t, &s->story.tuple);

	s->next_tuple = *head;
	*head = s - t->slots;
	s->has_tuple = true;
}

void story_table_index_cookie(struct story_table *t, struct slot *s)
{
	uint32_t *head = cookie_head(t, s->story.cookie);

	s->next_cookie = *head;
	*head = s - t->slots;
	s->has_cookie = true;
}

struct slot *story_table_by_tuple(struct story_table *t, const struct ev_tuple *tuple)
{
	for (uint32_t i = *tuple_head(t, tuple); i != NONE; i = t->slots[i].next_tuple)
		if (!memcmp(&t->slots[i].story.tuple, tuple, sizeof(*tuple)))
			return &t->slots[i];
	return NULL;
}

struct slot *story_table_by_cookie(struct story_table *t, uint64_t cookie)
{
	if (!cookie)
		return NULL;
	for (uint32_t i = *cookie_head(t, cookie); i != NONE; i = t->slots[i].next_cookie)
		if (t->slots[i].story.cookie == cookie)
			return &t->slots[i];
	return NULL;
}

void story_table_touch(struct story_table *t, struct slot *s)
{
	uint32_t i = s - t->slots;

	list_remove(t, &t->age, i, BY_AGE);
	list_append(t, &t->age, i, BY_AGE);
}

struct slot *story_table_oldest(struct story_table *t)
{
	return at(t, t->age.first);
}

struct slot *story_table_younger(struct story_table *t, const struct slot *s)
{
	return at(t, s->age.next);
}

void story_table_wait(struct story_table *t, struct slot *s, enum wait_kind kind, uint64_t now_ns)
{
	uint32_t i = s - t->slots;

	if (s->waiting != WAIT_NONE)
		list_remove(t, &t->waits[s->waiting], i, BY_WAIT);
	s->waiting = kind;
	s->waiting_since_ns = now_ns;
	if (kind != WAIT_NONE)
		list_append(t, &t->waits[kind], i, BY_WAIT);
}

struct slot *story_table_waiting(struct story_table *t, enum wait_kind kind)
{
	return at(t, t->waits[kind].first);
}

uint32_t story_table_cnt(const struct story_table *t)
{
	return t->capacity - t->free_cnt;
}
