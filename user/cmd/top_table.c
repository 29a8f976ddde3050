// SPDX-License-Identifier: GPL-2.0-only
/* Owns the first screen: title, totals, whom to blame, the table, and the help. */
#include <curses.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "top_ui.h"

#define HEAD_LINES 4
/* Below this the panel of the selected listener makes room for rows. */
#define PANEL_FROM 20

void draw_title(const struct top_ui *ui, int y)
{
	const char *dot = look_dot(&ui->look);
	time_t now = time(NULL);
	char clock[16];
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	draw_cell(ui, y, 0, 13, false, BOLD, "sockline top");
	draw_line(ui, y, 13, PLAIN, "%s %s %zu of %zu listeners %s every %g s", clock, dot, ui->cnt,
		  ui->top->rates.cnt, dot,
		  ui->top->opts->interval > 0 ? ui->top->opts->interval : 1);
	if (ui->paused)
		draw_cell(ui, y, COLS - 8, 8, true, YELLOW, "PAUSED");
	else if (ui->filter[0] || ui->mode == MODE_FILTER)
		draw_cell(ui, y, COLS - 24, 24, true, YELLOW, ui->filter);
}

static void draw_totals(const struct top_ui *ui, int y)
{
	const struct rates *r = &ui->top->rates;
	const struct {
		const char *name;
		double per_s;
		enum colour some;
	} totals[] = {
		{"SYN/s", r->per_s[COUNT_SYN], BOLD},
		{"accepts/s", r->per_s[COUNT_ACCEPT], BOLD},
		{"drops/s", r->drops_per_s, RED},
		{"SYN-ACKs again/s", r->per_s[COUNT_SYNACK_RETRANSMIT], YELLOW},
		{"cookies/s", r->per_s[COUNT_COOKIE], YELLOW},
	};
	char rate[TOP_TEXT];
	int x = 0;

	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		int name = strlen(totals[i].name), width;

		top_rate(rate, totals[i].per_s);
		width = strlen(rate);
		if (x + name + 1 + width > COLS)
			break;
		draw_cell(ui, y, x, name, false, DIM, totals[i].name);
		draw_cell(ui, y, x + name + 1, width, false,
			  totals[i].per_s >= 0.05 ? totals[i].some : DIM, rate);
		x += name + 6 + 3;
	}
}

static void draw_blame(const struct top_ui *ui, int y)
{
	const struct rates_row *worst = rates_worst(&ui->top->rates);
	const struct counters_view *v = ui->top->view;
	char text[TOP_TEXT];

	if (ui->note[0])
		draw_line(ui, y, 0, RED, "%s", ui->note);
	else if (worst)
		draw_line(ui, y, 0, rates_full(worst) || worst->drops_per_s > 0 ? RED : YELLOW,
			  "%s", top_blame(text, &ui->look, &ui->top->rates, worst));
	else if (v->untracked)
		draw_line(ui, y, 0, YELLOW,
			  "more listeners are called than there is room to count");
	else if (v->unseen)
		draw_line(ui, y, 0, YELLOW, "not counted here: %s", v->unseen);
	else
		draw_line(ui, y, 0, DIM, "no queue is under pressure");
}

static void draw_header(const struct top_ui *ui, int y)
{
	const int *widths = ui->widths;
	const char *up = ui->look.unicode ? "▲" : "^", *down = ui->look.unicode ? "▼" : "v";
	char title[64];
	int x = 0;

	attron(A_REVERSE);
	mvprintw(y, 0, "%*s", COLS, "");
	for (int i = 0; i < top_columns_cnt; i++) {
		const struct top_column *c = &top_columns[i];
		bool sorted = i == ui->column;
		int room = widths[i] - sorted;

		if (!widths[i])
			continue;
		snprintf(title, sizeof(title), "%.*s%s", room, c->title,
			 sorted ? (ui->reverse ? up : down) : "");
		draw_cell(ui, y, x, widths[i], c->right, sorted ? BOLD : PLAIN, title);
		x += widths[i] + 1;
	}
	attroff(A_REVERSE);
}

static void draw_row(const struct top_ui *ui, int y, size_t at)
{
	const int *widths = ui->widths;
	const struct rates_row *row = ui->rows[at];
	bool selected = at == ui->at;
	char text[TOP_TEXT];
	int x = 0;

	if (selected)
		attron(A_REVERSE);
	for (int i = 0; i < top_columns_cnt; i++) {
		const struct top_column *c = &top_columns[i];
		enum colour colour;

		if (!widths[i])
			continue;
		text[0] = 0;
		colour = c->cell(text, &ui->look, row, widths[i]);
		/* A dim reversed cell is hard to read. */
		if (selected && colour == DIM)
			colour = PLAIN;
		draw_cell(ui, y, x, widths[i], c->right, colour, text);
		x += widths[i] + 1;
		if (selected && x < COLS)
			draw_cell(ui, y, x - 1, 1, false, PLAIN, "");
	}
	if (selected) {
		if (x < COLS)
			draw_cell(ui, y, x, COLS - x, false, PLAIN, "");
		attroff(A_REVERSE);
	}
}

static void scroll_to_selected(struct top_ui *ui)
{
	size_t page = ui->page > 0 ? ui->page : 1;

	if (ui->at < ui->first)
		ui->first = ui->at;
	if (ui->at >= ui->first + page)
		ui->first = ui->at - page + 1;
	if (ui->first + page > ui->cnt)
		ui->first = ui->cnt > page ? ui->cnt - page : 0;
}

static void draw_foot(const struct top_ui *ui)
{
	static const char *const keys[] = {"q", "quit", "Enter", "open", "s/S", "sort", "r",
					   "reverse", "/", "filter", "Space", "pause", "?", "help"};

	if (ui->mode == MODE_FILTER)
		draw_line(ui, LINES - 1, 0, BOLD, "filter: %s_   Enter keeps it, Esc clears it",
			  ui->filter);
	else
		draw_keys(ui, keys, sizeof(keys) / sizeof(keys[0]));
}

static void draw_separator(const struct top_ui *ui, const struct rates_row *row, int y)
{
	const char *rule = ui->look.unicode ? "─" : "-";
	char where[TOP_TEXT];

	top_endpoint(where, row);
	snprintf(where + strlen(where), sizeof(where) - strlen(where), " in namespace %s",
		 row->netns);
	for (int x = 0; x < COLS; x++)
		draw_cell(ui, y, x, 1, false, DIM, rule);
	draw_cell(ui, y, 2, text_width(where) + 2, false, BOLD, "");
	draw_cell(ui, y, 3, text_width(where), false, BOLD, where);
}

void draw_table(struct top_ui *ui)
{
	const struct rates_row *selected = ui_selected(ui);
	bool panel = LINES >= PANEL_FROM && selected;

	erase();
	ui->page = LINES - HEAD_LINES - 1 - (panel ? PANEL_LINES + 1 : 0);
	scroll_to_selected(ui);
	top_columns_fit(ui->widths, COLS);
	draw_title(ui, 0);
	draw_totals(ui, 1);
	draw_blame(ui, 2);
	draw_header(ui, 3);
	for (int i = 0; i < ui->page && ui->first + i < ui->cnt; i++)
		draw_row(ui, HEAD_LINES + i, ui->first + i);
	if (!ui->cnt)
		draw_line(ui, HEAD_LINES + 1, 2, DIM, "%s",
			  ui->top->rates.cnt ? "no listener matches"
					     : "nothing listens on this host");
	if (panel) {
		draw_separator(ui, selected, LINES - 2 - PANEL_LINES);
		draw_panel(ui, selected, LINES - 1 - PANEL_LINES);
	}
	draw_foot(ui);
}

void draw_help(const struct top_ui *ui)
{
	static const char *const lines[] = {
		"Up Down k j     select a listener           PgUp PgDn Home End  further",
		"Enter           open it: its group, its slowest and its failed connections",
		"s S < >         sort by the next or the last column      r  reverse",
		"/               filter by address, port or owner         Esc  clear it",
		"Space p         pause                       q  quit, or back",
		"",
		"ACCEPT QUEUE    connections that wait for accept(): depth of limit; the shade",
		"                behind the bar is the high-water mark since the start",
		"SYN QUEUE       handshakes under way",
		"SYN/s ACC/s     SYNs that came; connections that accept() took",
		"HS p50 p99      SYN to accept queue, of the last 5 to 10 seconds",
		"WAIT 50 99      in the accept queue until accept(), of the same",
		"DROP/s          SYNs and ACKs that found a queue full",
		"RTX/s CKY/s     SYN-ACKs sent again; SYN cookies sent",
		"NETNS           its network namespace: a name, or a process in it",
		"",
		"Percentiles come from buckets of powers of two: a factor of two apart at most.",
	};

	erase();
	draw_title(ui, 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		draw_line(ui, i + 2, 2, PLAIN, "%s", lines[i]);
	draw_line(ui, LINES - 1, 0, DIM, "any key: back");
}
