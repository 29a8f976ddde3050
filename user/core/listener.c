// SPDX-License-Identifier: GPL-2.0-only
/* Owns the table of listeners, by cookie.  Pure. */
#include <stdlib.h>
#include <string.h>

#include "listener.h"

#define NONE UINT32_MAX

struct listeners {
	struct listener *rows;
	uint32_t *heads;
	uint32_t capacity;
	uint32_t cnt;
	uint32_t mask;
	uint32_t clock;
};

struct listeners *listeners_new(uint32_t capacity)
{
	struct listeners *l = calloc(1, sizeof(*l));
	uint32_t heads = 1;

	if (!l)
		return NULL;
	while (heads < capacity)
		heads *= 2;
	l->capacity = capacity;
	l->mask = heads - 1;
	l->rows = calloc(capacity, sizeof(*l->rows));
	l->heads = malloc(heads * sizeof(*l->heads));
	if (!l->rows || !l->heads) {
		listeners_free(l);
		return NULL;
	}
	listeners_reset(l);
	return l;
}

void listeners_reset(struct listeners *l)
{
	memset(l->heads, 0xff, (l->mask + 1ULL) * sizeof(*l->heads));
	l->cnt = 0;
}

void listeners_free(struct listeners *l)
{
	if (!l)
		return;
	free(l->rows);
	free(l->heads);
	free(l);
}

static uint32_t *head_of(const struct listeners *l, uint64_t cookie)
{
	return &l->heads[(cookie * 0x9e3779b97f4a7c15ULL >> 32) & l->mask];
}

static struct listener *find(const struct listeners *l, uint64_t cookie)
{
	for (uint32_t i = *head_of(l, cookie); i != NONE; i = l->rows[i].next)
		if (l->rows[i].cookie == cookie)
			return &l->rows[i];
	return NULL;
}

static void unlink_row(struct listeners *l, uint32_t victim)
{
	uint32_t *at = head_of(l, l->rows[victim].cookie);

	while (*at != victim)
		at = &l->rows[*at].next;
	*at = l->rows[victim].next;
}

/* A closed listener goes first, then the one that was longest not asked for. */
static uint32_t make_room(struct listeners *l)
{
	uint32_t victim = 0;

	for (uint32_t i = 1; i < l->cnt; i++) {
		const struct listener *a = &l->rows[i], *b = &l->rows[victim];

		if (a->closed != b->closed ? a->closed : a->used < b->used)
			victim = i;
	}
	unlink_row(l, victim);
	return victim;
}

static struct listener *find_or_add(struct listeners *l, uint64_t cookie)
{
	struct listener *row = find(l, cookie);
	uint32_t i;

	if (!row) {
		i = l->cnt < l->capacity ? l->cnt++ : make_room(l);
		row = &l->rows[i];
		memset(row, 0, sizeof(*row));
		row->cookie = cookie;
		row->backlog = -1;
		row->next = *head_of(l, cookie);
		*head_of(l, cookie) = i;
	}
	row->used = ++l->clock;
	return row;
}

static void own(struct listener *row, const struct ev_process *process, int32_t fd)
{
	uint32_t kept = row->owner_cnt < LISTENER_OWNERS ? row->owner_cnt : LISTENER_OWNERS;

	if (!process->pid)
		return;
	for (uint32_t i = 0; i < kept; i++) {
		struct listener_owner *o = &row->owners[i];

		if (o->process.pid != process->pid)
			continue;
		if (o->fd < 0)
			o->fd = fd;
		if (o->fd == fd || fd < 0)
			return;
	}
	if (kept < LISTENER_OWNERS)
		row->owners[kept] = (struct listener_owner){*process, fd};
	row->owner_cnt++;
}

struct listener *listeners_feed(struct listeners *l, const struct ev_listen *ev)
{
	struct listener *row = find_or_add(l, ev->queues.cookie);

	row->closed = ev->hdr.kind == EV_UNLISTEN;
	if (row->closed && row->family) /* what it was is known */
		return row;
	memcpy(row->addr, ev->addr, 16);
	row->port = ev->port;
	row->family = ev->family;
	row->netns = ev->netns;
	row->options = ev->options;
	row->device = ev->device;
	if (ev->backlog >= 0)
		row->backlog = ev->backlog;
	if (ev->hdr.flags & EVF_FOLLOWED)
		row->followed = true;
	own(row, &ev->process, ev->fd);
	listeners_feed_queues(l, &ev->queues);
	return row;
}

void listeners_feed_owner(struct listeners *l, const struct ev_owner *ev)
{
	struct listener *row = find(l, ev->cookie);

	if (row)
		own(row, &ev->process, ev->fd);
}

void listeners_feed_queues(struct listeners *l, const struct ev_queues *q)
{
	struct listener *row = q->cookie ? find(l, q->cookie) : NULL;

	if (!row)
		return;
	row->used = ++l->clock;
	row->limit = q->limit;
	row->synq = q->synq;
	row->acceptq = q->acceptq;
	row->drops = q->drops;
	if (q->synq > row->synq_peak)
		row->synq_peak = q->synq;
	if (q->acceptq > row->acceptq_peak)
		row->acceptq_peak = q->acceptq;
}

void listeners_feed_accept(struct listeners *l, uint64_t cookie, const struct ev_process *by,
			   uint64_t time_ns)
{
	struct listener *row = cookie ? find(l, cookie) : NULL;

	if (!row)
		return;
	row->last_accept_ns = time_ns;
	row->last_accept_by = *by;
}

const struct listener *listeners_find(const struct listeners *l, uint64_t cookie)
{
	return cookie ? find(l, cookie) : NULL;
}

void listeners_each(const struct listeners *l, void (*fn)(void *ctx, const struct listener *l),
		    void *ctx)
{
	for (uint32_t i = 0; i < l->cnt; i++)
		fn(ctx, &l->rows[i]);
}

void listeners_count(const struct listeners *l, uint32_t *open, uint32_t *namespaces)
{
	uint32_t seen[64];

	*open = *namespaces = 0;
	for (uint32_t i = 0; i < l->cnt; i++) {
		uint32_t k = 0;

		if (l->rows[i].closed)
			continue;
		(*open)++;
		while (k < *namespaces && seen[k] != l->rows[i].netns)
			k++;
		if (k == *namespaces && k < 64)
			seen[(*namespaces)++] = l->rows[i].netns;
	}
}
