/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options are data.  A command lies in its own cmd_X.c as a `struct cmd`: what it does, which
 * groups of options it takes, what runs.  Parsing, --help and shell completion all read the same
 * rows, so they cannot disagree.
 */
#ifndef SOCKLINE_OPTS_H
#define SOCKLINE_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses, as with grep. */
#define EXIT_YES    0
#define EXIT_NO	    1
#define EXIT_UNABLE 2

struct opt {
	char key;	  /* short option, or 0 */
	const char *name; /* long option; NULL ends a table */
	const char *arg;  /* what its argument is called in --help; NULL: takes none */
	const char *help;
	/* Stores arg (NULL for a flag) at `to`; 0, or -errno: then the argument is bad. */
	int (*set)(void *to, const char *arg);
	size_t at;	  /* offset of the field in the group's struct */
	const char *want; /* what a good argument is: "a port from 1 to 65535" */
};

struct opt_group {
	const char *title; /* heading in --help */
	const struct opt *opts;
};

#define CMD_GROUPS 4

struct cmd {
	const char *name;
	const char *args;    /* what follows the options: "[-- CMD [ARG]...]" */
	const char *summary; /* one line, for the list of commands */
	const char *help;    /* some lines, for its own --help */
	const struct opt_group *groups[CMD_GROUPS]; /* ends at the first NULL */
	/* argv[0] is the command's name.  Returns an exit status. */
	int (*run)(const struct cmd *cmd, int argc, char **argv);
};

/*
 * Parses the options of argv into to[i] for cmd->groups[i].  Returns the index of the first operand
 * (just behind "--" if there is one), or a negative number when the command is over: then
 * opts_exit() of it is the exit status (--help and --version printed to stdout: 0; a bad option,
 * said in one line on stderr: 2).
 */
int opts_parse(const struct cmd *cmd, int argc, char **argv, void *const to[]);
int opts_exit(int parsed);

/* Was the operand at this index put behind "--"? */
bool opts_after_dashes(int first, char **argv);

void opts_usage(const struct cmd *cmd);

/* One line on stderr, "sockline CMD: …", and EXIT_UNABLE. */
int opts_error(const struct cmd *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Setters.  The field's type is in the name. */
int opt_set_bool(void *to, const char *arg);	/* bool: true */
int opt_set_str(void *to, const char *arg);	/* const char *, not empty */
int opt_set_u32(void *to, const char *arg);	/* uint32_t, decimal */
int opt_set_count(void *to, const char *arg);	/* uint64_t, at least 1 */
int opt_set_seconds(void *to, const char *arg); /* double, greater than 0 */
int opt_set_size(void *to, const char *arg);	/* uint64_t bytes, with K, M or G */

/* Options that most commands share. */
struct common {
	bool json;
	bool wall_clock;
	bool since_start;
	bool wide;
	bool verbose;
	bool no_header;
	double duration; /* seconds, 0: none */
	uint64_t count;	 /* 0: none */
};

extern const struct opt_group common_group;   /* all of struct common */
extern const struct opt_group common_oneshot; /* the same without duration, count and clocks */
extern const struct opt_group common_agent;   /* what is left where nothing is printed */
extern const struct opt_group opts_always;    /* --help and --version, which every command has */

#endif
