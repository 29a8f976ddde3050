// SPDX-License-Identifier: GPL-2.0-only
/* THE flow.  Bytes come in at pipeline_feed(), in any order; pipeline_settle() sends on what is
 * old enough, in the order of time, through dispatch() to those who keep state, and to the sinks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "pipeline.h"
#include "timeline.h"

#ifndef ORDER_CAPACITY /* a fuzz build has less room */
#define ORDER_CAPACITY	  65536
#define LISTENER_CAPACITY 16384
#endif

struct pipeline {
	struct order *order;
	struct timeline *timeline;
	struct listeners *listeners;
	struct names *names;
	const struct filter *filter;
	struct sink *sinks[PIPELINE_SINKS];
	int sink_cnt;
	struct sink_view view;
	struct account account;
	uint64_t max_lines;
	uint64_t now_ns;
	bool passive_only;
};

#define TELL(p, callback, ...)                                                                     \
	for (int i_ = 0; i_ < (p)->sink_cnt; i_++)                                                 \
		if ((p)->sinks[i_]->ops->callback)                                                 \
	(p)->sinks[i_]->ops->callback((p)->sinks[i_], __VA_ARGS__)

static bool full(const struct pipeline *p)
{
	return p->max_lines && p->account.connections + p->account.calls >= p->max_lines;
}

static void story_ended(void *ctx, const struct story *s)
{
	struct pipeline *p = ctx;
	const struct listener *l;

	if (story_step(s, STEP_ACCEPTED))
		listeners_feed_accept(p->listeners, s->listener, &s->process, s->ended_ns);
	l = listeners_find(p->listeners, s->listener);
	if (full(p) || (p->passive_only && s->role == ROLE_ACTIVE) ||
	    !filter_story(p->filter, s, l, p->names))
		return;
	p->account.connections++;
	p->account.failed += story_failed(s);
	p->account.incomplete += !s->complete;
	TELL(p, story, s);
}

struct pipeline *pipeline_new(const struct pipeline_conf *conf)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	uint32_t connections = conf->max_connections ? conf->max_connections : PIPELINE_CONNECTIONS;

	if (!p)
		return NULL;
	p->filter = conf->filter;
	p->max_lines = conf->max_lines;
	p->passive_only = conf->passive_only;
	p->order = order_new(ORDER_CAPACITY);
	p->timeline = timeline_new(connections, story_ended, p);
	p->listeners = listeners_new(LISTENER_CAPACITY);
	p->names = names_new();
	if (!p->order || !p->timeline || !p->listeners || !p->names) {
		pipeline_free(p);
		return NULL;
	}
	p->view = (struct sink_view){.listeners = p->listeners, .names = p->names};
	return p;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	order_free(p->order);
	timeline_free(p->timeline);
	listeners_free(p->listeners);
	names_free(p->names);
	free(p);
}

int pipeline_add_sink(struct pipeline *p, struct sink *sink)
{
	if (p->sink_cnt == PIPELINE_SINKS)
		return -ENOSPC;
	sink->view = &p->view;
	p->sinks[p->sink_cnt++] = sink;
	return 0;
}

static void lost(struct pipeline *p, const struct ev_lost *ev, uint64_t until_ns)
{
	p->account.lost += ev->events;
	timeline_lost(p->timeline, until_ns);
	TELL(p, lost, ev);
}

static void listener_event(struct pipeline *p, const union event *ev)
{
	listeners_feed(p->listeners, &ev->listen);
	if (ev->hdr.kind == EV_LISTENER)
		return;
	if (!p->filter->followed || ev->hdr.flags & EVF_FOLLOWED)
		TELL(p, listener, &ev->listen);
}

static void call_event(struct pipeline *p, const struct ev_call *ev)
{
	const char *cgroup = names_cgroup(p->names, ev->process.cgroup);

	if (full(p) || !filter_process(p->filter, &ev->process, cgroup))
		return;
	if (p->filter->followed && !(ev->hdr.flags & EVF_FOLLOWED))
		return;
	TELL(p, call, ev);
}

static void host_event(struct pipeline *p, const struct ev_host *ev)
{
	p->view.realtime_offset_ns = ev->realtime_offset_ns;
	if (!p->view.start_ns)
		p->view.start_ns = ev->hdr.time_ns;
}

/* In the order of time, to those who keep state. */
static void dispatch(struct pipeline *p, const union event *ev)
{
	const struct ev_queues *queues = event_queues(ev);

	if (queues)
		listeners_feed_queues(p->listeners, queues);
	TELL(p, event, ev);
	switch ((enum event_kind)ev->hdr.kind) {
	case EV_HOST:
		host_event(p, &ev->host);
		return;
	case EV_CGROUP:
	case EV_IFNAME:
		names_feed(p->names, &ev->name);
		return;
	case EV_OWNER:
		listeners_feed_owner(p->listeners, &ev->owner);
		return;
	case EV_LOST:
		lost(p, &ev->lost, ev->hdr.time_ns + ev->lost.span_us * 1000ULL);
		return;
	case EV_LISTENER:
	case EV_LISTEN:
	case EV_UNLISTEN:
		listener_event(p, ev);
		break;
	case EV_CALL:
		call_event(p, &ev->call);
		break;
	case EV_SYN:
	case EV_SYNACK:
	case EV_SYNACK_RETRANSMIT:
	case EV_QUEUED:
	case EV_ACCEPTED:
	case EV_DROP:
	case EV_REQUEST_GONE:
	case EV_CHILD_STATE:
	case EV_REFUSED:
	case EV_CONNECT:
	case EV_CONNECT_STATE:
	case EV_SYN_RETRANSMIT:
	case EV_END:
		break;
	}
	timeline_feed(p->timeline, ev);
}

static void dispatch_until(struct pipeline *p, uint64_t horizon_ns)
{
	const union event *ev;

	while ((ev = order_pop(p->order, horizon_ns))) {
		if (ev->hdr.time_ns > p->now_ns)
			p->now_ns = ev->hdr.time_ns;
		/* What falls due before it is concluded before it, live and replayed. */
		timeline_tick(p->timeline, p->now_ns);
		dispatch(p, ev);
	}
}

/* A gap in a CPU's numbers becomes a loss that the stream's readers hear of before what follows. */
static void tell_losses(struct pipeline *p, uint64_t until_ns)
{
	struct order_loss loss;

	while (order_next_loss(p->order, until_ns, &loss)) {
		struct ev_lost ev = {
			.hdr = {.time_ns = loss.from_ns, .cpu = EV_CPU_HOST, .kind = EV_LOST},
			.events = loss.events,
			.cpu = loss.cpu,
		};

		dispatch_until(p, loss.from_ns);
		lost(p, &ev, loss.until_ns);
	}
}

static void end_stream(struct pipeline *p)
{
	tell_losses(p, UINT64_MAX);
	dispatch_until(p, UINT64_MAX);
	timeline_tick(p->timeline, p->now_ns);
	timeline_finish(p->timeline);
}

static void begin_stream(struct pipeline *p, const struct ev_host *ev)
{
	if (order_stats(p->order)->events) {
		end_stream(p);
		order_reset(p->order);
		listeners_reset(p->listeners);
		names_reset(p->names);
		p->view.start_ns = p->now_ns = 0;
	}
	if (ev->hdr.flags & EVF_FRESH)
		order_from_zero(p->order);
}

/* The oldest goes on before its time, which is better than losing it.  Nothing is concluded from
 * what did not come yet. */
static void make_room(struct pipeline *p)
{
	const union event *oldest;

	tell_losses(p, order_oldest_ns(p->order));
	oldest = order_pop(p->order, UINT64_MAX);
	if (oldest)
		dispatch(p, oldest);
}

void pipeline_feed(struct pipeline *p, const void *bytes, size_t len)
{
	union event ev;
	int ret;

	TELL(p, raw, bytes, len);
	ret = decode_event(bytes, len, &ev);
	if (ret) {
		p->account.malformed++;
		return;
	}
	if (ev.hdr.kind == EV_HOST)
		begin_stream(p, &ev.host);
	if (ev.hdr.kind == EV_LOST)
		order_told(p->order, ev.lost.cpu, ev.lost.events);
	while (order_push(p->order, &ev) == -ENOSPC)
		make_room(p);
}

void pipeline_settle(struct pipeline *p, uint64_t horizon_ns)
{
	struct account a;

	tell_losses(p, UINT64_MAX);
	dispatch_until(p, horizon_ns);
	if (horizon_ns != UINT64_MAX) {
		p->now_ns = horizon_ns;
		timeline_tick(p->timeline, horizon_ns);
	}
	a = pipeline_account(p);
	TELL(p, tick, p->now_ns, &a);
}

void pipeline_finish(struct pipeline *p)
{
	struct account a;

	end_stream(p);
	a = pipeline_account(p);
	TELL(p, summary, &a, p->now_ns);
}

bool pipeline_done(const struct pipeline *p)
{
	return full(p) || pipeline_error(p);
}

int pipeline_error(const struct pipeline *p)
{
	for (int i = 0; i < p->sink_cnt; i++)
		if (p->sinks[i]->error)
			return p->sinks[i]->error;
	return 0;
}

struct account pipeline_account(const struct pipeline *p)
{
	const struct order_stats *order = order_stats(p->order);
	struct timeline_stats timeline = timeline_stats(p->timeline);
	struct account a = p->account;

	a.events = order->events;
	a.late = order->late;
	a.duplicates = order->duplicates;
	a.stories = timeline.stories;
	a.evicted = timeline.evicted;
	a.open = timeline.open;
	return a;
}
