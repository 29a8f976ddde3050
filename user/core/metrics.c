// SPDX-License-Identifier: GPL-2.0-only
/* Owns the series: which socket belongs to which, and what each has counted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "metrics_int.h"
#include "metrics_shown.h"
#include "queue.h"

#define PLACE_NS 60000000000ULL

struct metrics *metrics_new(uint32_t shown_max, const struct metrics_ops *ops)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->ops = *ops;
	m->shown_max = shown_max;
	return m;
}

static void series_free(struct series *s)
{
	free(s->labels);
	free(s->place);
	free(s->sum);
	free(s);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < METRICS_BUCKETS; i++)
		for (struct series *s = m->buckets[i], *next; s; s = next) {
			next = s->next;
			series_free(s);
		}
	for (size_t i = 0; i < m->member_cnt; i++)
		free(m->members[i].last);
	free(m->members);
	free(m->shown);
	free(m);
}

void metrics_sockets(const struct metrics *m, uint64_t *sockets, uint64_t *omitted)
{
	*sockets = m->sockets;
	*omitted = m->omitted;
}

static void key_fill(struct metrics_key *key, const struct counters_listener *l)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->addr, l->sock.laddr, sizeof(key->addr));
	key->netns = l->sock.hdr.netns;
	key->port = l->sock.lport;
	if (l->owner_cnt)
		snprintf(key->comm, sizeof(key->comm), "%s", l->owners[0].comm);
}

/* FNV-1a */
static struct series **bucket_of(struct metrics *m, const struct metrics_key *key)
{
	const uint8_t *bytes = (const uint8_t *)key;
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof(*key); i++)
		hash = (hash ^ bytes[i]) * 16777619;
	return &m->buckets[(hash ^ hash >> 16) % METRICS_BUCKETS];
}

static char *labels_of(const struct metrics_key *key)
{
	char labels[256] = "", text[ADDR_LEN];

	snprintf(text, sizeof(text), "%u", key->netns);
	metrics_label(labels, sizeof(labels), "netns", text);
	metrics_label(labels, sizeof(labels), "address", addr_format(text, key->addr));
	snprintf(text, sizeof(text), "%u", key->port);
	metrics_label(labels, sizeof(labels), "port", text);
	metrics_label(labels, sizeof(labels), "comm", key->comm);
	return strdup(labels);
}

static struct series *series_get(struct metrics *m, const struct metrics_key *key)
{
	struct series **bucket = bucket_of(m, key), *s;

	for (s = *bucket; s; s = s->next)
		if (!memcmp(&s->key, key, sizeof(*key)))
			return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = *key;
	s->labels = labels_of(key);
	if (!s->labels) {
		free(s);
		return NULL;
	}
	s->next = *bucket;
	*bucket = s;
	m->series_cnt++;
	return s;
}

static void forget_series(struct metrics *m, struct series **at)
{
	struct series *s = *at;

	*at = s->next;
	m->series_cnt--;
	series_free(s);
}

static void add_hist(struct counters_hist *sum, struct counters_hist *last,
		     const struct counters_hist *now)
{
	for (int i = 0; i < COUNTERS_BINS; i++)
		sum->bins[i] += now->bins[i] - last->bins[i];
	sum->sum_ns += now->sum_ns - last->sum_ns;
	*last = *now;
}

static bool anything(const struct counters_row *row)
{
	for (int i = 0; i < COUNTERS_CNT; i++)
		if (row->n[i])
			return true;
	return false;
}

/* Adds to the series what this socket has counted since it was asked last. */
static int add_counts(struct member *member, const struct counters_row *now)
{
	struct series *s = member->series;

	if (!member->last && !anything(now))
		return 0;
	if (!member->last)
		member->last = calloc(1, sizeof(*member->last));
	if (!s->sum)
		s->sum = calloc(1, sizeof(*s->sum));
	if (!member->last || !s->sum)
		return -ENOMEM;
	for (int i = 0; i < COUNTERS_CNT; i++) {
		/* A drop that was taken back: the next one makes up for it. */
		if (now->n[i] <= member->last->n[i])
			continue;
		s->sum->n[i] += now->n[i] - member->last->n[i];
		member->last->n[i] = now->n[i];
	}
	add_hist(&s->sum->handshake, &member->last->handshake, &now->handshake);
	add_hist(&s->sum->wait, &member->last->wait, &now->wait);
	if (now->last_accept_ns > s->sum->last_accept_ns)
		s->sum->last_accept_ns = now->last_accept_ns;
	return 0;
}

static int by_cookie(const void *a, const void *b)
{
	uint64_t x = ((const struct member *)a)->cookie, y = ((const struct member *)b)->cookie;

	return x < y ? -1 : x > y;
}

static int take_gone(struct metrics *m, const struct counters_view *v)
{
	int ret = 0;

	for (size_t i = 0; i < v->gone_cnt && !ret && m->member_cnt; i++) {
		struct member key = {.cookie = v->gone[i].sock.cookie}, *member;

		member = bsearch(&key, m->members, m->member_cnt, sizeof(key), by_cookie);
		if (member)
			ret = add_counts(member, &v->gone[i].total);
	}
	return ret;
}

/* Both queues of a socket, into those of its series. */
static void add_queues(struct series *s, const struct counters_listener *l)
{
	const struct snap_sock *sock = &l->sock;
	double fill = (double)sock->acceptq / (sock->limit ? sock->limit : 1);

	s->sockets++;
	s->synq += sock->synq;
	s->synq_limit += queue_synq_limit(sock->limit, sock->max_syn_backlog, sock->syncookies);
	s->acceptq += sock->acceptq;
	s->acceptq_limit += sock->limit;
	if (l->total.synq_peak > s->synq_peak)
		s->synq_peak = l->total.synq_peak;
	if (l->total.acceptq_peak > s->acceptq_peak)
		s->acceptq_peak = l->total.acceptq_peak;
	if (fill > s->fill)
		s->fill = fill;
	if (queue_pressed(sock->acceptq, sock->limit))
		s->rank = RANK_PRESSED;
}

static void take_owner(struct series *s, const struct counters_listener *l)
{
	if (!l->owner_cnt)
		return;
	if (s->owner.pid != l->owners[0].pid || s->owner.cgroup != l->owners[0].cgroup)
		s->place_ns = 0;
	s->owner = l->owners[0];
}

/* A socket keeps its address; its process may become another. */
static bool same_process(const struct member *member, const struct counters_listener *l)
{
	return member->series && (!l->owner_cnt || !strncmp(member->series->key.comm,
							    l->owners[0].comm, EV_COMM_LEN));
}

/* A socket of the view, into its series.  A process that is not known any more is still the one
 * that it was. */
static int take_listener(struct metrics *m, const struct counters_listener *l,
			 struct member *member)
{
	struct metrics_key key;
	struct series *s;
	int ret;

	if (!same_process(member, l)) {
		key_fill(&key, l);
		s = series_get(m, &key);
		if (s)
			member->series = s;
		if (!member->series)
			return -ENOMEM;
	}
	ret = add_counts(member, &l->total);
	add_queues(member->series, l);
	take_owner(member->series, l);
	return ret;
}

static bool wanted(const struct metrics *m, const struct counters_listener *l)
{
	return l->sock.cookie && (!m->ops.wanted || m->ops.wanted(m->ops.ctx, l));
}

/* Both are sorted by cookie: those that stay keep what they were, the others go or come. */
static int take_listeners(struct metrics *m, const struct counters_view *v)
{
	struct member *fresh = calloc(v->cnt + 1, sizeof(*fresh));
	size_t cnt = 0, old = 0;
	int ret = 0;

	if (!fresh)
		return -ENOMEM;
	for (size_t i = 0; i < v->cnt; i++) {
		const struct counters_listener *l = &v->listeners[i];

		while (old < m->member_cnt && m->members[old].cookie < l->sock.cookie)
			free(m->members[old++].last);
		if (old < m->member_cnt && m->members[old].cookie == l->sock.cookie)
			fresh[cnt] = m->members[old++];
		else if (wanted(m, l))
			fresh[cnt].cookie = l->sock.cookie;
		else
			continue;
		if (take_listener(m, l, &fresh[cnt]))
			ret = -ENOMEM;
		cnt += fresh[cnt].series != NULL;
	}
	while (old < m->member_cnt)
		free(m->members[old++].last);
	free(m->members);
	m->members = fresh;
	m->member_cnt = cnt;
	return ret;
}

static void empty_queues(struct metrics *m)
{
	for (size_t i = 0; i < METRICS_BUCKETS; i++)
		for (struct series *s = m->buckets[i]; s; s = s->next) {
			s->sockets = s->synq_peak = s->acceptq_peak = 0;
			s->synq = s->synq_limit = s->acceptq = s->acceptq_limit = 0;
			s->fill = 0;
		}
}

static bool dropped(const struct counters_row *sum)
{
	return sum->n[COUNT_DROP_SYN_ACCEPTQ] || sum->n[COUNT_DROP_SYN_SYNQ] ||
	       sum->n[COUNT_DROP_SYN_RESERVED] || sum->n[COUNT_DROP_ACK_ACCEPTQ] ||
	       sum->n[COUNT_DROP_OTHER];
}

/* Ranks those that have a socket, and forgets those that had one long ago. */
static void rank_series(struct metrics *m)
{
	for (size_t i = 0; i < METRICS_BUCKETS; i++)
		for (struct series **at = &m->buckets[i], *s; (s = *at);) {
			if (s->sum && s->rank < RANK_USED)
				s->rank = RANK_USED;
			if (s->sum && dropped(s->sum))
				s->rank = RANK_PRESSED;
			if (s->sockets)
				s->ended_ns = 0;
			else if (!s->ended_ns)
				s->ended_ns = m->time_ns;
			if (!s->sockets &&
			    (!s->sum || !s->shown || m->time_ns - s->ended_ns >= METRICS_ENDED_NS))
				forget_series(m, at);
			else
				at = &s->next;
		}
}

/* A pod's name may become known later. */
static void ask_places(struct metrics *m)
{
	for (uint32_t i = 0; i < m->shown_cnt && m->ops.place; i++) {
		struct series *s = m->shown[i];
		char labels[METRICS_LABELS] = "";

		if (!s->sockets || !s->owner.pid ||
		    (s->place_ns && m->time_ns - s->place_ns < PLACE_NS))
			continue;
		s->place_ns = m->time_ns;
		m->ops.place(m->ops.ctx, &s->owner, labels);
		free(s->place);
		s->place = strdup(labels);
	}
}

static void take_host(struct metrics *m, const struct counters_view *v)
{
	m->time_ns = v->time_ns;
	m->failed_known = v->failed;
	if (v->failed)
		m->failed = *v->failed;
	m->untracked = v->untracked;
	m->waits_full = v->waits_full;
	m->misses = v->misses;
}

int metrics_feed(struct metrics *m, const struct counters_view *v)
{
	int ret = take_gone(m, v), more;

	take_host(m, v);
	empty_queues(m);
	more = take_listeners(m, v);
	m->shown_cnt = 0; /* it may point at what is now forgotten */
	rank_series(m);
	if (!ret)
		ret = more;
	more = metrics_choose(m);
	ask_places(m);
	return ret ? ret : more;
}
