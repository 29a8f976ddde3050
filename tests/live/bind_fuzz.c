// SPDX-License-Identifier: GPL-2.0-only
/*
 * bindrule against the kernel: random sockets in a namespace of its own, then one more that wants a
 * port, all of it really done; the kernel's answer to every single call is compared with
 * bindrule's.
 *
 *   bind_fuzz [--seed N] [--count N] [--from N] [-v]
 *
 * Situation K of a seed is always the same, so a disagreement is repeated with --from K --count 1;
 * it is printed as a row for tests/unit/test_bindrule.c.  Needs root.  Exit 1 on any disagreement.
 */
#include "bind_fuzz/play.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct tally {
	uint32_t passed;
	uint32_t failed;
	struct judge sum;
};

static void add_up(struct judge *sum, const struct judge *j)
{
	sum->calls += j->calls;
	sum->errs += j->errs;
	sum->unknowns += j->unknowns;
	sum->skips += j->skips;
	sum->cures += j->cures;
	sum->removals += j->removals;
	for (size_t i = 0; i < sizeof(j->rules) / sizeof(*j->rules); i++)
		sum->rules[i] += j->rules[i];
	for (size_t i = 0; i < sizeof(j->cured) / sizeof(*j->cured); i++)
		sum->cured[i] += j->cured[i];
}

/* In a process of its own: the namespaces end with it, TIME_WAITs and all. */
static void chunk(struct tally *t, uint64_t seed, uint32_t from, uint32_t to)
{
	static struct fuzz f;
	int ret = world_make(&f.world);

	if (ret) {
		fprintf(stderr, "bind_fuzz: cannot make the namespaces: %s\n", strerror(-ret));
		_exit(2);
	}
	world_sysctl(RANGE_PATH, WIDE_RANGE);
	world_sysctl("/proc/sys/net/ipv4/ip_unprivileged_port_start", "16000");
	world_sysctl("/proc/sys/net/ipv4/tcp_max_tw_buckets", "100000");
	f.world.env.unpriv_port_start = UNPRIV_START;
	f.judge.seed = seed;
	for (uint32_t i = from; i < to; i++) {
		play_situation(&f, i);
		*(f.judge.failed ? &t->failed : &t->passed) += 1;
		if (t->failed >= 20)
			break;
	}
	add_up(&t->sum, &f.judge);
	fflush(stdout);
	_exit(0);
}

static int run(struct tally *t, uint64_t seed, uint32_t from, uint32_t count)
{
	for (uint32_t at = from; at < from + count && t->failed < 20;) {
		uint32_t end = at - at % CHUNK + CHUNK;
		int status;
		pid_t pid;

		if (end > from + count)
			end = from + count;
		fflush(stdout);
		pid = fork();
		if (!pid)
			chunk(t, seed, at, end);
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
			return -1;
		at = end;
	}
	return 0;
}

static void report(const struct tally *t, bool verbose)
{
	printf("%llu calls, %llu refused, %llu let pass by the bucket's memory alone, "
	       "%llu undecided without it, %llu times the blockers were removed, %llu cures "
	       "tried\n",
	       (unsigned long long)t->sum.calls, (unsigned long long)t->sum.errs,
	       (unsigned long long)t->sum.skips, (unsigned long long)t->sum.unknowns,
	       (unsigned long long)t->sum.removals, (unsigned long long)t->sum.cures);
	for (size_t i = 1; verbose && i < sizeof(t->sum.rules) / sizeof(*t->sum.rules); i++)
		if (t->sum.rules[i])
			printf("  %-28s %llu\n", bindrule_key(i),
			       (unsigned long long)t->sum.rules[i]);
	for (size_t i = 0; verbose && i < sizeof(t->sum.cured) / sizeof(*t->sum.cured); i++)
		if (t->sum.cured[i])
			printf("  cure %zu: %llu\n", i, (unsigned long long)t->sum.cured[i]);
	printf("%u passed, %u failed\n", t->passed, t->failed);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"count", required_argument, NULL, 'c'},
						{"from", required_argument, NULL, 'f'},
						{NULL, 0, NULL, 0}};
	uint64_t seed = time(NULL);
	uint32_t count = 20000, from = 0;
	bool verbose = false;
	struct tally *t;
	int opt;

	while ((opt = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 'c')
			count = strtoul(optarg, NULL, 0);
		else if (opt == 'f')
			from = strtoul(optarg, NULL, 0);
		else if (opt == 'v')
			verbose = true;
		else
			return 2;
	}
	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED)
		return 2;
	printf("seed %llu\n", (unsigned long long)seed);
	if (run(t, seed, from, count)) {
		printf("%u passed, %u failed, and it stopped half-way\n", t->passed, t->failed + 1);
		return 1;
	}
	report(t, verbose);
	return t->failed ? 1 : 0;
}
