// SPDX-License-Identifier: GPL-2.0-only
/* Owns what `listeners` prints. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd_listeners.h"
#include "queue.h"
#include "snapshot_blame.h"
#include "snapshot_json.h"
#include "text_table.h"

#define SECOND	 1000000000ULL
#define JSON_OUT (256 * 1024)

enum column {
	COL_NETNS,
	COL_ADDRESS,
	COL_SYNQ,
	COL_SYNQ_PEAK,
	COL_ACCEPTQ,
	COL_ACCEPTQ_PEAK,
	COL_ABOVE,
	COL_SYNS,
	COL_ACCEPTS,
	COL_DROPS,
	COL_DROP_RATE,
	COL_LIMIT,
	COL_OWNER,
	COL_FLAGS,
	COL_REACH,
	COL_CNT,
};

#define W_ALWAYS 0
#define W_ONCE	 0x1 /* a single look */
#define W_FOLLOW 0x2
#define W_WIDE	 0x4
#define W_NETNS	 0x8 /* several namespaces */

static const struct {
	struct text_column column;
	int when; /* any of these */
} columns[] = {
	[COL_NETNS] = {{"NETNS", false, 6, 0}, W_NETNS},
	[COL_ADDRESS] = {{"LISTENER", false, 0, 0}, W_ALWAYS},
	[COL_SYNQ] = {{"SYN QUEUE", true, 0, 0}, W_ALWAYS},
	[COL_SYNQ_PEAK] = {{"PEAK", true, 0, 5}, W_FOLLOW},
	[COL_ACCEPTQ] = {{"ACCEPT QUEUE", true, 0, 0}, W_ALWAYS},
	[COL_ACCEPTQ_PEAK] = {{"PEAK", true, 0, 0}, W_FOLLOW},
	[COL_ABOVE] = {{">80 %", true, 0, 0}, W_FOLLOW},
	[COL_SYNS] = {{"SYN/s", true, 0, 4}, W_FOLLOW},
	[COL_ACCEPTS] = {{"ACC/s", true, 0, 0}, W_FOLLOW},
	[COL_DROPS] = {{"DROPS", true, 0, 0}, W_ONCE | W_WIDE},
	[COL_DROP_RATE] = {{"DROP/s", true, 0, 0}, W_FOLLOW},
	[COL_LIMIT] = {{"LIMIT BY", false, 0, 2}, W_ONCE | W_WIDE},
	[COL_OWNER] = {{"OWNER", false, 14, 0}, W_ALWAYS},
	[COL_FLAGS] = {{"OPTIONS", false, 10, 3}, W_ONCE | W_WIDE},
	[COL_REACH] = {{"REACHABLE FROM", false, 13, 1}, W_ONCE | W_WIDE},
};

struct page {
	const struct listeners_view *v;
	struct text_table *table;
	bool on[COL_CNT];
	bool bars;
	struct text_column shown[COL_CNT];
	int cnt;
};

static bool wide(const struct listeners_view *v)
{
	return v->conf->common->wide;
}

/* An empty column of options would only cost room. */
static bool any_flags(const struct rows *r)
{
	char text[ROW_WORDS];

	for (size_t i = 0; i < r->cnt; i++) {
		row_flags(&r->rows[i], text, sizeof(text));
		if (*text)
			return true;
	}
	return false;
}

static bool any_drops(const struct rows *r)
{
	for (size_t i = 0; i < r->cnt; i++)
		if (r->rows[i].sock->s.drops)
			return true;
	return false;
}

static void page_columns(struct page *p)
{
	const struct listeners_view *v = p->v;
	int now = (v->seen ? W_FOLLOW : W_ONCE) | (wide(v) ? W_WIDE : 0) |
		  (v->rows->netns_cnt > 1 ? W_NETNS : 0);

	for (int i = 0; i < COL_CNT; i++) {
		p->on[i] = !columns[i].when || columns[i].when & now;
		if (i == COL_FLAGS)
			p->on[i] = p->on[i] && any_flags(v->rows);
		if (i == COL_DROPS)
			p->on[i] = p->on[i] && (wide(v) || any_drops(v->rows));
		if (p->on[i])
			p->shown[p->cnt++] = columns[i].column;
		if (v->seen && (i == COL_SYNQ || i == COL_ACCEPTQ))
			p->shown[p->cnt - 1].title = i == COL_SYNQ ? "SYNQ" : "ACCQ";
	}
	p->bars = v->look.terminal && (!v->look.columns || v->look.columns >= 100 || wide(v));
}

static void cell(struct page *p, enum column column, enum colour colour, const char *text)
{
	if (p->on[column])
		text_table_cell(p->table, colour, text);
}

static enum colour pressure(uint32_t depth, uint32_t limit)
{
	if (depth > limit)
		return RED;
	return queue_pressed(depth, limit) ? YELLOW : PLAIN;
}

static void cell_queue(struct page *p, enum column column, uint32_t depth, uint32_t limit)
{
	char text[BAR_LEN + 32], bar[BAR_LEN], numbers[24];

	if (p->bars && depth) {
		snprintf(numbers, sizeof(numbers), "%u/%u", depth, limit);
		snprintf(text, sizeof(text), "%s %9s", text_bar(bar, &p->v->look, depth, limit, 5),
			 numbers);
	} else {
		snprintf(text, sizeof(text), "%u/%u", depth, limit);
	}
	cell(p, column, pressure(depth, limit), text);
}

static void cell_peak(struct page *p, enum column column, const struct seen_queue *q)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", q->peak);
	cell(p, column, pressure(q->peak, q->limit), text);
}

static void cell_rate(struct page *p, enum column column, double rate, bool bad)
{
	char text[32];

	snprintf(text, sizeof(text), rate && rate < 10 ? "%.1f" : "%.0f", rate);
	cell(p, column, !rate ? DIM : bad ? RED : PLAIN, text);
}

static void cells_seen(struct page *p, const struct row *row)
{
	static const struct seen none;
	const struct listeners_view *v = p->v;
	const struct seen *seen = seen_find(v->seen, row->sock->s.cookie);
	struct seen_rates rates;
	char span[DURATION_LEN];
	uint64_t above;

	seen = seen ? seen : &none;
	rates = seen_rates(seen, v->now_ns);
	above = seen_pressed_ns(&seen->acceptq, v->now_ns);
	cell_peak(p, COL_ACCEPTQ_PEAK, &seen->acceptq);
	cell(p, COL_ABOVE, above ? YELLOW : DIM,
	     above ? duration_format(span, &v->look, above) : look_dash(&v->look));
	cell_rate(p, COL_SYNS, rates.syns, false);
	cell_rate(p, COL_ACCEPTS, rates.accepts, false);
}

static void cells_after(struct page *p, const struct row *row, const struct seen *seen)
{
	const struct listeners_view *v = p->v;
	const struct snap_sock *s = &row->sock->s;
	char text[ROW_WORDS];

	snprintf(text, sizeof(text), "%u", s->drops);
	cell(p, COL_DROPS, s->drops ? YELLOW : DIM, text);
	cell_rate(p, COL_DROP_RATE, seen ? seen_rates(seen, v->now_ns).drops : 0, true);
	cell(p, COL_LIMIT, DIM, queue_limit_name(queue_limit_by(s, seen ? seen->asked : -1)));
	row_owners(v->rows, row, &v->look, wide(v), text, sizeof(text));
	cell(p, COL_OWNER, PLAIN, text);
	if (p->on[COL_FLAGS]) {
		row_flags(row, text, sizeof(text));
		cell(p, COL_FLAGS, DIM, text);
	}
	if (p->on[COL_REACH]) {
		row_reach(v->rows, row, text, sizeof(text));
		cell(p, COL_REACH, row->reach == REACH_LOOPBACK ? DIM : PLAIN, text);
	}
}

static const struct seen *seen_of(const struct listeners_view *v, const struct row *row)
{
	return v->seen ? seen_find(v->seen, row->sock->s.cookie) : NULL;
}

static void line(struct page *p, const struct row *row)
{
	const struct listeners_view *v = p->v;
	const struct snap_sock *s = &row->sock->s;
	const struct seen *seen = seen_of(v, row);
	char text[ROW_WORDS], blame[BLAME_LEN];

	if (p->on[COL_NETNS]) {
		row_netns(v->rows, row, &v->look, text, sizeof(text));
		cell(p, COL_NETNS, DIM, text);
	}
	row_address(row, text, sizeof(text));
	cell(p, COL_ADDRESS, blame_due(row) ? BOLD : PLAIN, text);
	cell_queue(p, COL_SYNQ, s->synq,
		   queue_synq_limit(s->limit, s->max_syn_backlog, s->syncookies));
	if (p->on[COL_SYNQ_PEAK])
		cell_peak(p, COL_SYNQ_PEAK, seen ? &seen->synq : &(struct seen_queue){0});
	cell_queue(p, COL_ACCEPTQ, s->acceptq, s->limit);
	if (v->seen)
		cells_seen(p, row);
	cells_after(p, row, seen);
	if (!wide(v))
		return;
	blame_text(v->rows, row, &v->look, seen, v->start_ns, v->now_ns, blame);
	if (*blame)
		text_table_note(p->table, YELLOW, blame);
}

bool listeners_wants(const struct listeners_view *v, const struct row *row)
{
	const struct snap_sock *s = &row->sock->s;
	uint32_t synq_limit = queue_synq_limit(s->limit, s->max_syn_backlog, s->syncookies);

	if (!v->conf->filter->failed)
		return true;
	return s->drops || queue_pressed(s->synq, synq_limit) || blame_due(row);
}

/* The moment of a look: always where there are several, else where it was asked for. */
static void moment(const struct listeners_view *v)
{
	const struct common *c = v->conf->common;
	time_t seconds = v->unix_ns / SECOND;
	struct tm tm;

	if (!v->seen && !c->wall_clock && !c->since_start)
		return;
	fputs(colour_on(&v->look, DIM), stdout);
	if (c->since_start)
		printf("%.3f s", v->start_ns ? (v->now_ns - v->start_ns) / 1e9 : 0);
	if (c->wall_clock || !c->since_start) {
		localtime_r(&seconds, &tm);
		printf("%s%02d:%02d:%02d", c->since_start ? "  " : "", tm.tm_hour, tm.tm_min,
		       tm.tm_sec);
	}
	if (c->wall_clock)
		printf(".%06u", (unsigned int)(v->unix_ns % SECOND / 1000));
	printf("%s\n", colour_off(&v->look));
}

static size_t lines_allowed(const struct listeners_view *v)
{
	return v->conf->common->count && !v->seen ? v->conf->common->count : SIZE_MAX;
}

static int flushed(void)
{
	errno = 0;
	return fflush(stdout) || ferror(stdout) ? errno ? -errno : -EIO : 0;
}

int listeners_text(const struct listeners_view *v)
{
	struct page p = {.v = v};
	size_t left = lines_allowed(v);
	int ret = -ENOMEM;

	page_columns(&p);
	p.table = text_table_new(&v->look, p.shown, p.cnt, wide(v));
	for (size_t i = 0; p.table && i < v->rows->cnt && left; i++) {
		if (!listeners_wants(v, &v->rows->rows[i]))
			continue;
		line(&p, &v->rows->rows[i]);
		left--;
	}
	if (p.table) {
		moment(v);
		ret = text_table_print(p.table, v->header);
	}
	text_table_free(p.table);
	return ret ? ret : flushed();
}

static void json_seen(struct json *j, const struct listeners_view *v, const struct seen *seen)
{
	struct seen_rates rates;

	if (!v->seen)
		return;
	json_object(j, "rates");
	if (seen) {
		rates = seen_rates(seen, v->now_ns);
		json_double(j, "syn_per_s", rates.syns);
		json_double(j, "accept_per_s", rates.accepts);
		json_double(j, "drop_per_s", rates.drops);
	}
	json_end_object(j);
	json_u64_if(j, "last_accept_us", seen && seen->last_accept_ns,
		    seen ? (v->now_ns - seen->last_accept_ns) / 1000 : 0);
	json_u64_if(j, "last_accept_pid", seen && seen->last_accept_ns,
		    seen ? seen->last_accept_by.pid : 0);
}

static void json_row(struct json *j, const struct listeners_view *v, const struct row *row)
{
	const struct seen *seen = seen_of(v, row);
	static const struct look plain;
	char blame[BLAME_LEN];

	blame_text(v->rows, row, &plain, seen, v->start_ns, v->now_ns, blame);
	json_object(j, NULL);
	json_str(j, "type", "listener");
	json_time(j, "time", v->unix_ns);
	json_u64_if(j, "elapsed_us", v->seen, (v->now_ns - v->start_ns) / 1000);
	snapshot_json_listener(j, v->rows->host, v->rows->snapshot, row->sock, seen, v->now_ns);
	json_seen(j, v, seen);
	json_str(j, "blame", *blame ? blame : NULL);
	json_end_object(j);
	json_newline(j);
}

int listeners_json(const struct listeners_view *v)
{
	size_t left = lines_allowed(v);
	struct json j = {0};

	for (size_t i = 0; i < v->rows->cnt && left && !j.failed; i++) {
		if (!listeners_wants(v, &v->rows->rows[i]))
			continue;
		json_row(&j, v, &v->rows->rows[i]);
		left--;
		if (j.len > JSON_OUT) {
			fwrite(j.buf, 1, j.len, stdout);
			j.len = 0;
		}
	}
	fwrite(j.buf, 1, j.len, stdout);
	if (j.failed) {
		json_free(&j);
		return -ENOMEM;
	}
	json_free(&j);
	return flushed();
}
