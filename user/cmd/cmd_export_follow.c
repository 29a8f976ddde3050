// SPDX-License-Identifier: GPL-2.0-only
/* Owns what lives as long as an export: stores, server, observer and pipeline. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd_export.h"
#include "cmds.h"
#include "flow.h"
#include "kernel.h"
#include "observer.h"
#include "replay.h"
#include "source_sampled.h"
#include "store.h"

/* Everything that lives as long as the export. */
struct exporting {
	const struct export_conf *conf;
	struct pipeline *pipeline;
	struct sink *stores[SERVE_STORES];
	int store_cnt;
	struct observer *observer; /* for both; NULL: each its own */
	struct serve *serve; /* NULL: no metrics */
};

static int open_stores(struct exporting *x)
{
	const struct export_opts *o = x->conf->opts;
	char why[STORE_WHY], name[STORE_NAME];

	for (int i = 0; i < o->store_cnt; i++) {
		struct store_conf conf = {
			.target = o->stores[i],
			.host = x->conf->host,
			.filter = x->conf->filter,
			.keep_days = o->keep_days,
			.max_size = o->max_size,
			.spool = o->spool,
			.spool_size = o->spool_size ? o->spool_size : 1ULL << 30,
			.sample_ns = x->conf->sample_ns,
			.patient = o->from,
		};

		if (store_open(&conf, &x->stores[i], why))
			return opts_error(x->conf->cmd, "--store %s: %s",
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
			store_target_show(name, x->conf->opts->stores[i]),
			a.rows[STORE_CONNECTIONS], a.rows[STORE_BIND_FAILURES],
			a.rows[STORE_LISTENERS], a.lost);
		if (a.spooled)
			fprintf(stderr, ", %" PRIu64 " in %s", a.spooled, x->conf->opts->spool);
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
	const struct export_opts *o = x->conf->opts;
	struct serve_conf conf = {
		.listen = o->listen ? o->listen : HTTP_LISTEN,
		.web_config = o->web_config,
		.listeners_max = o->listeners_max < UINT32_MAX ? o->listeners_max : UINT32_MAX,
		.filter = x->conf->filter,
		.observer = x->observer,
		.verbose = x->conf->common->verbose,
		.stores = x->stores,
		.targets = o->stores,
		.store_cnt = x->store_cnt,
	};
	char why[SERVE_WHY];

	if (o->no_metrics)
		return EXIT_YES;
	return serve_open(&conf, &x->serve, why) ? opts_error(x->conf->cmd, "%s", why) : EXIT_YES;
}

static void tell_serve(const struct exporting *x)
{
	const char *listen = x->conf->opts->listen ? x->conf->opts->listen : HTTP_LISTEN;

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
	stop_restart(stop, x->conf->common->duration);
	while (!stop_wait(stop, 1000))
		serve_look(x->serve);
	return EXIT_YES;
}

static void to_config(const struct exporting *x, struct config *config)
{
	filter_to_config(x->conf->filter, config);
	config->active = x->conf->opts->active;
	config->binds = config->failed_calls = true;
}

static int live_stores(struct exporting *x, struct stop *stop)
{
	struct live_conf conf = {
		.ports = x->conf->filter->ports_on ? x->conf->filter->ports : NULL,
		.observer = x->observer,
		.verbose = x->conf->common->verbose,
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
		return opts_error(x->conf->cmd, "%s", why);
	ret = source_sampled_open(source, x->conf->filter, x->conf->sample_ns, &sampled);
	if (ret) {
		source->ops->close(source);
		return opts_error(x->conf->cmd, "sampling listeners: %s", strerror(-ret));
	}
	tell_serve(x);
	stop_restart(stop, x->conf->common->duration);
	ret = flow_run(x->pipeline, sampled, stop);
	sampled->ops->close(sampled);
	return ret ? opts_error(x->conf->cmd, "reading events: %s", strerror(-ret)) : EXIT_YES;
}

/* Events and counts of the same programs: together they cost little more than one of them. */
static int open_observer(struct exporting *x)
{
	struct observer_conf conf = {
		.ports = x->conf->filter->ports_on ? x->conf->filter->ports : NULL,
		.verbose = x->conf->common->verbose,
	};
	const char *missing = kernel_missing_capability();
	char why[OBSERVER_WHY];

	if (missing)
		return opts_error(x->conf->cmd, "%s is missing: run it as root", missing);
	to_config(x, &conf.config);
	conf.config.events = conf.config.counts = true;
	return observer_open(&conf, &x->observer, why) ? opts_error(x->conf->cmd, "%s", why)
						       : EXIT_YES;
}

static int live(struct exporting *x, struct stop *stop)
{
	bool both = x->store_cnt && !x->conf->opts->no_metrics;
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
		.cmd = x->conf->cmd,
		.paths = &x->conf->opts->from,
		.path_cnt = 1,
		.seconds = x->conf->common->duration,
		.wants_active = x->conf->opts->active,
	};

	for (int i = 1; i < x->store_cnt; i++)
		pipeline_add_sink(x->pipeline, x->stores[i]);
	return replay_run(&r, x->pipeline, x->stores[0], stop);
}

int export_follow(const struct export_conf *conf, struct stop *stop)
{
	struct pipeline_conf shown = {conf->filter, conf->opts->max_connections,
				      conf->common->count, !conf->opts->active};
	struct exporting x = {.conf = conf};
	int ret = open_stores(&x);

	if (!ret && x.store_cnt) {
		x.pipeline = pipeline_new(&shown);
		if (!x.pipeline)
			ret = opts_error(conf->cmd, "out of memory");
	}
	if (!ret)
		ret = conf->opts->from ? replay(&x, stop) : live(&x, stop);
	ret = close_stores(&x, ret);
	pipeline_free(x.pipeline);
	return ret;
}
