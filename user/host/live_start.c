// SPDX-License-Identifier: GPL-2.0-only
/* Makes events out of a snapshot. */
#include <string.h>
#include <time.h>

#include "event.h"
#include "live_start.h"
#include "snapshot.h"

struct start {
	struct live_names *names;
	source_feed_fn feed;
	void *ctx;
	uint64_t now_ns;
};

static void put(const struct start *st, const void *ev, size_t len)
{
	live_names_before(st->names, ev, len, st->feed, st->ctx);
	st->feed(st->ctx, ev, len);
}

static struct ev_hdr header(const struct start *st, uint8_t kind)
{
	return (struct ev_hdr){.time_ns = st->now_ns, .cpu = EV_CPU_HOST, .kind = kind};
}

static void tell_owner(const struct start *st, uint64_t cookie, const struct snap_owner *o)
{
	struct ev_owner ev = {
		.hdr = header(st, EV_OWNER),
		.cookie = cookie,
		.process = {.pid = o->pid, .tid = o->pid, .cgroup = o->cgroup},
		.fd = o->fd,
		.uid = o->uid,
	};

	memcpy(ev.process.comm, o->comm, sizeof(ev.process.comm));
	put(st, &ev, sizeof(ev));
}

static void tell_listener(const struct start *st, const struct snap_sock *s)
{
	struct ev_listen ev = {
		.hdr = header(st, EV_LISTENER),
		.queues = {.cookie = s->cookie,
			   .synq = s->synq,
			   .acceptq = s->acceptq,
			   .limit = s->limit,
			   .drops = s->drops},
		.port = s->lport,
		.family = s->family,
		.netns = s->hdr.netns,
		.options = s->options,
		.device = s->device,
		.fd = -1,
		.backlog = -1,
	};

	memcpy(ev.addr, s->laddr, sizeof(ev.addr));
	put(st, &ev, sizeof(ev));
}

static bool wanted(const uint64_t *ports, uint16_t port)
{
	return !ports || ports[port / 64] >> port % 64 & 1;
}

int live_start(struct live_names *names, uint32_t netns, const uint64_t *ports, source_feed_fn feed,
	       void *ctx)
{
	struct snapshot_query query = {.scope = SNAP_LISTENERS, .netns = netns};
	struct start st = {.names = names, .feed = feed, .ctx = ctx};
	struct snapshot *snap;
	struct timespec ts;
	int ret;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	st.now_ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	ret = snapshot_take(&query, &snap);
	if (ret)
		return ret;
	for (size_t i = 0; i < snap->sock_cnt; i++) {
		const struct snapshot_sock *sock = &snap->socks[i];

		if (!sock->s.cookie || !wanted(ports, sock->s.lport))
			continue;
		tell_listener(&st, &sock->s);
		for (uint32_t k = 0; k < sock->owner_cnt; k++)
			tell_owner(&st, sock->s.cookie, &snap->owners[sock->owner_first + k]);
	}
	snapshot_free(snap);
	return 0;
}
