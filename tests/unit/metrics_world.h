/* SPDX-License-Identifier: GPL-2.0-only */
/* A host whose counters a test turns, and the metrics that are made of them. */
#ifndef SOCKLINE_TESTS_METRICS_WORLD_H
#define SOCKLINE_TESTS_METRICS_WORLD_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "build.h"
#include "metrics.h"

#define LISTENERS 8

/* A host whose counters a test turns; listener i has the cookie 10 + i and the port 8000 + i. */
struct world {
	struct counters_listener listeners[LISTENERS];
	struct snap_owner owners[LISTENERS];
	struct counters_listener gone[2];
	struct counters_calls failed;
	struct counters_view view;
	struct metrics *metrics;
	struct metrics_text text;
	int places; /* how often it was asked */
};

static inline void place(void *ctx, const struct snap_owner *owner, char labels[METRICS_LABELS])
{
	struct world *w = ctx;

	w->places++;
	metrics_label(labels, METRICS_LABELS, "cgroup", "/x");
}

static inline void world_start(struct world *w, uint32_t max)
{
	struct metrics_ops ops = {.place = place, .ctx = w};

	memset(w, 0, sizeof(*w));
	w->metrics = metrics_new(max, &ops);
	cr_assert_not_null(w->metrics);
	w->view.start_ns = w->view.time_ns = 100 * SEC;
	w->view.listeners = w->listeners;
	w->view.cnt = LISTENERS;
	w->view.snaps = 1;
	w->view.gone = w->gone;
	for (int i = 0; i < LISTENERS; i++) {
		struct counters_listener *l = &w->listeners[i];

		l->sock.cookie = 10 + i;
		l->sock.lport = 8000 + i;
		l->sock.hdr.netns = 7;
		l->sock.limit = 10;
		l->sock.syncookies = 1;
		l->sock.laddr[10] = l->sock.laddr[11] = 0xff;
		l->owners = &w->owners[i];
		l->owner_cnt = 1;
		w->owners[i].pid = 100 + i;
		strcpy(w->owners[i].comm, "web");
	}
}

static inline void world_end(struct world *w)
{
	metrics_free(w->metrics);
	free(w->text.buf);
}

static inline void world_look(struct world *w)
{
	w->view.time_ns += SEC;
	cr_assert_eq(metrics_feed(w->metrics, &w->view), 0);
	w->text.len = 0;
	metrics_write(w->metrics, &w->text);
	cr_assert_not(w->text.failed);
}

/* Leaves the first cnt. */
static inline void world_keep(struct world *w, size_t first, size_t cnt)
{
	w->view.listeners = w->listeners + first;
	w->view.cnt = cnt;
}

/* The value of a sample, -1: there is none. */
static inline double value(const struct world *w, const char *fmt, ...)
{
	char want[256];
	const char *at;
	va_list ap;

	va_start(ap, fmt);
	want[0] = '\n';
	vsnprintf(want + 1, sizeof(want) - 2, fmt, ap);
	va_end(ap);
	strcat(want, " ");
	at = strstr(w->text.buf, want);
	return at ? atof(at + strlen(want)) : -1;
}

#define LABELS "{netns=\"7\",address=\"0.0.0.0\",port=\"%d\",comm=\"web\"}"
#define DROPS                                                                                      \
	"{netns=\"7\",address=\"0.0.0.0\",port=\"%d\",comm=\"web\",packet=\"%s\",reason=\"%s\"}"

static inline double syns(const struct world *w, int port)
{
	return value(w, "sockline_listener_syns_total" LABELS, port);
}

#endif
