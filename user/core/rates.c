// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "hist.h"
#include "queue.h"
#include "rates.h"

#define TURN_NS 5000000000ULL

static const enum counter drops[] = {
	COUNT_DROP_SYN_ACCEPTQ, COUNT_DROP_SYN_SYNQ, COUNT_DROP_SYN_RESERVED,
	COUNT_DROP_ACK_ACCEPTQ, COUNT_DROP_OTHER,
};
#define DROPS_CNT (sizeof(drops) / sizeof(drops[0]))

void rates_init(struct rates *r)
{
	memset(r, 0, sizeof(*r));
}

static void row_free(struct rates_row *row)
{
	free(row->past);
	free(row);
}

void rates_free(struct rates *r)
{
	for (size_t i = 0; i < r->cnt; i++)
		row_free(r->rows[i]);
	free(r->rows);
	rates_init(r);
}

uint64_t rates_drops(const struct counters_row *row)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < DROPS_CNT; i++)
		sum += row->n[drops[i]];
	return sum;
}

/* What was counted before the first read of a listener is of the time since the start. */
static int past_make(struct rates_row *row)
{
	row->past = calloc(1, sizeof(*row->past));
	return row->past ? 0 : -ENOMEM;
}

static bool touched(const struct counters_row *t)
{
	return t->n[COUNT_SYN] || t->n[COUNT_ACCEPT] || t->n[COUNT_QUEUED] ||
	       t->n[COUNT_SYNACK_RETRANSMIT];
}

static void remember(struct rates_row *row, double fill)
{
	struct rates_past *p = row->past;

	p->accepts[p->at] = row->per_s[COUNT_ACCEPT];
	p->fill[p->at] = fill * 100;
	p->at = (p->at + 1) % RATES_HISTORY;
	if (p->cnt < RATES_HISTORY)
		p->cnt++;
}

static void quantiles(const struct counters_hist *now, struct counters_hist turns[2], bool turn,
		      int64_t *p50, int64_t *p99)
{
	struct counters_hist window;

	hist_diff(&window, now, &turns[1]);
	*p50 = hist_quantile(&window, 0.50);
	*p99 = hist_quantile(&window, 0.99);
	if (turn) {
		turns[1] = turns[0];
		turns[0] = *now;
	}
}

static void row_rates(struct rates *r, struct rates_row *row, bool turn)
{
	const struct counters_row *t = &row->l->total;
	struct rates_past *p = row->past;

	row->drops_per_s = 0;
	for (int i = 0; i < COUNTERS_CNT; i++) {
		/* A drop that was taken back may make it one less. */
		row->per_s[i] = t->n[i] > p->n[i] ? (t->n[i] - p->n[i]) / r->seconds : 0;
		r->per_s[i] += row->per_s[i];
		p->n[i] = t->n[i];
	}
	for (size_t i = 0; i < DROPS_CNT; i++)
		row->drops_per_s += row->per_s[drops[i]];
	r->drops_per_s += row->drops_per_s;
	quantiles(&t->handshake, p->handshake, turn, &row->handshake_p50, &row->handshake_p99);
	quantiles(&t->wait, p->wait, turn, &row->wait_p50, &row->wait_p99);
	remember(row, rates_fill(row));
}

static struct rates_row *row_new(uint64_t cookie)
{
	struct rates_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->cookie = cookie;
	row->handshake_p50 = row->handshake_p99 = -1;
	row->wait_p50 = row->wait_p99 = -1;
	return row;
}

/* Both are sorted by cookie: those that stay keep their row, the others go or come. */
static int match_rows(struct rates *r, const struct counters_view *v)
{
	struct rates_row **fresh = calloc(v->cnt + 1, sizeof(*fresh));
	size_t old = 0, kept = 0;
	int ret = 0;

	if (!fresh)
		return -ENOMEM;
	for (size_t i = 0; i < v->cnt; i++) {
		uint64_t cookie = v->listeners[i].sock.cookie;

		while (old < r->cnt && r->rows[old]->cookie < cookie)
			row_free(r->rows[old++]);
		if (old < r->cnt && r->rows[old]->cookie == cookie)
			fresh[i] = r->rows[old++], kept++;
		else
			fresh[i] = row_new(cookie);
		if (!fresh[i]) {
			ret = -ENOMEM;
			break;
		}
		fresh[i]->l = &v->listeners[i];
	}
	r->sets += kept != v->cnt || kept != r->cnt;
	while (old < r->cnt)
		row_free(r->rows[old++]);
	free(r->rows);
	r->rows = fresh;
	for (r->cnt = 0; r->cnt < v->cnt && fresh[r->cnt];)
		r->cnt++;
	return ret;
}

int rates_feed(struct rates *r, const struct counters_view *v)
{
	uint64_t since = r->time_ns ? r->time_ns : v->start_ns;
	bool turn = v->time_ns - r->turned_ns >= TURN_NS;
	int ret = match_rows(r, v);

	if (ret)
		return ret;
	r->seconds = v->time_ns > since ? (v->time_ns - since) / 1e9 : 1;
	r->time_ns = v->time_ns;
	if (turn)
		r->turned_ns = v->time_ns;
	memset(r->per_s, 0, sizeof(r->per_s));
	r->drops_per_s = 0;
	for (size_t i = 0; i < r->cnt; i++) {
		struct rates_row *row = r->rows[i];

		if (!row->past && (touched(&row->l->total) || row->l->sock.acceptq))
			ret = past_make(row);
		if (ret)
			return ret;
		if (row->past)
			row_rates(r, row, turn);
	}
	return 0;
}

/* sk_acceptq_is_full: full is above the limit. */
bool rates_full(const struct rates_row *row)
{
	return row->l->sock.acceptq > row->l->sock.limit;
}

double rates_fill(const struct rates_row *row)
{
	const struct snap_sock *s = &row->l->sock;

	return s->acceptq >= s->limit ? s->acceptq > 0 : (double)s->acceptq / s->limit;
}

bool rates_pressed(const struct rates_row *row)
{
	return queue_pressed(row->l->sock.acceptq, row->l->sock.limit) || row->drops_per_s > 0;
}

/* The ids that reuseport_alloc() gives begin at 0. */
bool rates_same_group(const struct snap_sock *a, const struct snap_sock *b)
{
	return a->reuseport_cnt && b->reuseport_cnt && a->reuseport_id == b->reuseport_id &&
	       a->lport == b->lport && a->hdr.netns == b->hdr.netns;
}

struct rates_group rates_group(const struct rates *r, const struct rates_row *row)
{
	const struct snap_sock *s = &row->l->sock;
	struct rates_group g = {.members = 1};

	if (!s->reuseport_cnt)
		return g;
	for (size_t i = 0; i < r->cnt; i++) {
		const struct snap_sock *o = &r->rows[i]->l->sock;

		if (o == s || !rates_same_group(s, o))
			continue;
		g.members++;
		g.idle += !o->acceptq;
	}
	return g;
}

const struct rates_row *rates_worst(const struct rates *r)
{
	const struct rates_row *worst = NULL;

	for (size_t i = 0; i < r->cnt; i++) {
		const struct rates_row *row = r->rows[i];

		if (!rates_pressed(row))
			continue;
		if (!worst || rates_fill(row) > rates_fill(worst) ||
		    (rates_fill(row) == rates_fill(worst) && row->drops_per_s > worst->drops_per_s))
			worst = row;
	}
	return worst;
}

int64_t rates_idle_ns(const struct rates *r, const struct rates_row *row)
{
	uint64_t last = row->l->total.last_accept_ns;

	if (!last)
		return -1;
	return r->time_ns > last ? r->time_ns - last : 0;
}
