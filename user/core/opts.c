// SPDX-License-Identifier: GPL-2.0-only
/* Owns the command line: getopt_long's tables are made from the commands' rows. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opts.h"

#define OPTS_MAX    64
#define LONG_BASE   0x100 /* getopt's value for row i: LONG_BASE + i */
#define PARSED_OK   (-1)
#define PARSED_BAD  (-2)
#define OPERAND	    1 /* what getopt_long calls one, with '-' */

static const struct opt always[] = {
	{'h', "help", NULL, "print this and exit", NULL, 0, NULL},
	{'V', "version", NULL, "print the version and exit", NULL, 0, NULL},
	{0},
};
const struct opt_group opts_always = {"Other", always};

/* The rows of a command, flattened, each with the struct it writes into. */
struct row {
	const struct opt *opt;
	void *to;
};

struct table {
	struct row rows[OPTS_MAX];
	struct option longs[OPTS_MAX + 1];
	char shorts[2 * OPTS_MAX + 3];
	int cnt;
};

static void table_add(struct table *t, const struct opt_group *group, void *to)
{
	char *s = t->shorts + strlen(t->shorts);

	for (const struct opt *o = group->opts; o->name && t->cnt < OPTS_MAX; o++, t->cnt++) {
		t->rows[t->cnt] = (struct row){o, to};
		t->longs[t->cnt] = (struct option){
			o->name, o->arg ? required_argument : no_argument, NULL,
			LONG_BASE + t->cnt};
		if (!o->key)
			continue;
		*s++ = o->key;
		if (o->arg)
			*s++ = ':';
	}
	*s = 0;
}

static void table_make(struct table *t, const struct cmd *cmd, void *const to[])
{
	memset(t, 0, sizeof(*t));
	/* '-': operands come in their turn, as options called 1; ':': errors are told here. */
	strcpy(t->shorts, "-:");
	for (int i = 0; i < CMD_GROUPS && cmd->groups[i]; i++)
		table_add(t, cmd->groups[i], to[i]);
	table_add(t, &opts_always, NULL);
}

static const struct row *table_find(const struct table *t, int value)
{
	if (value >= LONG_BASE)
		return &t->rows[value - LONG_BASE];
	for (int i = 0; i < t->cnt; i++)
		if (t->rows[i].opt->key == value)
			return &t->rows[i];
	return NULL;
}

int opts_error(const struct cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "sockline%s%s: ", cmd ? " " : "", cmd ? cmd->name : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_UNABLE;
}

static int complain(const struct cmd *cmd, int what, char **argv)
{
	const char *word = argv[optind - 1];

	if (what == ':')
		opts_error(cmd, "%s needs an argument; see sockline %s --help", word, cmd->name);
	else if (optopt >= LONG_BASE)
		opts_error(cmd, "%s takes no argument", word);
	else if (optopt)
		opts_error(cmd, "unknown option '-%c'; see sockline %s --help", optopt, cmd->name);
	else
		opts_error(cmd, "unknown option '%s'; see sockline %s --help", word, cmd->name);
	return PARSED_BAD;
}

static int apply(const struct cmd *cmd, const struct row *row)
{
	const struct opt *o = row->opt;

	if (!o->set) {
		if (o->key == 'h')
			opts_usage(cmd);
		else
			printf("sockline %s\n", SOCKLINE_VERSION);
		return PARSED_OK;
	}
	if (!o->set((char *)row->to + o->at, optarg))
		return 0;
	opts_error(cmd, "--%s: '%s' is not %s", o->name, optarg ? optarg : "", o->want);
	return PARSED_BAD;
}

int opts_parse(const struct cmd *cmd, int argc, char **argv, void *const to[])
{
	struct table t;
	int value, ret, operands = 0;

	table_make(&t, cmd, to);
	optind = 0; /* GNU: start anew */
	while ((value = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		if (value == ':' || value == '?')
			return complain(cmd, value, argv);
		if (value == OPERAND) {
			/* To the front, over what has been read already. */
			argv[1 + operands++] = optarg;
			continue;
		}
		ret = apply(cmd, table_find(&t, value));
		if (ret)
			return ret;
	}
	if (operands && optind < argc) {
		opts_error(cmd, "'%s' and a command behind -- do not go together", argv[1]);
		return PARSED_BAD;
	}
	if (!operands)
		return optind;
	/* And to the end, where the caller finds them. */
	memmove(&argv[argc - operands], &argv[1], operands * sizeof(*argv));
	return argc - operands;
}

int opts_exit(int parsed)
{
	return parsed == PARSED_OK ? EXIT_YES : EXIT_UNABLE;
}

bool opts_after_dashes(int first, char **argv)
{
	return first > 1 && !strcmp(argv[first - 1], "--");
}

static void usage_group(const struct opt_group *group)
{
	printf("\n%s:\n", group->title);
	for (const struct opt *o = group->opts; o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->key ? '-' : ' ',
			 o->key ? o->key : ' ', o->key ? ", " : "  ", o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");
		printf("  %-30s%s%s\n", left,
		       strlen(left) < 30 ? "" : "\n                                ", o->help);
	}
}

void opts_usage(const struct cmd *cmd)
{
	printf("sockline %s [OPTION]...%s%s\n%s\n", cmd->name, cmd->args ? " " : "",
	       cmd->args ? cmd->args : "", cmd->summary);
	if (cmd->help)
		printf("\n%s", cmd->help);
	for (int i = 0; i < CMD_GROUPS && cmd->groups[i]; i++)
		usage_group(cmd->groups[i]);
	usage_group(&opts_always);
}

int opt_set_bool(void *to, const char *arg)
{
	*(bool *)to = true;
	return 0;
}

int opt_set_str(void *to, const char *arg)
{
	if (!*arg)
		return -EINVAL;
	*(const char **)to = arg;
	return 0;
}

static int parse_number(const char *arg, uint64_t max, uint64_t *n, char **end)
{
	if (*arg < '0' || *arg > '9')
		return -EINVAL;
	errno = 0;
	*n = strtoull(arg, end, 10);
	return errno || *n > max ? -ERANGE : 0;
}

int opt_set_u32(void *to, const char *arg)
{
	uint64_t n;
	char *end;

	if (parse_number(arg, UINT32_MAX, &n, &end) || *end)
		return -EINVAL;
	*(uint32_t *)to = n;
	return 0;
}

int opt_set_count(void *to, const char *arg)
{
	uint64_t n;
	char *end;

	if (parse_number(arg, UINT64_MAX / 2, &n, &end) || *end || !n)
		return -EINVAL;
	*(uint64_t *)to = n;
	return 0;
}

int opt_set_seconds(void *to, const char *arg)
{
	char *end;
	double s;

	if (!(*arg >= '0' && *arg <= '9') && *arg != '.')
		return -EINVAL;
	s = strtod(arg, &end);
	if (*end == 's')
		end++;
	if (*end || !isfinite(s) || s <= 0 || s > 1e9)
		return -EINVAL;
	*(double *)to = s;
	return 0;
}

int opt_set_size(void *to, const char *arg)
{
	static const char units[] = "KMG";
	const char *unit;
	uint64_t n;
	char *end;
	int shift = 0;

	if (parse_number(arg, UINT64_MAX >> 31, &n, &end) || !n)
		return -EINVAL;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return -EINVAL;
		shift = 10 * (int)(unit - units + 1);
	}
	*(uint64_t *)to = n << shift;
	return 0;
}

#define C(field) offsetof(struct common, field)

#define COMMON_VERBOSE                                                                             \
	{'v', "verbose", NULL, "talk more, on stderr", opt_set_bool, C(verbose), NULL}

#define COMMON_DURATION                                                                            \
	{'d', "duration", "SECS", "end after so many seconds", opt_set_seconds, C(duration),       \
	 "a number of seconds greater than 0"}

#define COMMON_OUTPUT                                                                              \
	{'j', "json", NULL, "one JSON object a line", opt_set_bool, C(json), NULL},                \
	{'w', "wide", NULL, "more columns, nothing cut off", opt_set_bool, C(wide), NULL},         \
	COMMON_VERBOSE,                                                                            \
	{0, "no-header", NULL, "no line of column names", opt_set_bool, C(no_header), NULL}

static const struct opt common_opts[] = {
	COMMON_OUTPUT,
	COMMON_DURATION,
	{'n', "count", "N", "end after so many lines", opt_set_count, C(count),
	 "a whole number from 1"},
	{'T', "time", NULL, "a column with the wall-clock time", opt_set_bool, C(wall_clock), NULL},
	{'t', "elapsed", NULL, "a column with the seconds since the start", opt_set_bool,
	 C(since_start), NULL},
	{0},
};
const struct opt_group common_group = {"Output", common_opts};

static const struct opt oneshot_opts[] = {COMMON_OUTPUT, {0}};
const struct opt_group common_oneshot = {"Output", oneshot_opts};

static const struct opt agent_opts[] = {
	COMMON_VERBOSE,
	COMMON_DURATION,
	{'n', "count", "N", "with --store: end after so many connections", opt_set_count, C(count),
	 "a whole number from 1"},
	{0},
};
const struct opt_group common_agent = {"Run", agent_opts};
