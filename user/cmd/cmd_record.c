// SPDX-License-Identifier: GPL-2.0-only
/* sockline record: keep the raw stream of events. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmds.h"
#include "flow.h"
#include "netns.h"
#include "sink_json.h"
#include "sink_progress.h"
#include "sink_record.h"

struct record {
	const char *output;
	bool active;
	uint64_t rotate_bytes;
	double rotate_seconds;
	uint32_t keep;
	uint64_t max_size;
	uint32_t max_connections;
};

#define R(field) offsetof(struct record, field)
#define SMALLEST (64 << 10)

/* SIZE has a unit (K, M, G), SECS is a number with or without an s; into the whole struct. */
static int set_rotate(void *to, const char *arg)
{
	struct record *r = to;
	size_t len = strlen(arg);

	if (len && strchr("KMG", arg[len - 1]))
		return opt_set_size(&r->rotate_bytes, arg) || r->rotate_bytes < SMALLEST ? -EINVAL
											 : 0;
	return opt_set_seconds(&r->rotate_seconds, arg) || r->rotate_seconds < 1 ? -EINVAL : 0;
}

static int set_keep(void *to, const char *arg)
{
	return opt_set_u32(to, arg) || !*(uint32_t *)to ? -EINVAL : 0;
}

static int set_max_size(void *to, const char *arg)
{
	return opt_set_size(to, arg) || *(uint64_t *)to < SMALLEST ? -EINVAL : 0;
}

static const struct opt record_opts[] = {
	{'o', "output", "FILE", "where to (- for stdout)", opt_set_str, R(output), "a file name"},
	{'a', "active", NULL, "this host's own outgoing connects too", opt_set_bool, R(active),
	 NULL},
	{0, "rotate", "SIZE|SECS", "a new part, FILE.000001 and on, after so much (64M, 3600)",
	 set_rotate, 0, "a size from 64K, such as 64M, or a number of seconds from 1"},
	{0, "keep", "N", "keep the newest N parts (with --rotate)", set_keep, R(keep),
	 "a whole number from 1"},
	{0, "max-size", "SIZE", "never more on disk; with --rotate the oldest parts go", set_max_size,
	 R(max_size), "a size from 64K, such as 500M"},
	{0, "max-connections", "N", "room for so many at once (default 32768)", opt_set_u32,
	 R(max_connections), "a whole number"},
	{0},
};
static const struct opt_group record_group = {"Recording", record_opts};

/* Everything that lives as long as the recording. */
struct recording {
	const struct cmd *cmd;
	const struct record *opts;
	const struct filter *filter;
	const struct common *common;
	struct pipeline *pipeline;
	struct sink_record sink;
	struct sink_json json;
	struct sink_progress progress;
	char probes[2048];
};

static void say(void *ctx, const struct account *a, double seconds, char *buf, size_t len)
{
	const struct recording *r = ctx;
	const char *dot = look_dot(&r->progress.look);
	char size[BYTES_LEN], lost[48] = "none lost";

	if (a->lost || r->sink.unwritten)
		snprintf(lost, sizeof(lost), "%llu lost",
			 (unsigned long long)(a->lost + r->sink.unwritten));
	snprintf(buf, len, "recording to %s %s %.0f s %s %llu connections %s %s %s %s",
		 r->opts->output, dot, seconds, dot, (unsigned long long)a->stories, dot,
		 bytes_format(size, record_disk_written(r->sink.disk)), dot, lost);
}

static void add_sinks(struct recording *r)
{
	sink_progress_init(&r->progress, say, r);
	pipeline_add_sink(r->pipeline, &r->progress.sink);
	pipeline_add_sink(r->pipeline, &r->sink.sink);
	if (!r->common->json)
		return;
	sink_json_init(&r->json, STDOUT_FILENO, false);
	pipeline_add_sink(r->pipeline, &r->json.sink);
}

static void close_sinks(struct recording *r)
{
	if (r->common->json)
		r->json.sink.ops->close(&r->json.sink);
	r->sink.sink.ops->close(&r->sink.sink);
	r->progress.sink.ops->close(&r->progress.sink);
}

/* The last word, and the exit status. */
static int account(const struct recording *r)
{
	struct account a = pipeline_account(r->pipeline);
	uint64_t bytes = record_disk_written(r->sink.disk);
	const char *dot = look_dot(&r->progress.look);
	char size[BYTES_LEN];
	int error = r->sink.sink.error;

	fprintf(stderr, "%s: %llu connections %s %llu events %s %s", r->opts->output,
		(unsigned long long)a.stories, dot, (unsigned long long)r->sink.events, dot,
		bytes_format(size, bytes));
	if (a.stories)
		fprintf(stderr, ", %llu bytes a connection",
			(unsigned long long)(bytes / a.stories));
	if (a.lost)
		fprintf(stderr, " %s %llu lost\n", dot, (unsigned long long)a.lost);
	else
		fprintf(stderr, " %s none lost\n", dot);
	if (error == -EFBIG)
		fprintf(stderr, "sockline record: %s has reached --max-size: it ends here\n",
			r->opts->output);
	if (r->sink.unwritten || r->sink.write_error)
		return opts_error(r->cmd, "%s: %s: %llu events could not be written",
				  r->opts->output,
				  strerror(r->sink.write_error ? -r->sink.write_error : -error),
				  (unsigned long long)r->sink.unwritten);
	if (r->common->json && r->json.sink.error && r->json.sink.error != -EPIPE)
		return opts_error(r->cmd, "writing: %s", strerror(-r->json.sink.error));
	return EXIT_YES;
}

static int follow(struct recording *r, struct stop *stop)
{
	struct live_conf conf = {
		.ports = r->filter->ports_on ? r->filter->ports : NULL,
		.verbose = r->common->verbose,
	};
	char why[SOURCE_WHY];
	struct source *source;
	int ret;

	filter_to_config(r->filter, &conf.config);
	conf.config.active = r->opts->active;
	conf.config.binds = true;
	ret = source_live_open(&conf, flow_feed, r->pipeline, &source, why);
	if (ret)
		return opts_error(r->cmd, "%s", why);
	source_live_probes(source, r->probes, sizeof(r->probes));
	r->sink.probes = r->probes;
	stop_restart(stop, r->common->duration);
	ret = flow_run(r->pipeline, source, stop);
	source->ops->close(source);
	if (ret)
		return opts_error(r->cmd, "reading events: %s", strerror(-ret));
	return account(r);
}

static bool kernel_filters(const struct filter *f)
{
	return f->ports_on || f->local.on || f->remote.on || f->netns || f->v4 != f->v6;
}

static bool story_filters(const struct filter *f)
{
	return f->failed || f->pid || f->slow_us || f->comm || f->cgroup;
}

static int open_sink(struct recording *r)
{
	const struct record *o = r->opts;
	struct sink_record_conf conf = {
		.disk = {.path = o->output,
			 .parts = o->rotate_bytes || o->rotate_seconds > 0,
			 .keep = o->keep,
			 .max_size = o->max_size},
		.rotate_bytes = o->rotate_bytes,
		.rotate_ns = o->rotate_seconds * 1e9,
		.flags = (o->active ? RECORD_ACTIVE : 0) |
			 (kernel_filters(r->filter) ? RECORD_FILTERED : 0),
	};

	/* Whole parts go, so they must be small beside the whole. */
	if (conf.disk.parts && o->max_size &&
	    (!o->rotate_bytes || o->rotate_bytes > o->max_size / 4))
		conf.rotate_bytes = o->max_size / 4;
	return sink_record_open(&r->sink, &conf);
}

static int with_sinks(struct recording *r, struct stop *stop)
{
	struct pipeline_conf conf = {r->filter, r->opts->max_connections, r->common->count,
				     !r->opts->active};
	int ret = open_sink(r);

	if (ret)
		return opts_error(r->cmd, "%s: %s", r->opts->output, strerror(-ret));
	r->pipeline = pipeline_new(&conf);
	if (r->pipeline) {
		add_sinks(r);
		ret = follow(r, stop);
		close_sinks(r);
	} else {
		r->sink.sink.ops->close(&r->sink.sink);
		ret = opts_error(r->cmd, "out of memory");
	}
	pipeline_free(r->pipeline);
	return ret;
}

/* 0, or an exit status. */
static int check(const struct cmd *cmd, const struct record *o, struct filter *f,
		 const struct common *c)
{
	bool parts = o->rotate_bytes || o->rotate_seconds > 0;
	bool to_stdout = o->output && !strcmp(o->output, "-");
	char why[160];

	if (!o->output)
		return opts_error(cmd, "where to?  -o FILE, or -o - for stdout");
	if (to_stdout && isatty(STDOUT_FILENO))
		return opts_error(cmd, "-o -: stdout is a terminal; redirect it");
	if (to_stdout && (c->json || parts))
		return opts_error(cmd, "-o - goes neither with --json nor with --rotate");
	if (o->keep && !parts)
		return opts_error(cmd, "--keep says how many parts; it needs --rotate");
	if (f->netns_arg && netns_parse(f->netns_arg, &f->netns, why, sizeof(why)))
		return opts_error(cmd, "--netns: %s", why);
	if (story_filters(f))
		fputs("sockline record: -p, -C, --cgroup, -x and --slow choose what -n and --json "
		      "show, not what is kept; give them to watch --from\n",
		      stderr);
	return 0;
}

static int record_run(const struct cmd *cmd, int argc, char **argv)
{
	struct record o = {0};
	struct filter f = {0};
	struct common c = {0};
	struct recording *r;
	struct stop stop;
	int ret, first = opts_parse(cmd, argc, argv, (void *[]){&o, &f, &c});

	if (first < 0)
		return opts_exit(first);
	if (first < argc)
		return opts_error(cmd, "'%s' is no option", argv[first]);
	ret = check(cmd, &o, &f, &c);
	if (ret)
		return ret;
	r = calloc(1, sizeof(*r));
	ret = r ? stop_init(&stop, c.duration) : -ENOMEM;
	if (ret) {
		free(r);
		return opts_error(cmd, "%s", strerror(-ret));
	}
	r->cmd = cmd;
	r->opts = &o;
	r->filter = &f;
	r->common = &c;
	ret = with_sinks(r, &stop);
	stop_close(&stop);
	free(r);
	return ret;
}

const struct cmd cmd_record = {
	.name = "record",
	.args = "-o FILE",
	.summary = "keep the raw events, for watch --from and report",
	.help = "Keeps every event as it came, compressed, with what is needed to read it elsewhere.\n"
		"Ends like watch; watch --from FILE then shows what watch would have shown.\n",
	.groups = {&record_group, &filter_group, &common_group},
	.run = record_run,
};
