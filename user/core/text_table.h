/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Columns that are as wide as what stands in them, made to fit a terminal: first what may be cut is
 * cut, from the last column on, then whole columns go.  Without a terminal nothing is cut.
 */
#ifndef SOCKLINE_TEXT_TABLE_H
#define SOCKLINE_TEXT_TABLE_H

#include "text.h"

struct text_column {
	const char *title;
	bool right;   /* numbers */
	uint8_t min;  /* may be cut to so many columns; 0: may not */
	uint8_t drop; /* the highest goes first when there is no room; 0: never */
};

struct text_table;

/* look and columns outlive the table.  whole: nothing is cut, whatever the terminal. */
struct text_table *text_table_new(const struct look *look, const struct text_column *columns,
				  int cnt, bool whole);
void text_table_free(struct text_table *t);

/* The next cell, row by row.  text is copied; one that is not UTF-8 of our own must be made
 * printable() before. */
void text_table_cell(struct text_table *t, enum colour colour, const char *text);
/* Some sentences under the row that has just been filled, wrapped and indented. */
void text_table_note(struct text_table *t, enum colour colour, const char *text);
/* To stdout.  -ENOMEM: nothing is printed, the table is not whole. */
int text_table_print(const struct text_table *t, bool header);

/* A bar of so many columns: depth of limit, in eighths where the locale has them.  Returns buf. */
#define BAR_LEN 64
char *text_bar(char buf[BAR_LEN], const struct look *look, uint64_t depth, uint64_t limit,
	       int width);

/* Words of text to stdout, wrapped at the terminal's width, every line behind so many spaces. */
void text_wrap(const struct look *look, int indent, const char *text);

#endif
