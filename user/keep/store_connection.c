// SPDX-License-Identifier: GPL-2.0-only
/* Owns the table of connections: a row per story.  Pure. */
#include "output_json.h"
#include "store_schema.h"

static void role(struct store_in *in, struct store_value *v)
{
	store_text_value(v, in->story->role == ROLE_ACTIVE ? "active" : "passive");
}

static void outcome(struct store_in *in, struct store_value *v)
{
	store_text_value(v, outcome_name(in->story->outcome));
}

static void reason(struct store_in *in, struct store_value *v)
{
	store_text_value(v, story_reason(in->story));
}

static void state(struct store_in *in, struct store_value *v)
{
	store_text_value(v, in->story->outcome == OUTCOME_OPEN ? story_state(in->story) : NULL);
}

static void failed(struct store_in *in, struct store_value *v)
{
	v->n = story_failed(in->story);
}

static void complete(struct store_in *in, struct store_value *v)
{
	v->n = in->story->complete;
}

static void netns(struct store_in *in, struct store_value *v)
{
	v->n = in->story->tuple.netns;
}

static void family(struct store_in *in, struct store_value *v)
{
	store_text_value(v, addr_is_v4(in->story->tuple.raddr) ? "ipv4" : "ipv6");
}

static void ifname(struct store_in *in, struct store_value *v)
{
	const struct story *s = in->story;

	store_text_value(v, s->ifindex ? names_ifname(in->view->names, s->tuple.netns, s->ifindex)
				       : NULL);
}

static void cookie(struct store_in *in, struct store_value *v)
{
	store_number_if(v, in->story->cookie, in->story->cookie);
}

static void local_addr(struct store_in *in, struct store_value *v)
{
	store_addr_value(in, v, in->story->tuple.laddr);
}

static void local_port(struct store_in *in, struct store_value *v)
{
	store_number_if(v, in->story->tuple.lport, in->story->tuple.lport);
}

static void remote_addr(struct store_in *in, struct store_value *v)
{
	store_addr_value(in, v, in->story->tuple.raddr);
}

static void remote_port(struct store_in *in, struct store_value *v)
{
	store_number_if(v, in->story->tuple.rport, in->story->tuple.rport);
}

static void listener_addr(struct store_in *in, struct store_value *v)
{
	if (in->listener)
		store_addr_value(in, v, in->listener->addr);
	else
		v->null = true;
}

static void listener_port(struct store_in *in, struct store_value *v)
{
	store_number_if(v, in->listener, in->listener ? in->listener->port : 0);
}

static void listener_cookie(struct store_in *in, struct store_value *v)
{
	store_number_if(v, in->story->listener, in->story->listener);
}

static void pid(struct store_in *in, struct store_value *v)
{
	store_number_if(v, in->story->process.pid, in->story->process.pid);
}

static void tid(struct store_in *in, struct store_value *v)
{
	store_number_if(v, in->story->process.pid, in->story->process.tid);
}

static void comm(struct store_in *in, struct store_value *v)
{
	store_text_value(v, in->story->process.pid ? in->story->process.comm : NULL);
}

static void fd(struct store_in *in, struct store_value *v)
{
	const struct story *s = in->story;

	store_number_if(v, s->process.pid && s->fd >= 0 && !s->direct, s->fd);
}

static void cgroup(struct store_in *in, struct store_value *v)
{
	const struct ev_process *p = &in->story->process;

	store_text_value(v, p->pid ? names_cgroup(in->view->names, p->cgroup) : NULL);
}

static void depth_of(const struct queue_seen *q, struct store_value *v)
{
	store_number_if(v, q->depth != QUEUE_UNKNOWN, q->depth);
}

static void limit_of(const struct queue_seen *q, struct store_value *v)
{
	store_number_if(v, q->depth != QUEUE_UNKNOWN, q->limit);
}

static void synq_depth(struct store_in *in, struct store_value *v)
{
	depth_of(&in->story->synq, v);
}

static void synq_limit(struct store_in *in, struct store_value *v)
{
	limit_of(&in->story->synq, v);
}

static void acceptq_depth(struct store_in *in, struct store_value *v)
{
	depth_of(&in->story->acceptq, v);
}

static void acceptq_limit(struct store_in *in, struct store_value *v)
{
	limit_of(&in->story->acceptq, v);
}

static void handshake_us(struct store_in *in, struct store_value *v)
{
	store_us_value(v, story_handshake_ns(in->story));
}

static void queued_us(struct store_in *in, struct store_value *v)
{
	store_us_value(v, story_queued_ns(in->story));
}

static void total_us(struct store_in *in, struct store_value *v)
{
	store_us_value(v, story_total_ns(in->story));
}

static void synack_retransmits(struct store_in *in, struct store_value *v)
{
	v->n = in->story->synack_retransmits;
}

static void syn_retransmits(struct store_in *in, struct store_value *v)
{
	v->n = in->story->syn_retransmits;
}

static void syncookie(struct store_in *in, struct store_value *v)
{
	v->n = in->story->syncookie;
}

static void fastopen(struct store_in *in, struct store_value *v)
{
	v->n = in->story->fastopen;
}

static void mptcp(struct store_in *in, struct store_value *v)
{
	v->n = in->story->mptcp;
}

static void io_uring(struct store_in *in, struct store_value *v)
{
	v->n = in->story->io_uring;
}

static void steps(struct store_in *in, struct store_value *v)
{
	struct json *j = in->json;

	j->len = 0;
	j->comma = false;
	output_json_steps(j, NULL, in->story);
	v->text = j->buf;
	v->len = j->len;
}

static const struct store_column columns[] = {
	STORE_COMMON_FIRST,
	{"role", STORE_TEXT, false, false, role, "passive: it came here; active: this host called"},
	{"outcome", STORE_TEXT, false, false, outcome, "accepted, syn_dropped, expired, reset, …"},
	{"reason", STORE_TEXT, true, false, reason, "why it failed: accept_queue_full, …"},
	{"state", STORE_TEXT, true, false, state, "where it stood, if it was still open"},
	{"failed", STORE_BOOL, false, false, failed, "1: it never made it, or was lost on the way"},
	{"complete", STORE_BOOL, false, false, complete, "0: a step is missing"},
	{"netns", STORE_U32, false, false, netns, "inode number of the network namespace"},
	{"family", STORE_TEXT, false, false, family, "ipv4 or ipv6"},
	{"ifname", STORE_TEXT, true, false, ifname, "interface that its SYN came in by"},
	{"cookie", STORE_U64, true, false, cookie, "the kernel's number of the socket"},
	{"local_addr", STORE_TEXT, false, false, local_addr, "address on this host"},
	{"local_port", STORE_U16, true, false, local_port, "port on this host"},
	{"remote_addr", STORE_TEXT, false, false, remote_addr, "address of the peer"},
	{"remote_port", STORE_U16, true, false, remote_port, "port of the peer"},
	{"listener_addr", STORE_TEXT, true, false, listener_addr, "what its listener is bound to"},
	{"listener_port", STORE_U16, true, false, listener_port, "its listener's port"},
	{"listener_cookie", STORE_U64, true, false, listener_cookie, "its listener's socket"},
	{"pid", STORE_U32, true, false, pid, "process that accepted or connected"},
	{"tid", STORE_U32, true, false, tid, "its thread"},
	{"comm", STORE_TEXT, true, false, comm, "its name"},
	{"fd", STORE_I32, true, false, fd, "its file descriptor"},
	{"cgroup", STORE_TEXT, true, false, cgroup, "its cgroup, below the cgroup2 root"},
	{"synq_depth", STORE_U32, true, false, synq_depth, "SYN queue at its SYN"},
	{"synq_limit", STORE_U32, true, false, synq_limit, "what the kernel compares that with"},
	{"acceptq_depth", STORE_U32, true, false, acceptq_depth, "accept queue as it stood in it"},
	{"acceptq_limit", STORE_U32, true, false, acceptq_limit,
	 "what the kernel compares that with"},
	{"handshake_us", STORE_U64, true, false, handshake_us, "SYN to accept queue, microseconds"},
	{"queued_us", STORE_U64, true, false, queued_us, "in the accept queue, microseconds"},
	{"total_us", STORE_U64, true, false, total_us, "from its beginning to its end"},
	{"synack_retransmits", STORE_U32, false, false, synack_retransmits, "SYN-ACKs sent again"},
	{"syn_retransmits", STORE_U32, false, false, syn_retransmits, "SYNs that came again"},
	{"syncookie", STORE_BOOL, false, false, syncookie, "1: made by a SYN cookie"},
	{"fastopen", STORE_BOOL, false, false, fastopen, "1: TCP Fast Open"},
	{"mptcp", STORE_BOOL, false, false, mptcp, "1: Multipath TCP"},
	{"io_uring", STORE_BOOL, false, false, io_uring, "1: accepted by io_uring"},
	{"steps", STORE_TEXT, false, false, steps, "the timeline, as in --json"},
	STORE_COMMON_LAST,
};

const struct store_table store_connections = {
	.name = "connections",
	.what = "a row per finished timeline",
	.columns = columns,
	.column_cnt = sizeof(columns) / sizeof(columns[0]),
};
