// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue.h"
#include "top_columns.h"

static enum colour depth_colour(uint32_t depth, uint32_t limit)
{
	if (depth > limit)
		return RED;
	if (queue_pressed(depth, limit))
		return YELLOW;
	return depth ? PLAIN : DIM;
}

static enum colour cell_listener(char buf[TOP_TEXT], const struct look *look,
				 const struct rates_row *row, int width)
{
	top_endpoint_fit(buf, look, row, width);
	return PLAIN;
}

/* A bar, and "482/511" behind it. */
static void bar_and_number(char buf[TOP_TEXT], const struct look *look, uint32_t depth,
			   uint32_t peak, uint32_t limit, int width)
{
	char bar[TOP_TEXT], number[24];
	int len = snprintf(number, sizeof(number), "%u/%u", depth, limit);
	int room = width - (len > 9 ? len : 9) - 1;

	if (room < 3)
		snprintf(buf, TOP_TEXT, "%*s", width, number);
	else
		snprintf(buf, TOP_TEXT, "%s %*s", top_bar(bar, look, depth, peak, limit, room),
			 width - room - 1, number);
}

static enum colour cell_acceptq(char buf[TOP_TEXT], const struct look *look,
				const struct rates_row *row, int width)
{
	const struct snap_sock *s = &row->l->sock;

	bar_and_number(buf, look, s->acceptq, row->l->total.acceptq_peak, s->limit, width);
	return depth_colour(s->acceptq, s->limit);
}

static uint32_t synq_limit(const struct snap_sock *s)
{
	return queue_synq_limit(s->limit, s->max_syn_backlog, s->syncookies);
}

static enum colour cell_synq(char buf[TOP_TEXT], const struct look *look,
			     const struct rates_row *row, int width)
{
	const struct snap_sock *s = &row->l->sock;

	bar_and_number(buf, look, s->synq, row->l->total.synq_peak, synq_limit(s), width);
	return depth_colour(s->synq, synq_limit(s));
}

static enum colour cell_peak(char buf[TOP_TEXT], const struct look *look,
			     const struct rates_row *row, int width)
{
	snprintf(buf, TOP_TEXT, "%u", row->l->total.acceptq_peak);
	return depth_colour(row->l->total.acceptq_peak, row->l->sock.limit);
}

static enum colour rate(char buf[TOP_TEXT], double per_s, enum colour some)
{
	top_rate(buf, per_s);
	return buf[0] == '0' && !buf[1] ? DIM : some;
}

static enum colour cell_syns(char buf[TOP_TEXT], const struct look *look,
			     const struct rates_row *row, int width)
{
	return rate(buf, row->per_s[COUNT_SYN], PLAIN);
}

static enum colour cell_accepts(char buf[TOP_TEXT], const struct look *look,
				const struct rates_row *row, int width)
{
	return rate(buf, row->per_s[COUNT_ACCEPT], PLAIN);
}

static enum colour cell_drops(char buf[TOP_TEXT], const struct look *look,
			      const struct rates_row *row, int width)
{
	return rate(buf, row->drops_per_s, RED);
}

static enum colour cell_retransmits(char buf[TOP_TEXT], const struct look *look,
				    const struct rates_row *row, int width)
{
	return rate(buf, row->per_s[COUNT_SYNACK_RETRANSMIT], YELLOW);
}

static enum colour cell_cookies(char buf[TOP_TEXT], const struct look *look,
				const struct rates_row *row, int width)
{
	return rate(buf, row->per_s[COUNT_COOKIE], YELLOW);
}

static enum colour span(char buf[TOP_TEXT], const struct look *look, int64_t ns)
{
	top_span(buf, look, ns);
	return ns < 0 ? DIM : ns >= 1000000000 ? RED : ns >= 100000000 ? YELLOW : PLAIN;
}

static enum colour cell_handshake50(char buf[TOP_TEXT], const struct look *look,
				    const struct rates_row *row, int width)
{
	return span(buf, look, row->handshake_p50);
}

static enum colour cell_handshake99(char buf[TOP_TEXT], const struct look *look,
				    const struct rates_row *row, int width)
{
	return span(buf, look, row->handshake_p99);
}

static enum colour cell_wait50(char buf[TOP_TEXT], const struct look *look,
			       const struct rates_row *row, int width)
{
	return span(buf, look, row->wait_p50);
}

static enum colour cell_wait99(char buf[TOP_TEXT], const struct look *look,
			       const struct rates_row *row, int width)
{
	return span(buf, look, row->wait_p99);
}

static enum colour cell_owner(char buf[TOP_TEXT], const struct look *look,
			      const struct rates_row *row, int width)
{
	top_owner_fit(buf, row, width);
	return PLAIN;
}

static enum colour cell_netns(char buf[TOP_TEXT], const struct look *look,
			      const struct rates_row *row, int width)
{
	snprintf(buf, TOP_TEXT, "%s", row->netns);
	return PLAIN;
}

static enum colour cell_minute(char buf[TOP_TEXT], const struct look *look,
			       const struct rates_row *row, int width)
{
	top_spark(buf, look, row->past, false, width);
	return PLAIN;
}

/* An accept queue that fills outweighs everything, then what is lost, then what comes. */
static double key_pressure(const struct rates_row *row)
{
	double fill = queue_pressed(row->l->sock.acceptq, row->l->sock.limit) ? 1 : 0;

	return fill * 1e12 + rates_fill(row) * 1e9 * fill + row->drops_per_s * 1e5 +
	       rates_fill(row) * 1e4 + row->per_s[COUNT_SYN] / 1e3;
}

static double key_name(const struct rates_row *row)
{
	return 0;
}

static double key_synq(const struct rates_row *row)
{
	return row->l->sock.synq;
}

static double key_peak(const struct rates_row *row)
{
	return row->l->total.acceptq_peak;
}

static double key_syns(const struct rates_row *row)
{
	return row->per_s[COUNT_SYN];
}

static double key_accepts(const struct rates_row *row)
{
	return row->per_s[COUNT_ACCEPT];
}

static double key_handshake(const struct rates_row *row)
{
	return row->handshake_p99;
}

static double key_wait(const struct rates_row *row)
{
	return row->wait_p99;
}

static double key_drops(const struct rates_row *row)
{
	return row->drops_per_s;
}

static double key_retransmits(const struct rates_row *row)
{
	return row->per_s[COUNT_SYNACK_RETRANSMIT];
}

static double key_cookies(const struct rates_row *row)
{
	return row->per_s[COUNT_COOKIE];
}

const struct top_column top_columns[] = {
	{"name", "LISTENER", 18, 47, 0, false, cell_listener, key_name},
	{"pressure", "ACCEPT QUEUE", 15, 26, 0, false, cell_acceptq, key_pressure},
	{"peak", "PEAK", 5, 5, 11, true, cell_peak, key_peak},
	{"synq", "SYN QUEUE", 14, 22, 6, false, cell_synq, key_synq},
	{"syns", "SYN/s", 5, 6, 4, true, cell_syns, key_syns},
	{"accepts", "ACC/s", 5, 6, 2, true, cell_accepts, key_accepts},
	{NULL, "HS p50", 7, 7, 10, true, cell_handshake50, NULL},
	{"handshake", "HS p99", 7, 7, 9, true, cell_handshake99, key_handshake},
	{NULL, "WAIT 50", 7, 7, 8, true, cell_wait50, NULL},
	{"wait", "WAIT 99", 7, 7, 3, true, cell_wait99, key_wait},
	{"drops", "DROP/s", 6, 6, 0, true, cell_drops, key_drops},
	{"retransmits", "RTX/s", 5, 5, 12, true, cell_retransmits, key_retransmits},
	{"cookies", "CKY/s", 5, 5, 13, true, cell_cookies, key_cookies},
	{NULL, "OWNER", 14, 24, 1, false, cell_owner, NULL},
	{NULL, "NETNS", 8, 15, 5, false, cell_netns, NULL},
	{NULL, "ACCEPTS, LAST MINUTE", 20, 60, 7, false, cell_minute, NULL},
};
_Static_assert(sizeof(top_columns) / sizeof(top_columns[0]) == TOP_COLUMNS, "TOP_COLUMNS");
const int top_columns_cnt = TOP_COLUMNS;

int top_column_named(const char *name)
{
	for (int i = 0; i < top_columns_cnt; i++)
		if (top_columns[i].name && !strcmp(top_columns[i].name, name))
			return i;
	return -1;
}

int top_column_next(const int *widths, int column, int step)
{
	int next = column;

	do {
		next = (next + step + top_columns_cnt) % top_columns_cnt;
	} while (next != column && (!top_columns[next].name || !widths[next]));
	return next;
}

static int taken(const int *widths)
{
	int sum = -1;

	for (int i = 0; i < top_columns_cnt; i++)
		sum += widths[i] ? widths[i] + 1 : 0;
	return sum;
}

/* The one that goes next, -1: all that are left stay. */
static int next_drop(const int *widths)
{
	int next = -1;

	for (int i = 0; i < top_columns_cnt; i++)
		if (widths[i] && top_columns[i].drop &&
		    (next < 0 || top_columns[i].drop > top_columns[next].drop))
			next = i;
	return next;
}

void top_columns_fit(int *widths, int columns)
{
	int spare, drop;
	bool grown = true;

	for (int i = 0; i < top_columns_cnt; i++)
		widths[i] = top_columns[i].width;
	while (taken(widths) > columns && (drop = next_drop(widths)) >= 0)
		widths[drop] = 0;
	spare = columns - taken(widths);
	while (spare > 0 && grown) {
		grown = false;
		for (int i = 0; i < top_columns_cnt && spare > 0; i++) {
			if (!widths[i] || widths[i] >= top_columns[i].most)
				continue;
			widths[i]++;
			spare--;
			grown = true;
		}
	}
}

static int by_address(const struct snap_sock *a, const struct snap_sock *b)
{
	int ret = (int)a->lport - b->lport;

	if (!ret)
		ret = memcmp(a->laddr, b->laddr, sizeof(a->laddr));
	if (!ret)
		ret = a->hdr.netns < b->hdr.netns ? -1 : a->hdr.netns > b->hdr.netns;
	if (!ret)
		ret = a->cookie < b->cookie ? -1 : a->cookie > b->cookie;
	return ret;
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct rates_row *x = *(const struct rates_row *const *)a;
	const struct rates_row *y = *(const struct rates_row *const *)b;
	int ret = x->key > y->key ? -1 : x->key < y->key;

	if (!ret)
		ret = by_address(&x->l->sock, &y->l->sock);
	return *(const bool *)arg ? -ret : ret;
}

void top_sort(struct rates_row **rows, size_t cnt, int column, bool reverse)
{
	size_t sorted = 1;

	for (size_t i = 0; i < cnt; i++)
		rows[i]->key = top_columns[column].key(rows[i]);
	while (sorted < cnt && compare(&rows[sorted - 1], &rows[sorted], &reverse) <= 0)
		sorted++;
	if (sorted < cnt)
		qsort_r(rows, cnt, sizeof(*rows), compare, &reverse);
}
