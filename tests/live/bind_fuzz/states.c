// SPDX-License-Identifier: GPL-2.0-only
/* Connections of bind_fuzz: who connects to whom, and how far a close has come. */
#include "make.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

static bool wait_for(int fd, short what)
{
	struct pollfd p = {.fd = fd, .events = what};

	return poll(&p, 1, 60) == 1;
}

struct route {
	const char *from;
	const char *to;
	char dev; /* 'l', 'a', 'b' */
};

static const struct route routes[] = {
	{"127.0.0.1", "127.0.0.1", 'l'}, {"::1", "::1", 'l'},
	{"10.9.0.1", "10.9.0.2", 'a'},   {"fd09::1", "fd09::2", 'a'},
	{"10.9.1.1", "10.9.1.2", 'b'},   {"fd09:1::1", "fd09:1::2", 'b'},
};

static uint32_t route_dev(const struct world *w, const struct route *r)
{
	return r->dev == 'l' ? w->lo : r->dev == 'a' ? w->va : w->vb;
}

bool make_route(const struct world *w, uint16_t family, const uint8_t addr[16], uint32_t dev,
		uint8_t to[16], uint8_t from[16])
{
	bool wild = rule_is_wildcard(family, addr);

	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		const struct route *r = &routes[i];
		bool mapped;

		world_addr(r->from, from);
		world_addr(r->to, to);
		mapped = rule_is_mapped(from);
		if (dev && dev != route_dev(w, r))
			continue;
		if (wild ? mapped == (family == AF_INET || rule_is_mapped(addr))
			 : !memcmp(from, addr, 16))
			return true;
	}
	return false;
}

/* Of all that wait there the one from this port: an earlier situation may have left somebody. */
static int accept_from(int server, const struct bind_sock *s)
{
	while (wait_for(server, POLLIN)) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		uint8_t addr[16];
		uint16_t from = 0;
		int fd = accept4(server, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC);

		if (fd < 0)
			world_die(__FILE__, __LINE__);
		world_from_sockaddr(&ss, addr, &from);
		if (from == s->port && !memcmp(addr, s->addr, 16))
			return fd;
		make_reset(fd);
	}
	return -1;
}

/* tcp_twsk_unique(): connect() takes over a TIME_WAIT with the same four numbers. */
static void taken_over(struct situation *s, const struct live_sock *by)
{
	struct bind_cand c = {.family = by->fact.family,
			      .port = by->fact.port,
			      .rport = by->fact.rport,
			      .bound_dev_if = by->fact.bound_dev_if};

	memcpy(c.addr, by->fact.addr, 16);
	memcpy(c.raddr, by->fact.raddr, 16);
	for (int i = 0; i < s->n; i++) {
		struct live_sock *l = &s->socks[i];

		if (!l->there || l->fact.state != TCP_TIME_WAIT || l->fact.port != c.port ||
		    !rule_same_tuple(&c, &l->fact, false))
			continue;
		l->there = false;
		bucket_leave(make_bucket_at(s, l->fact.port), l->id);
	}
}

void make_peer(struct situation *s, struct live_sock *l)
{
	bool here;

	wait_for(l->fd, POLLOUT);
	make_refresh(s, l);
	taken_over(s, l);
	if (l->fact.state != TCP_ESTABLISHED)
		return;
	here = !memcmp(l->fact.raddr, l->fact.addr, 16);
	l->peer = accept_from(here ? s->w->server_main : s->w->server_peer, &l->fact);
}

int make_connect(struct situation *s, struct live_sock *l, bool nobody)
{
	struct bind_cand c = {
		.op = BIND_OP_CONNECT, .family = l->fact.family, .rport = SERVER_PORT};
	uint8_t from[16];
	int ret;

	if (!make_route(s->w, l->fact.family, l->fact.addr, l->fact.bound_dev_if, c.raddr, from))
		return ENETUNREACH;
	/* Loopback always answers. */
	nobody = nobody && memcmp(c.raddr, from, 16);
	if (nobody)
		c.raddr[15] = 0x63;
	ret = make_call_connect(l->fd, &c);
	if (ret)
		return ret;
	memcpy(l->fact.raddr, c.raddr, 16);
	l->fact.rport = c.rport;
	if (!nobody) {
		make_peer(s, l);
		return 0;
	}
	make_refresh(s, l);
	taken_over(s, l);
	return 0;
}

/* The listener, among all of the situation, that has somebody waiting. */
static struct live_sock *who_got_it(struct situation *s)
{
	struct pollfd p[SOCK_MAX];
	int which[SOCK_MAX], n = 0;

	for (int i = 0; i < s->n; i++)
		if (s->socks[i].there && s->socks[i].fd >= 0 &&
		    s->socks[i].fact.state == TCP_LISTEN) {
			which[n] = i;
			p[n++] = (struct pollfd){.fd = s->socks[i].fd, .events = POLLIN};
		}
	if (poll(p, n, 60) <= 0)
		return NULL;
	for (int i = 0; i < n; i++)
		if (p[i].revents & POLLIN)
			return &s->socks[which[i]];
	return NULL;
}

static int client(struct situation *s, const struct live_sock *l)
{
	uint8_t from[16], to[16];
	struct sockaddr_storage ss;
	uint32_t range = (uint32_t)CLIENT_HI << 16 | CLIENT_LO;
	bool here;
	int fd, family;

	if (!make_route(s->w, l->fact.family, l->fact.addr, l->fact.bound_dev_if, to, from))
		return -1;
	here = !memcmp(to, from, 16);
	family = rule_is_mapped(from) ? AF_INET : AF_INET6;
	fd = here ? socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)
		  : world_peer_socket(s->w, family, SOCK_STREAM | SOCK_CLOEXEC);
	setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range));
	if (!connect(fd, (struct sockaddr *)&ss,
		     world_sockaddr(family, from, l->fact.port, 0, &ss)))
		return fd;
	close(fd);
	return -1;
}

struct live_sock *make_child(struct situation *s, struct live_sock *l, uint32_t uid)
{
	int peer = client(s, l), fd;
	struct live_sock *from, *child;

	if (peer < 0)
		return NULL;
	from = who_got_it(s);
	if (!from) {
		make_reset(peer);
		return NULL;
	}
	if (seteuid(uid))
		world_die(__FILE__, __LINE__);
	fd = accept4(from->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (seteuid(0) || fd < 0)
		world_die(__FILE__, __LINE__);
	child = make_add(s, fd);
	child->peer = peer;
	make_read(s, child);
	child->fact.from = BIND_PORT_OTHER;
	bucket_join(make_bucket_at(s, child->fact.port), child->id, child->fact.addr, false);
	return child;
}

/* Packets between the namespaces are mostly there before the call returns. */
static bool reaches(int fd, int state, int tries)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	for (int i = 0; i < tries; i++) {
		struct timespec t = {0, 10000};

		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
			world_die(__FILE__, __LINE__);
		if (info.tcpi_state == state)
			return true;
		nanosleep(&t, NULL);
	}
	return false;
}

bool make_time_wait(struct situation *s, struct live_sock *l)
{
	struct bucket *b = make_bucket_at(s, l->fact.port);
	int tw_id = s->next_id++;

	if (l->peer < 0 || l->fact.state != TCP_ESTABLISHED)
		return false;
	shutdown(l->fd, SHUT_WR);
	if (!reaches(l->fd, TCP_FIN_WAIT2, 400)) {
		/* Another connection has the same four numbers on another device. */
		make_gone(s, l);
		return false;
	}
	close(l->peer);
	l->peer = -1;
	/* tcp_time_wait(): a TIME_WAIT takes the place, the socket itself is closed, and tcp_done()
	 * lets go of a port that was not named in bind(). */
	if (!reaches(l->fd, TCP_CLOSE, 20000))
		world_die(__FILE__, __LINE__);
	bucket_join(b, tw_id, l->fact.addr, l->fact.from == BIND_PORT_CONNECT);
	bucket_leave(b, l->id);
	close(l->fd);
	l->fd = -1;
	l->id = tw_id;
	l->fact.state = TCP_TIME_WAIT;
	return true;
}

void make_half_close(struct situation *s, struct live_sock *l, bool from_here)
{
	if (l->peer < 0 || l->fact.state != TCP_ESTABLISHED)
		return;
	shutdown(from_here ? l->fd : l->peer, SHUT_WR);
	if (reaches(l->fd, from_here ? TCP_FIN_WAIT2 : TCP_CLOSE_WAIT, 400))
		make_refresh(s, l);
	else
		make_gone(s, l);
}
