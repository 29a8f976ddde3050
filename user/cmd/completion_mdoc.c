// SPDX-License-Identifier: GPL-2.0-only
/* The manual's sections on commands and options, in mdoc(7). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "completion.h"
#include "filter.h"

static bool sentence_ends(char last, const char *p)
{
	return (last == '.' || last == '?') && p[0] == ' ' &&
	       (p[1] == ' ' || isupper((unsigned char)p[1]));
}

/* Prose: a sentence a line, an empty line is a paragraph, and what looks like an option or a macro
 * is made to stay as it is. */
static void put_prose(const char *text)
{
	char last = '\n';

	for (const char *p = text; *p; last = *p++) {
		if (sentence_ends(last, p)) {
			putchar('\n');
			p += strspn(p, " ") - 1;
		} else if (*p == '\n' && last == '\n') {
			fputs(".Pp\n", stdout);
		} else if (last == '\n' && (*p == '.' || *p == '\'')) {
			printf("\\&%c", *p);
		} else if (*p == '\\') {
			fputs("\\e", stdout);
		} else if (*p == '-' && (isspace((unsigned char)last) || strchr("-(", last))) {
			fputs("\\-", stdout);
		} else {
			putchar(*p);
		}
	}
	if (last != '\n')
		putchar('\n');
}

/* As a sentence. */
static void put_summary(const char *text)
{
	printf("%c%s%s\n", toupper((unsigned char)*text), text + 1,
	       text[strlen(text) - 1] == '?' ? "" : ".");
}

static void put_options(const struct opt_group *group)
{
	puts(".Bl -tag -width Ds");
	for (const struct opt *o = group->opts; o->name; o++) {
		fputs(".It ", stdout);
		if (o->key)
			printf("Fl %c , ", o->key);
		printf("Fl \\-%s%s%s\n", o->name, o->arg ? " Ar " : "", o->arg ? o->arg : "");
		put_prose(o->help);
	}
	puts(".El");
}

static const char *shared_name(const struct opt_group *group)
{
	if (group == &filter_group)
		return "all of the filters";
	if (group == &filter_sockets)
		return "the filters for sockets";
	if (group == &common_group)
		return "all of the output options";
	if (group == &common_oneshot)
		return "the output options for a single look";
	return NULL;
}

/* "Takes A and B below too." */
static void put_shared(const struct cmd *cmd)
{
	const char *word = "Takes";

	for (int i = 0; i < CMD_GROUPS && cmd->groups[i]; i++) {
		const char *name = shared_name(cmd->groups[i]);

		if (!name)
			continue;
		printf("%s%s %s", *word == 'T' ? ".Pp\n" : "", word, name);
		word = " and";
	}
	if (*word == ' ')
		puts(".");
}

static void put_command(const struct cmd *cmd)
{
	printf(".Ss sockline %s%s%s%s\n", cmd->name, cmd->groups[0] ? " [OPTION]..." : "",
	       cmd->args ? " " : "", cmd->args ? cmd->args : "");
	put_summary(cmd->summary);
	if (cmd->help) {
		puts(".Pp");
		put_prose(cmd->help);
	}
	for (int i = 0; i < CMD_GROUPS && cmd->groups[i]; i++)
		if (!shared_name(cmd->groups[i]))
			put_options(cmd->groups[i]);
	put_shared(cmd);
}

int completion_mdoc(const char *what)
{
	for (const struct cmd *const *cmd = completion_commands; *cmd; cmd++)
		if (!strcmp((*cmd)->name, what)) {
			put_command(*cmd);
			return 0;
		}
	if (!strcmp(what, "filters"))
		put_options(&filter_group);
	else if (!strcmp(what, "output"))
		put_options(&common_group);
	else if (!strcmp(what, "other"))
		put_options(&opts_always);
	else
		return -ENOENT;
	return 0;
}
