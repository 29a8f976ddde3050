// SPDX-License-Identifier: GPL-2.0-only
/* The completion for bash.  It needs nothing but bash 4: no function of the bash-completion package. */
#include <stdio.h>
#include <string.h>

#include "completion.h"

/* Bash takes words apart at ':' and '=', so they are put together again, and what a reply begins
 * with is cut off from it as far as bash has taken it for another word. */
static const char head[] =
	"# bash completion for sockline, made by: sockline completion bash\n"
	"\n"
	"_sockline_reply() # KIND CURRENT [WORD...]\n"
	"{\n"
	"	local kind=$1 cur=$2\n"
	"	shift 2\n"
	"	case $kind in\n"
	"	words) mapfile -t COMPREPLY < <(compgen -W \"$*\" -- \"$cur\") ;;\n"
	"	file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	"	dir) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
	"	command) mapfile -t COMPREPLY < <(compgen -c -- \"$cur\") ;;\n"
	"	interface) _sockline_reply words \"$cur\" \"$(ls /sys/class/net)\" ;;\n"
	"	pid) _sockline_reply words \"$cur\" \"$(cd /proc && echo [0-9]*)\" ;;\n"
	"	cgroup)\n"
	"		compopt -o nospace\n"
	"		mapfile -t COMPREPLY < <(compgen -d -S / -- \"/sys/fs/cgroup$cur\")\n"
	"		COMPREPLY=(\"${COMPREPLY[@]#/sys/fs/cgroup}\")\n"
	"		;;\n"
	"	netns)\n"
	"		case $cur in\n"
	"		/*) _sockline_reply file \"$cur\" ;;\n"
	"		*) _sockline_reply words \"$cur\" all \"$(compgen -G '/run/netns/*')\" ;;\n"
	"		esac\n"
	"		;;\n"
	"	store)\n"
	"		case $cur in\n"
	"		sqlite:*) _sockline_reply file \"${cur#sqlite:}\" ;;\n"
	"		clickhouse:*) ;;\n"
	"		*) compopt -o nospace; _sockline_reply words \"$cur\" sqlite: clickhouse:http:// ;;\n"
	"		esac\n"
	"		;;\n"
	"	esac\n"
	"}\n"
	"\n"
	"_sockline()\n"
	"{\n"
	"	local cmd=watch cur prev word opts arg= operands values i joined=0 dashes=0\n"
	"	local -a words=()\n"
	"\n"
	"	COMPREPLY=()\n"
	"	for ((i = 0; i <= COMP_CWORD; i++)); do\n"
	"		word=${COMP_WORDS[i]}\n"
	"		if ((i > 1)) && { ((joined)) || [[ $word == [:=]* ]]; }; then\n"
	"			words[-1]+=$word\n"
	"		else\n"
	"			words+=(\"$word\")\n"
	"		fi\n"
	"		[[ $word == *[:=] ]] && joined=1 || joined=0\n"
	"	done\n"
	"	cur=${words[-1]} prev=${words[-2]}\n"
	"	[[ $cur == --*=* ]] && prev=${cur%%=*} cur=${cur#*=}\n"
	"	((${#words[@]} > 2)) && [[ ${words[1]} != -* ]] && cmd=${words[1]}\n"
	"	for ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
	"		[[ ${words[i]} == -- ]] && dashes=$((dashes ? dashes : i))\n"
	"	done\n"
	"	case $cmd in\n";

static const char middle[] = "	*) return ;;\n"
			     "	esac\n"
			     "	if ((dashes)); then\n"
			     "		((dashes == ${#words[@]} - 2)) || operands=file\n"
			     "		_sockline_reply $operands \"$cur\" $values\n"
			     "	elif [[ -n $arg ]]; then\n"
			     "		_sockline_reply $arg \"$cur\" $values\n"
			     "	elif [[ $cur == -* ]]; then\n"
			     "		_sockline_reply words \"$cur\" $opts\n"
			     "	elif ((${#words[@]} == 2)); then\n"
			     "		_sockline_reply words \"$cur\"";

static const char tail[] = "\n"
			   "	elif [[ $operands != command ]]; then\n"
			   "		_sockline_reply $operands \"$cur\" $values\n"
			   "	fi\n"
			   "	[[ $cur == *[:=]* ]] && cur=${cur%\"${cur##*[:=]}\"} &&\n"
			   "		COMPREPLY=(\"${COMPREPLY[@]#\"$cur\"}\")\n"
			   "	return 0\n"
			   "}\n"
			   "\n"
			   "complete -F _sockline sockline\n";

/* How _sockline_reply calls it; the words of ARG_WORDS follow. */
static const char *kind_name(enum arg_kind kind)
{
	switch (kind) {
	case ARG_FREE:
		return "free";
	case ARG_FILE:
		return "file";
	case ARG_DIR:
		return "dir";
	case ARG_CGROUP:
		return "cgroup";
	case ARG_INTERFACE:
		return "interface";
	case ARG_NETNS:
		return "netns";
	case ARG_PID:
		return "pid";
	case ARG_STORE:
		return "store";
	case ARG_WORDS:
		return "words";
	case ARG_COMMAND:
		return "command";
	}
	return "";
}

static void put_names(const struct opt_group *group)
{
	for (const struct opt *o = group->opts; o->name; o++) {
		if (o->key)
			printf(" -%c", o->key);
		printf(" --%s", o->name);
	}
}

/* What is wanted behind each option: "words", the current word, and the words. */
static void put_args(const struct opt_group *group)
{
	char words[ARG_WORDS_LEN];

	for (const struct opt *o = group->opts; o->name; o++) {
		if (!o->arg)
			continue;
		fputs("\t\t", stdout);
		if (o->key)
			printf("-%c | ", o->key);
		printf("--%s) arg=%s", o->name, kind_name(arg_kind(o)));
		if (arg_kind(o) == ARG_WORDS)
			printf(" values='%s'",
			       arg_words(words, strchr(o->arg, '|') ? o->arg : o->help));
		puts(" ;;");
	}
}

static void put_command(const struct cmd *cmd)
{
	enum arg_kind operands = arg_kind_operands(cmd);
	char words[ARG_WORDS_LEN];

	printf("\t%s)\n\t\topts='", cmd->name);
	for (int i = 0; i < CMD_GROUPS && cmd->groups[i]; i++)
		put_names(cmd->groups[i]);
	put_names(&opts_always);
	printf("'\n\t\toperands=%s values='%s'\n\t\tcase $prev in\n", kind_name(operands),
	       operands == ARG_WORDS ? arg_words(words, cmd->args) : "");
	for (int i = 0; i < CMD_GROUPS && cmd->groups[i]; i++)
		put_args(cmd->groups[i]);
	puts("\t\tesac\n\t\t;;");
}

void completion_bash(void)
{
	fputs(head, stdout);
	for (const struct cmd *const *cmd = completion_commands; *cmd; cmd++)
		put_command(*cmd);
	fputs(middle, stdout);
	for (const struct cmd *const *cmd = completion_commands; *cmd; cmd++)
		printf(" %s", (*cmd)->name);
	fputs(tail, stdout);
}
