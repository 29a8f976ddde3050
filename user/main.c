// SPDX-License-Identifier: GPL-2.0-only
/* The table of commands, and which one was meant. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmds.h"
#include "opts.h"

static const struct cmd *const commands[] = {
#define CMD(name) &cmd_##name,
#include "cmds.def"
#undef CMD
};

#define COMMANDS_CNT (sizeof(commands) / sizeof(commands[0]))

static void usage(void)
{
	puts("sockline: what the kernel does with TCP connections, from SYN to accept().\n\n"
	     "sockline [COMMAND] [OPTION]...   without a command: watch\n");
	for (size_t i = 0; i < COMMANDS_CNT; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	puts("\nsockline COMMAND --help tells more.  sockline --version prints the version.");
}

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS_CNT; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* What is opened next would take the place of a closed stdout, and be written to. */
static bool streams_are_open(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) == STDOUT_FILENO)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	const struct cmd *cmd;

	if (!streams_are_open())
		return opts_error(NULL, "stdout is closed");
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage();
		return EXIT_YES;
	}
	if (argc > 1 && argv[1][0] != '-') {
		cmd = find(argv[1]);
		if (!cmd)
			return opts_error(NULL, "'%s' is not a command; see sockline --help",
					  argv[1]);
		return cmd->run(cmd, argc - 1, argv + 1);
	}
	cmd = find("watch");
	return cmd->run(cmd, argc, argv);
}
