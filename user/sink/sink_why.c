// SPDX-License-Identifier: GPL-2.0-only
/* Owns the way from a failed call to its explanation. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "sink_why.h"
#include "why_show.h"

static const char *const calls[] = {
	[CALL_BIND] = "bind", [CALL_LISTEN] = "listen", [CALL_CONNECT] = "connect"};

static struct bind_cand cand_of_call(const struct ev_call *e)
{
	struct bind_cand c = {
		.family = e->family,
		.state = 7, /* TCP_CLOSE */
		.scope_id = e->scope,
		.bound_dev_if = e->device,
		.uid = e->uid,
		.reuse = !!(e->options & SO_F_REUSEADDR),
		.reuseport = e->options & SO_F_REUSEPORT,
		.v6only = e->options & SO_F_V6ONLY,
		.freebind = e->options & SO_F_FREEBIND,
		.transparent = e->options & SO_F_TRANSPARENT,
		/* Whoever lacks the capability was told EACCES. */
		.cap_bind = e->result != -EACCES,
	};

	if (e->call == CALL_CONNECT) {
		c.op = BIND_OP_CONNECT;
		c.port = e->local_port;
		c.rport = e->port;
		memcpy(c.addr, e->local_addr, 16);
		memcpy(c.raddr, e->addr, 16);
	} else {
		c.op = e->call == CALL_LISTEN ? BIND_OP_LISTEN : BIND_OP_BIND;
		c.port = e->port;
		c.bound = e->call == CALL_BIND && e->local_port;
		memcpy(c.addr, e->addr, 16);
	}
	return c;
}

static void tell(struct sink_why *s, const struct why_failure *f, const struct why_question *q)
{
	struct why w;
	bool known = !why_ask(&w, s->reader, q);

	s->failures++;
	if (s->common->json)
		why_json_failure(&s->out, f, known ? &w : NULL, &q->cand);
	else
		why_failure_text(&s->look, f, known ? &w : NULL, &q->cand, s->common->wide);
	why_free(&w);
	if (s->common->count && s->failures >= s->common->count)
		s->sink.error = -EPIPE; /* enough: the pipeline stops */
}

/* Failures of connect() that come from outside are told of by the story, which sees them also when
 * the call did not wait. */
static bool told_by_story(const struct ev_call *e)
{
	static const int outside[] = {EINPROGRESS, EALREADY, EISCONN, EINTR, EAGAIN, ECONNREFUSED,
				      ETIMEDOUT, ECONNRESET, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN,
				      ENETDOWN};

	for (size_t i = 0; e->call == CALL_CONNECT && i < sizeof(outside) / sizeof(outside[0]); i++)
		if (-e->result == outside[i])
			return true;
	return false;
}

static void on_call(struct sink *sink, const struct ev_call *e)
{
	struct sink_why *s = (struct sink_why *)sink;
	struct why_question q = {.netns = e->netns, .cookie = e->cookie, .cand = cand_of_call(e)};
	struct why_failure f = {
		.unix_ns = e->hdr.time_ns + sink->view->realtime_offset_ns,
		.syscall = calls[e->call],
		.error = -e->result,
		.fd = e->fd,
		.io_uring = e->hdr.flags & EVF_IOURING,
		.process = e->process,
		.cgroup = names_cgroup(sink->view->names, e->process.cgroup),
	};

	if (e->result && !told_by_story(e) && !sink->error)
		tell(s, &f, &q);
}

static void on_story(struct sink *sink, const struct story *story)
{
	struct sink_why *s = (struct sink_why *)sink;
	struct why_question q = {.netns = story->tuple.netns, .cookie = story->cookie};
	struct why_failure f = {
		.unix_ns = story->ended_ns + sink->view->realtime_offset_ns,
		.syscall = "connect",
		.error = story->error,
		.fd = story->fd,
		.process = story->process,
		.cgroup = names_cgroup(sink->view->names, story->process.cgroup),
	};

	if (story->role != ROLE_ACTIVE || sink->error)
		return;
	if (story->outcome != OUTCOME_REFUSED && story->outcome != OUTCOME_TIMED_OUT &&
	    story->outcome != OUTCOME_UNREACHABLE)
		return;
	q.cand = (struct bind_cand){
		.op = BIND_OP_CONNECT,
		.family = addr_is_v4(story->tuple.raddr) ? AF_INET : AF_INET6,
		.state = 7, /* TCP_CLOSE */
		.port = story->tuple.lport,
		.rport = story->tuple.rport,
		.cap_bind = true,
	};
	memcpy(q.cand.addr, story->tuple.laddr, 16);
	memcpy(q.cand.raddr, story->tuple.raddr, 16);
	tell(s, &f, &q);
}

static void flush(struct sink_why *s)
{
	if (s->out.len)
		fwrite(s->out.buf, 1, s->out.len, stdout);
	s->out.len = 0;
	if ((fflush(stdout) || ferror(stdout)) && !s->sink.error)
		s->sink.error = errno ? -errno : -EIO;
}

static void on_tick(struct sink *sink, uint64_t now_ns, const struct account *a)
{
	struct sink_why *s = (struct sink_why *)sink;

	if (!s->told && !s->common->no_header)
		fputs("waiting for a bind, listen or connect that fails; Ctrl-C ends\n", stderr);
	s->told = true;
	flush(s);
}

static void on_lost(struct sink *sink, const struct ev_lost *ev)
{
	fprintf(stderr, "%llu event%s lost: a failure may have gone unseen\n",
		(unsigned long long)ev->events, ev->events == 1 ? "" : "s");
}

static void on_summary(struct sink *sink, const struct account *a, uint64_t now_ns)
{
	struct sink_why *s = (struct sink_why *)sink;

	if (s->common->json) {
		json_object(&s->out, NULL);
		json_str(&s->out, "type", "summary");
		json_time(&s->out, "time", now_ns + sink->view->realtime_offset_ns);
		json_u64(&s->out, "connections", 0);
		json_u64(&s->out, "failures", s->failures);
		json_u64(&s->out, "events", a->events);
		json_u64(&s->out, "lost", a->lost);
		json_end_object(&s->out);
		json_newline(&s->out);
	} else {
		fprintf(stderr, "%llu failure%s %s %s\n", (unsigned long long)s->failures,
			s->failures == 1 ? "" : "s", look_dot(&s->look),
			a->lost ? "events were lost" : "none lost");
	}
	flush(s);
}

static void on_close(struct sink *sink)
{
	struct sink_why *s = (struct sink_why *)sink;

	snapshot_close(s->reader);
	json_free(&s->out);
}

static const struct sink_ops ops = {
	.name = "why",
	.story = on_story,
	.call = on_call,
	.lost = on_lost,
	.tick = on_tick,
	.summary = on_summary,
	.close = on_close,
};

int sink_why_init(struct sink_why *s, const struct common *common)
{
	memset(s, 0, sizeof(*s));
	s->sink.ops = &ops;
	s->common = common;
	look_init(&s->look);
	return snapshot_open(&s->reader);
}
