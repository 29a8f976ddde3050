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

static void owner_process(struct ev_process *p, const struct snap_owner *o)
{
	*p = (struct ev_process){.pid = o->pid, .tid = o->tid};
	memcpy(p->comm, o->comm, sizeof(p->comm));
}

static uint32_t owner_pids(const struct counters_listener *l)
{
	uint32_t pids = 0;

	for (uint32_t i = 0; i < l->owner_cnt; i++)
		pids += !i || l->owners[i].pid != l->owners[i - 1].pid;
	return pids;
}

char *top_owner(char buf[TOP_TEXT], const struct rates_row *row)
{
	const struct counters_listener *l = row->l;
	uint32_t pids = owner_pids(l);
	char who[PROCESS_LEN];
	struct ev_process p;

	if (!pids) {
		snprintf(buf, TOP_TEXT, "%s", l->sock.marks & SNAP_M_KERNEL ? "kernel" : "?");
		return buf;
	}
	owner_process(&p, &l->owners[0]);
	process_format(who, &p);
	if (pids > 1)
		snprintf(buf, TOP_TEXT, "%s +%u", who, pids - 1);
	else
		snprintf(buf, TOP_TEXT, "%s", who);
	return buf;
}

/* Who could accept: its owner; of several that share it, the one that did last. */
static void culprit(char buf[TOP_TEXT], const struct rates_row *row)
{
	const struct counters_listener *l = row->l;
	char who[PROCESS_LEN];

	if (owner_pids(l) > 1 && l->total.last_accept_ns)
		snprintf(buf, TOP_TEXT, "%s", process_format(who, &l->total.last_accept_by));
	else
		top_owner(buf, row);
}

char *top_blame(char buf[TOP_TEXT], const struct look *look, const struct rates *r,
		const struct rates_row *row)
{
	const struct snap_sock *s = &row->l->sock;
	struct rates_group g = rates_group(r, row);
	int64_t idle = rates_idle_ns(r, row);
	char where[TOP_TEXT], who[TOP_TEXT], span[DURATION_LEN], ago[64], others[64] = "";

	buf[0] = 0;
	if (!rates_pressed(row))
		return buf;
	culprit(who, row);
	top_endpoint(where, row);
	if (idle >= 0)
		snprintf(ago, sizeof(ago), "last accepted %s ago", duration_format(span, look, idle));
	else
		snprintf(ago, sizeof(ago), "has not accepted since the start");
	if (g.idle)
		snprintf(others, sizeof(others), "; %u of %u others in its group idle", g.idle,
			 g.members - 1);
	if (queue_pressed(s->acceptq, s->limit))
		snprintf(buf, TOP_TEXT, "%.56s accept queue %u/%u: %.40s %s%s", where, s->acceptq,
			 s->limit, who, ago, others);
	else
		snprintf(buf, TOP_TEXT, "%.56s drops connections: %.40s %s%s", where, who, ago,
			 others);
	return buf;
}
