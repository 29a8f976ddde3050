// SPDX-License-Identifier: GPL-2.0-only
/* Owns the choice of what is shown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metrics_shown.h"

static uint64_t traffic(const struct series *s)
{
	return s->sum ? s->sum->n[COUNT_SYN] + s->sum->n[COUNT_ACCEPT] : 0;
}

static int by_key(const void *a, const void *b)
{
	const struct series *x = *(struct series *const *)a, *y = *(struct series *const *)b;
	int order;

	if (x->key.netns != y->key.netns)
		return x->key.netns < y->key.netns ? -1 : 1;
	if (x->key.port != y->key.port)
		return x->key.port < y->key.port ? -1 : 1;
	order = memcmp(x->key.addr, y->key.addr, sizeof(x->key.addr));
	return order ? order : memcmp(x->key.comm, y->key.comm, sizeof(x->key.comm));
}

/* Those that keep or get a place first.  Ranks only rise, and what is shown goes before what is not
 * of the same rank: so each change is for the worse trouble, and none is taken back. */
static int by_claim(const void *a, const void *b)
{
	const struct series *x = *(struct series *const *)a, *y = *(struct series *const *)b;

	if (!x->sockets != !y->sockets)
		return x->sockets ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	if (x->shown != y->shown)
		return x->shown ? -1 : 1;
	if (traffic(x) != traffic(y))
		return traffic(x) > traffic(y) ? -1 : 1;
	return by_key(a, b);
}

static struct series **all_series(const struct metrics *m)
{
	struct series **all = calloc(m->series_cnt + 1, sizeof(struct series *));
	size_t cnt = 0;

	if (!all)
		return NULL;
	for (size_t i = 0; i < METRICS_BUCKETS; i++)
		for (struct series *s = m->buckets[i]; s; s = s->next)
			all[cnt++] = s;
	return all;
}

int metrics_choose(struct metrics *m)
{
	struct series **all = all_series(m);

	free(m->shown);
	m->shown = all;
	m->shown_cnt = 0;
	m->sockets = m->omitted = 0;
	if (!all)
		return -ENOMEM;
	if (m->series_cnt > m->shown_max)
		qsort(all, m->series_cnt, sizeof(struct series *), by_claim);
	for (size_t i = 0; i < m->series_cnt; i++) {
		all[i]->shown = i < m->shown_max;
		m->shown_cnt += all[i]->shown;
		m->sockets += all[i]->sockets;
		m->omitted += all[i]->shown ? 0 : all[i]->sockets;
	}
	qsort(all, m->shown_cnt, sizeof(struct series *), by_key);
	return 0;
}
