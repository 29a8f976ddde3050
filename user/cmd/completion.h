/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What others must know of the command line, written from the rows that opts.c parses: the shells
 * for their completion, and the manual for its lists of options.  To stdout.
 */
#ifndef SOCKLINE_COMPLETION_H
#define SOCKLINE_COMPLETION_H

#include "opts.h"

/* What can be offered for an argument, or for the operands of a command. */
enum arg_kind {
	ARG_FREE, /* nothing */
	ARG_FILE,
	ARG_DIR,
	ARG_CGROUP,
	ARG_INTERFACE,
	ARG_NETNS,
	ARG_PID,
	ARG_STORE,
	ARG_WORDS,   /* one of arg_words() */
	ARG_COMMAND, /* operands: a command to run, behind "--" */
};

#define ARG_WORDS_LEN 128

enum arg_kind arg_kind(const struct opt *o);
enum arg_kind arg_kind_operands(const struct cmd *cmd);

/* The literal words in "4|6", or in a help text that ends in "by: a, b, c", between blanks. */
const char *arg_words(char buf[ARG_WORDS_LEN], const char *text);

/* May the option, which has an argument, be given again? */
bool arg_repeats(const struct opt *o);

/* Ends at NULL. */
extern const struct cmd *const completion_commands[];

void completion_bash(void);
void completion_zsh(void);

/* The section of a command, or of a group that several share: "filters" or "output". */
int completion_mdoc(const char *what);

#endif
