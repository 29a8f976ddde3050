/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of the screen, and how its parts are drawn.  Only these files know curses. */
#ifndef SOCKLINE_TOP_UI_H
#define SOCKLINE_TOP_UI_H

#include "text.h"
#include "top.h"
#include "top_columns.h"

enum top_mode {
	MODE_TABLE,
	MODE_FILTER, /* a filter is being typed */
	MODE_HELP,
	MODE_DETAIL, /* one listener */
};

#define TOP_FILTER 48

struct top_detail;

struct top_ui {
	struct top *top;
	struct look look;
	enum top_mode mode;
	struct rates_row **rows; /* those that are shown, sorted */
	size_t cnt;
	size_t cap;
	uint64_t sets;	   /* when they were chosen: rates.sets, */
	uint64_t snaps;	   /* view->snaps */
	char chosen[TOP_FILTER]; /* and the filter */
	uint64_t selected; /* cookie */
	size_t at;	   /* its place in rows */
	size_t first;	   /* the first row on the screen */
	int page;	   /* rows that have room */
	int widths[TOP_COLUMNS]; /* of the columns, as drawn last */
	int column;	   /* by which rows are sorted */
	bool reverse;
	bool paused;
	char filter[TOP_FILTER];
	char note[160];	   /* one line that says what went wrong; "": nothing */
	struct top_detail *detail;
};

/* The selected one, or NULL when there is none. */
const struct rates_row *ui_selected(const struct top_ui *ui);
/* Any row of the last read by its listener's cookie, or NULL. */
const struct rates_row *ui_row(const struct top_ui *ui, uint64_t cookie);

/* Text in so many columns from x on, cut or filled with spaces; right: the spaces first. */
void draw_cell(const struct top_ui *ui, int y, int x, int width, bool right, enum colour colour,
	       const char *text);
/* The rest of a line. */
void draw_line(const struct top_ui *ui, int y, int x, enum colour colour, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* A line of labels and keys at the foot. */
void draw_keys(const struct top_ui *ui, const char *const *keys, int cnt);
void draw_colours(struct look *look);

/* Everything known of one listener, from line y on; the lines it took. */
#define PANEL_LINES 7
int draw_panel(const struct top_ui *ui, const struct rates_row *row, int y);
void draw_title(const struct top_ui *ui, int y);
void draw_table(struct top_ui *ui);
void draw_help(const struct top_ui *ui);

/* Turns on events for the port of one listener.  0, or -errno and ui->note. */
int detail_open(struct top_ui *ui, const struct rates_row *row);
void detail_close(struct top_ui *ui);
/* Takes what events there are. */
void detail_read(struct top_ui *ui);
void detail_draw(struct top_ui *ui);
/* False: the key is not one of its own. */
bool detail_key(struct top_ui *ui, int key);

#endif
