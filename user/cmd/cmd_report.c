// SPDX-License-Identifier: GPL-2.0-only
/* sockline report: a recording as one page of HTML. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmds.h"
#include "filter.h"
#include "netns.h"
#include "replay.h"
#include "report_page.h"
#include "sink_report.h"

struct report {
	const char *output;
	bool active;
	uint64_t rows;
	double duration;
	uint32_t max_connections;
};

#define R(field) offsetof(struct report, field)

static const struct opt report_opts[] = {
	{'o', "output", "OUT.html", "where to (default: stdout)", opt_set_str, R(output),
	 "a file name"},
	{'a', "active", NULL, "this host's own outgoing connects too", opt_set_bool, R(active),
	 NULL},
	{'d', "duration", "SECS", "only so much of the recording", opt_set_seconds, R(duration),
	 "a number of seconds greater than 0"},
	{0, "rows", "N", "list so many connections (default 200000); the rest is in the charts",
	 opt_set_count, R(rows), "a whole number from 1"},
	{0, "max-connections", "N", "room for so many at once (default 32768)", opt_set_u32,
	 R(max_connections), "a whole number"},
	{0},
};
static const struct opt_group report_group = {"Reporting", report_opts};

/* One report being made. */
struct making {
	const struct cmd *cmd;
	const struct report *opts;
	struct sink_report sink;
	struct json recordings; /* what is known of each, as they come */
	struct json faults;
	uint32_t read; /* recordings that could be read, if only in part */
};

static void on_begin(void *ctx, const char *path, const struct record_header *h)
{
	struct json *j = &((struct making *)ctx)->recordings;

	json_object(j, NULL);
	json_str(j, "path", path);
	json_str(j, "release", h->release);
	json_u64(j, "start_us", (h->start_ns + h->realtime_offset_ns) / 1000);
	json_u64(j, "cpus", h->cpus);
	json_bool(j, "active", h->flags & RECORD_ACTIVE);
	json_bool(j, "filtered", h->flags & RECORD_FILTERED);
	json_end_object(j);
	((struct making *)ctx)->read++;
}

static void on_fault(void *ctx, const char *path, const char *why)
{
	struct json *j = &((struct making *)ctx)->faults;

	json_array(j, NULL);
	json_str(j, NULL, path);
	json_str(j, NULL, why);
	json_end_array(j);
}

static int write_page(struct making *m, int fd)
{
	struct json j = {0};
	int ret = -ENOMEM;

	json_object(&j, NULL);
	json_str(&j, "version", SOCKLINE_VERSION);
	json_bool(&j, "active", m->opts->active);
	json_array(&j, "recordings");
	json_raw(&j, &m->recordings);
	json_end_array(&j);
	json_array(&j, "faults");
	json_raw(&j, &m->faults);
	json_end_array(&j);
	sink_report_write(&m->sink, &j);
	json_end_object(&j);
	/* What stood there before goes only now; a pipe cannot be cut. */
	if (!j.failed)
		ret = ftruncate(fd, 0) && errno != EINVAL ? -errno
							  : report_page_write(fd, j.buf, j.len);
	json_free(&j);
	return ret;
}

static int replay(struct making *m, const struct filter *f, char **paths, size_t path_cnt, int fd)
{
	struct pipeline_conf conf = {f, m->opts->max_connections, 0, !m->opts->active};
	struct replay r = {
		.cmd = m->cmd,
		.paths = (const char *const *)paths,
		.path_cnt = path_cnt,
		.seconds = m->opts->duration,
		.wants_active = m->opts->active,
		.on_begin = on_begin,
		.on_fault = on_fault,
		.ctx = m,
	};
	struct pipeline *p = pipeline_new(&conf);
	struct stop stop;
	int ret = p ? stop_init(&stop, 0) : -ENOMEM;

	if (ret) {
		pipeline_free(p);
		return opts_error(m->cmd, "%s", strerror(-ret));
	}
	ret = replay_run(&r, p, &m->sink.sink, &stop);
	if (stop.stopped)
		on_fault(m, "report", "interrupted: what had been read until then");
	stop_close(&stop);
	if (m->read) {
		int error = write_page(m, fd);

		if (error)
			ret = opts_error(m->cmd, "%s: %s", m->opts->output ?: "stdout",
					 strerror(-error));
	}
	pipeline_free(p);
	return ret;
}

static int make(const struct cmd *cmd, const struct report *o, const struct filter *f, char **paths,
		size_t path_cnt, int fd)
{
	struct making m = {.cmd = cmd, .opts = o};
	int ret = sink_report_init(&m.sink, o->rows ? o->rows : REPORT_ROWS);

	if (ret)
		return opts_error(cmd, "%s", strerror(-ret));
	ret = replay(&m, f, paths, path_cnt, fd);
	m.sink.sink.ops->close(&m.sink.sink);
	json_free(&m.recordings);
	json_free(&m.faults);
	return ret;
}

/* A file that would be left empty is none. */
static int close_output(const struct report *o, int fd, int status)
{
	struct stat st;

	if (!o->output)
		return status;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && !st.st_size)
		unlink(o->output);
	if (close(fd) && status == EXIT_YES)
		return EXIT_UNABLE;
	return status;
}

static int report_run(const struct cmd *cmd, int argc, char **argv)
{
	struct report o = {0};
	struct filter f = {0};
	int fd = STDOUT_FILENO, first = opts_parse(cmd, argc, argv, (void *[]){&o, &f});
	char why[160];

	if (first < 0)
		return opts_exit(first);
	if (first == argc)
		return opts_error(cmd, "of which recording?  report FILE... -o OUT.html");
	if (o.output && !strcmp(o.output, "-"))
		o.output = NULL;
	if (!o.output && isatty(STDOUT_FILENO))
		return opts_error(cmd, "stdout is a terminal: -o OUT.html, or redirect it");
	if (f.netns_arg && netns_parse(f.netns_arg, &f.netns, why, sizeof(why)))
		return opts_error(cmd, "--netns: %s", why);
	if (o.output)
		fd = open(o.output, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return opts_error(cmd, "%s: %s", o.output, strerror(errno));
	return close_output(&o, fd, make(cmd, &o, &f, argv + first, argc - first, fd));
}

const struct cmd cmd_report = {
	.name = "report",
	.args = "FILE...",
	.summary = "a recording as one page of HTML",
	.help = "Queues over time, waits and failures of every listener, and every connection's\n"
		"timeline: one file that needs nothing else, to look at, to keep or to send.\n"
		"Exit status 1 if a recording is cut off, 2 if one is damaged; what can be read is shown.\n",
	.groups = {&report_group, &filter_group},
	.run = report_run,
};
