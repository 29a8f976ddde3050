/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Literal events for tests: one row of a static table, `struct act`, says what is special about an
 * event; build() makes the event.  And a recorder of the stories that a timeline tells.
 */
#ifndef SOCKLINE_TESTS_BUILD_H
#define SOCKLINE_TESTS_BUILD_H

#include <criterion/criterion.h>
#include <string.h>

#include "decode.h"
#include "event_desc.h"
#include "story.h"
#include "timeline.h"

/* A row says what is special about it, and nothing else. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define BASE_NS	 1000000000000ULL /* when every test begins */
#define US	 1000ULL
#define MS	 1000000ULL
#define SEC	 1000000000ULL
#define LISTENER 4106ULL
#define CHILD	 5000ULL
#define RPORT	 40000
#define LIMIT	 4

#define TCP_ESTABLISHED_ 1
#define TCP_CLOSE_	7
#define TCP_CLOSE_WAIT_ 8

struct act {
	uint8_t kind;
	uint32_t at_us; /* after BASE_NS */
	uint8_t flags;
	uint8_t synq;
	uint8_t acceptq;
	/* SYN, REFUSED: sequence number; SYNACK: retrans; DROP, GONE: reason; states: new_state;
	 * CALL: result, positive */
	uint32_t what;
	uint32_t more;	 /* SYN: syncookies; DROP: tcp_flags; GONE: retrans; states: error */
	uint64_t cookie; /* of the child or socket; 0: CHILD */
	uint16_t rport;	 /* 0: RPORT */
	uint32_t limit;	 /* 0: LIMIT */
	uint32_t drops;	 /* sk_drops of the listener */
	bool silent;	 /* what remains without it is a story as well */
};

static inline struct ev_tuple build_tuple(uint16_t rport)
{
	struct ev_tuple t = {
		.laddr = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1},
		.raddr = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2},
		.lport = 8080,
		.rport = rport ? rport : RPORT,
		.netns = 4026531840,
	};

	return t;
}

static inline struct ev_process build_process(uint32_t pid, const char *comm)
{
	struct ev_process p = {.pid = pid, .tid = pid, .cgroup = 77};

	strncpy(p.comm, comm, sizeof(p.comm) - 1);
	return p;
}

static inline struct ev_queues build_queues(const struct act *a)
{
	return (struct ev_queues){.cookie = LISTENER,
				  .synq = a->synq,
				  .acceptq = a->acceptq,
				  .limit = a->limit ? a->limit : LIMIT,
				  .drops = a->drops};
}

static inline void build_listen(struct ev_listen *e, const struct act *a)
{
	struct ev_tuple tuple = build_tuple(0);

	e->queues = build_queues(a);
	e->queues.cookie = a->cookie ? a->cookie : LISTENER;
	memcpy(e->addr, tuple.laddr, 16);
	e->port = tuple.lport;
	e->family = 2;
	e->netns = tuple.netns;
	e->process = build_process(812, "nginx");
	e->fd = 6;
	e->backlog = LIMIT;
}

static inline void build_call(struct ev_call *e, const struct act *a)
{
	struct ev_tuple tuple = build_tuple(a->rport);

	e->process = build_process(900, "curl");
	e->cookie = a->cookie;
	memcpy(e->addr, tuple.raddr, 16);
	memcpy(e->local_addr, tuple.laddr, 16);
	e->port = tuple.rport;
	e->family = e->addr_family = 2;
	e->netns = tuple.netns;
	e->result = -(int32_t)a->what;
	e->fd = 3;
	e->call = a->more ? a->more : CALL_CONNECT;
}

/* What the source itself says. */
static inline void build_host(union event *ev, const struct act *a)
{
	switch (ev->hdr.kind) {
	case EV_HOST:
	case EV_END:
		ev->host.realtime_offset_ns = 5 * SEC;
		ev->host.cpus = 2;
		return;
	case EV_OWNER:
		ev->owner.cookie = a->cookie ? a->cookie : LISTENER;
		ev->owner.process = build_process(812, "nginx");
		ev->owner.fd = 6;
		return;
	case EV_CGROUP:
	case EV_IFNAME:
		ev->name.id = a->what;
		ev->name.netns = build_tuple(0).netns;
		strcpy(ev->name.name, ev->hdr.kind == EV_CGROUP ? "/system.slice/nginx" : "eth0");
		return;
	case EV_LOST:
		ev->lost.events = a->what;
		return;
	}
}

/* A connection that comes, up to the accept queue. */
static inline void build_passive(union event *ev, const struct act *a)
{
	switch (ev->hdr.kind) {
	case EV_SYN:
		ev->syn.queues = build_queues(a);
		ev->syn.tcp_seq = a->what;
		ev->syn.ifindex = 2;
		ev->syn.max_syn_backlog = 128;
		ev->syn.syncookies = a->more;
		return;
	case EV_SYNACK:
	case EV_SYNACK_RETRANSMIT:
		ev->synack.queues = build_queues(a);
		ev->synack.retrans = a->what;
		return;
	case EV_QUEUED:
		ev->queued.queues = build_queues(a);
		ev->queued.cookie = a->cookie ? a->cookie : CHILD;
		return;
	case EV_DROP:
		ev->drop.queues = build_queues(a);
		ev->drop.reason = a->what;
		ev->drop.tcp_flags = a->more;
		return;
	case EV_REQUEST_GONE:
		ev->gone.queues = build_queues(a);
		ev->gone.reason = a->what;
		ev->gone.retrans = a->more;
		return;
	case EV_REFUSED:
		ev->refused.tcp_seq = a->what;
		ev->refused.ifindex = 2;
		return;
	}
}

/* A socket that has a cookie of its own. */
static inline void build_socket(union event *ev, const struct act *a)
{
	uint64_t cookie = a->cookie ? a->cookie : CHILD;

	switch (ev->hdr.kind) {
	case EV_ACCEPTED:
		ev->accepted.cookie = cookie;
		ev->accepted.process = build_process(812, "nginx");
		ev->accepted.fd = 12;
		return;
	case EV_CHILD_STATE:
	case EV_CONNECT_STATE:
	case EV_SYN_RETRANSMIT:
		ev->state.cookie = cookie;
		ev->state.old_state = ev->hdr.kind == EV_CHILD_STATE ? 1 : 2;
		ev->state.new_state = a->what;
		ev->state.error = a->more;
		return;
	case EV_CONNECT:
		ev->connect.tuple.lport = 0;
		ev->connect.cookie = cookie;
		ev->connect.process = build_process(900, "curl");
		ev->connect.fd = 3;
		return;
	case EV_LISTEN:
	case EV_UNLISTEN:
	case EV_LISTENER:
		build_listen(&ev->listen, a);
		return;
	case EV_CALL:
		build_call(&ev->call, a);
		return;
	}
}

static inline union event build(const struct act *a)
{
	const struct event_desc *desc = event_desc(a->kind);
	struct ev_tuple tuple = build_tuple(a->rport);
	union event ev;

	memset(&ev, 0, sizeof(ev));
	ev.hdr.time_ns = BASE_NS + a->at_us * US;
	ev.hdr.kind = a->kind;
	ev.hdr.flags = a->flags;
	if (desc && desc->tuple_at >= 0)
		memcpy((char *)&ev + desc->tuple_at, &tuple, sizeof(tuple));
	build_passive(&ev, a);
	build_socket(&ev, a);
	build_host(&ev, a);
	return ev;
}

/* The stories that were told, in order. */
#define TOLD_MAX 64

struct told {
	struct story stories[TOLD_MAX];
	int cnt;
};

static inline void told_story(void *ctx, const struct story *s)
{
	struct told *told = ctx;

	cr_assert_lt(told->cnt, TOLD_MAX, "too many stories");
	told->stories[told->cnt++] = *s;
}

/* As the pipeline does it: what falls due before it is concluded before it. */
static inline void feed(struct timeline *t, const struct act *a)
{
	union event ev = build(a);

	timeline_tick(t, ev.hdr.time_ns);
	timeline_feed(t, &ev);
}

static inline void feed_all(struct timeline *t, const struct act *acts, size_t cnt)
{
	for (size_t i = 0; i < cnt && acts[i].kind; i++)
		feed(t, &acts[i]);
}

/* Its steps by name: "syn synack queued". */
static inline const char *steps_of(const struct story *s)
{
	static char buf[512];

	buf[0] = 0;
	for (int i = 0; i < s->step_cnt; i++) {
		strcat(buf, i ? " " : "");
		strcat(buf, step_name(s->steps[i].kind));
	}
	return buf;
}

/* What holds of every story, however it came about. */
static inline void check_sane(const char *name, const struct story *s)
{
	cr_assert_leq(s->step_cnt, STEPS_MAX, "%s", name);
	cr_assert_gt(s->step_cnt, 0, "%s: a story of nothing", name);
	for (int i = 1; i < s->step_cnt; i++)
		cr_expect_leq(s->steps[i - 1].time_ns, s->steps[i].time_ns,
			      "%s: step %d is before the one before it", name, i);
	cr_expect_leq(s->steps[s->step_cnt - 1].time_ns, s->ended_ns, "%s", name);
	cr_expect_geq(story_handshake_ns(s), -1, "%s", name);
	cr_expect_geq(story_queued_ns(s), -1, "%s", name);
	cr_expect_geq(story_total_ns(s), -1, "%s", name);
}

#endif
