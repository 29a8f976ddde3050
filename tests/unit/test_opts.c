// SPDX-License-Identifier: GPL-2.0-only
/* opts.c: command lines, good and bad; each bad one is told in one line. */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "build.h"
#include "opts.h"

struct some {
	bool flag;
	const char *str;
	uint32_t u32;
	uint64_t count;
	double seconds;
	uint64_t size;
};

#define S(field) offsetof(struct some, field)

static const struct opt some_opts[] = {
	{'f', "flag", NULL, "a flag", opt_set_bool, S(flag), NULL},
	{'s', "str", "TEXT", "a text", opt_set_str, S(str), "a text"},
	{'u', "u32", "N", "a number", opt_set_u32, S(u32), "a number"},
	{0, "size", "SIZE", "a size whose help is long enough to need a line of its own", opt_set_size,
	 S(size), "a size"},
	{0},
};
static const struct opt_group some_group = {"Some", some_opts};
static const struct cmd cmd = {
	.name = "test",
	.args = "[-- CMD]",
	.summary = "test the parser",
	.groups = {&some_group, &common_group},
};

#define ARGS_MAX 10

struct line {
	const char *args[ARGS_MAX];
	int first;	 /* where the operands begin; negative: over */
	int exit;	 /* if it is over */
	const char *err; /* all of stderr, "" for none */
};

/* What came out on this descriptor while it was captured. */
static int capture_begin(int fd, int *saved)
{
	int mem = memfd_create("capture", 0);

	fflush(NULL);
	*saved = dup(fd);
	dup2(mem, fd);
	return mem;
}

static const char *capture_end(int fd, int mem, int saved)
{
	static char buf[8192];
	ssize_t n;

	fflush(NULL);
	dup2(saved, fd);
	close(saved);
	n = pread(mem, buf, sizeof(buf) - 1, 0);
	close(mem);
	buf[n > 0 ? n : 0] = 0;
	return buf;
}

static int parse(const struct line *line, struct some *some, struct common *common, char **argv)
{
	int argc = 1;

	argv[0] = (char *)"test";
	while (argc <= ARGS_MAX && line->args[argc - 1]) {
		argv[argc] = (char *)line->args[argc - 1];
		argc++;
	}
	argv[argc] = NULL;
	return opts_parse(&cmd, argc, argv, (void *[]){some, common});
}

static const struct line lines[] = {
	{{NULL}, 1, 0, ""},
	{{"-f"}, 2, 0, ""},
	{{"--flag", "--str", "x"}, 4, 0, ""},
	{{"--str=x"}, 2, 0, ""},
	{{"-fsx", "-u1"}, 3, 0, ""},
	{{"--", "ls", "-l"}, 2, 0, ""},
	{{"-f", "--", "-f"}, 3, 0, ""},
	{{"-s", "--"}, 3, 0, ""}, /* its argument, not the end of the options */
	{{"--siz=1K"}, 2, 0, ""}, /* getopt_long takes a beginning that is unique */
	{{"-s"}, -1, 2, "sockline test: -s needs an argument; see sockline test --help\n"},
	{{"--str"}, -1, 2, "sockline test: --str needs an argument; see sockline test --help\n"},
	{{"-s", ""}, -1, 2, "sockline test: --str: '' is not a text\n"},
	{{"--str="}, -1, 2, "sockline test: --str: '' is not a text\n"},
	{{"--flag=yes"}, -1, 2, "sockline test: --flag=yes takes no argument\n"},
	{{"-z"}, -1, 2, "sockline test: unknown option '-z'; see sockline test --help\n"},
	{{"-fz"}, -1, 2, "sockline test: unknown option '-z'; see sockline test --help\n"},
	{{"--zoo"}, -1, 2, "sockline test: unknown option '--zoo'; see sockline test --help\n"},
	{{"--zoo=1"}, -1, 2, "sockline test: unknown option '--zoo=1'; see sockline test --help\n"},
	{{"-u", "-1"}, -1, 2, "sockline test: --u32: '-1' is not a number\n"},
	{{"-u", "1", "-u", "x"}, -1, 2, "sockline test: --u32: 'x' is not a number\n"},
	{{"-n", "0"}, -1, 2, "sockline test: --count: '0' is not a whole number from 1\n"},
	{{"-d", "0"}, -1, 2,
	 "sockline test: --duration: '0' is not a number of seconds greater than 0\n"},
};

Test(opts, lines)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const struct line *l = &lines[i];
		struct some some = {0};
		struct common common = {0};
		char *argv[ARGS_MAX + 2];
		const char *err;
		int mem, saved, ret;

		mem = capture_begin(STDERR_FILENO, &saved);
		ret = parse(l, &some, &common, argv);
		err = capture_end(STDERR_FILENO, mem, saved);
		cr_expect_str_eq(err, l->err, "line %zu: '%s'", i, err);
		if (l->first > 0)
			cr_expect_eq(ret, l->first, "line %zu: %d", i, ret);
		else
			cr_expect(ret < 0 && opts_exit(ret) == l->exit, "line %zu: %d", i, ret);
	}
}

Test(opts, values_arrive)
{
	static const struct line line = {{"-f", "-s", "x y", "-u", "4294967295", "--size", "3M", "-jw",
					  "-d2.5"}};
	struct some some = {0};
	struct common common = {0};
	char *argv[ARGS_MAX + 2];

	cr_expect_eq(parse(&line, &some, &common, argv), 10);
	cr_expect(some.flag);
	cr_expect_str_eq(some.str, "x y");
	cr_expect_eq(some.u32, UINT32_MAX);
	cr_expect_eq(some.size, 3 << 20);
	cr_expect(common.json && common.wide && !common.verbose);
	cr_expect_eq(common.duration, 2.5);
}

/* Operands may stand between options; the caller finds them at the end, in order. */
Test(opts, operands)
{
	static const struct line line = {{"one", "-f", "two", "-s", "x", "three"}};
	static const struct line both = {{"one", "--", "ls"}};
	struct some some = {0};
	struct common common = {0};
	char *argv[ARGS_MAX + 2];
	const char *err;
	int mem, saved, first = parse(&line, &some, &common, argv);

	cr_assert_eq(first, 4, "%d", first);
	cr_expect_str_eq(argv[first], "one");
	cr_expect_str_eq(argv[first + 1], "two");
	cr_expect_str_eq(argv[first + 2], "three");
	cr_expect_not(opts_after_dashes(first, argv));
	cr_expect(some.flag && !strcmp(some.str, "x"));
	mem = capture_begin(STDERR_FILENO, &saved);
	first = parse(&both, &some, &common, argv);
	err = capture_end(STDERR_FILENO, mem, saved);
	cr_expect_lt(first, 0);
	cr_expect_str_eq(err, "sockline test: 'one' and a command behind -- do not go together\n");
}

Test(opts, command_behind_dashes)
{
	static const struct line line = {{"-f", "--", "ls", "-l"}};
	struct some some = {0};
	struct common common = {0};
	char *argv[ARGS_MAX + 2];
	int first = parse(&line, &some, &common, argv);

	cr_assert_eq(first, 3);
	cr_expect(opts_after_dashes(first, argv));
	cr_expect_str_eq(argv[first + 1], "-l", "not taken for an option of ours");
}

Test(opts, help_and_version)
{
	static const struct line help = {{"--help"}}, version = {{"-V"}};
	struct some some = {0};
	struct common common = {0};
	char *argv[ARGS_MAX + 2];
	const char *out;
	int mem, saved, ret;

	mem = capture_begin(STDOUT_FILENO, &saved);
	ret = parse(&help, &some, &common, argv);
	out = capture_end(STDOUT_FILENO, mem, saved);
	cr_expect(ret < 0 && opts_exit(ret) == 0);
	for (const struct opt *o = some_opts; o->name; o++)
		cr_expect(strstr(out, o->name) && strstr(out, o->help), "--%s", o->name);
	cr_expect(strstr(out, "[-- CMD]") && strstr(out, "test the parser") &&
		  strstr(out, "--duration SECS"));
	mem = capture_begin(STDOUT_FILENO, &saved);
	ret = parse(&version, &some, &common, argv);
	out = capture_end(STDOUT_FILENO, mem, saved);
	cr_expect(ret < 0 && opts_exit(ret) == 0);
	cr_expect_str_eq(out, "sockline " SOCKLINE_VERSION "\n");
}

Test(opts, setters)
{
	static const struct {
		int (*set)(void *to, const char *arg);
		const char *arg;
		bool good;
		double value;
	} rows[] = {
		{opt_set_u32, "0", true, 0}, {opt_set_u32, "007", true, 7},
		{opt_set_u32, "4294967295", true, 4294967295.0}, {opt_set_u32, "4294967296", false},
		{opt_set_u32, "", false}, {opt_set_u32, " 1", false}, {opt_set_u32, "+1", false},
		{opt_set_u32, "-1", false}, {opt_set_u32, "1.0", false}, {opt_set_u32, "1e3", false},
		{opt_set_u32, "99999999999999999999999", false},
		{opt_set_count, "1", true, 1}, {opt_set_count, "0", false},
		{opt_set_count, "18446744073709551616", false}, {opt_set_count, "-5", false},
		{opt_set_seconds, "0.001", true, 0.001}, {opt_set_seconds, ".5", true, 0.5},
		{opt_set_seconds, "5s", true, 5}, {opt_set_seconds, "0", false},
		{opt_set_seconds, "-1", false}, {opt_set_seconds, "inf", false},
		{opt_set_seconds, "nan", false}, {opt_set_seconds, "1e400", false},
		{opt_set_seconds, "1e10", false}, {opt_set_seconds, "5m", false},
		{opt_set_seconds, "", false}, {opt_set_seconds, ".", false},
		{opt_set_size, "1", true, 1}, {opt_set_size, "4K", true, 4096},
		{opt_set_size, "2G", true, 2147483648.0}, {opt_set_size, "0", false},
		{opt_set_size, "1KB", false}, {opt_set_size, "1T", false}, {opt_set_size, "K", false},
		{opt_set_size, "18446744073709551615G", false}, {opt_set_size, "-1K", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		union {
			uint32_t u32;
			uint64_t u64;
			double seconds;
		} to = {.u64 = 0};
		int ret = rows[i].set(&to, rows[i].arg);
		double value = rows[i].set == opt_set_seconds ? to.seconds
			       : rows[i].set == opt_set_u32   ? to.u32
							      : to.u64;

		cr_expect_eq(ret, rows[i].good ? 0 : -EINVAL, "row %zu: '%s': %d", i, rows[i].arg,
			     ret);
		cr_expect_eq(value, rows[i].good ? rows[i].value : 0, "row %zu: '%s': %f", i,
			     rows[i].arg, value);
	}
}
