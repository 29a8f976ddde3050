// SPDX-License-Identifier: GPL-2.0-only
/* Owns how a replay is told of: its banner, its progress, its faults. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "flow.h"
#include "replay.h"
#include "sink_progress.h"
#include "source_file.h"

struct run {
	const struct replay *replay;
	struct source *source;
	struct sink_progress progress;
};

/* "3 s", "4 min": how long it will still take. */
static void remaining(char *buf, size_t len, double seconds)
{
	if (seconds < 90)
		snprintf(buf, len, "%d s", (int)seconds + 1);
	else
		snprintf(buf, len, "%.0f min", seconds / 60);
}

static void say(void *ctx, const struct account *a, double seconds, char *buf, size_t len)
{
	const struct run *run = ctx;
	const char *dot = look_dot(&run->progress.look);
	char size[BYTES_LEN], still[24];
	uint64_t done, total;

	source_file_progress(run->source, &done, &total);
	if (total && done) {
		remaining(still, sizeof(still), seconds * (total - done) / done);
		snprintf(buf, len, "replaying %s %.0f %% %s %s still %s %llu connections", dot,
			 100.0 * done / total, dot, still, dot, (unsigned long long)a->stories);
	} else {
		snprintf(buf, len, "replaying %s %s %s %llu connections", dot,
			 bytes_format(size, done), dot, (unsigned long long)a->stories);
	}
}

static const char *name_of(const char *path)
{
	return strcmp(path, "-") ? path : "stdin";
}

static void on_fault(void *ctx, const char *path, const char *why)
{
	struct run *run = ctx;

	sink_progress_wipe(&run->progress);
	opts_error(run->replay->cmd, "%s: %s", name_of(path), why);
	if (run->replay->on_fault)
		run->replay->on_fault(run->replay->ctx, path, why);
}

static void on_begin(void *ctx, const char *path, const struct record_header *h)
{
	struct run *run = ctx;
	const char *dot = look_dot(&run->progress.look);
	time_t seconds = (h->start_ns + h->realtime_offset_ns) / 1000000000ULL;
	char when[40] = "", release[sizeof(h->release)];
	struct tm tm;

	sink_progress_wipe(&run->progress);
	if (run->replay->on_begin)
		run->replay->on_begin(run->replay->ctx, path, h);
	if (run->replay->wants_active && !(h->flags & RECORD_ACTIVE))
		opts_error(run->replay->cmd, "%s: recorded without --active", name_of(path));
	if (!run->replay->banner)
		return;
	if (localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%F %T %z", &tm);
	fprintf(stderr, "sockline %s %s %s %s Linux %s %s recorded %s%s\n", SOCKLINE_VERSION, dot,
		name_of(path), dot, printable(release, sizeof(release), h->release), dot, when,
		h->flags & RECORD_FILTERED ? ", filtered" : "");
}

static int status_of(enum record_health health)
{
	switch (health) {
	case RECORD_WHOLE:
		return EXIT_YES;
	case RECORD_CUT:
		return EXIT_NO;
	case RECORD_DAMAGED:
	case RECORD_FOREIGN:
		return EXIT_UNABLE;
	}
	return EXIT_UNABLE;
}

int replay_run(const struct replay *r, struct pipeline *p, struct sink *sink, struct stop *stop)
{
	struct run run = {.replay = r};
	struct source_file_conf conf = {
		.paths = r->paths,
		.path_cnt = r->path_cnt,
		.duration_ns = r->seconds * 1e9,
		.complain = on_fault,
		.begin = on_begin,
		.ctx = &run,
	};
	int ret = source_file_open(&conf, flow_feed, p, &run.source);

	if (ret)
		return opts_error(r->cmd, "%s", strerror(-ret));
	sink_progress_init(&run.progress, say, &run);
	/* Before the other: it makes room for that one's lines. */
	pipeline_add_sink(p, &run.progress.sink);
	pipeline_add_sink(p, sink);
	flow_run(p, run.source, stop);
	ret = status_of(source_file_health(run.source));
	run.source->ops->close(run.source);
	run.progress.sink.ops->close(&run.progress.sink);
	if (pipeline_error(p) && pipeline_error(p) != -EPIPE)
		return opts_error(r->cmd, "writing: %s", strerror(-pipeline_error(p)));
	return ret;
}
