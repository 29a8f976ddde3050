/* SPDX-License-Identifier: GPL-2.0-only */
/* The columns of the table: what stands in each, how wide, what goes first when there is no room,
 * and how rows are sorted by it. */
#ifndef SOCKLINE_TOP_COLUMNS_H
#define SOCKLINE_TOP_COLUMNS_H

#include "rates.h"
#include "text.h"
#include "top_text.h"

struct top_column {
	const char *name;  /* of --sort; NULL: rows are not sorted by it */
	const char *title;
	int width;
	int most;	   /* may grow to so many columns */
	int drop;	   /* the highest goes first; 0: stays */
	bool right;
	/* Text of the cell, in buf; returns its colour. */
	enum colour (*cell)(char buf[TOP_TEXT], const struct look *look,
			    const struct rates_row *row, int width);
	/* The larger comes first. */
	double (*key)(const struct rates_row *row);
};

#define TOP_COLUMNS 16

extern const struct top_column top_columns[];
extern const int top_columns_cnt;

/* The column of this name, or -1. */
int top_column_named(const char *name);
/* The next one that is shown and by which rows can be sorted. */
int top_column_next(const int *widths, int column, int step);

/* Widths of the columns on a screen of so many, 0 for those that are left out; one column lies
 * between two. */
void top_columns_fit(int *widths, int columns);

/* Sorts by a column, and where that says nothing by the address. */
void top_sort(struct rates_row **rows, size_t cnt, int column, bool reverse);

#endif
