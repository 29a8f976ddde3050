// SPDX-License-Identifier: GPL-2.0-only
/* Asks the kernel, then the snapshot.  Explains nothing: who_explain.c. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "who.h"

/* Client ports that are tried where none was named: enough to meet the members of a group. */
#define TRIES      512
#define PORT_FIRST 32768
#define PORT_STEP  53 /* odd, so that all are different */
/* What answered may be gone when the snapshot is taken: ask again. */
#define ATTEMPTS 3

struct asking {
	struct who *who;
	struct lookup *lookup;
	struct snapshot_reader *reader;
	int ns; /* file descriptor, -1: one's own */
	struct lookup_query queries[TRIES];
	struct lookup_answer answers[TRIES];
	char *why;
};

__attribute__((format(printf, 3, 4))) static int no(struct asking *a, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->why, WHO_WHY, fmt, ap);
	va_end(ap);
	return err;
}

static int enter(struct asking *a)
{
	struct netns_list list = {0};
	uint32_t own = netns_self();
	int err;

	a->who->netns = a->who->query.netns ? a->who->query.netns : own;
	a->ns = -1;
	if (a->who->netns == own)
		return 0;
	err = netns_add_mounted(&list);
	if (!err)
		err = netns_add_procs(&list);
	if (!err)
		a->ns = netns_open(&list, a->who->netns);
	netns_list_free(&list);
	if (!err && a->ns < 0)
		err = a->ns;
	return err ? no(a, err, "cannot enter network namespace %u: %s", a->who->netns,
			strerror(-err))
		   : 0;
}

/* The device on which packets from the client come in: named, or as the routes have it.  What the
 * host sends to itself counts as come in on the interface that has the address. */
static int find_device(struct asking *a)
{
	struct who *w = a->who;
	struct netns_route back = {0};

	w->ifindex = w->here ? w->route.ifindex : 0;
	if (w->query.device) {
		if (netns_ifindex(a->ns, w->query.device, &w->ifindex))
			return no(a, -ENODEV, "there is no interface %s in this namespace",
				  w->query.device);
	} else if (w->query.from && !netns_route(a->ns, w->query.remote, &back)) {
		if (back.kind == NETNS_ROUTE_AWAY)
			w->ifindex = back.ifindex;
	}
	if (!w->ifindex)
		w->ifindex = 1; /* loopback, in every namespace */
	if (netns_ifname(a->ns, w->ifindex, w->ifname))
		snprintf(w->ifname, sizeof(w->ifname), "lo");
	return 0;
}

/* Is it an address of the namespace?  A link-local one has a route per interface: those of the
 * interfaces tell. */
static int find_address(struct asking *a)
{
	struct netns_addr *addrs = NULL;
	struct who *w = a->who;
	size_t cnt = 0;
	int err;

	err = netns_addrs(a->ns, &addrs, &cnt);
	if (!err)
		err = netns_route(a->ns, w->query.local, &w->route);
	if (err)
		return no(a, err, "cannot read the addresses of the namespace: %s", strerror(-err));
	w->here = w->route.kind == NETNS_ROUTE_LOCAL;
	for (size_t i = 0; i < cnt && !w->here; i++) {
		if (!(addrs[i].flags & IFF_UP) || memcmp(addrs[i].addr, w->query.local, 16))
			continue;
		w->here = true;
		w->route.ifindex = addrs[i].ifindex;
	}
	free(addrs);
	return find_device(a);
}

static int ask_kernel(struct asking *a)
{
	const struct who_query *q = &a->who->query;
	int err;

	a->who->tried = q->rport ? 1 : TRIES;
	for (uint32_t i = 0; i < a->who->tried; i++) {
		struct lookup_query *l = &a->queries[i];

		memcpy(l->local, q->local, 16);
		memcpy(l->remote, q->remote, 16);
		l->lport = q->lport;
		l->rport = q->rport ? q->rport : PORT_FIRST + i * PORT_STEP;
		l->ifindex = a->who->ifindex;
	}
	err = lookup_ask(a->lookup, a->ns, a->queries, a->answers, a->who->tried);
	return err ? no(a, err, "the kernel did not answer: %s", strerror(-err)) : 0;
}

static int read_snapshot(struct asking *a, enum snap_scope scope, uint32_t netns, uint16_t port)
{
	struct snapshot_query q = {.scope = scope, .netns = netns, .port = port};
	int err;

	snapshot_free(a->who->snapshot);
	a->who->snapshot = NULL;
	err = snapshot_read(a->reader, &q, &a->who->snapshot);
	return err ? no(a, err, "cannot read the sockets of the host: %s", strerror(-err)) : 0;
}

static int more_answers(const void *x, const void *y)
{
	const struct who_member *a = x, *b = y;

	return (a->answers < b->answers) - (a->answers > b->answers);
}

static void count_answer(struct who *w, const struct snapshot_sock *sock)
{
	for (size_t i = 0; i < w->member_cnt; i++) {
		if (w->members[i].sock == sock) {
			w->members[i].answers++;
			return;
		}
	}
	w->members[w->member_cnt++] = (struct who_member){sock, 1};
}

/* Finds each answer among the sockets; false when one has gone. */
static bool match(struct asking *a)
{
	struct who *w = a->who;

	w->member_cnt = 0;
	w->listener = w->existing = NULL;
	for (uint32_t i = 0; i < w->tried; i++) {
		const struct lookup_answer *answer = &a->answers[i];
		const struct snapshot_sock *sock = lookup_match(w->snapshot, w->netns, answer);

		if (!answer->found)
			continue;
		if (answer->state != TCP_LISTEN)
			w->existing = w->query.rport ? sock : NULL;
		else if (!sock)
			return false;
		else
			count_answer(w, sock);
	}
	qsort(w->members, w->member_cnt, sizeof(*w->members), more_answers);
	w->listener = w->member_cnt ? w->members[0].sock : NULL;
	return true;
}

/* Listeners are found faster than all sockets of a port; those are wanted where the client's end is
 * known too.  A program of the namespace may have chosen a socket with another port. */
static int find_sockets(struct asking *a)
{
	const struct who_query *q = &a->who->query;
	enum snap_scope scope = q->rport ? SNAP_PORT : SNAP_LISTENERS;
	int err;

	for (int i = 0; i < ATTEMPTS; i++) {
		err = ask_kernel(a);
		if (!err)
			err = read_snapshot(a, scope, a->who->netns, q->lport);
		if (err || match(a))
			return err;
		err = read_snapshot(a, SNAP_LISTENERS, a->who->netns, 0);
		if (err || match(a))
			return err;
	}
	return no(a, -EAGAIN,
		  "the listeners of this port come and go faster than they can be read");
}

/* This very connection exists: who would have it, were it from another port? */
static int beside_existing(struct asking *a)
{
	uint16_t rport = a->who->query.rport;
	int err;

	if (!a->who->existing)
		return 0;
	a->who->query.rport = rport == 65535 ? 1024 : rport + 1;
	err = find_sockets(a);
	a->who->query.rport = rport;
	return err;
}

/* Nobody: then it matters who has the port elsewhere. */
static int look_elsewhere(struct asking *a)
{
	a->who->listener = NULL;
	a->who->member_cnt = 0;
	return read_snapshot(a, SNAP_PORT, 0, a->who->query.lport);
}

static int ask(struct asking *a)
{
	struct who *w = a->who;
	uint64_t id = 0, cookie = 0;
	int err = enter(a);

	if (!err)
		err = find_address(a);
	if (!err)
		err = find_sockets(a);
	if (!err && w->existing) {
		id = w->existing->s.id;
		cookie = w->existing->s.cookie;
		err = beside_existing(a);
	}
	if (!err && (!w->listener || !w->here))
		err = look_elsewhere(a);
	if (err)
		return err;
	w->existing = id ? snapshot_find(w->snapshot, id, cookie) : NULL;
	if (lookup_program(w->netns, &w->program, w->program_name))
		w->program = 0;
	w->host = host_new(w->snapshot);
	return w->host ? 0 : no(a, -ENOMEM, "out of memory");
}

int who_ask(const struct who_query *query, struct who *who, char why[WHO_WHY])
{
	struct asking *a = calloc(1, sizeof(*a));
	int err;

	memset(who, 0, sizeof(*who));
	who->query = *query;
	who->members = calloc(TRIES, sizeof(*who->members));
	if (!a || !who->members) {
		free(a);
		snprintf(why, WHO_WHY, "out of memory");
		return -ENOMEM;
	}
	a->who = who;
	a->why = why;
	a->ns = -1;
	err = lookup_open(&a->lookup);
	if (!err)
		err = snapshot_open(&a->reader);
	err = err ? no(a, err, "cannot load the BPF programs: %s", strerror(-err)) : ask(a);
	if (a->ns >= 0)
		close(a->ns);
	lookup_close(a->lookup);
	snapshot_close(a->reader);
	free(a);
	return err;
}

void who_free(struct who *who)
{
	host_free(who->host);
	snapshot_free(who->snapshot);
	free(who->members);
	memset(who, 0, sizeof(*who));
}
