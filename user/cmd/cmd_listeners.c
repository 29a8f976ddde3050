// SPDX-License-Identifier: GPL-2.0-only
/* sockline listeners: every listening TCP socket of the host, and both its queues. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd_listeners.h"
#include "cmds.h"
#include "kernel.h"
#include "snapshot_blame.h"

struct listeners_opts {
	double interval;
};

static const struct opt listeners_opts[] = {
	{'i', "interval", "SECS", "look again every so many seconds, with rates and peaks",
	 opt_set_seconds, offsetof(struct listeners_opts, interval),
	 "a number of seconds greater than 0"},
	{0},
};
static const struct opt_group listeners_group = {"Repeating", listeners_opts};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The fullest accept queue of those in their last fifth. */
static const struct row *worst_of(const struct rows *r, size_t *due)
{
	const struct row *worst = NULL;

	*due = 0;
	for (size_t i = 0; i < r->cnt; i++) {
		const struct snap_sock *a = &r->rows[i].sock->s, *b;

		if (!blame_due(&r->rows[i]))
			continue;
		(*due)++;
		b = worst ? &worst->sock->s : NULL;
		if (!b ||
		    (uint64_t)a->acceptq * (b->limit + 1) > (uint64_t)b->acceptq * (a->limit + 1))
			worst = &r->rows[i];
	}
	return worst;
}

/* How many there are, and which is worst. */
static void last_word(const struct listeners_view *v)
{
	char text[ROW_WORDS], blame[BLAME_LEN];
	const struct row *worst;
	size_t due;

	fprintf(stderr, "%zu listener%s", v->rows->cnt, v->rows->cnt == 1 ? "" : "s");
	if (v->rows->netns_cnt > 1)
		fprintf(stderr, " in %zu namespaces", v->rows->netns_cnt);
	worst = worst_of(v->rows, &due);
	if (!worst) {
		fprintf(stderr, ", no accept queue above 80 %%\n");
		return;
	}
	row_address(worst, text, sizeof(text));
	blame_text(v->rows, worst, &v->look, NULL, v->start_ns, v->now_ns, blame);
	fprintf(stderr, ", %zu with an accept queue above 80 %%; worst %s\n", due, text);
	if (!v->conf->common->wide)
		fprintf(stderr, "%s\n", blame);
}

static int show(const struct listeners_conf *conf, const struct snapshot *snapshot)
{
	struct listeners_view v = {
		.conf = conf,
		.now_ns = clock_ns(CLOCK_MONOTONIC),
		.unix_ns = clock_ns(CLOCK_REALTIME),
		.header = !conf->common->no_header,
	};
	struct rows rows;
	int ret;

	look_init(&v.look);
	ret = rows_make(&rows, snapshot, conf->filter);
	if (ret)
		return ret;
	v.rows = &rows;
	if (conf->common->json) {
		ret = listeners_json(&v);
	} else {
		ret = listeners_text(&v);
		last_word(&v);
	}
	rows_free(&rows);
	return ret;
}

static int once(const struct listeners_conf *conf)
{
	struct snapshot_query query = {.scope = SNAP_LISTENERS, .netns = conf->filter->netns};
	const char *missing = kernel_missing_capability();
	struct snapshot *snapshot;
	int ret;

	if (missing)
		return opts_error(conf->cmd, "%s is missing: run it as root", missing);
	ret = snapshot_take(&query, &snapshot);
	if (ret)
		return opts_error(conf->cmd, "reading the sockets: %s", strerror(-ret));
	ret = show(conf, snapshot);
	if (snapshot->unread)
		opts_error(conf->cmd, "%u namespaces could not be entered (CAP_SYS_ADMIN)",
			   snapshot->unread);
	snapshot_free(snapshot);
	if (ret && ret != -EPIPE)
		return opts_error(conf->cmd, "writing: %s", strerror(-ret));
	return EXIT_YES;
}

static int listeners_run(const struct cmd *cmd, int argc, char **argv)
{
	struct listeners_opts o = {0};
	struct filter f = {0};
	struct common c = {0};
	int first = opts_parse(cmd, argc, argv, (void *[]){&o, &f, &c});
	struct listeners_conf conf = {cmd, &f, &c, o.interval};
	char why[160];

	if (first < 0)
		return opts_exit(first);
	if (first < argc)
		return opts_error(cmd, "'%s' is no option; see sockline listeners --help",
				  argv[first]);
	if (f.netns_arg && netns_parse(f.netns_arg, &f.netns, why, sizeof(why)))
		return opts_error(cmd, "--netns: %s", why);
	return o.interval ? listeners_follow(&conf) : once(&conf);
}

const struct cmd cmd_listeners = {
	.name = "listeners",
	.summary = "every listening socket: both queues, their limits, owners, reach",
	.help = "The SYN queue holds handshakes that wait for their last ACK, the accept queue\n"
		"connections that wait for accept().  A queue is full when it is longer than its\n"
		"limit.  LIMIT BY says which number to raise: listen()'s argument, somaxconn or\n"
		"max_syn_backlog.  With -i, -n counts the looks.\n",
	.groups = {&listeners_group, &filter_sockets, &common_group},
	.run = listeners_run,
};
