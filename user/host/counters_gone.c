// SPDX-License-Identifier: GPL-2.0-only
/* Owns the last words of listeners: what was counted between the last look at one and its end. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "counters_int.h"
#include "observer.h"
#include "observer.skel.h"

/* What ends between two reads, and had anything come to it; more are not kept. */
#define GONE_MAX 16384

void counters_gone_begin(struct counters *c)
{
	size_t left = c->gone_cnt - c->view.gone_cnt;

	if (c->view.gone_cnt)
		memmove(c->gone, c->gone + c->view.gone_cnt, left * sizeof(*c->gone));
	c->gone_cnt = left;
	c->view.gone_cnt = 0;
}

static bool room(struct counters *c)
{
	size_t cap = c->gone_cap ? c->gone_cap * 2 : 16;
	struct counters_listener *gone;

	if (c->gone_cnt < c->gone_cap)
		return true;
	if (cap > GONE_MAX)
		return false;
	gone = realloc(c->gone, cap * sizeof(*gone));
	if (!gone)
		return false;
	c->gone = gone;
	c->gone_cap = cap;
	return true;
}

void counters_gone_add(struct counters *c, const struct counters_listener *l)
{
	if (!l->sock.cookie || !room(c))
		return;
	c->gone[c->gone_cnt] = *l;
	c->gone[c->gone_cnt].owners = NULL;
	c->gone[c->gone_cnt++].owner_cnt = 0;
}

void counters_gone_drop(struct counters *c)
{
	struct counters_view *v = &c->view;
	size_t kept = 0;

	for (size_t i = 0; i < v->cnt; i++) {
		if (v->listeners[i].ended)
			counters_gone_add(c, &v->listeners[i]);
		else if (kept++ != i)
			v->listeners[kept - 1] = v->listeners[i];
	}
	v->cnt = kept;
}

/* Few end between two reads. */
struct counters_listener *counters_gone_find(const struct counters *c, uint64_t cookie)
{
	for (size_t i = 0; i < c->gone_cnt; i++)
		if (c->gone[i].sock.cookie == cookie)
			return &c->gone[i];
	return NULL;
}

void counters_gone_tell(struct counters *c)
{
	c->view.gone = c->gone;
	c->view.gone_cnt = c->gone_cnt;
}

void counters_gone_forget(struct counters *c)
{
	int fd = bpf_map__fd(c->observer->skel->maps.rows);

	for (size_t i = 0; i < c->view.gone_cnt; i++)
		if (!counters_find(&c->view, c->gone[i].sock.cookie))
			bpf_map_delete_elem(fd, &c->gone[i].sock.cookie);
}
