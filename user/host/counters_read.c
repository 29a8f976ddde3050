// SPDX-License-Identifier: GPL-2.0-only
/* Reads the counters: a snapshot when listeners came or went, both queues of each one now, and the
 * rows of all CPUs added up. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "counters_int.h"
#include "live_misses.h"
#include "observer.h"
#include "observer.skel.h"

#define SECOND 1000000000ULL
/* Owners change without a word, by fork and exit, and a limit by another listen(). */
#define REFRESH_NS (20 * SECOND)
#define REFRESH_SHARE 200
#define REFRESH_WAIT_MAX REFRESH_NS
#define TCP_LISTEN 10

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static int by_cookie(const void *a, const void *b)
{
	uint64_t x = ((const struct counters_listener *)a)->sock.cookie;
	uint64_t y = ((const struct counters_listener *)b)->sock.cookie;

	return x < y ? -1 : x > y;
}

static struct counters_listener *find(const struct counters_view *v, uint64_t cookie)
{
	struct counters_listener key = {.sock.cookie = cookie};

	if (!cookie || !v->cnt)
		return NULL;
	return bsearch(&key, v->listeners, v->cnt, sizeof(key), by_cookie);
}

const struct counters_listener *counters_find(const struct counters_view *v, uint64_t cookie)
{
	return find(v, cookie);
}

static void deeper(uint32_t *peak, uint32_t depth)
{
	if (depth > *peak)
		*peak = depth;
}

/* What was known of it stays: only the snapshot is new. */
static void take_listener(const struct counters_view *old, const struct snapshot *snap,
			  const struct snapshot_sock *from, struct counters_listener *to)
{
	const struct counters_listener *was = find(old, from->s.cookie);

	memset(to, 0, sizeof(*to));
	if (was)
		*to = *was;
	to->drops_since = was ? from->s.drops - (was->sock.drops - was->drops_since) : 0;
	to->sock = from->s;
	to->owners = snap->owners + from->owner_first;
	to->owner_cnt = from->owner_cnt;
	deeper(&to->total.synq_peak, from->s.synq);
	deeper(&to->total.acceptq_peak, from->s.acceptq);
}

/* Both are sorted by cookie. */
static void tell_gone(struct counters *c, const struct counters_listener *fresh, size_t cnt)
{
	size_t at = 0;

	for (size_t i = 0; i < c->view.cnt; i++) {
		const struct counters_listener *l = &c->view.listeners[i];

		while (at < cnt && fresh[at].sock.cookie < l->sock.cookie)
			at++;
		if (at == cnt || fresh[at].sock.cookie != l->sock.cookie)
			counters_gone_add(c, l);
	}
}

static int take_snapshot(struct counters *c, struct snapshot *snap)
{
	struct counters_listener *fresh = calloc(snap->sock_cnt + 1, sizeof(*fresh));
	size_t cnt = 0;

	if (!fresh)
		return -ENOMEM;
	for (size_t i = 0; i < snap->sock_cnt; i++)
		if (snap->socks[i].s.state == TCP_LISTEN)
			take_listener(&c->view, snap, &snap->socks[i], &fresh[cnt++]);
	qsort(fresh, cnt, sizeof(*fresh), by_cookie);
	tell_gone(c, fresh, cnt);
	free(c->view.listeners);
	snapshot_free(c->snap);
	c->snap = snap;
	c->view.listeners = fresh;
	c->view.cnt = cnt;
	c->view.snap = snap;
	c->view.snaps++;
	return 0;
}

static bool refresh_due(const struct counters *c)
{
	if (!c->snap)
		return true;
	if (c->view.time_ns < c->refresh_from_ns)
		return false;
	return c->stranger || c->observer->skel->bss->host.changes != c->changes ||
	       c->view.time_ns >= c->refresh_by_ns;
}

/* Deletes the rows of listeners that are gone, so that a long run does not fill the map. */
static void forget_rows(struct counters *c)
{
	int fd = bpf_map__fd(c->observer->skel->maps.rows);
	uint64_t key, next;
	bool more;

	if (!c->stranger)
		return;
	more = !bpf_map_get_next_key(fd, NULL, &next);
	while (more) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (!find(&c->view, key) && !counters_gone_find(c, key))
			bpf_map_delete_elem(fd, &key);
	}
	c->stranger = false;
}

static int refresh(struct counters *c)
{
	struct snapshot_query query = {.scope = SNAP_LISTENERS, .netns = c->netns};
	struct snapshot *snap;
	uint64_t cost = clock_ns(CLOCK_PROCESS_CPUTIME_ID), pause;
	uint64_t changes = c->observer->skel->bss->host.changes;
	int ret;

	c->snap_ns = now_ns();
	ret = snapshot_read(c->reader, &query, &snap);
	if (ret)
		return ret;
	ret = take_snapshot(c, snap);
	if (ret) {
		snapshot_free(snap);
		return ret;
	}
	forget_rows(c);
	c->changes = changes;
	c->view.time_ns = now_ns();
	pause = (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cost) * REFRESH_SHARE;
	c->refresh_from_ns =
		c->view.time_ns + (pause < REFRESH_WAIT_MAX ? pause : REFRESH_WAIT_MAX);
	c->refresh_by_ns = c->view.time_ns + REFRESH_NS;
	return 0;
}

static void take_gauge(struct counters_listener *l, const struct counters_gauge *g)
{
	l->drops_since += g->drops - l->sock.drops;
	l->sock.drops = g->drops;
	l->sock.synq = g->synq;
	l->sock.acceptq = g->acceptq;
	l->sock.limit = g->limit;
	deeper(&l->total.synq_peak, g->synq);
	deeper(&l->total.acceptq_peak, g->acceptq);
}

static void add_hist(struct counters_hist *to, const struct counters_hist *from)
{
	to->sum_ns += from->sum_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	for (int i = 0; i < COUNTERS_BINS; i++)
		to->bins[i] += from->bins[i];
}

static void add_row(struct counters_row *to, const struct counters_row *from)
{
	for (int i = 0; i < COUNTERS_CNT; i++)
		to->n[i] += from->n[i];
	add_hist(&to->handshake, &from->handshake);
	add_hist(&to->wait, &from->wait);
	deeper(&to->synq_peak, from->synq_peak);
	deeper(&to->acceptq_peak, from->acceptq_peak);
	if (from->last_queued_ns > to->last_queued_ns)
		to->last_queued_ns = from->last_queued_ns;
	if (from->last_accept_ns > to->last_accept_ns) {
		to->last_accept_ns = from->last_accept_ns;
		to->last_accept_by = from->last_accept_by;
	}
}

/* Since the last snapshot it was accepted from by a process that did not hold it then: forked. */
static bool accepted_by_stranger(const struct counters *c, const struct counters_listener *l)
{
	if (l->total.last_accept_ns < c->snap_ns)
		return false;
	for (uint32_t i = 0; i < l->owner_cnt; i++)
		if (l->owners[i].pid == l->total.last_accept_by.pid)
			return false;
	return true;
}

static void take_rows(struct counters *c, uint32_t cnt)
{
	struct counters_row sum;

	for (uint32_t i = 0; i < cnt; i++) {
		struct counters_listener *l = find(&c->view, c->keys[i]);

		if (!l) {
			c->stranger = true;
			l = counters_gone_find(c, c->keys[i]);
		}
		if (!l)
			continue;
		memset(&sum, 0, sizeof(sum));
		/* Gauges and snapshots may have seen more than the row. */
		sum.synq_peak = l->total.synq_peak;
		sum.acceptq_peak = l->total.acceptq_peak;
		for (int cpu = 0; cpu < c->cpus; cpu++)
			add_row(&sum, &c->values[(size_t)i * c->cpus + cpu]);
		l->stirred = sum.n[COUNT_SYN] != l->total.n[COUNT_SYN] ||
			     sum.n[COUNT_ACCEPT] != l->total.n[COUNT_ACCEPT];
		l->total = sum;
		if (accepted_by_stranger(c, l))
			c->stranger = true;
	}
}

/* More rows in one bucket of the hash than a batch has room for: -ENOSPC. */
static int grow_batch(struct counters *c)
{
	uint32_t batch = c->batch * 2;
	uint64_t *keys = calloc(batch, sizeof(*keys));
	struct counters_row *values = calloc((size_t)batch * c->cpus, sizeof(*values));

	if (!keys || !values) {
		free(keys);
		free(values);
		return -ENOMEM;
	}
	free(c->keys);
	free(c->values);
	c->keys = keys;
	c->values = values;
	c->batch = batch;
	return 0;
}

static int read_rows(struct counters *c)
{
	int fd = bpf_map__fd(c->observer->skel->maps.rows);
	uint32_t at = 0, cnt;
	bool first = true;
	int ret;

	for (;;) {
		cnt = c->batch;
		ret = bpf_map_lookup_batch(fd, first ? NULL : &at, &at, c->keys, c->values, &cnt,
					   NULL);
		if (ret && errno == ENOSPC) {
			ret = grow_batch(c);
			if (ret)
				return ret;
			continue;
		}
		if (ret && errno != ENOENT)
			return -errno;
		take_rows(c, cnt);
		first = false;
		if (ret)
			return 0; /* ENOENT: that was the last bucket */
	}
}

/* Without a SYN or an accept() a queue stays as it is, except that what is in it may run out.  Of
 * listeners to which nothing comes only so many are looked at, each in its turn, whether they still
 * listen: ten thousand of them cost next to nothing. */
#define IDLE_AT_ONCE 1024

static bool stirs(const struct counters_listener *l)
{
	return l->stirred || l->sock.synq || l->sock.acceptq;
}

static bool has_turn(const struct counters *c, size_t i)
{
	return (i + c->view.cnt - c->idle_turn) % c->view.cnt < IDLE_AT_ONCE;
}

static uint32_t ask_gauges(struct counters *c)
{
	size_t room = c->gauges_len / sizeof(*c->gauges);
	uint32_t asked = 0;

	for (size_t i = 0; i < c->view.cnt && asked < room; i++) {
		struct counters_listener *l = &c->view.listeners[i];

		l->asked = stirs(l) || has_turn(c, i);
		if (!l->asked)
			continue;
		c->gauges[asked].id = l->sock.id;
		c->gauges[asked++].cookie = l->sock.cookie;
	}
	return asked;
}

static void take_gauges(struct counters *c, uint32_t asked)
{
	struct counters_view *v = &c->view;
	uint32_t at = 0;

	for (size_t i = 0; i < v->cnt && at < asked; i++) {
		struct counters_listener *l = &v->listeners[i];
		const struct counters_gauge *g = &c->gauges[at];

		if (!l->asked)
			continue;
		at++;
		l->ended = !g->alive;
		if (g->alive)
			take_gauge(l, g);
	}
	c->idle_turn = v->cnt ? (c->idle_turn + IDLE_AT_ONCE) % v->cnt : 0;
}

static int read_gauges(struct counters *c)
{
	uint32_t asked = ask_gauges(c);
	uint64_t args[2];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));

	for (uint32_t i = 0; i < asked; i += COUNTERS_GAUGE_RUN) {
		args[0] = i;
		args[1] = asked - i;
		if (bpf_prog_test_run_opts(bpf_program__fd(c->observer->skel->progs.read_gauges),
					   &opts))
			return -errno;
	}
	take_gauges(c, asked);
	return 0;
}

int counters_read(struct counters *c, const struct counters_view **out)
{
	int ret = 0;

	c->view.time_ns = now_ns();
	counters_gone_begin(c);
	counters_gone_drop(c);
	observer_attach_answers(c->observer);
	if (refresh_due(c))
		ret = refresh(c);
	if (!ret)
		ret = read_rows(c);
	counters_gone_tell(c);
	if (!ret)
		ret = read_gauges(c);
	if (ret) {
		c->view.gone_cnt = 0; /* not told yet */
		return ret;
	}
	counters_gone_forget(c);
	c->view.time_ns = now_ns();
	c->view.untracked = c->observer->skel->bss->host.rows_full;
	c->view.waits_full = c->observer->skel->bss->host.waits_full;
	c->view.misses = live_misses(c->observer->skel->obj, NULL);
	c->view.unseen = observer_uncounted(c->observer);
	*out = &c->view;
	return 0;
}
