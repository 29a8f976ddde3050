// SPDX-License-Identifier: GPL-2.0-only
/* Owns the line that moves while long work is done. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sink_progress.h"

#define EVERY_NS 250000000ULL

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void sink_progress_wipe(struct sink_progress *s)
{
	s->busy = true;
	if (s->shown)
		fputs("\r\033[K", stderr);
	s->shown = false;
}

static void on_story(struct sink *sink, const struct story *story)
{
	sink_progress_wipe((struct sink_progress *)sink);
}

static void on_listener(struct sink *sink, const struct ev_listen *ev)
{
	sink_progress_wipe((struct sink_progress *)sink);
}

static void on_call(struct sink *sink, const struct ev_call *ev)
{
	sink_progress_wipe((struct sink_progress *)sink);
}

static void on_lost(struct sink *sink, const struct ev_lost *ev)
{
	sink_progress_wipe((struct sink_progress *)sink);
}

/* Not in a tick that writes lines: they may go out behind this sink. */
static void on_tick(struct sink *sink, uint64_t horizon_ns, const struct account *a)
{
	struct sink_progress *s = (struct sink_progress *)sink;
	bool busy = s->busy;
	char text[160];
	uint64_t now;

	s->busy = false;
	if (!s->on || busy)
		return;
	now = now_ns();
	if (now < s->shown_ns + EVERY_NS)
		return;
	s->say(s->ctx, a, (now - s->began_ns) / 1e9, text, sizeof(text));
	fprintf(stderr, "\r\033[K%s%.*s%s", colour_on(&s->look, DIM),
		s->look.columns > 1 ? s->look.columns - 1 : 79, text, colour_off(&s->look));
	s->shown_ns = now;
	s->shown = true;
}

static void on_summary(struct sink *sink, const struct account *a, uint64_t horizon_ns)
{
	sink_progress_wipe((struct sink_progress *)sink);
}

static void on_close(struct sink *sink)
{
	sink_progress_wipe((struct sink_progress *)sink);
}

static const struct sink_ops ops = {
	.name = "progress",
	.story = on_story,
	.listener = on_listener,
	.call = on_call,
	.lost = on_lost,
	.tick = on_tick,
	.summary = on_summary,
	.close = on_close,
};

void sink_progress_init(struct sink_progress *s, sink_progress_fn say, void *ctx)
{
	memset(s, 0, sizeof(*s));
	s->sink.ops = &ops;
	s->say = say;
	s->ctx = ctx;
	s->on = isatty(STDERR_FILENO);
	s->began_ns = s->shown_ns = now_ns();
	look_init(&s->look);
}

char *bytes_format(char buf[BYTES_LEN], uint64_t bytes)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	double n = bytes;
	int unit = 0;

	for (; n >= 1000 && unit < 4; unit++)
		n /= 1000;
	snprintf(buf, BYTES_LEN, unit && n < 10 ? "%.1f %s" : "%.0f %s", n, units[unit]);
	return buf;
}
