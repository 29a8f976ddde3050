/* SPDX-License-Identifier: GPL-2.0-only */
/* Words, bars and sparklines of the screen, as strings.  Pure. */
#ifndef SOCKLINE_TOP_TEXT_H
#define SOCKLINE_TOP_TEXT_H

#include "rates.h"
#include "text.h"

/* Bytes for anything here: a column takes three at most. */
#define TOP_TEXT 640

/* "0", "3.2", "812", "12.4k": five columns at most.  Returns buf. */
char *top_rate(char buf[TOP_TEXT], double per_s);
/* A duration in seven columns at most. */
char *top_span(char buf[TOP_TEXT], const struct look *look, int64_t ns);
/* Depth filled, up to the high-water mark in a fainter shade, then empty up to the limit. */
char *top_bar(char buf[TOP_TEXT], const struct look *look, uint32_t depth, uint32_t peak,
	      uint32_t limit, int width);
/* The newest values at the right end; scaled to the largest, or to `full` where that is not 0. */
char *top_spark(char buf[TOP_TEXT], const struct look *look, const struct rates_past *past,
		bool fill, int width);
/* "10.0.0.1:80"; _fit: a long address is cut, its port is not. */
char *top_endpoint(char buf[TOP_TEXT], const struct rates_row *row);
char *top_endpoint_fit(char buf[TOP_TEXT], const struct look *look, const struct rates_row *row,
		       int width);
/* "nginx[812]", "nginx[812]+3" when it shares the listener with three others, "kernel", or "?";
 * _fit: a long name is cut, its pid is not. */
char *top_owner(char buf[TOP_TEXT], const struct rates_row *row);
char *top_owner_fit(char buf[TOP_TEXT], const struct rates_row *row, int width);
/* Who does not accept, since when, and which other members of its group are idle; "" if all is
 * well with it. */
char *top_blame(char buf[TOP_TEXT], const struct look *look, const struct rates *r,
		const struct rates_row *row);

#endif
