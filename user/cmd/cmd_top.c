// SPDX-License-Identifier: GPL-2.0-only
/* sockline top: listeners by the pressure on their queues, live. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmds.h"
#include "netns.h"
#include "text.h"
#include "top.h"
#include "top_columns.h"
#include "wanted.h"

#define T(field) offsetof(struct top_opts, field)

static const struct opt top_opts[] = {
	{'i', "interval", "SECS", "look so often (default 1)", opt_set_seconds, T(interval),
	 "a number of seconds greater than 0"},
	{'s', "sort", "COLUMN", "begin sorted by: pressure, syns, accepts, wait, handshake, drops, "
	 "retransmits, name", opt_set_str, T(sort), "a column's name"},
	{0},
};
static const struct opt_group top_group = {"Looking", top_opts};

static void name_netns(const struct snapshot *snap, struct rates_row *row)
{
	const struct netns_ref *ref = netns_find(&snap->netns, row->l->sock.hdr.netns);
	char buf[64];
	const char *label = ref ? netns_label(ref, buf, sizeof(buf)) : NULL;

	if (label)
		printable(row->netns, sizeof(row->netns), label);
	else
		snprintf(row->netns, sizeof(row->netns), "%u", row->l->sock.hdr.netns);
}

int top_read(struct top *t)
{
	int ret = counters_read(t->counters, &t->view);

	if (!ret)
		ret = rates_feed(&t->rates, t->view);
	for (size_t i = 0; i < t->rates.cnt && !ret; i++)
		if (!t->rates.rows[i]->netns[0])
			name_netns(t->view->snap, t->rates.rows[i]);
	return ret;
}

struct host *top_host(struct top *t)
{
	if (!t->host || t->host_snap != t->view->snaps) {
		host_free(t->host);
		t->host = host_new(t->view->snap);
		t->host_snap = t->view->snaps;
	}
	return t->host;
}

bool top_wanted(struct top *t, const struct rates_row *row)
{
	const struct filter *f = t->filter;

	if (f->failed && !rates_drops(&row->l->total))
		return false;
	if (f->slow_us && row->wait_p99 <= f->slow_us * 1000LL)
		return false;
	return wanted_listener(f, row->l, f->cgroup ? top_host(t) : NULL);
}

static int with_counters(struct top *t)
{
	struct counters_conf conf = {
		.ports = t->filter->ports_on ? t->filter->ports : NULL,
		.verbose = t->common->verbose,
	};
	char why[COUNTERS_WHY];
	int ret;

	filter_to_config(t->filter, &conf.config);
	conf.config.answers_late = !t->common->json; /* the screen shows no SYN-ACKs */
	ret = counters_open(&conf, &t->counters, why);
	if (ret)
		return opts_error(t->cmd, "%s", why);
	rates_init(&t->rates);
	stop_restart(t->stop, t->common->duration);
	ret = t->common->json ? top_json(t) : top_screen(t);
	rates_free(&t->rates);
	host_free(t->host);
	counters_close(t->counters);
	return ret;
}

static int top_run(const struct cmd *cmd, int argc, char **argv)
{
	struct top_opts opts = {0};
	struct filter f = {0};
	struct common c = {0};
	int first = opts_parse(cmd, argc, argv, (void *[]){&opts, &f, &c});
	struct stop stop;
	struct top t = {.cmd = cmd, .opts = &opts, .filter = &f, .common = &c, .stop = &stop};
	char why[160];
	int ret;

	if (first < 0)
		return opts_exit(first);
	if (first < argc)
		return opts_error(cmd, "'%s' is no option; top takes no operands", argv[first]);
	if (opts.sort && top_column_named(opts.sort) < 0)
		return opts_error(cmd,
				  "--sort: '%s' is not one of pressure, syns, accepts, wait, "
				  "handshake, drops, retransmits, name",
				  opts.sort);
	if (!c.json && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		return opts_error(cmd, "needs a terminal; --json needs none");
	if (f.netns_arg && netns_parse(f.netns_arg, &f.netns, why, sizeof(why)))
		return opts_error(cmd, "--netns: %s", why);
	ret = stop_init(&stop, c.duration);
	if (ret)
		return opts_error(cmd, "signals: %s", strerror(-ret));
	ret = with_counters(&t);
	stop_close(&stop);
	return ret;
}

const struct cmd cmd_top = {
	.name = "top",
	.args = NULL,
	.summary = "listeners by the pressure on their queues, full screen",
	.help = "Counted in the kernel, for each listener: no event crosses for a connection.\n"
		"Press ? for the keys.  -n ends after so many looks.\n",
	.groups = {&top_group, &filter_group, &common_group},
	.run = top_run,
};
