// SPDX-License-Identifier: GPL-2.0-only
/* The comparison, and the print of a disagreement. */
#include "judge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

static const char *const op_names[] = {"BIND_OP_BIND", "BIND_OP_BIND_LISTEN", "BIND_OP_LISTEN",
				       "BIND_OP_CONNECT"};
static const char *const from_names[] = {"BIND_PORT_EXPLICIT", "BIND_PORT_CONNECT",
					 "BIND_PORT_OTHER"};
static const char *const state_names[] = {"0",
					  "TCP_ESTABLISHED",
					  "TCP_SYN_SENT",
					  "TCP_SYN_RECV",
					  "TCP_FIN_WAIT1",
					  "TCP_FIN_WAIT2",
					  "TCP_TIME_WAIT",
					  "TCP_CLOSE",
					  "TCP_CLOSE_WAIT",
					  "TCP_LAST_ACK",
					  "TCP_LISTEN",
					  "TCP_CLOSING"};

static const char *family_name(uint16_t family)
{
	return family == AF_INET ? "AF_INET" : "AF_INET6";
}

static const char *addr_text(uint16_t family, const uint8_t addr[16], char buf[64])
{
	inet_ntop(family, addr + (family == AF_INET ? 12 : 0), buf, 64);
	return buf;
}

static void flag(const char *name, long value)
{
	if (value)
		printf(", .%s = %ld", name, value);
}

static void show_cand(const struct bind_cand *c)
{
	char buf[64];

	printf("\t\t.cand = {.op = %s, .family = %s, .port = %u, .state = %s", op_names[c->op],
	       family_name(c->family), c->port, state_names[c->state]);
	flag("scope_id", c->scope_id);
	flag("bound_dev_if", c->bound_dev_if);
	flag("uid", c->uid);
	flag("reuse", c->reuse);
	flag("reuseport", c->reuseport);
	flag("v6only", c->v6only);
	flag("freebind", c->freebind);
	flag("transparent", c->transparent);
	flag("no_port", c->no_port);
	flag("local_range", c->local_range);
	flag("cap_bind", c->cap_bind);
	flag("reuseport_prog", c->reuseport_prog);
	flag("rport", c->rport);
	printf("},\n\t\t.cand_addr = \"%s\",\n", addr_text(c->family, c->addr, buf));
	if (c->op == BIND_OP_CONNECT)
		printf("\t\t.cand_raddr = \"%s\",\n", addr_text(c->family, c->raddr, buf));
}

static void show_sock(const struct bind_sock *s)
{
	char buf[64];

	printf("\t\t\t{\"%s\",", addr_text(s->family, s->addr, buf));
	printf(" \"%s\", {.family = %s, .port = %u, .state = %s, .from = %s",
	       addr_text(s->family, s->raddr, buf), family_name(s->family), s->port,
	       state_names[s->state], from_names[s->from]);
	flag("rport", s->rport);
	flag("bound_dev_if", s->bound_dev_if);
	flag("uid", s->uid);
	flag("reuse", s->reuse);
	flag("reuseport", s->reuseport);
	flag("v6only", s->v6only);
	printf("}},\n");
}

static void show_bucket(const struct bind_bucket *b)
{
	char buf[64];

	if (!b)
		return;
	printf("\t\t.bucket = {.known = %d, .fastreuse = %d, .fastreuseport = %d, .fastuid = %u",
	       b->known, b->fastreuse, b->fastreuseport, b->fastuid);
	if (b->fast_family)
		printf(", .fast_family = %s, .fast_v6only = %d},\n\t\t.bucket_addr = \"%s\",\n",
		       family_name(b->fast_family), b->fast_v6only,
		       addr_text(b->fast_family, b->fast_addr, buf));
	else
		printf("},\n");
}

static void show(const struct judge *j, const struct situation *s, const struct bind_cand *c,
		 const struct bind_sock *socks, size_t n, const struct bind_bucket *bucket, int err)
{
	printf("\t{\n\t\t.name = \"seed %llu, situation %u\",\n", (unsigned long long)j->seed,
	       j->index);
	show_cand(c);
	printf("\t\t.socks = {\n");
	for (size_t i = 0; i < n; i++)
		show_sock(&socks[i]);
	printf("\t\t},\n\t\t.n = %zu,\n", n);
	show_bucket(bucket);
	printf("\t\t.range = {%u, %u},\n\t\t.err = %s,\n\t},\n", s->w->env.range_lo,
	       s->w->env.range_hi, err ? strerrorname_np(err) : "0");
}

static bool agrees(const struct bind_cand *c, const struct bind_result *res, int err,
		   enum bind_op step, bool known)
{
	switch (res->verdict) {
	case BIND_OK:
		return !err;
	case BIND_FAILS:
		return err == res->err && (c->op != BIND_OP_BIND_LISTEN || step == res->fails_at);
	case BIND_UNKNOWN:
		return (!err || err == res->err) &&
		       !(known && c->port && res->rule == BIND_RULE_HISTORY);
	}
	return false;
}

static void disagree(struct judge *j, const struct situation *s, const struct bind_cand *c,
		     const struct bind_sock *socks, size_t n, const struct bind_bucket *bucket,
		     int err, const struct bind_result *res)
{
	static const char *const verdicts[] = {"OK", "FAILS", "UNKNOWN"};

	j->failed++;
	printf("DISAGREE: kernel %s, bindrule %s %s by rule %d (%s the bucket)\n",
	       err ? strerrorname_np(err) : "succeeds", verdicts[res->verdict],
	       res->err ? strerrorname_np(res->err) : "", res->rule, bucket ? "with" : "without");
	show(j, s, c, socks, n, bucket, err);
}

void judge_call(struct judge *j, const struct situation *s, const struct live_sock *self,
		const struct bind_cand *c, int err, enum bind_op step, struct bind_result *res)
{
	struct bind_sock socks[SOCK_MAX];
	size_t n = make_facts(s, socks, self);
	const struct bind_bucket *bucket = make_bucket(s, c->port);
	struct bind_result blind = {.cap = 0};

	bindrule_check(c, &s->w->env, socks, n, bucket, res);
	j->calls++;
	j->errs += err != 0;
	j->skips += res->skipped;
	j->rules[res->rule]++;
	for (size_t i = 0; i < res->n_conflicts && i < res->cap; i++) {
		const struct bind_pair *p = &res->conflicts[i].pair;

		j->rules[p->meet]++;
		j->rules[p->reuseaddr]++;
		j->rules[p->reuseport]++;
		/* from the copy to what the caller can close */
		res->conflicts[i].sock = res->conflicts[i].sock->user;
	}
	if (!agrees(c, res, err, step, true))
		disagree(j, s, c, socks, n, bucket, err, res);
	if (s->changed)
		return;
	bindrule_check(c, &s->w->env, socks, n, NULL, &blind);
	j->unknowns += blind.verdict == BIND_UNKNOWN;
	if (!agrees(c, &blind, err, step, false))
		disagree(j, s, c, socks, n, NULL, err, &blind);
}

void judge_that(struct judge *j, const struct situation *s, const struct bind_cand *c, bool ok,
		const char *what)
{
	struct bind_sock socks[SOCK_MAX];
	size_t n;

	if (ok)
		return;
	j->failed++;
	n = make_facts(s, socks, NULL);
	printf("DISAGREE: %s\n", what);
	show(j, s, c, socks, n, make_bucket(s, c->port), 0);
}
