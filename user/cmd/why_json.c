// SPDX-License-Identifier: GPL-2.0-only
/* An answer of why as the command-line contract writes it. */
#include <stdio.h>

#include "errno_name.h"
#include "snapshot_json.h"
#include "why_show.h"

#define TEXT 640

static void endpoint(struct json *j, const struct bind_cand *cand)
{
	bool remote = cand->op == BIND_OP_CONNECT;

	json_addr(j, "addr", remote ? cand->raddr : cand->addr);
	json_u64(j, "port", remote ? cand->rport : cand->port);
	json_str(j, "family", cand->family == 2 ? "ipv4" : "ipv6");
}

static void device(struct json *j, const struct why *w, uint32_t netns, uint32_t ifindex)
{
	json_str(j, "device", ifindex && w ? host_ifname(w->host, netns, ifindex) : NULL);
}

static void options(struct json *j, const struct why *w, const struct bind_cand *cand)
{
	json_object(j, "options");
	json_bool(j, "reuseaddr", cand->reuse);
	json_bool(j, "reuseport", cand->reuseport);
	json_bool(j, "v6only", cand->v6only);
	device(j, w, w ? w->question.netns : 0, cand->bound_dev_if);
	json_u64(j, "uid", cand->uid);
	json_end_object(j);
}

static void conflict(struct json *j, const struct why *w, const struct bind_conflict *c)
{
	const struct snapshot_sock *sock = why_sock(c);
	const struct bind_sock *b = c->sock;
	char text[TEXT];

	json_object(j, NULL);
	json_addr(j, "addr", b->addr);
	json_u64(j, "port", b->port);
	json_str(j, "family", b->family == 2 ? "ipv4" : "ipv6");
	json_str(j, "state", bindrule_state(b));
	json_u64_if(j, "time_left_us", sock->s.timer_ms >= 0, sock->s.timer_ms * 1000ULL);
	snapshot_json_process(j, "process", w->host, snapshot_owner(w->snapshot, sock));
	json_u64(j, "uid", b->uid);
	json_object(j, "options");
	json_bool(j, "reuseaddr", b->reuse);
	json_bool(j, "reuseport", b->reuseport);
	json_bool(j, "v6only", b->v6only);
	device(j, w, b->netns, b->bound_dev_if);
	json_end_object(j);
	json_str(j, "rule", bindrule_key(bindrule_main(&c->pair)));
	bindrule_text(&w->question.cand, c, " ", text, sizeof(text));
	json_str(j, "text", text);
	json_end_object(j);
}

static void conflicts(struct json *j, const struct why *w)
{
	json_array(j, "conflicts");
	for (size_t i = 0; w && i < w->result.n_conflicts && i < WHY_CONFLICTS; i++)
		conflict(j, w, &w->conflicts[i]);
	json_end_array(j);
}

static void advice(struct json *j, const struct why *w)
{
	char all[WHY_ADVICE * 260];
	size_t len = 0;

	all[0] = 0;
	for (size_t i = 0; w && i < w->advice_cnt; i++)
		len += snprintf(all + len, sizeof(all) - len, "%s%zu. %s", i ? " " : "", i + 1,
				w->advice[i].text);
	json_str(j, "advice", *all ? all : NULL);
}

static void reason(struct json *j, const struct why *w)
{
	char text[TEXT];

	bindrule_reason(&w->question.cand, &w->env, &w->result, text, sizeof(text));
	json_str(j, "rule", bindrule_key(w->result.rule));
	json_str(j, "text", *text ? text : NULL);
}

static const char *verdict_name(enum bind_verdict verdict)
{
	switch (verdict) {
	case BIND_OK:
		return "ok";
	case BIND_FAILS:
		return "fails";
	case BIND_UNKNOWN:
		return "unknown";
	}
	return "unknown";
}

void why_json_check(struct json *j, const struct why *w)
{
	const struct bind_result *r = &w->result;

	json_object(j, NULL);
	json_str(j, "type", "bind_check");
	json_str(j, "verdict", verdict_name(r->verdict));
	json_str(j, "errno", r->verdict == BIND_OK ? NULL : errno_name(r->err));
	json_str(j, "syscall", r->fails_at == BIND_OP_LISTEN ? "listen" : "bind");
	json_u64(j, "netns", w->question.netns);
	endpoint(j, &w->question.cand);
	options(j, w, &w->question.cand);
	reason(j, w);
	conflicts(j, w);
	advice(j, w);
	json_end_object(j);
	json_newline(j);
}

static void process(struct json *j, const struct why_failure *f)
{
	json_object(j, "process");
	json_u64(j, "pid", f->process.pid);
	json_u64(j, "tid", f->process.tid);
	json_str(j, "comm", f->process.comm);
	json_u64_if(j, "fd", f->fd >= 0, f->fd);
	json_str(j, "cgroup", f->cgroup);
	json_end_object(j);
}

void why_json_failure(struct json *j, const struct why_failure *f, const struct why *w,
		      const struct bind_cand *cand)
{
	const struct why *known = w && why_explains(w, f->error) ? w : NULL;

	json_object(j, NULL);
	json_str(j, "type", "bind_failed");
	json_time(j, "time", f->unix_ns);
	json_str(j, "syscall", f->syscall);
	json_str(j, "errno", errno_name(f->error));
	json_u64_if(j, "netns", w, w ? w->question.netns : 0);
	endpoint(j, cand);
	process(j, f);
	options(j, w, cand);
	json_bool(j, "io_uring", f->io_uring);
	json_bool(j, "explained", known);
	if (known) {
		reason(j, known);
	} else {
		json_null(j, "rule");
		json_str(j, "text", cand->op == BIND_OP_CONNECT ? why_outside(f->error) : NULL);
	}
	conflicts(j, known);
	advice(j, known);
	json_end_object(j);
	json_newline(j);
}
