// SPDX-License-Identifier: GPL-2.0-only
/* sockline completion: the command line, told to a shell. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cmds.h"
#include "completion.h"

const struct cmd *const completion_commands[] = {
#define CMD(name) &cmd_##name,
#include "cmds.def"
#undef CMD
	NULL,
};

static const struct {
	const char *arg;
	enum arg_kind kind;
} kinds[] = {
	{"FILE", ARG_FILE},
	{"OUT.html", ARG_FILE},
	{"DIR", ARG_DIR},
	{"PATH", ARG_CGROUP},
	{"IF", ARG_INTERFACE},
	{"PID|PATH|INODE|all", ARG_NETNS},
	{"PID|PATH|INODE", ARG_NETNS},
	{"PID", ARG_PID},
	{"KIND:WHERE", ARG_STORE},
	{"COLUMN", ARG_WORDS},
	{"4|6", ARG_WORDS},
};

enum arg_kind arg_kind(const struct opt *o)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(o->arg, kinds[i].arg))
			return kinds[i].kind;
	return ARG_FREE;
}

enum arg_kind arg_kind_operands(const struct cmd *cmd)
{
	if (!cmd->args)
		return ARG_FREE;
	if (strstr(cmd->args, "-- CMD"))
		return ARG_COMMAND;
	if (strstr(cmd->args, "FILE..."))
		return ARG_FILE;
	return islower((unsigned char)*cmd->args) ? ARG_WORDS : ARG_FREE;
}

const char *arg_words(char buf[ARG_WORDS_LEN], const char *text)
{
	const char *list = strstr(text, "by: ");
	size_t len = 0;

	for (const char *p = list ? list + 4 : text; *p && len + 1 < ARG_WORDS_LEN; p++)
		if (*p != ',')
			buf[len++] = *p == '|' ? ' ' : *p;
	buf[len] = 0;
	return buf;
}

bool arg_repeats(const struct opt *o)
{
	return strstr(o->help, "several") || arg_kind(o) == ARG_STORE;
}

static int completion_run(const struct cmd *cmd, int argc, char **argv)
{
	int first = opts_parse(cmd, argc, argv, NULL);
	const char *shell = first > 0 && first < argc ? argv[first] : "";

	if (first < 0)
		return opts_exit(first);
	/* For the manual page, when it is built. */
	if (argc - first == 2 && !strcmp(shell, "mdoc")) {
		if (completion_mdoc(argv[first + 1]))
			return opts_error(cmd, "'%s' has no section", argv[first + 1]);
	} else if (argc - first != 1) {
		return opts_error(cmd, "wants one of bash, zsh");
	} else if (!strcmp(shell, "bash")) {
		completion_bash();
	} else if (!strcmp(shell, "zsh")) {
		completion_zsh();
	} else {
		return opts_error(cmd, "'%s' is none of bash, zsh", shell);
	}
	return fflush(stdout) ? opts_error(cmd, "cannot write") : EXIT_YES;
}

const struct cmd cmd_completion = {
	.name = "completion",
	.args = "bash|zsh",
	.summary = "what makes the Tab key know these commands",
	.help = "Prints the completion for a shell; a package has it in its place already.\n"
		"For this shell alone: source <(sockline completion bash)\n",
	.run = completion_run,
};
