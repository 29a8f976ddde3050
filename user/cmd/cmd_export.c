// SPDX-License-Identifier: GPL-2.0-only
/* sockline export: what is seen, where many can ask: metrics over HTTP, rows in stores. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmds.h"
#include "flow.h"
#include "kernel.h"
#include "metrics.h"
#include "netns.h"
#include "observer.h"
#include "replay.h"
#include "serve.h"
#include "source_sampled.h"
#include "store.h"

#define STORES SERVE_STORES

struct export_opts {
	const char *listen;
	const char *web_config;
	uint64_t listeners_max;
	bool no_metrics;
	const char *stores[STORES];
	int store_cnt;
	uint32_t keep_days;
	uint64_t max_size;
	const char *spool;
	uint64_t spool_size;
	double sample_seconds;
	const char *host;
	const char *from;
	bool active;
	uint32_t max_connections;
};

#define E(field) offsetof(struct export_opts, field)

/* One more, into the whole struct. */
static int set_store(void *to, const char *arg)
{
	struct export_opts *e = to;

	if (e->store_cnt == STORES || !store_target_known(arg))
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

/* Everything that lives as long as the export. */
struct exporting {
	const struct cmd *cmd;
	const struct export_opts *opts;
	const struct filter *filter;
	const struct common *common;
	struct pipeline *pipeline;
	struct sink *stores[STORES];
	int store_cnt;
	struct observer *observer; /* for both; NULL: each its own */
	struct serve *serve; /* NULL: no metrics */
	uint64_t sample_ns;
	char host[256];
};

static int open_stores(struct exporting *x)
{
	const struct export_opts *o = x->opts;
	char why[STORE_WHY], name[STORE_NAME];

	for (int i = 0; i < o->store_cnt; i++) {
		struct store_conf conf = {
			.target = o->stores[i],
			.host = x->host,
			.filter = x->filter,
			.keep_days = o->keep_days,
			.max_size = o->max_size,
			.spool = o->spool,
			.spool_size = o->spool_size ? o->spool_size : 1ULL << 30,
			.sample_ns = x->sample_ns,
			.patient = o->from,
		};

		if (store_open(&conf, &x->stores[i], why))
			return opts_error(x->cmd, "--store %s: %s",
					  store_target_show(name, o->stores[i]), why);
		x->store_cnt++;
	}
	return EXIT_YES;
}

/* The last word of each store, and the exit status: EXIT_NO if rows were lost. */
static int close_stores(struct exporting *x, int ret)
{
	char name[STORE_NAME];

	for (int i = 0; i < x->store_cnt; i++) {
		struct store_account a = store_finish(x->stores[i]);

		fprintf(stderr,
			"sockline export: %s: %" PRIu64 " connections, %" PRIu64
			" bind failures, %" PRIu64 " listener samples stored, %" PRIu64
			" rows lost",
			store_target_show(name, x->opts->stores[i]), a.rows[STORE_CONNECTIONS],
			a.rows[STORE_BIND_FAILURES], a.rows[STORE_LISTENERS], a.lost);
		if (a.spooled)
			fprintf(stderr, ", %" PRIu64 " in %s", a.spooled, x->opts->spool);
		if (a.events_lost)
			fprintf(stderr, ", %" PRIu64 " events lost", a.events_lost);
		fputc('\n', stderr);
		if (a.lost && ret == EXIT_YES)
			ret = EXIT_NO;
		x->stores[i]->ops->close(x->stores[i]);
	}
	return ret;
}

static int open_serve(struct exporting *x)
{
	const struct export_opts *o = x->opts;
	struct serve_conf conf = {
		.listen = o->listen ? o->listen : HTTP_LISTEN,
		.web_config = o->web_config,
		.listeners_max = o->listeners_max < UINT32_MAX ? o->listeners_max : UINT32_MAX,
		.filter = x->filter,
		.observer = x->observer,
		.verbose = x->common->verbose,
		.stores = x->stores,
		.targets = o->stores,
		.store_cnt = x->store_cnt,
	};
	char why[SERVE_WHY];

	if (o->no_metrics)
		return EXIT_YES;
	return serve_open(&conf, &x->serve, why) ? opts_error(x->cmd, "%s", why) : EXIT_YES;
}

static void tell_serve(const struct exporting *x)
{
	const char *listen = x->opts->listen ? x->opts->listen : HTTP_LISTEN;

	if (x->serve)
		fprintf(stderr, "sockline export: metrics at %.*s:%u\n",
			(int)(strrchr(listen, ':') - listen), listen, serve_port(x->serve));
}

static void close_serve(struct exporting *x)
{
	struct serve_account a;

	if (!x->serve)
		return;
	a = serve_account(x->serve);
	fprintf(stderr, "sockline export: scrapes answered: %" PRIu64 ", listeners: %" PRIu64,
		a.scrapes, a.sockets);
	if (a.omitted)
		fprintf(stderr, ", not shown: %" PRIu64, a.omitted);
	fputc('\n', stderr);
	serve_close(x->serve);
}

/* The counters alone: no event is made. */
static int live_metrics(struct exporting *x, struct stop *stop)
{
	tell_serve(x);
	stop_restart(stop, x->common->duration);
	while (!stop_wait(stop, 1000))
		serve_look(x->serve);
	return EXIT_YES;
}

static void to_config(const struct exporting *x, struct config *config)
{
	filter_to_config(x->filter, config);
	config->active = x->opts->active;
	config->binds = config->failed_calls = true;
}

static int live_stores(struct exporting *x, struct stop *stop)
{
	struct live_conf conf = {
		.ports = x->filter->ports_on ? x->filter->ports : NULL,
		.observer = x->observer,
		.verbose = x->common->verbose,
	};
	struct source *source, *sampled;
	char why[SOURCE_WHY];
	int ret;

	for (int i = 0; i < x->store_cnt; i++)
		pipeline_add_sink(x->pipeline, x->stores[i]);
	if (x->serve)
		pipeline_add_sink(x->pipeline, serve_sink(x->serve));
	to_config(x, &conf.config);
	ret = source_live_open(&conf, flow_feed, x->pipeline, &source, why);
	if (ret)
		return opts_error(x->cmd, "%s", why);
	ret = source_sampled_open(source, x->filter, x->sample_ns, &sampled);
	if (ret) {
		source->ops->close(source);
		return opts_error(x->cmd, "sampling listeners: %s", strerror(-ret));
	}
	tell_serve(x);
	stop_restart(stop, x->common->duration);
	ret = flow_run(x->pipeline, sampled, stop);
	sampled->ops->close(sampled);
	return ret ? opts_error(x->cmd, "reading events: %s", strerror(-ret)) : EXIT_YES;
}

/* Events and counts of the same programs: together they cost little more than one of them. */
static int open_observer(struct exporting *x)
{
	struct observer_conf conf = {
		.ports = x->filter->ports_on ? x->filter->ports : NULL,
		.verbose = x->common->verbose,
	};
	const char *missing = kernel_missing_capability();
	char why[OBSERVER_WHY];

	if (missing)
		return opts_error(x->cmd, "%s is missing: run it as root", missing);
	to_config(x, &conf.config);
	conf.config.events = conf.config.counts = true;
	return observer_open(&conf, &x->observer, why) ? opts_error(x->cmd, "%s", why) : EXIT_YES;
}

static int live(struct exporting *x, struct stop *stop)
{
	bool both = x->store_cnt && !x->opts->no_metrics;
	int ret = both ? open_observer(x) : EXIT_YES;

	if (!ret)
		ret = open_serve(x);
	if (ret)
		goto out;
	ret = x->store_cnt ? live_stores(x, stop) : live_metrics(x, stop);
	close_serve(x);
out:
	observer_close(x->observer);
	return ret;
}

static int replay(struct exporting *x, struct stop *stop)
{
	struct replay r = {
		.cmd = x->cmd,
		.paths = &x->opts->from,
		.path_cnt = 1,
		.seconds = x->common->duration,
		.wants_active = x->opts->active,
	};

	for (int i = 1; i < x->store_cnt; i++)
		pipeline_add_sink(x->pipeline, x->stores[i]);
	return replay_run(&r, x->pipeline, x->stores[0], stop);
}

static int follow(struct exporting *x, struct stop *stop)
{
	struct pipeline_conf conf = {x->filter, x->opts->max_connections, x->common->count,
				     !x->opts->active};
	int ret = open_stores(x);

	if (!ret && x->store_cnt) {
		x->pipeline = pipeline_new(&conf);
		if (!x->pipeline)
			ret = opts_error(x->cmd, "out of memory");
	}
	if (!ret)
		ret = x->opts->from ? replay(x, stop) : live(x, stop);
	ret = close_stores(x, ret);
	pipeline_free(x->pipeline);
	return ret;
}

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
	if (e->store_cnt == STORES && !strcmp(e->stores[0], e->stores[1]))
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
	struct exporting x = {cmd, &e, &f, &c, .sample_ns = e.sample_seconds * 1e9};
	struct stop stop;

	if (first < 0)
		return opts_exit(first);
	if (first < argc)
		return opts_error(cmd, "'%s' is no option", argv[first]);
	ret = check(cmd, &e, &f);
	if (ret)
		return ret;
	if (e.host)
		snprintf(x.host, sizeof(x.host), "%s", e.host);
	else if (gethostname(x.host, sizeof(x.host) - 1))
		return opts_error(cmd, "--host: this host has no name");
	ret = stop_init(&stop, e.from ? 0 : c.duration);
	if (ret)
		return opts_error(cmd, "signals: %s", strerror(-ret));
	ret = follow(&x, &stop);
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
