// SPDX-License-Identifier: GPL-2.0-only
/* Plays one situation: every call is really made, and judged. */
#include "play.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void env_wide(struct world *w)
{
	w->env.range_lo = UNPRIV_START;
	w->env.range_hi = 65535;
	w->env.autobind_reuse = false;
}

/* The real call, under the sysctls of the environment. */
static int call(struct fuzz *f, int fd, const struct bind_cand *c, enum bind_op *step)
{
	bool narrow = !c->port && !c->local_range && f->world.env.range_hi != 65535;
	char text[32];
	int err;

	if (narrow) {
		snprintf(text, sizeof(text), "%u %u", f->world.env.range_lo, f->world.env.range_hi);
		world_sysctl(RANGE_PATH, text);
	}
	if (f->world.env.autobind_reuse)
		world_sysctl("/proc/sys/net/ipv4/ip_autobind_reuse", "1");
	err = make_call(&f->world, fd, c, step);
	if (narrow)
		world_sysctl(RANGE_PATH, WIDE_RANGE);
	if (f->world.env.autobind_reuse)
		world_sysctl("/proc/sys/net/ipv4/ip_autobind_reuse", "0");
	return err;
}

static struct bind_cand from_fact(const struct live_sock *l, enum bind_op op)
{
	struct bind_cand c = {.op = op,
			      .family = l->fact.family,
			      .port = l->fact.port,
			      .state = l->fact.state,
			      .uid = l->fact.uid,
			      .reuse = l->fact.reuse,
			      .reuseport = l->fact.reuseport,
			      .v6only = l->fact.v6only,
			      .bound_dev_if = l->fact.bound_dev_if};

	memcpy(c.addr, l->fact.addr, 16);
	return c;
}

static void do_listen(struct fuzz *f, struct live_sock *l)
{
	struct bind_cand c = from_fact(l, BIND_OP_LISTEN);
	struct bind_result res = {.cap = 0};
	enum bind_op step;
	int err = call(f, l->fd, &c, &step);

	judge_call(&f->judge, &f->sit, l, &c, err, step, &res);
	if (!err)
		make_listening(&f->sit, l);
}

static bool do_connect(struct fuzz *f, struct live_sock *l, bool nobody)
{
	struct bind_cand c = from_fact(l, BIND_OP_CONNECT);
	struct bind_result res = {.cap = 0};
	struct bind_sock before = l->fact;
	uint8_t from[16];
	int err;

	if (!make_route(&f->world, c.family, c.addr, c.bound_dev_if, c.raddr, from))
		return false;
	c.rport = SERVER_PORT;
	if (nobody && memcmp(c.raddr, from, 16))
		c.raddr[15] = 0x63;
	if (!rule_is_wildcard(c.family, c.addr) && memcmp(c.addr, from, 16))
		return false;
	memcpy(c.addr, from, 16);
	err = make_connect(&f->sit, l, nobody);
	{
		struct live_sock now = *l;

		l->fact = before;
		judge_call(&f->judge, &f->sit, l, &c, err, BIND_OP_CONNECT, &res);
		l->fact = now.fact;
	}
	if (err)
		make_gone(&f->sit, l);
	return !err;
}

static void do_disconnect(struct fuzz *f, struct live_sock *l)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	if (connect(l->fd, &none, sizeof(none)))
		world_die(__FILE__, __LINE__);
	make_refresh(&f->sit, l);
	l->fact.state = TCP_CLOSE;
}

static void do_child(struct fuzz *f, struct live_sock *l, enum kind kind)
{
	struct live_sock *child;

	do_listen(f, l);
	if (l->fact.state != TCP_LISTEN)
		return;
	child = make_child(&f->sit, l, f->theme.users > 1 && rng_percent(&f->rng, 50) ? 1000 : 0);
	if (child && kind == KIND_CHILD_TIME_WAIT)
		make_time_wait(&f->sit, child);
	if (kind != KIND_CHILD && (kind == KIND_CHILD_ONLY || rng_percent(&f->rng, 70)))
		make_gone(&f->sit, l);
}

static void do_kind(struct fuzz *f, struct live_sock *l, enum kind kind)
{
	switch (kind) {
	case KIND_BOUND:
	case KIND_AUTO:
	case KIND_PICKED:
		break;
	case KIND_LISTEN:
		do_listen(f, l);
		break;
	case KIND_CONNECTED:
		do_connect(f, l, false);
		break;
	case KIND_SYN_SENT:
		do_connect(f, l, true);
		break;
	case KIND_CHILD:
	case KIND_CHILD_ONLY:
	case KIND_CHILD_TIME_WAIT:
		do_child(f, l, kind);
		break;
	case KIND_TIME_WAIT:
		if (do_connect(f, l, false))
			make_time_wait(&f->sit, l);
		break;
	case KIND_HALF_CLOSED:
		if (do_connect(f, l, false))
			make_half_close(&f->sit, l, rng_percent(&f->rng, 50));
		break;
	case KIND_AUTO_TIME_WAIT:
		make_time_wait(&f->sit, l);
		break;
	case KIND_DISCONNECTED:
		if (do_connect(f, l, false))
			do_disconnect(f, l);
		break;
	}
}

static void flip(struct fuzz *f, struct live_sock *l)
{
	bool port = rng_percent(&f->rng, 50);
	int value = port ? !l->fact.reuseport : !l->fact.reuse;

	if (l->fd < 0 || !l->there)
		return;
	if (setsockopt(l->fd, SOL_SOCKET, port ? SO_REUSEPORT : SO_REUSEADDR, &value,
		       sizeof(value)))
		world_die(__FILE__, __LINE__);
	*(port ? (uint8_t *)&l->fact.reuseport : &l->fact.reuse) = value;
	f->sit.changed = true;
}

/* bind(), or connect() that picks the one port allowed: judged as every call is. */
static struct live_sock *arrive(struct fuzz *f, struct bind_cand *c, enum kind kind)
{
	struct bind_result res = {.cap = 0};
	struct live_sock *l;
	enum bind_op step;
	int fd, err;

	if (kind == KIND_AUTO || kind == KIND_AUTO_TIME_WAIT || kind == KIND_PICKED) {
		f->world.env.range_lo = f->world.env.range_hi = c->port;
		c->port = 0;
		c->local_range = true;
	}
	if (kind == KIND_AUTO || kind == KIND_AUTO_TIME_WAIT) {
		uint8_t from[16];

		c->op = BIND_OP_CONNECT;
		c->rport = SERVER_PORT;
		world_addr(c->family == AF_INET ? "0.0.0.0" : "::", c->addr);
		make_route(&f->world, c->family, c->addr, c->bound_dev_if, c->raddr, from);
		memcpy(c->addr, from, 16);
	}
	fd = make_socket(c);
	err = call(f, fd, c, &step);
	judge_call(&f->judge, &f->sit, NULL, c, err, step, &res);
	env_wide(&f->world);
	if (err) {
		close(fd);
		return NULL;
	}
	l = make_keep(&f->sit, fd, c);
	if (c->op == BIND_OP_CONNECT)
		make_peer(&f->sit, l);
	return l;
}

static void build(struct fuzz *f)
{
	int n = f->theme.crowd ? 6 : 1 + rng_below(&f->rng, 4);
	bool later = rng_percent(&f->rng, 50);
	struct live_sock *late[6];
	enum kind kinds[6];

	for (int i = 0; i < n; i++) {
		struct bind_cand c;

		gen_spec(&f->rng, &f->theme, &f->sit, &c);
		kinds[i] = gen_kind(&f->rng, &f->sit);
		late[i] = arrive(f, &c, kinds[i]);
		if (late[i] && f->theme.flips && rng_percent(&f->rng, 50))
			flip(f, late[i]);
		if (late[i] && !later)
			do_kind(f, late[i], kinds[i]);
	}
	for (int i = 0; later && i < n; i++)
		if (late[i])
			do_kind(f, late[i], kinds[i]);
}

/* The candidate's socket is closed again, but a port that it had, if only until listen() failed,
 * leaves its mark in the bucket. */
static void let_go(struct fuzz *f, int fd, const struct bind_cand *c, int err, enum bind_op step)
{
	struct bind_cand was = *c;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	uint8_t addr[16];
	uint16_t port;

	if (err && c->op == BIND_OP_BIND_LISTEN && step == BIND_OP_LISTEN)
		was.op = BIND_OP_BIND;
	else if (err)
		goto out;
	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		world_die(__FILE__, __LINE__);
	world_from_sockaddr(&ss, addr, &port);
	if (!make_bucket(&f->sit, port))
		goto out;
	make_gone(&f->sit, make_keep(&f->sit, fd, &was));
	f->sit.n--;
	return;
out:
	close(fd);
}

/* One call with a fresh socket, judged; returns the errno. */
static int attempt(struct fuzz *f, const struct bind_cand *c, struct bind_result *res)
{
	enum bind_op step;
	int fd = make_socket(c), err = call(f, fd, c, &step);

	judge_call(&f->judge, &f->sit, NULL, c, err, step, res);
	let_go(f, fd, c, err, step);
	return err;
}

static bool again(struct fuzz *f, const struct bind_cand *c)
{
	struct bind_result res = {.cap = 0};

	return !attempt(f, c, &res);
}

/* The candidate, changed as the advice says; false where the advice is for somebody else. */
static bool follow(const struct bind_advice *a, struct bind_cand *c)
{
	bool own = true;

	if (a->cure == BIND_CURE_OWN_REUSEADDR)
		c->reuse = 1;
	else if (a->cure == BIND_CURE_OWN_REUSEPORT)
		c->reuseport = true;
	else if (a->cure == BIND_CURE_OWN_V6ONLY)
		c->v6only = true;
	else if (a->cure == BIND_CURE_OWN_ADDR)
		memcpy(c->addr, a->addr, 16);
	else if (a->cure == BIND_CURE_OWN_PORT)
		c->port = a->port;
	else if (a->cure == BIND_CURE_FREEBIND)
		c->freebind = true;
	else
		own = false;
	return own;
}

/* What is said to help must help. */
static void check_cures(struct fuzz *f, const struct bind_cand *c)
{
	const struct bind_bucket *bucket = make_bucket(&f->sit, c->port);
	struct bind_conflict conflicts[SOCK_MAX];
	struct bind_result res = {.conflicts = conflicts, .cap = SOCK_MAX};
	struct bind_sock socks[SOCK_MAX];
	size_t n = make_facts(&f->sit, socks, NULL), n_advice;
	struct bind_advice advice[20];

	bindrule_check(c, &f->world.env, socks, n, bucket, &res);
	n_advice = bindrule_advice(c, &f->world.env, socks, n, bucket, &res, advice, 20);
	for (size_t i = 0; i < n_advice; i++) {
		struct bind_cand changed = *c;

		f->judge.cured[advice[i].cure]++;
		if (!follow(&advice[i], &changed))
			continue;
		f->judge.cures++;
		judge_that(&f->judge, &f->sit, &changed, again(f, &changed), advice[i].text);
	}
	judge_that(&f->judge, &f->sit, c, n_advice > 0 || res.rule == BIND_RULE_NONE,
		   "it fails, and there is no advice");
}

/* One blocker alone must still be enough, and without any of them it must succeed. */
static void check_blockers(struct fuzz *f, const struct bind_cand *c, const struct bind_result *res)
{
	struct live_sock *keep = (void *)res->conflicts[rng_below(&f->rng, res->n_conflicts)].sock;
	bool one_port = res->rule == BIND_RULE_PORT_HELD;

	for (size_t i = 0; i < res->n_conflicts; i++) {
		struct live_sock *l = (void *)res->conflicts[i].sock;

		if (l != keep && !make_gone(&f->sit, l))
			return;
	}
	if (one_port && res->n_conflicts > 1)
		judge_that(&f->judge, &f->sit, c, !again(f, c),
			   "one blocker is left, and it succeeds");
	if (!make_gone(&f->sit, keep))
		return;
	f->judge.removals++;
	judge_that(&f->judge, &f->sit, c, again(f, c), "no blocker is left, and it fails");
}

void play_situation(struct fuzz *f, uint32_t index)
{
	struct bind_conflict conflicts[SOCK_MAX];
	struct bind_result res = {.conflicts = conflicts, .cap = SOCK_MAX};
	struct bind_cand c;
	int err;

	f->judge.index = index;
	f->judge.failed = 0;
	f->rng.state = f->judge.seed * 0x100000001b3u + index;
	make_begin(&f->sit, &f->world, FIRST_PORT + index % CHUNK * STRIDE);
	gen_theme(&f->rng, &f->theme);
	env_wide(&f->world);
	build(f);
	gen_candidate(&f->rng, &f->theme, &f->sit, &c);
	err = attempt(f, &c, &res);
	/* Not both: a bind that succeeded, once, can let pass what a blocker forbids. */
	if (err && rng_percent(&f->rng, 50))
		check_cures(f, &c);
	else if (err && res.n_conflicts)
		check_blockers(f, &c, &res);
	make_end(&f->sit);
}
