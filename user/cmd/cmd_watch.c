// SPDX-License-Identifier: GPL-2.0-only
/* sockline watch: follow connections live, or a recording. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmds.h"
#include "filter.h"
#include "flow.h"
#include "netns.h"
#include "replay.h"
#include "sink_json.h"
#include "sink_text.h"

struct watch {
	bool steps;
	bool explain;
	bool active;
	bool binds;
	uint32_t max_connections;
	const char **from; /* recordings to replay */
	size_t from_cnt;
};

#define W(field) offsetof(struct watch, field)

static int set_from(void *to, const char *arg);

static const struct opt watch_opts[] = {
	{'s', "steps", NULL, "every connection's timeline, step by step", opt_set_bool, W(steps),
	 NULL},
	{0, "explain", NULL, "say each step in plain words (with --steps)", opt_set_bool,
	 W(explain), NULL},
	{'a', "active", NULL, "this host's own outgoing connects too", opt_set_bool, W(active),
	 NULL},
	{'b', "binds", NULL, "bind, listen and close of listeners too", opt_set_bool, W(binds),
	 NULL},
	{0, "from", "FILE", "replay a recording, or several; - for stdin", set_from, 0,
	 "a file name"},
	{0, "max-connections", "N", "room for so many at once (default 32768)", opt_set_u32,
	 W(max_connections), "a whole number"},
	{0},
};
static const struct opt_group watch_group = {"Watching", watch_opts};

/* One more path behind those there are. */
static int set_from(void *to, const char *arg)
{
	struct watch *w = to;
	const char **grown = reallocarray(w->from, w->from_cnt + 1, sizeof(*grown));

	if (!grown || !*arg)
		return -EINVAL;
	w->from = grown;
	w->from[w->from_cnt++] = arg;
	return 0;
}

static int live(const struct cmd *cmd, const struct watch *w, const struct filter *f,
		const struct common *c, struct pipeline *p, struct stop *stop, int hold_fd,
		struct sink *sink)
{
	struct live_conf conf = {
		.ports = f->ports_on ? f->ports : NULL,
		.follow_pid = stop->child,
		.verbose = c->verbose,
	};
	char why[SOURCE_WHY];
	struct source *source;
	int ret;

	pipeline_add_sink(p, sink);
	filter_to_config(f, &conf.config);
	conf.config.active = w->active;
	conf.config.binds = w->binds;
	ret = source_live_open(&conf, flow_feed, p, &source, why);
	if (ret)
		return opts_error(cmd, "%s", why);
	stop_restart(stop, c->duration);
	ret = hold_fd >= 0 ? stop_release(hold_fd) : 0;
	if (ret) {
		source->ops->close(source);
		return opts_error(cmd, "cannot run the command: %s", strerror(-ret));
	}
	ret = flow_run(p, source, stop);
	source->ops->close(source);
	if (ret)
		return opts_error(cmd, "reading events: %s", strerror(-ret));
	if (pipeline_error(p) && pipeline_error(p) != -EPIPE)
		return opts_error(cmd, "writing: %s", strerror(-pipeline_error(p)));
	return stop->child ? stop_child_exit(stop) : EXIT_YES;
}

static int replay(const struct cmd *cmd, const struct watch *w, const struct common *c,
		  struct pipeline *p, struct stop *stop, struct sink *sink)
{
	struct replay r = {
		.cmd = cmd,
		.paths = w->from,
		.path_cnt = w->from_cnt,
		.seconds = c->duration,
		.banner = !c->json && !c->no_header,
		.wants_active = w->active,
	};

	return replay_run(&r, p, sink, stop);
}

static int with_sinks(const struct cmd *cmd, const struct watch *w, const struct filter *f,
		      const struct common *c, struct stop *stop, int hold_fd)
{
	struct pipeline_conf conf = {f, w->max_connections, c->count, !w->active};
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
			.replay = w->from_cnt != 0,
		};

		sink_text_init(&text, &look);
		sink = &text.sink;
	}
	if (w->from_cnt)
		ret = replay(cmd, w, c, p, stop, sink);
	else
		ret = live(cmd, w, f, c, p, stop, hold_fd, sink);
	sink->ops->close(sink);
	pipeline_free(p);
	return ret;
}

/* Further recordings, without --from before each.  0, or an exit status. */
static int more_files(const struct cmd *cmd, struct watch *w, int first, int argc, char **argv)
{
	if (first < argc && opts_after_dashes(first, argv))
		return opts_error(cmd, "--from replays a recording; it runs no command");
	for (; first < argc; first++)
		if (set_from(w, argv[first]))
			return opts_error(cmd, "'%s' is not a file name", argv[first]);
	return 0;
}

static int start(const struct cmd *cmd, struct watch *w, struct filter *f, const struct common *c,
		 char **command)
{
	struct stop stop;
	char why[160];
	int hold_fd = -1, ret;

	if (f->netns_arg && netns_parse(f->netns_arg, &f->netns, why, sizeof(why)))
		return opts_error(cmd, "--netns: %s", why);
	ret = stop_init(&stop, w->from_cnt ? 0 : c->duration);
	if (ret)
		return opts_error(cmd, "signals: %s", strerror(-ret));
	if (command) {
		f->followed = w->active = true;
		ret = stop_start_child(&stop, command, &hold_fd);
		if (ret < 0)
			return opts_error(cmd, "fork: %s", strerror(-ret));
	}
	ret = with_sinks(cmd, w, f, c, &stop, hold_fd);
	stop_close(&stop);
	return ret;
}

static int watch_run(const struct cmd *cmd, int argc, char **argv)
{
	struct watch w = {0};
	struct filter f = {0};
	struct common c = {0};
	int first = opts_parse(cmd, argc, argv, (void *[]){&w, &f, &c}), ret = 0;

	if (first < 0)
		ret = opts_exit(first);
	else if (w.from_cnt)
		ret = more_files(cmd, &w, first, argc, argv);
	else if (first < argc && !opts_after_dashes(first, argv))
		ret = opts_error(cmd, "'%s' is no option; a command to run goes behind --",
				 argv[first]);
	if (first >= 0 && !ret)
		ret = start(cmd, &w, &f, &c, first < argc && !w.from_cnt ? argv + first : NULL);
	free(w.from);
	return ret;
}

const struct cmd cmd_watch = {
	.name = "watch",
	.args = "[--from FILE... | -- CMD [ARG]...]",
	.summary = "follow connections, from SYN to accept()",
	.help = "A line per connection when it is accepted or its story ends otherwise.\n"
		"With -- CMD, starts CMD, follows it and its children alone, and ends with it.\n"
		"With --from, shows what a recording holds: further FILEs may follow.  Exit status 1 if\n"
		"one of them is cut off, 2 if one is damaged; what can be read is shown.\n",
	.groups = {&watch_group, &filter_group, &common_group},
	.run = watch_run,
};
