// SPDX-License-Identifier: GPL-2.0-only
/* Owns what goes from the stream into a report. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output_json.h"
#include "sink_report.h"

static uint64_t unix_ns(const struct sink_report *s, uint64_t time_ns)
{
	return time_ns + s->sink.view->realtime_offset_ns;
}

static void saw(struct sink_report *s, uint64_t ns)
{
	if (!s->first_ns || ns < s->first_ns)
		s->first_ns = ns;
	if (ns > s->last_ns)
		s->last_ns = ns;
}

static void on_event(struct sink *sink, const union event *ev)
{
	struct sink_report *s = (struct sink_report *)sink;
	const struct ev_queues *q = event_queues(ev);

	if (ev->hdr.kind == EV_HOST) {
		/* The view does not know of it yet. */
		saw(s, ev->hdr.time_ns + ev->host.realtime_offset_ns);
		s->listeners.stream++;
		return;
	}
	if (ev->hdr.kind == EV_END)
		saw(s, unix_ns(s, ev->hdr.time_ns));
	if (q && q->cookie)
		report_listener_queues(&s->listeners, q, unix_ns(s, ev->hdr.time_ns));
}

static void on_story(struct sink *sink, const struct story *story)
{
	struct sink_report *s = (struct sink_report *)sink;
	const struct sink_view *view = sink->view;
	const struct listener *known = listeners_find(view->listeners, story->listener);
	uint32_t verdict = report_rows_verdict(&s->rows, story);
	uint32_t number = report_listener_number(&s->listeners, story->listener);

	saw(s, unix_ns(s, story_start_ns(story)));
	saw(s, unix_ns(s, story->ended_ns));
	if (known)
		report_listener_known(&s->listeners, known);
	report_listener_story(&s->listeners, number, story, verdict, view->realtime_offset_ns);
	if (s->rows.cnt < s->max_rows)
		report_rows_add(&s->rows, view->names, story, verdict, number,
				view->realtime_offset_ns);
}

static void on_lost(struct sink *sink, const struct ev_lost *ev)
{
	struct sink_report *s = (struct sink_report *)sink;
	uint64_t ns = unix_ns(s, ev->hdr.time_ns);
	struct report_bin *bin;

	/* What was lost before anything was seen has no time. */
	if (ns < s->first_ns)
		ns = s->first_ns;
	if (!s->losses)
		s->losses = calloc(1, sizeof(*s->losses));
	if (!s->losses) {
		sink->error = -ENOMEM;
		return;
	}
	bin = report_series_at(s->losses, &s->listeners.clock, ns);
	bin->failures =
		ev->events > UINT32_MAX - bin->failures ? UINT32_MAX : bin->failures + ev->events;
}

static void on_summary(struct sink *sink, const struct account *a, uint64_t now_ns)
{
	struct sink_report *s = (struct sink_report *)sink;

	s->account = *a;
	if (s->first_ns)
		saw(s, unix_ns(s, now_ns));
}

void sink_report_write(struct sink_report *s, struct json *j)
{
	const struct account *a = &s->account;

	json_object(j, "summary");
	output_json_account(j, a);
	json_u64(j, "rows", s->rows.cnt);
	json_u64(j, "unlisted", s->listeners.overflow);
	json_u64(j, "first_us", s->first_ns / 1000);
	json_u64(j, "last_us", s->last_ns / 1000);
	json_end_object(j);
	/* Queues stay as they are until the end, though nothing tells of them any more. */
	if (s->first_ns) {
		report_clock_cover(&s->listeners.clock, s->first_ns);
		report_clock_cover(&s->listeners.clock, s->last_ns);
	}
	report_listeners_write(&s->listeners, s->sink.view->names, j);
	if (s->losses)
		report_series_write(s->losses, &s->listeners.clock, j, "losses");
	report_rows_write(&s->rows, j);
}

static void on_close(struct sink *sink)
{
	struct sink_report *s = (struct sink_report *)sink;

	report_listeners_free(&s->listeners);
	report_rows_free(&s->rows);
	free(s->losses);
}

static const struct sink_ops ops = {
	.name = "report",
	.event = on_event,
	.story = on_story,
	.lost = on_lost,
	.summary = on_summary,
	.close = on_close,
};

int sink_report_init(struct sink_report *s, uint64_t max_rows)
{
	memset(s, 0, sizeof(*s));
	s->sink.ops = &ops;
	s->max_rows = max_rows;
	return report_listeners_init(&s->listeners);
}
