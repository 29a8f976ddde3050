// SPDX-License-Identifier: GPL-2.0-only
/* Owns the strokes: colours, cells, lines, and the panel of one listener. */
#include <curses.h>
#include <stdarg.h>
#include <string.h>

#include "addr.h"
#include "queue.h"
#include "top_ui.h"

enum { PAIR_RED = 1, PAIR_YELLOW, PAIR_GREEN };

void draw_colours(struct look *look)
{
	look->colour = look->colour && has_colors();
	if (!look->colour)
		return;
	start_color();
	use_default_colors();
	init_pair(PAIR_RED, COLOR_RED, -1);
	init_pair(PAIR_YELLOW, COLOR_YELLOW, -1);
	init_pair(PAIR_GREEN, COLOR_GREEN, -1);
}

static attr_t attributes(const struct look *look, enum colour colour)
{
	switch (colour) {
	case PLAIN:
		return A_NORMAL;
	case RED:
		return A_BOLD | (look->colour ? COLOR_PAIR(PAIR_RED) : 0);
	case YELLOW:
		return look->colour ? COLOR_PAIR(PAIR_YELLOW) : A_BOLD;
	case GREEN:
		return look->colour ? COLOR_PAIR(PAIR_GREEN) : A_NORMAL;
	case DIM:
		return A_DIM;
	case BOLD:
		return A_BOLD;
	}
	return A_NORMAL;
}

/* Bytes of text that take `width` columns at most. */
static int bytes_of(const char *text, int width)
{
	int bytes = 0, columns = 0;

	while (text[bytes]) {
		int next = bytes + 1;

		while ((text[next] & 0xc0) == 0x80)
			next++;
		if (++columns > width)
			break;
		bytes = next;
	}
	return bytes;
}

void draw_cell(const struct top_ui *ui, int y, int x, int width, bool right, enum colour colour,
	       const char *text)
{
	int room = COLS - x < width ? COLS - x : width;
	int spaces = room - (int)text_width(text);

	if (y < 0 || y >= LINES || room <= 0)
		return;
	attron(attributes(&ui->look, colour));
	move(y, x);
	if (right && spaces > 0)
		printw("%*s", spaces, "");
	addnstr(text, bytes_of(text, room));
	if (!right && spaces > 0)
		printw("%*s", spaces, "");
	attroff(attributes(&ui->look, colour));
}

void draw_line(const struct top_ui *ui, int y, int x, enum colour colour, const char *fmt, ...)
{
	char text[TOP_TEXT * 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	draw_cell(ui, y, x, COLS - x, false, colour, text);
}

void draw_keys(const struct top_ui *ui, const char *const *keys, int cnt)
{
	int y = LINES - 1, x = 0;

	move(y, 0);
	clrtoeol();
	for (int i = 0; i + 1 < cnt; i += 2) {
		int width = text_width(keys[i]) + 1 + text_width(keys[i + 1]);

		if (x + width > COLS)
			break;
		draw_cell(ui, y, x, text_width(keys[i]), false, BOLD, keys[i]);
		draw_cell(ui, y, x + text_width(keys[i]) + 1, text_width(keys[i + 1]), false, DIM,
			  keys[i + 1]);
		x += width + 2;
	}
}

static void panel_queue(const struct top_ui *ui, int y, const char *title, uint32_t depth,
			uint32_t peak, uint32_t limit)
{
	enum colour colour = depth > limit ? RED : queue_pressed(depth, limit) ? YELLOW : PLAIN;
	int width = COLS > 100 ? 48 : COLS - 52 > 8 ? COLS - 52 : 8;
	char bar[TOP_TEXT], depths[64];

	draw_cell(ui, y, 0, 14, false, DIM, title);
	draw_cell(ui, y, 14, width, false, colour,
		  top_bar(bar, &ui->look, depth, peak, limit, width));
	snprintf(depths, sizeof(depths), "%u of %u%s", depth, limit, depth > limit ? ", full" : "");
	draw_cell(ui, y, 15 + width, 20, false, colour, depths);
	draw_line(ui, y, 36 + width, peak > limit ? RED : DIM, "high water %u", peak);
}

static void panel_waits(const struct top_ui *ui, const struct rates_row *row, int y)
{
	char a[TOP_TEXT], b[TOP_TEXT];
	int half = COLS / 2 > 40 ? COLS / 2 : 40;

	draw_cell(ui, y, 0, 14, false, DIM, "handshake");
	draw_line(ui, y, 14, PLAIN, "p50 %s, p99 %s", top_span(a, &ui->look, row->handshake_p50),
		  top_span(b, &ui->look, row->handshake_p99));
	draw_cell(ui, y, half, 14, false, DIM, "accept wait");
	draw_line(ui, y, half + 12, PLAIN, "p50 %s, p99 %s", top_span(a, &ui->look, row->wait_p50),
		  top_span(b, &ui->look, row->wait_p99));
}

/* What is lost, by reason: the rate now, and since the start. */
static void panel_drops(const struct top_ui *ui, const struct rates_row *row, int y)
{
	static const struct {
		enum counter counter;
		const char *name;
	} kinds[] = {
		{COUNT_DROP_SYN_ACCEPTQ, "SYN, accept queue full"},
		{COUNT_DROP_ACK_ACCEPTQ, "ACK, accept queue full"},
		{COUNT_DROP_SYN_SYNQ, "SYN queue full"},
		{COUNT_DROP_SYN_RESERVED, "SYN queue's last quarter"},
		{COUNT_DROP_OTHER, "other"},
	};
	char text[TOP_TEXT] = "", rate[TOP_TEXT];
	size_t at = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (row->l->total.n[kinds[i].counter] && at < sizeof(text))
			at += snprintf(text + at, sizeof(text) - at, "%s%s %s/s (%llu)",
				       at ? "; " : "", kinds[i].name,
				       top_rate(rate, row->per_s[kinds[i].counter]),
				       (unsigned long long)row->l->total.n[kinds[i].counter]);
	draw_cell(ui, y, 0, 14, false, DIM, "dropped");
	draw_line(ui, y, 14,
		  row->drops_per_s > 0 ? RED
		  : at		       ? PLAIN
				       : DIM,
		  "%s", at ? text : "nothing");
}

static void panel_owner(const struct top_ui *ui, const struct rates_row *row, int y)
{
	struct rates_group g = rates_group(&ui->top->rates, row);
	int64_t idle = rates_idle_ns(&ui->top->rates, row);
	char owner[TOP_TEXT], who[PROCESS_LEN], span[DURATION_LEN], group[64] = "";

	if (g.members > 1)
		snprintf(group, sizeof(group), "; one of %u in its group, %u others idle",
			 g.members, g.idle);
	top_owner(owner, row);
	draw_cell(ui, y, 0, 14, false, DIM, "owner");
	if (idle >= 0)
		draw_line(ui, y, 14, PLAIN, "%s; last accept %s ago by %s%s", owner,
			  duration_format(span, &ui->look, idle),
			  process_format(who, &row->l->total.last_accept_by), group);
	else
		draw_line(ui, y, 14, PLAIN, "%s; no accept since the start%s", owner, group);
}

static void panel_rates(const struct top_ui *ui, const struct rates_row *row, int y)
{
	char a[TOP_TEXT], b[TOP_TEXT], c[TOP_TEXT], d[TOP_TEXT];

	draw_cell(ui, y, 0, 14, false, DIM, "each second");
	draw_line(ui, y, 14, PLAIN, "%s SYN, %s accepted, %s SYN-ACK again, %s cookies",
		  top_rate(a, row->per_s[COUNT_SYN]), top_rate(b, row->per_s[COUNT_ACCEPT]),
		  top_rate(c, row->per_s[COUNT_SYNACK_RETRANSMIT]),
		  top_rate(d, row->per_s[COUNT_COOKIE]));
}

static void panel_minute(const struct top_ui *ui, const struct rates_row *row, int y)
{
	int half = (COLS - 14 - 10 - 7) / 2;
	char spark[TOP_TEXT];

	if (half > RATES_HISTORY)
		half = RATES_HISTORY;
	draw_cell(ui, y, 0, 14, false, DIM, "last minute");
	draw_cell(ui, y, 14, 10, false, DIM, "accepts/s");
	draw_cell(ui, y, 24, half, false, PLAIN,
		  top_spark(spark, &ui->look, row->past, false, half));
	draw_cell(ui, y, 26 + half, 5, false, DIM, "fill");
	draw_cell(ui, y, 31 + half, half, false, PLAIN,
		  top_spark(spark, &ui->look, row->past, true, half));
}

int draw_panel(const struct top_ui *ui, const struct rates_row *row, int y)
{
	const struct snap_sock *s = &row->l->sock;

	panel_queue(ui, y, "accept queue", s->acceptq, row->l->total.acceptq_peak, s->limit);
	panel_queue(ui, y + 1, "SYN queue", s->synq, row->l->total.synq_peak,
		    queue_synq_limit(s->limit, s->max_syn_backlog, s->syncookies));
	panel_rates(ui, row, y + 2);
	panel_waits(ui, row, y + 3);
	panel_drops(ui, row, y + 4);
	panel_owner(ui, row, y + 5);
	panel_minute(ui, row, y + 6);
	return PANEL_LINES;
}
