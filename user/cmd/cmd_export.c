// SPDX-License-Identifier: GPL-2.0-only
/* sockline export: what is seen, where many can ask: metrics over HTTP, rows in stores. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd_export.h"
#include "cmds.h"
#include "metrics.h"
#include "netns.h"
#include "store.h"

#define E(field) offsetof(struct export_opts, field)

/* One more, into the whole struct. */
static int set_store(void *to, const char *arg)
{
	struct export_opts *e = to;

	if (e->store_cnt == SERVE_STORES || !store_target_known(arg))
		return -EINVAL;
	e->stores[e->store_cnt++] = arg;
	return 0;
}

static const struct opt export_opts[] = {
	{0, "listen", "ADDR:PORT", "serve metrics there (default " HTTP_LISTEN ")", opt_set_str,
	 E(listen), "an address and a port, such as 0.0.0.0:9435"},
	{0, "web-config", "FILE", "TLS and passwords: Prometheus's web configuration file",
	 opt_set_str, E(web_config), "a file name"},
	{0, "max-listeners", "N", "show metrics of so many at most (default 1000)", opt_set_count,
	 E(listeners_max), "a whole number from 1"},
	{0, "no-metrics", NULL, "serve nothing: --store alone", opt_set_bool, E(no_metrics), NULL},
	{0, "store", "KIND:WHERE", "keep every timeline: sqlite:FILE or clickhouse:URL", set_store,
	 0, "sqlite:FILE or clickhouse:URL, such as clickhouse:http://127.0.0.1:8123"},
	{0, "keep-days", "N", "sqlite: delete what is older", opt_set_u32, E(keep_days),
	 "a whole number of days"},
	{0, "max-size", "SIZE", "sqlite: delete the oldest when the file grows beyond this",
	 opt_set_size, E(max_size), "a size such as 500M or 4G"},
	{0, "spool", "DIR", "clickhouse: where rows wait while it does not answer", opt_set_str,
	 E(spool), "a directory"},
	{0, "spool-size", "SIZE", "clickhouse: never more than this there (default 1G)",
	 opt_set_size, E(spool_size), "a size such as 500M or 4G"},
	{0, "sample-interval", "SECS", "a row per listener so often (default 10)", opt_set_seconds,
	 E(sample_seconds), "a number of seconds greater than 0"},
	{0, "host", "NAME", "value of the host column (default: this host's name)", opt_set_str,
	 E(host), "a name"},
	{0, "from", "FILE", "fill the stores from a recording", opt_set_str, E(from),
	 "a file name"},
	{'a', "active", NULL, "this host's own outgoing connects too", opt_set_bool, E(active),
	 NULL},
	{0, "max-connections", "N", "room for so many at once (default 32768)", opt_set_u32,
	 E(max_connections), "a whole number"},
	{0},
};
static const struct opt_group export_group = {"Export", export_opts};

/* What is asked of metrics, and of where the rows come from. */
static int check_served(const struct cmd *cmd, struct export_opts *e)
{
	bool asked = e->listen || e->web_config || e->listeners_max;

	if (e->from && !e->store_cnt)
		return opts_error(cmd, "--from FILE fills a store: --store sqlite:FILE or "
				       "--store clickhouse:URL");
	if (e->from && asked)
		return opts_error(cmd, "--from fills stores and ends: no metrics are served");
	if (e->no_metrics && asked)
		return opts_error(cmd,
				  "--no-metrics serves nothing: neither --listen, --web-config "
				  "nor --max-listeners goes with it");
	if (e->no_metrics && !e->store_cnt)
		return opts_error(cmd, "--no-metrics leaves nothing to do without --store "
				       "sqlite:FILE or --store clickhouse:URL");
	if (!e->listeners_max)
		e->listeners_max = METRICS_SHOWN_MAX;
	return 0;
}

/* 0, or an exit status. */
static int check(const struct cmd *cmd, struct export_opts *e, struct filter *f)
{
	bool sqlite = false, clickhouse = false;
	char why[160], name[STORE_NAME];

	for (int i = 0; i < e->store_cnt; i++) {
		sqlite |= !strncmp(e->stores[i], "sqlite:", 7);
		clickhouse |= !strncmp(e->stores[i], "clickhouse:", 11);
	}
	if (e->store_cnt == SERVE_STORES && !strcmp(e->stores[0], e->stores[1]))
		return opts_error(cmd, "--store: '%s' is named twice",
				  store_target_show(name, e->stores[0]));
	if ((e->keep_days || e->max_size) && !sqlite)
		return opts_error(cmd, "--keep-days and --max-size are of --store sqlite:FILE");
	if ((e->spool || e->spool_size) && !clickhouse)
		return opts_error(cmd, "--spool and --spool-size are of --store clickhouse:URL");
	if (e->spool_size && !e->spool)
		return opts_error(cmd, "--spool-size says how large; where is --spool DIR");
	if (f->netns_arg && netns_parse(f->netns_arg, &f->netns, why, sizeof(why)))
		return opts_error(cmd, "--netns: %s", why);
	return check_served(cmd, e);
}

static int export_run(const struct cmd *cmd, int argc, char **argv)
{
	struct export_opts e = {.sample_seconds = 10};
	struct filter f = {0};
	struct common c = {0};
	int ret, first = opts_parse(cmd, argc, argv, (void *[]){&e, &f, &c});
	struct export_conf conf = {cmd, &e, &f, &c, .sample_ns = e.sample_seconds * 1e9};
	struct stop stop;

	if (first < 0)
		return opts_exit(first);
	if (first < argc)
		return opts_error(cmd, "'%s' is no option", argv[first]);
	ret = check(cmd, &e, &f);
	if (ret)
		return ret;
	if (e.host)
		snprintf(conf.host, sizeof(conf.host), "%s", e.host);
	else if (gethostname(conf.host, sizeof(conf.host) - 1))
		return opts_error(cmd, "--host: this host has no name");
	ret = stop_init(&stop, e.from ? 0 : c.duration);
	if (ret)
		return opts_error(cmd, "signals: %s", strerror(-ret));
	ret = export_follow(&conf, &stop);
	stop_close(&stop);
	return ret;
}

const struct cmd cmd_export = {
	.name = "export",
	.args = NULL,
	.summary = "serve metrics to Prometheus; keep timelines in SQLite or ClickHouse",
	.help = "Serves /metrics over HTTP, in Prometheus's text format and in OpenMetrics: per listener\n"
		"its SYNs, accepts and drops, both queues and how long was waited in them.  All of it\n"
		"is counted in the kernel, so that no connection costs an event.\n"
		"\n"
		"With --store also a row per finished connection, per failed bind or listen, and per\n"
		"listener and interval; `sockline schema` prints the tables.  A store that is slow or\n"
		"away never holds up what is watched: its rows wait, first in memory, then in --spool,\n"
		"and what finds no room is counted and said.  Exit status 1 if rows were lost.\n",
	.groups = {&export_group, &filter_group, &common_agent},
	.run = export_run,
};
