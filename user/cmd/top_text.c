// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "queue.h"
#include "top_text.h"

char *top_rate(char buf[TOP_TEXT], double per_s)
{
	if (per_s < 0.05)
		snprintf(buf, TOP_TEXT, "0");
	else if (per_s < 9.95)
		snprintf(buf, TOP_TEXT, "%.1f", per_s);
	else if (per_s < 9999.5)
		snprintf(buf, TOP_TEXT, "%.0f", per_s);
	else if (per_s < 999500)
		snprintf(buf, TOP_TEXT, per_s < 99950 ? "%.1fk" : "%.0fk", per_s / 1e3);
	else
		snprintf(buf, TOP_TEXT, "%.1fM", per_s / 1e6);
	return buf;
}

char *top_span(char buf[TOP_TEXT], const struct look *look, int64_t ns)
{
	char span[DURATION_LEN];

	if (ns >= 60000000000)
		snprintf(buf, TOP_TEXT, "%d min", (int)(ns / 60000000000));
	else
		snprintf(buf, TOP_TEXT, "%s", duration_format(span, look, ns));
	return buf;
}

static int columns_of(uint64_t value, uint64_t limit, int width)
{
	uint64_t n;

	if (!value)
		return 0;
	n = limit ? (value * width + limit - 1) / limit : (uint64_t)width;
	return n < (uint64_t)width ? (int)n : width;
}

char *top_bar(char buf[TOP_TEXT], const struct look *look, uint32_t depth, uint32_t peak,
	      uint32_t limit, int width)
{
	int full = columns_of(depth, limit, width), high = columns_of(peak, limit, width);
	size_t at = 0;

	for (int i = 0; i < width && at + 4 < TOP_TEXT; i++) {
		const char *cell = look->unicode ? "·" : ".";

		if (i < full)
			cell = look->unicode ? "█" : "#";
		else if (i < high)
			cell = look->unicode ? "░" : "-";
		at += snprintf(buf + at, TOP_TEXT - at, "%s", cell);
	}
	buf[at] = 0;
	return buf;
}

static double past_at(const struct rates_past *p, bool fill, uint32_t back)
{
	uint32_t i = (p->at + RATES_HISTORY - 1 - back) % RATES_HISTORY;

	return fill ? p->fill[i] : p->accepts[i];
}

char *top_spark(char buf[TOP_TEXT], const struct look *look, const struct rates_past *past,
		bool fill, int width)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", ".", ".", ":", "-", "=", "+", "*", "#"};
	uint32_t cnt = past ? past->cnt : 0;
	double most = fill ? 100 : 0.001;
	size_t at = 0;

	for (uint32_t i = 0; i < cnt; i++)
		if (past_at(past, fill, i) > most)
			most = past_at(past, fill, i);
	for (int i = width - 1; i >= 0 && at + 4 < TOP_TEXT; i--) {
		double value = (uint32_t)i < cnt ? past_at(past, fill, i) : 0;
		int level = value > 0 ? 1 + (int)(value / most * 7.001) : 0;

		at += snprintf(buf + at, TOP_TEXT - at, "%s",
			       (look->unicode ? blocks : ascii)[level > 8 ? 8 : level]);
	}
	buf[at] = 0;
	return buf;
}

char *top_endpoint(char buf[TOP_TEXT], const struct rates_row *row)
{
	char where[ENDPOINT_LEN];

	snprintf(buf, TOP_TEXT, "%s",
		 endpoint_format(where, row->l->sock.laddr, row->l->sock.lport));
	return buf;
}

/* The port tells more than the end of a long address. */
char *top_endpoint_fit(char buf[TOP_TEXT], const struct look *look, const struct rates_row *row,
		       int width)
{
	char where[ENDPOINT_LEN], tail[16];
	int len, keep;

	endpoint_format(where, row->l->sock.laddr, row->l->sock.lport);
	len = strlen(where);
	snprintf(tail, sizeof(tail), "%s:%u", where[0] == '[' ? "]" : "", row->l->sock.lport);
	keep = width - (int)strlen(tail) - 1;
	if (len <= width || keep < 1)
		snprintf(buf, TOP_TEXT, "%s", where);
	else
		snprintf(buf, TOP_TEXT, "%.*s%s%s", keep, where, look->unicode ? "…" : "~", tail);
	return buf;
}

static uint32_t owner_pids(const struct counters_listener *l)
{
	uint32_t pids = 0;

	for (uint32_t i = 0; i < l->owner_cnt; i++)
		pids += !i || l->owners[i].pid != l->owners[i - 1].pid;
	return pids;
}

/* Of several that share it, by fork, the one that accepts. */
static struct ev_process owner_of(const struct counters_listener *l)
{
	struct ev_process p = {0};

	for (uint32_t i = 0; i < l->owner_cnt; i++)
		if (l->owners[i].pid == l->total.last_accept_by.pid)
			return l->total.last_accept_by;
	if (l->owner_cnt) {
		p.pid = l->owners[0].pid;
		memcpy(p.comm, l->owners[0].comm, sizeof(p.comm));
	}
	return p;
}

char *top_owner_fit(char buf[TOP_TEXT], const struct rates_row *row, int width)
{
	struct ev_process p = owner_of(row->l);
	uint32_t pids = owner_pids(row->l);
	char comm[EV_COMM_LEN], tail[40];
	int len;

	if (!pids) {
		snprintf(buf, TOP_TEXT, "%s", row->l->sock.marks & SNAP_M_KERNEL ? "kernel" : "?");
		return buf;
	}
	len = snprintf(tail, sizeof(tail), pids > 1 ? "[%u]+%u" : "[%u]", p.pid, pids - 1);
	printable(comm, sizeof(comm), p.comm);
	if (width - len < 3)
		width = len + 3;
	snprintf(buf, TOP_TEXT, "%.*s%s", width - len, comm, tail);
	return buf;
}

char *top_owner(char buf[TOP_TEXT], const struct rates_row *row)
{
	return top_owner_fit(buf, row, 64);
}

/* What the owner does about it: nothing for some time, or not enough. */
static void conduct(char *buf, size_t len, const struct look *look, const struct rates *r,
		    const struct rates_row *row)
{
	int64_t idle = rates_idle_ns(r, row);
	char span[DURATION_LEN], taken[TOP_TEXT], come[TOP_TEXT];

	if (idle < 0)
		snprintf(buf, len, "has not accepted since the start");
	else if (idle > 1000000000 || !(row->per_s[COUNT_ACCEPT] > 0))
		snprintf(buf, len, "last accepted %s ago", duration_format(span, look, idle));
	else
		snprintf(buf, len, "accepts %s/s, %s/s come",
			 top_rate(taken, row->per_s[COUNT_ACCEPT]),
			 top_rate(come, row->per_s[COUNT_SYN]));
}

char *top_blame(char buf[TOP_TEXT], const struct look *look, const struct rates *r,
		const struct rates_row *row)
{
	const struct snap_sock *s = &row->l->sock;
	struct rates_group g = rates_group(r, row);
	char where[TOP_TEXT], who[TOP_TEXT], does[80], others[64] = "";

	buf[0] = 0;
	if (!rates_pressed(row))
		return buf;
	top_endpoint(where, row);
	top_owner(who, row);
	conduct(does, sizeof(does), look, r, row);
	if (g.idle)
		snprintf(others, sizeof(others), "; %u of %u others in its group idle", g.idle,
			 g.members - 1);
	if (queue_pressed(s->acceptq, s->limit))
		snprintf(buf, TOP_TEXT, "%.56s accept queue %u/%u: %.40s %s%s", where, s->acceptq,
			 s->limit, who, does, others);
	else
		snprintf(buf, TOP_TEXT, "%.56s drops connections: %.40s %s%s", where, who, does,
			 others);
	return buf;
}
