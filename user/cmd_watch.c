// SPDX-License-Identifier: GPL-2.0-only
/* sockline watch: follow connections live, or a recording. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmds.h"
#include "filter.h"
#include "netns.h"
#include "pipeline.h"
#include "sink_json.h"
#include "sink_text.h"
#include "source.h"
#include "stop.h"

struct watch {
	bool steps;
	bool explain;
	bool active;
	bool binds;
	uint32_t max_connections;
};

#define W(field) offsetof(struct watch, field)

static const struct opt watch_opts[] = {
	{'s', "steps", NULL, "every connection's timeline, step by step", opt_set_bool, W(steps),
	 NULL},
	{0, "explain", NULL, "say each step in plain words (with --steps)", opt_set_bool,
	 W(explain), NULL},
	{'a', "active", NULL, "this host's own outgoing connects too", opt_set_bool, W(active),
	 NULL},
	{'b', "binds", NULL, "bind, listen and close of listeners too", opt_set_bool, W(binds),
	 NULL},
	{0, "max-connections", "N", "room for so many at once (default 32768)", opt_set_u32,
	 W(max_connections), "a whole number"},
	{0},
};
static const struct opt_group watch_group = {"Watching", watch_opts};

static void feed(void *ctx, const void *bytes, size_t len)
{
	pipeline_feed(ctx, bytes, len);
}

/* Source to pipeline until it is time to stop; then drain, and tell what was still open. */
static int run(struct pipeline *p, struct source *source, struct stop *stop)
{
	uint64_t horizon_ns;
	int ret;

	do {
		ret = source->ops->read(source, &horizon_ns);
		if (ret < 0)
			break;
		pipeline_settle(p, horizon_ns);
	} while (ret && !pipeline_done(p) && !stop_wait(stop, source->ops->pause_ms(source)));
	if (ret >= 0)
		ret = source->ops->drain(source);
	pipeline_finish(p);
	return ret;
}

static int live(const struct cmd *cmd, const struct watch *w, const struct filter *f,
		const struct common *c, struct pipeline *p, struct stop *stop, int hold_fd)
{
	struct live_conf conf = {
		.ports = f->ports_on ? f->ports : NULL,
		.follow_pid = stop->child,
		.verbose = c->verbose,
	};
	char why[SOURCE_WHY];
	struct source *source;
	int ret;

	filter_to_config(f, &conf.config);
	conf.config.active = w->active;
	conf.config.binds = w->binds;
	ret = source_live_open(&conf, feed, p, &source, why);
	if (ret)
		return opts_error(cmd, "%s", why);
	stop_restart(stop, c->duration);
	ret = hold_fd >= 0 ? stop_release(hold_fd) : 0;
	if (ret) {
		source->ops->close(source);
		return opts_error(cmd, "cannot run the command: %s", strerror(-ret));
	}
	ret = run(p, source, stop);
	source->ops->close(source);
	if (ret)
		return opts_error(cmd, "reading events: %s", strerror(-ret));
	if (pipeline_error(p) && pipeline_error(p) != -EPIPE)
		return opts_error(cmd, "writing: %s", strerror(-pipeline_error(p)));
	return stop->child ? stop_child_exit(stop) : EXIT_YES;
}

static int with_sinks(const struct cmd *cmd, const struct watch *w, const struct filter *f,
		      const struct common *c, struct stop *stop, int hold_fd)
{
	struct pipeline_conf conf = {f, w->max_connections, c->count};
	struct pipeline *p = pipeline_new(&conf);
	struct sink_text text;
	struct sink_json json;
	struct sink *sink;
	int ret;

	if (!p)
		return opts_error(cmd, "out of memory");
	if (c->json) {
		sink_json_init(&json, STDOUT_FILENO, w->binds);
		sink = &json.sink;
	} else {
		struct sink_text_conf look = {
			.steps = w->steps || w->explain,
			.explain = w->explain,
			.binds = w->binds,
			.wall_clock = c->wall_clock,
			.since_start = c->since_start,
			.wide = c->wide,
			.no_header = c->no_header,
		};

		sink_text_init(&text, &look);
		sink = &text.sink;
	}
	pipeline_add_sink(p, sink);
	ret = live(cmd, w, f, c, p, stop, hold_fd);
	sink->ops->close(sink);
	pipeline_free(p);
	return ret;
}

static int watch_run(const struct cmd *cmd, int argc, char **argv)
{
	struct watch w = {0};
	struct filter f = {0};
	struct common c = {0};
	int first = opts_parse(cmd, argc, argv, (void *[]){&w, &f, &c});
	int hold_fd = -1, ret;
	struct stop stop;
	char why[160];

	if (first < 0)
		return opts_exit(first);
	if (first < argc && !opts_after_dashes(first, argv))
		return opts_error(cmd, "'%s' is no option; a command to run goes behind --",
				  argv[first]);
	if (f.netns_arg && netns_parse(f.netns_arg, &f.netns, why, sizeof(why)))
		return opts_error(cmd, "--netns: %s", why);
	ret = stop_init(&stop, c.duration);
	if (ret)
		return opts_error(cmd, "signals: %s", strerror(-ret));
	if (first < argc) {
		f.followed = w.active = true;
		ret = stop_start_child(&stop, argv + first, &hold_fd);
		if (ret < 0)
			return opts_error(cmd, "fork: %s", strerror(-ret));
	}
	ret = with_sinks(cmd, &w, &f, &c, &stop, hold_fd);
	stop_close(&stop);
	return ret;
}

const struct cmd cmd_watch = {
	.name = "watch",
	.args = "[-- CMD [ARG]...]",
	.summary = "follow connections, from SYN to accept()",
	.help = "A line per connection when it is accepted or its story ends otherwise.\n"
		"With -- CMD, starts CMD, follows it and its children alone, and ends with it.\n",
	.groups = {&watch_group, &filter_group, &common_group},
	.run = watch_run,
};
