// SPDX-License-Identifier: GPL-2.0-only
/* The completion for zsh: an _arguments call a command. */
#include <stdio.h>
#include <string.h>

#include "completion.h"

static const char head[] =
	"#compdef sockline\n"
	"# zsh completion for sockline, made by: sockline completion zsh\n"
	"\n"
	"_sockline_netns()\n"
	"{\n"
	"	_alternative 'words:namespace:(all)' 'files:namespace:_files -W /run/netns' \\\n"
	"		'pids:process:_pids'\n"
	"}\n"
	"\n"
	"_sockline_store()\n"
	"{\n"
	"	if compset -P 'sqlite:'; then\n"
	"		_files\n"
	"	else\n"
	"		compadd -S '' sqlite: clickhouse:http:// clickhouse:https://\n"
	"	fi\n"
	"}\n"
	"\n"
	"_sockline()\n"
	"{\n"
	"	local cmd=watch\n"
	"	local -a known=(\n";

static const char middle[] = "	)\n"
			     "\n"
			     "	if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
			     "		_describe -t commands command known\n"
			     "		return\n"
			     "	fi\n"
			     "	if [[ $words[2] != -* ]]; then\n"
			     "		cmd=$words[2]\n"
			     "		shift words\n"
			     "		(( CURRENT-- ))\n"
			     "	fi\n"
			     "	if (( $words[(i)--] < CURRENT )); then\n"
			     "		(( CURRENT -= $words[(i)--] ))\n"
			     "		shift $words[(i)--] words\n"
			     "		_normal\n"
			     "		return\n"
			     "	fi\n"
			     "	case $cmd in\n";

static const char tail[] = "	esac\n"
			   "}\n"
			   "\n"
			   "if [[ $funcstack[1] == _sockline ]]; then\n"
			   "	_sockline \"$@\"\n"
			   "else\n"
			   "	compdef _sockline sockline\n"
			   "fi\n";

/* Within '…', and with the characters in `special` behind a backslash. */
static void put_quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		else if (strchr(special, *text))
			putchar('\\');
		putchar(*text);
	}
}

static void put_action(enum arg_kind kind, const char *words)
{
	char buf[ARG_WORDS_LEN];

	switch (kind) {
	case ARG_FREE:
	case ARG_COMMAND:
		fputs("{ }", stdout);
		break;
	case ARG_FILE:
		fputs("_files", stdout);
		break;
	case ARG_DIR:
		fputs("_files -/", stdout);
		break;
	case ARG_CGROUP:
		fputs("_files -P / -W /sys/fs/cgroup -/", stdout);
		break;
	case ARG_INTERFACE:
		fputs("_net_interfaces", stdout);
		break;
	case ARG_NETNS:
		fputs("_sockline_netns", stdout);
		break;
	case ARG_PID:
		fputs("_pids", stdout);
		break;
	case ARG_STORE:
		fputs("_sockline_store", stdout);
		break;
	case ARG_WORDS:
		printf("(%s)", arg_words(buf, words));
		break;
	}
}

/* '(-s --steps)'{-s,--steps}'[help]', with :ARG:action behind it where there is an argument. */
static void put_option(const struct opt *o)
{
	bool repeats = o->arg && arg_repeats(o);

	fputs(" \\\n\t\t\t", stdout);
	if (repeats)
		fputs("\\*", stdout);
	if (o->key && !repeats)
		printf("'(-%c --%s)'", o->key, o->name);
	if (o->key)
		printf("{-%c%s,--%s%s}'[", o->key, o->arg ? "+" : "", o->name, o->arg ? "=" : "");
	else
		printf("--%s%s'[", o->name, o->arg ? "=" : "");
	put_quoted(o->help, "[]:\\");
	putchar(']');
	if (o->arg) {
		putchar(':');
		put_quoted(o->arg, ":\\");
		putchar(':');
		put_action(arg_kind(o), strchr(o->arg, '|') ? o->arg : o->help);
	}
	putchar('\'');
}

static void put_options(const struct opt_group *group)
{
	for (const struct opt *o = group->opts; o->name; o++)
		put_option(o);
}

static void put_command(const struct cmd *cmd)
{
	printf("\t%s)\n\t\t_arguments -s -S :", cmd->name);
	for (int i = 0; i < CMD_GROUPS && cmd->groups[i]; i++)
		put_options(cmd->groups[i]);
	put_options(&opts_always);
	if (cmd->args) {
		fputs(" \\\n\t\t\t'*:", stdout);
		put_quoted(cmd->args, ":\\");
		putchar(':');
		put_action(arg_kind_operands(cmd), cmd->args);
		putchar('\'');
	}
	puts("\n\t\t;;");
}

void completion_zsh(void)
{
	fputs(head, stdout);
	for (const struct cmd *const *cmd = completion_commands; *cmd; cmd++) {
		printf("\t\t'%s:", (*cmd)->name);
		put_quoted((*cmd)->summary, ":\\");
		puts("'");
	}
	fputs(middle, stdout);
	for (const struct cmd *const *cmd = completion_commands; *cmd; cmd++)
		put_command(*cmd);
	fputs(tail, stdout);
}
