// SPDX-License-Identifier: GPL-2.0-only
/* Owns the JSON shape of stories and of what goes with them. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "errno_name.h"
#include "output_json.h"
#include "sink_json.h"

static void us_or_null(struct json *j, const char *key, int64_t ns)
{
	json_u64_if(j, key, ns >= 0, ns / 1000);
}

static void endpoint(struct json *j, const char *key, const uint8_t addr[16], uint16_t port)
{
	json_object(j, key);
	json_addr(j, "addr", addr);
	json_u64_if(j, "port", port, port);
	json_end_object(j);
}

static void queue(struct json *j, const char *key, const struct queue_seen *q)
{
	if (q->depth == QUEUE_UNKNOWN) {
		json_null(j, key);
		return;
	}
	json_object(j, key);
	json_u64(j, "depth", q->depth);
	json_u64(j, "limit", q->limit);
	json_end_object(j);
}

void sink_json_process(struct json *j, const struct sink_view *view, const char *key,
		       const struct ev_process *p, int fd)
{
	if (!p->pid) {
		json_null(j, key);
		return;
	}
	json_object(j, key);
	json_u64(j, "pid", p->pid);
	json_u64(j, "tid", p->tid);
	json_str(j, "comm", p->comm);
	json_u64_if(j, "fd", fd >= 0, fd);
	json_str(j, "cgroup", names_cgroup(view->names, p->cgroup));
	json_end_object(j);
}

static void listener(struct json *j, const struct sink_view *view, uint64_t cookie)
{
	const struct listener *l = listeners_find(view->listeners, cookie);

	if (!cookie) {
		json_null(j, "listener");
		return;
	}
	json_object(j, "listener");
	if (l) {
		json_addr(j, "addr", l->addr);
		json_u64(j, "port", l->port);
	} else {
		json_null(j, "addr");
		json_null(j, "port");
	}
	json_u64(j, "cookie", cookie);
	json_end_object(j);
}

static void flags(struct json *j, const struct story *s)
{
	json_u64(j, "synack_retransmits", s->synack_retransmits);
	json_u64(j, "syn_retransmits", s->syn_retransmits);
	json_bool(j, "syncookie", s->syncookie);
	if (s->fastopen)
		json_bool(j, "fastopen", true);
	if (s->mptcp)
		json_bool(j, "mptcp", true);
	if (s->io_uring)
		json_bool(j, "io_uring", true);
	json_bool(j, "complete", s->complete);
}

static void outcome(struct json *j, const struct story *s)
{
	json_str(j, "role", s->role == ROLE_ACTIVE ? "active" : "passive");
	json_str(j, "outcome", outcome_name(s->outcome));
	if (story_failed(s))
		json_str(j, "reason", story_reason(s));
	if (s->outcome == OUTCOME_OPEN)
		json_str(j, "state", story_state(s));
}

void sink_json_story(struct json *j, const struct sink_view *view, const struct story *s)
{
	json_object(j, NULL);
	json_str(j, "type", "connection");
	json_time(j, "time", story_start_ns(s) + view->realtime_offset_ns);
	outcome(j, s);
	json_u64(j, "netns", s->tuple.netns);
	json_str(j, "family", addr_is_v4(s->tuple.raddr) ? "ipv4" : "ipv6");
	json_str(j, "ifname",
		 s->ifindex ? names_ifname(view->names, s->tuple.netns, s->ifindex) : NULL);
	json_u64_if(j, "cookie", s->cookie, s->cookie);
	endpoint(j, "local", s->tuple.laddr, s->tuple.lport);
	endpoint(j, "remote", s->tuple.raddr, s->tuple.rport);
	listener(j, view, s->listener);
	sink_json_process(j, view, "process", &s->process, s->direct ? -1 : s->fd);
	queue(j, "synq", &s->synq);
	queue(j, "acceptq", &s->acceptq);
	us_or_null(j, "handshake_us", story_handshake_ns(s));
	us_or_null(j, "queued_us", story_queued_ns(s));
	us_or_null(j, "total_us", story_total_ns(s));
	flags(j, s);
	output_json_steps(j, "steps", s);
	json_end_object(j);
	json_newline(j);
}

static void on_story(struct sink *sink, const struct story *story)
{
	struct sink_json *s = (struct sink_json *)sink;

	sink_json_story(&s->out, sink->view, story);
}

static void on_listener(struct sink *sink, const struct ev_listen *ev)
{
	struct sink_json *s = (struct sink_json *)sink;
	struct json *j = &s->out;

	if (!s->binds)
		return;
	json_object(j, NULL);
	json_str(j, "type", ev->hdr.kind == EV_LISTEN ? "listen" : "close");
	json_time(j, "time", ev->hdr.time_ns + sink->view->realtime_offset_ns);
	json_u64(j, "netns", ev->netns);
	json_str(j, "family", ev->family == 2 ? "ipv4" : "ipv6");
	json_addr(j, "addr", ev->addr);
	json_u64(j, "port", ev->port);
	json_u64_if(j, "cookie", ev->queues.cookie, ev->queues.cookie);
	json_u64_if(j, "backlog", ev->backlog >= 0, ev->backlog);
	json_u64(j, "limit", ev->queues.limit);
	sink_json_process(j, sink->view, "process", &ev->process, ev->fd);
	json_end_object(j);
	json_newline(j);
}

static void on_call(struct sink *sink, const struct ev_call *ev)
{
	static const char *const names[] = {
		[CALL_BIND] = "bind", [CALL_LISTEN] = "listen", [CALL_CONNECT] = "connect"};
	struct sink_json *s = (struct sink_json *)sink;
	struct json *j = &s->out;

	if (!s->binds || ev->call == CALL_CONNECT)
		return;
	json_object(j, NULL);
	json_str(j, "type", "call");
	json_time(j, "time", ev->hdr.time_ns + sink->view->realtime_offset_ns);
	json_str(j, "syscall", names[ev->call]);
	json_str(j, "errno", ev->result ? errno_name(-ev->result) : NULL);
	json_u64(j, "netns", ev->netns);
	json_addr(j, "addr", ev->addr);
	json_u64(j, "port", ev->port);
	sink_json_process(j, sink->view, "process", &ev->process, ev->fd);
	json_end_object(j);
	json_newline(j);
}

static void on_lost(struct sink *sink, const struct ev_lost *ev)
{
	struct json *j = &((struct sink_json *)sink)->out;

	json_object(j, NULL);
	json_str(j, "type", "lost");
	json_time(j, "time", ev->hdr.time_ns + sink->view->realtime_offset_ns);
	json_u64(j, "events", ev->events);
	json_str(j, "where", ev->cpu == EV_CPU_HOST ? "probe" : "ring");
	json_u64_if(j, "cpu", ev->cpu != EV_CPU_HOST, ev->cpu);
	json_end_object(j);
	json_newline(j);
}

/* Whole lines, to the last byte; a reader that has gone ends the sink. */
static void flush(struct sink_json *s)
{
	size_t done = 0;

	while (done < s->out.len && !s->sink.error) {
		ssize_t n = write(s->fd, s->out.buf + done, s->out.len - done);

		if (n >= 0)
			done += n;
		else if (errno != EINTR)
			s->sink.error = -errno;
	}
	if (s->out.failed)
		s->sink.error = -ENOMEM;
	s->out.len = 0;
}

static void on_tick(struct sink *sink, uint64_t now_ns, const struct account *a)
{
	flush((struct sink_json *)sink);
}

static void on_summary(struct sink *sink, const struct account *a, uint64_t now_ns)
{
	struct sink_json *s = (struct sink_json *)sink;
	struct json *j = &s->out;

	json_object(j, NULL);
	json_str(j, "type", "summary");
	json_time(j, "time", now_ns + sink->view->realtime_offset_ns);
	output_json_account(j, a);
	json_u64(j, "duration_us",
		 sink->view->start_ns && now_ns > sink->view->start_ns
			 ? (now_ns - sink->view->start_ns) / 1000
			 : 0);
	json_end_object(j);
	json_newline(j);
	flush(s);
}

static void on_close(struct sink *sink)
{
	json_free(&((struct sink_json *)sink)->out);
}

static const struct sink_ops ops = {
	.name = "json",
	.story = on_story,
	.listener = on_listener,
	.call = on_call,
	.lost = on_lost,
	.tick = on_tick,
	.summary = on_summary,
	.close = on_close,
};

void sink_json_init(struct sink_json *s, int fd, bool binds)
{
	memset(s, 0, sizeof(*s));
	s->sink.ops = &ops;
	s->fd = fd;
	s->binds = binds;
}
