// SPDX-License-Identifier: GPL-2.0-only
/* Makes events out of snapshots that are taken again and again, between those of a live source. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event.h"
#include "snapshot.h"
#include "source_sampled.h"

/* So that the events have come through when the multiple is passed. */
#define AHEAD_NS 20000000ULL

struct sampled {
	struct source source;
	struct source *live;
	struct snapshot_reader *reader;
	const struct filter *filter;
	uint64_t interval_ns;
	uint64_t next_ns;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void set_next(struct sampled *s, uint64_t now)
{
	now += AHEAD_NS;
	s->next_ns = now - now % s->interval_ns + s->interval_ns - AHEAD_NS;
}

static void tell(const struct sampled *s, const struct snap_sock *sock, uint64_t now)
{
	struct ev_listen ev = {
		.hdr = {.time_ns = now, .cpu = EV_CPU_HOST, .kind = EV_LISTENER},
		.queues = {sock->cookie, sock->synq, sock->acceptq, sock->limit, sock->drops},
		.port = sock->lport,
		.family = sock->family,
		.netns = sock->hdr.netns,
		.options = sock->options,
		.device = sock->device,
		.fd = -1,
		.backlog = -1,
	};

	memcpy(ev.addr, sock->laddr, sizeof(ev.addr));
	s->live->feed(s->live->ctx, &ev, sizeof(ev));
}

/* The time is that of the beginning: a listener that closes meanwhile is closed by a later event. */
static void sample(struct sampled *s, uint64_t now)
{
	struct snapshot_query query = {.scope = SNAP_LISTENERS, .netns = s->filter->netns};
	struct snapshot *snap;

	if (snapshot_read(s->reader, &query, &snap))
		return;
	for (size_t i = 0; i < snap->sock_cnt; i++) {
		const struct snap_sock *sock = &snap->socks[i].s;

		if (sock->cookie && filter_port(s->filter, sock->lport))
			tell(s, sock, now);
	}
	snapshot_free(snap);
}

static int sampled_read(struct source *source, uint64_t *horizon_ns)
{
	struct sampled *s = (struct sampled *)source;
	uint64_t now = now_ns();

	if (now >= s->next_ns) {
		sample(s, now);
		set_next(s, now);
	}
	return s->live->ops->read(s->live, horizon_ns);
}

static int sampled_pause_ms(const struct source *source)
{
	const struct sampled *s = (const struct sampled *)source;

	return s->live->ops->pause_ms(s->live);
}

static int sampled_drain(struct source *source)
{
	struct sampled *s = (struct sampled *)source;

	sample(s, now_ns());
	return s->live->ops->drain(s->live);
}

static void sampled_close(struct source *source)
{
	struct sampled *s = (struct sampled *)source;

	s->live->ops->close(s->live);
	snapshot_close(s->reader);
	free(s);
}

static const struct source_ops ops = {
	.read = sampled_read,
	.pause_ms = sampled_pause_ms,
	.drain = sampled_drain,
	.close = sampled_close,
};

int source_sampled_open(struct source *live, const struct filter *filter, uint64_t interval_ns,
			struct source **out)
{
	struct sampled *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	s->source = (struct source){&ops, live->feed, live->ctx};
	s->live = live;
	s->filter = filter;
	s->interval_ns = interval_ns;
	ret = snapshot_open(&s->reader);
	if (ret) {
		free(s);
		return ret;
	}
	set_next(s, now_ns());
	*out = &s->source;
	return 0;
}
