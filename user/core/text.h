/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for people: colours that can be off, durations with units, bytes that cannot harm a
 * terminal.  Shared by every human output. */
#ifndef SOCKLINE_TEXT_H
#define SOCKLINE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

enum colour {
	PLAIN,
	RED,	/* what failed */
	YELLOW, /* pressure */
	GREEN,	/* what went well, where that is news */
	DIM,	/* what is normal */
	BOLD,
};

struct look {
	bool colour;  /* a terminal, and NO_COLOR is not set */
	bool unicode; /* the locale's character set is UTF-8 */
	bool terminal; /* stdout is one */
	int columns;   /* 0: not a terminal, do not cut */
};

/* From stdout, the environment and the locale, which it sets. */
void look_init(struct look *look);

/* Escape sequences, or "". */
const char *colour_on(const struct look *look, enum colour c);
const char *colour_off(const struct look *look);

/* ASCII stand-ins where the locale has no UTF-8. */
const char *look_arrow(const struct look *look); /* → */
const char *look_dash(const struct look *look);	 /* – */
const char *look_dot(const struct look *look);	 /* · */
const char *look_micro(const struct look *look); /* µs */

#define DURATION_LEN 24
/* "212 µs", "1.3 ms", "4.2 s", "2 min 5 s"; a dash for a negative one.  Returns buf. */
char *duration_format(char buf[DURATION_LEN], const struct look *look, int64_t ns);

/* Columns that a UTF-8 string takes (all of ours are one wide). */
size_t text_width(const char *text);
/* Prints text and spaces up to width columns; negative: the spaces first. */
void text_pad(const char *text, int width);

/* Copies text, with every byte that is not printable ASCII as '?'. */
char *printable(char *buf, size_t len, const char *text);

#define PROCESS_LEN 40
/* "nginx[812]", harmless; "?" for pid 0. */
char *process_format(char buf[PROCESS_LEN], const struct ev_process *p);

#endif
