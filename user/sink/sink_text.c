// SPDX-License-Identifier: GPL-2.0-only
/* Owns the lines of `watch`: columns, the status line while nothing happens, the last word. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "errno_name.h"
#include "sink_text.h"

#define SECOND 1000000000ULL

static void wipe_status(struct sink_text *s)
{
	if (!s->status_shown)
		return;
	fputs("\r\033[K", stderr);
	s->status_shown = false;
}

static void time_columns(const struct sink_text *s, uint64_t time_ns)
{
	const struct sink_view *v = s->sink.view;
	uint64_t unix_ns = time_ns + v->realtime_offset_ns;
	time_t seconds = unix_ns / SECOND;
	struct tm tm;

	if (s->conf.wall_clock || !s->conf.since_start) {
		localtime_r(&seconds, &tm);
		printf("%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
		if (s->conf.wall_clock)
			printf(".%06u", (unsigned int)(unix_ns % SECOND / 1000));
		fputs("  ", stdout);
	}
	if (s->conf.since_start)
		printf("%10.6f  ", (time_ns - v->start_ns) / 1e9);
}

static void header(struct sink_text *s)
{
	if (s->header_done || s->conf.no_header || s->conf.steps)
		return;
	s->header_done = true;
	fputs(colour_on(&s->look, BOLD), stdout);
	if (s->conf.wall_clock)
		fputs("TIME             ", stdout);
	else if (!s->conf.since_start)
		fputs("TIME      ", stdout);
	if (s->conf.since_start)
		fputs("   SECONDS  ", stdout);
	text_pad("CLIENT", s->conf.wide ? 48 : 22);
	text_pad("LISTENER", s->conf.wide ? 48 : 20);
	printf("%10s%10s%11s%10s  STORY%s\n", "SYNQ", "ACCQ", "HANDSHAKE", "WAITED",
	       colour_off(&s->look));
}

static void queue_column(const struct look *look, const struct queue_seen *q)
{
	char text[24];
	enum colour c = PLAIN;

	if (q->depth == QUEUE_UNKNOWN) {
		text_pad(look_dash(look), -10);
		return;
	}
	snprintf(text, sizeof(text), "%u/%u", q->depth, q->limit);
	if (q->depth > q->limit)
		c = RED;
	else if (q->depth > q->limit / 5 * 4 && q->depth > 1)
		c = YELLOW;
	fputs(colour_on(look, c), stdout);
	text_pad(text, -10);
	fputs(colour_off(look), stdout);
}

static enum colour story_colour(const struct story *s)
{
	if (s->outcome == OUTCOME_CLOSED || s->outcome == OUTCOME_OPEN)
		return YELLOW;
	return story_failed(s) ? RED : PLAIN;
}

/* Where the client wanted to go: the listener's own address, or what it called. */
static void listener_column(const struct sink_text *s, const struct story *story)
{
	const struct listener *l = listeners_find(s->sink.view->listeners, story->listener);
	char text[ENDPOINT_LEN];

	if (story->role == ROLE_ACTIVE)
		endpoint_format(text, story->tuple.raddr, story->tuple.rport);
	else if (l)
		endpoint_format(text, l->addr, l->port);
	else
		endpoint_format(text, story->tuple.laddr, story->tuple.lport);
	text_pad(text, s->conf.wide ? 47 : 19);
	putchar(' ');
}

/* How many columns stand before the story. */
static int story_column(const struct sink_text *s)
{
	int time = (s->conf.wall_clock	  ? 17
		    : s->conf.since_start ? 0
					  : 10) +
		   (s->conf.since_start ? 12 : 0);

	return time + (s->conf.wide ? 2 * 48 : 22 + 20) + 10 + 10 + 11 + 10 + 2;
}

/* On a narrow terminal a long story has a line of its own, rather than being cut or wrapped. */
static void story_cell(const struct sink_text *s, const struct story *story)
{
	const struct look *look = &s->look;
	int before = story_column(s);
	char text[320];

	story_sentence(text, sizeof(text), look, s->sink.view, story);
	if (look->columns && before + (int)text_width(text) > look->columns)
		printf("\n%*s", 10, "");
	else
		fputs("  ", stdout);
	printf("%s%s%s\n", colour_on(look, story_colour(story)), text, colour_off(look));
}

static void line(struct sink_text *s, const struct story *story)
{
	const struct look *look = &s->look;
	char text[ENDPOINT_LEN], span[DURATION_LEN];

	header(s);
	time_columns(s, story_start_ns(story));
	if (story->role == ROLE_ACTIVE)
		endpoint_format(text, story->tuple.laddr, story->tuple.lport);
	else
		endpoint_format(text, story->tuple.raddr, story->tuple.rport);
	text_pad(text, s->conf.wide ? 47 : 21);
	putchar(' ');
	listener_column(s, story);
	queue_column(look, &story->synq);
	queue_column(look, &story->acceptq);
	text_pad(duration_format(span, look, story_handshake_ns(story)), -11);
	text_pad(duration_format(span, look, story_queued_ns(story)), -10);
	story_cell(s, story);
}

static void on_story(struct sink *sink, const struct story *story)
{
	struct sink_text *s = (struct sink_text *)sink;

	wipe_status(s);
	if (!s->conf.steps) {
		line(s, story);
		return;
	}
	time_columns(s, story_start_ns(story));
	story_steps(&s->look, sink->view, story, s->conf.explain);
}

static void on_listener(struct sink *sink, const struct ev_listen *ev)
{
	struct sink_text *s = (struct sink_text *)sink;
	char who[PROCESS_LEN], where[ENDPOINT_LEN];

	if (!s->conf.binds)
		return;
	wipe_status(s);
	time_columns(s, ev->hdr.time_ns);
	endpoint_format(where, ev->addr, ev->port);
	process_format(who, &ev->process);
	if (ev->hdr.kind == EV_UNLISTEN) {
		printf("%s closed its listener on %s\n", who, where);
		return;
	}
	printf("%s listens on %s", who, where);
	if (ev->fd >= 0)
		printf(", fd %d", ev->fd);
	if (ev->backlog >= 0)
		printf(", backlog %d", ev->backlog);
	printf(", limit %u\n", ev->queues.limit);
}

static void on_call(struct sink *sink, const struct ev_call *ev)
{
	struct sink_text *s = (struct sink_text *)sink;
	char who[PROCESS_LEN], where[ENDPOINT_LEN];

	if (!s->conf.binds || ev->call == CALL_CONNECT || (ev->call == CALL_LISTEN && !ev->result))
		return;
	wipe_status(s);
	time_columns(s, ev->hdr.time_ns);
	printf("%s %s %s, fd %d", process_format(who, &ev->process),
	       ev->call == CALL_BIND ? "binds" : "listens on",
	       endpoint_format(where, ev->addr, ev->port), ev->fd);
	if (ev->result)
		printf(": %s%s, %s%s", colour_on(&s->look, RED), errno_name(-ev->result),
		       strerror(-ev->result), colour_off(&s->look));
	else if (!ev->port)
		printf(": gets port %u", ev->local_port);
	putchar('\n');
}

static void on_lost(struct sink *sink, const struct ev_lost *ev)
{
	struct sink_text *s = (struct sink_text *)sink;

	char where[40] = "where a probe was interrupted";

	wipe_status(s);
	if (ev->cpu != EV_CPU_HOST)
		snprintf(where, sizeof(where), "on CPU %u", ev->cpu);
	printf("%s%llu event%s lost %s: what was open then is incomplete%s\n",
	       colour_on(&s->look, RED), (unsigned long long)ev->events, ev->events == 1 ? "" : "s",
	       where, colour_off(&s->look));
}

static void banner(struct sink_text *s)
{
	const char *dot = look_dot(&s->look);
	uint32_t open, namespaces;
	struct utsname u;

	s->banner_done = true;
	if (s->conf.no_header || s->conf.replay || uname(&u))
		return;
	listeners_count(s->sink.view->listeners, &open, &namespaces);
	fprintf(stderr,
		"sockline %s %s Linux %s %s %u listener%s in %u namespace%s %s Ctrl-C ends\n",
		SOCKLINE_VERSION, dot, u.release, dot, open, open == 1 ? "" : "s", namespaces,
		namespaces == 1 ? "" : "s", dot);
}

/* While nothing happens: silence is never a riddle. */
static void status(struct sink_text *s, uint64_t now_ns, const struct account *a)
{
	const char *dot = look_dot(&s->look);
	uint32_t open, namespaces;
	double seconds;

	if (s->conf.replay || !s->look.terminal || !isatty(STDERR_FILENO) ||
	    now_ns - s->status_ns < SECOND)
		return;
	seconds = s->status_ns ? (now_ns - s->status_ns) / 1e9 : 1;
	listeners_count(s->sink.view->listeners, &open, &namespaces);
	fprintf(stderr, "\r\033[K%swatching %u listener%s %s %u open %s %.0f events/s %s ",
		colour_on(&s->look, DIM), open, open == 1 ? "" : "s", dot, a->open, dot,
		(a->events - s->status_events) / seconds, dot);
	if (a->lost)
		fprintf(stderr, "%llu lost%s", (unsigned long long)a->lost, colour_off(&s->look));
	else
		fprintf(stderr, "none lost%s", colour_off(&s->look));
	s->status_shown = true;
	s->status_ns = now_ns;
	s->status_events = a->events;
}

/* The first error is the one that says why; a later one finds an errno of something else. */
static void flush(struct sink_text *s)
{
	if (s->sink.error)
		return;
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		s->sink.error = errno ? -errno : -EIO;
}

static void on_tick(struct sink *sink, uint64_t now_ns, const struct account *a)
{
	struct sink_text *s = (struct sink_text *)sink;

	if (!s->banner_done)
		banner(s);
	flush(s);
	status(s, now_ns, a);
}

static void on_summary(struct sink *sink, const struct account *a, uint64_t now_ns)
{
	struct sink_text *s = (struct sink_text *)sink;
	const char *dot = look_dot(&s->look);

	wipe_status(s);
	flush(s);
	fprintf(stderr, "%llu connection%s %s %llu failed %s %llu events %s ",
		(unsigned long long)a->connections, a->connections == 1 ? "" : "s", dot,
		(unsigned long long)a->failed, dot, (unsigned long long)a->events, dot);
	if (a->lost)
		fprintf(stderr, "%llu lost", (unsigned long long)a->lost);
	else
		fputs("none lost", stderr);
	if (a->incomplete)
		fprintf(stderr, " %s %llu incomplete", dot, (unsigned long long)a->incomplete);
	if (a->evicted)
		fprintf(stderr, " %s %llu cut short for want of room (--max-connections)", dot,
			(unsigned long long)a->evicted);
	if (a->malformed)
		fprintf(stderr, " %s %llu records that were no events", dot,
			(unsigned long long)a->malformed);
	fputc('\n', stderr);
}

static void on_close(struct sink *sink)
{
	wipe_status((struct sink_text *)sink);
}

static const struct sink_ops ops = {
	.name = "text",
	.story = on_story,
	.listener = on_listener,
	.call = on_call,
	.lost = on_lost,
	.tick = on_tick,
	.summary = on_summary,
	.close = on_close,
};

void sink_text_init(struct sink_text *s, const struct sink_text_conf *conf)
{
	memset(s, 0, sizeof(*s));
	s->sink.ops = &ops;
	s->conf = *conf;
	look_init(&s->look);
}
