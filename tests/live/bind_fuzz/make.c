// SPDX-License-Identifier: GPL-2.0-only
/* Sockets of bind_fuzz: options, calls, states.  Knows nothing of the rules that are tested. */
#include "make.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

void make_begin(struct situation *s, struct world *w, uint16_t base)
{
	memset(s, 0, sizeof(*s));
	s->w = w;
	s->base = base;
	for (int i = 0; i < STRIDE; i++)
		bucket_reset(&s->buckets[i]);
}

struct bucket *make_bucket_at(struct situation *s, uint16_t port)
{
	if (port < s->base || port >= s->base + STRIDE)
		world_die(__FILE__, __LINE__);
	return &s->buckets[port - s->base];
}

const struct bind_bucket *make_bucket(const struct situation *s, uint16_t port)
{
	return port >= s->base && port < s->base + STRIDE ? &s->buckets[port - s->base].view : NULL;
}

size_t make_facts(const struct situation *s, struct bind_sock *out, const struct live_sock *but)
{
	size_t n = 0;

	for (int i = 0; i < s->n; i++)
		if (s->socks[i].there && &s->socks[i] != but) {
			out[n] = s->socks[i].fact;
			out[n++].user = (void *)&s->socks[i];
		}
	return n;
}

static void set(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		world_die(__FILE__, __LINE__);
}

static int get(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, name, &value, &len))
		world_die(__FILE__, __LINE__);
	return value;
}

static void set_program(int fd)
{
	struct sock_filter first[] = {{BPF_RET | BPF_K, 0, 0, 0}};
	struct sock_fprog prog = {1, first};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)))
		world_die(__FILE__, __LINE__);
}

int make_socket(const struct bind_cand *c)
{
	int fd;

	if (seteuid(c->uid))
		world_die(__FILE__, __LINE__);
	fd = socket(c->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (seteuid(0) || fd < 0)
		world_die(__FILE__, __LINE__);
	set(fd, SOL_SOCKET, SO_REUSEADDR, c->reuse);
	set(fd, SOL_SOCKET, SO_REUSEPORT, c->reuseport);
	if (c->family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, c->v6only);
	if (c->freebind)
		set(fd, IPPROTO_IP, IP_FREEBIND, 1);
	if (c->transparent)
		set(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
	if (c->no_port)
		set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (c->bound_dev_if)
		set(fd, SOL_SOCKET, SO_BINDTOIFINDEX, c->bound_dev_if);
	if (c->reuseport_prog)
		set_program(fd);
	return fd;
}

static int call_bind(int fd, const struct bind_cand *c)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = world_sockaddr(c->family, c->addr, c->port, c->scope_id, &ss);
	int ret;

	if (!c->cap_bind && seteuid(1000))
		world_die(__FILE__, __LINE__);
	ret = bind(fd, (struct sockaddr *)&ss, len) ? errno : 0;
	if (seteuid(0))
		world_die(__FILE__, __LINE__);
	return ret;
}

int make_call_connect(int fd, const struct bind_cand *c)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = world_sockaddr(c->family, c->raddr, c->rport, 0, &ss);

	return connect(fd, (struct sockaddr *)&ss, len) && errno != EINPROGRESS ? errno : 0;
}

int make_call(struct world *w, int fd, const struct bind_cand *c, enum bind_op *step)
{
	int ret;

	/* Only what is set on the socket, so that the clients' ports need no care. */
	if (c->local_range)
		set(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE,
		    (uint32_t)w->env.range_hi << 16 | w->env.range_lo);
	*step = c->op;
	switch (c->op) {
	case BIND_OP_BIND:
		return call_bind(fd, c);
	case BIND_OP_BIND_LISTEN:
		*step = BIND_OP_BIND;
		ret = call_bind(fd, c);
		if (ret)
			return ret;
		*step = BIND_OP_LISTEN;
		return listen(fd, 16) ? errno : 0;
	case BIND_OP_LISTEN:
		return listen(fd, 16) ? errno : 0;
	case BIND_OP_CONNECT:
		return make_call_connect(fd, c);
	}
	world_die(__FILE__, __LINE__);
}

void make_read(struct situation *s, struct live_sock *l)
{
	struct bind_sock *f = &l->fact;
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	struct tcp_info info = {0};
	socklen_t info_len = sizeof(info);
	struct stat st;

	if (getsockname(l->fd, (struct sockaddr *)&ss, &len) || fstat(l->fd, &st) ||
	    getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, &info, &info_len))
		world_die(__FILE__, __LINE__);
	f->netns = s->w->env.netns;
	f->uid = st.st_uid;
	f->family = ss.ss_family;
	world_from_sockaddr(&ss, f->addr, &f->port);
	f->state = info.tcpi_state;
	f->reuse = get(l->fd, SOL_SOCKET, SO_REUSEADDR);
	f->reuseport = get(l->fd, SOL_SOCKET, SO_REUSEPORT);
	f->v6only = f->family == AF_INET6 && get(l->fd, IPPROTO_IPV6, IPV6_V6ONLY);
	f->bound_dev_if = get(l->fd, SOL_SOCKET, SO_BINDTOIFINDEX);
	len = sizeof(ss);
	f->rport = 0;
	memset(f->raddr, 0, 16);
	if (!getpeername(l->fd, (struct sockaddr *)&ss, &len))
		world_from_sockaddr(&ss, f->raddr, &f->rport);
}

struct live_sock *make_add(struct situation *s, int fd)
{
	struct live_sock *l = &s->socks[s->n++];

	if (s->n > SOCK_MAX)
		world_die(__FILE__, __LINE__);
	*l = (struct live_sock){.fd = fd, .peer = -1, .id = s->next_id++, .there = true};
	return l;
}

struct live_sock *make_keep(struct situation *s, int fd, const struct bind_cand *c)
{
	struct live_sock *l = make_add(s, fd);
	struct bind_sock at_bind;

	make_read(s, l);
	l->fact.from = c->op == BIND_OP_CONNECT ? BIND_PORT_CONNECT
		       : c->port		? BIND_PORT_EXPLICIT
						: BIND_PORT_OTHER;
	if (c->op == BIND_OP_CONNECT) {
		memcpy(l->fact.raddr, c->raddr, 16);
		l->fact.rport = c->rport;
		bucket_connect(make_bucket_at(s, l->fact.port), l->id, l->fact.addr);
		return l;
	}
	at_bind = l->fact;
	at_bind.state = TCP_CLOSE;
	if (c->op == BIND_OP_LISTEN)
		at_bind.state = TCP_LISTEN;
	bucket_get_port(make_bucket_at(s, l->fact.port), l->id, &at_bind);
	if (c->op == BIND_OP_BIND_LISTEN)
		make_listening(s, l);
	return l;
}

void make_listening(struct situation *s, struct live_sock *l)
{
	make_read(s, l);
	bucket_get_port(make_bucket_at(s, l->fact.port), l->id, &l->fact);
}

void make_refresh(struct situation *s, struct live_sock *l)
{
	uint8_t raddr[16];
	uint16_t rport = l->fact.rport;

	memcpy(raddr, l->fact.raddr, 16);
	make_read(s, l);
	if (l->fact.state == TCP_SYN_SENT) {
		/* getpeername() does not tell before the connection is there */
		memcpy(l->fact.raddr, raddr, 16);
		l->fact.rport = rport;
	}
	bucket_move(make_bucket_at(s, l->fact.port), l->id, l->fact.addr);
}

void make_reset(int fd)
{
	struct linger now = {1, 0};

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* Would a look-up by the four numbers, which is what SOCK_DESTROY has, also find another one? */
static bool ambiguous(const struct situation *s, const struct live_sock *tw)
{
	for (int i = 0; i < s->n; i++) {
		const struct live_sock *l = &s->socks[i];

		if (l != tw && l->there && l->fact.port == tw->fact.port &&
		    l->fact.rport == tw->fact.rport && !memcmp(l->fact.raddr, tw->fact.raddr, 16) &&
		    !memcmp(l->fact.addr, tw->fact.addr, 16))
			return true;
	}
	return false;
}

bool make_gone(struct situation *s, struct live_sock *l)
{
	if (!l->there)
		return true;
	if (l->fd >= 0)
		make_reset(l->fd);
	else if (ambiguous(s, l) || !make_destroy(&l->fact))
		return false;
	if (l->peer >= 0)
		make_reset(l->peer);
	l->fd = l->peer = -1;
	l->there = false;
	bucket_leave(make_bucket_at(s, l->fact.port), l->id);
	return true;
}

void make_end(struct situation *s)
{
	for (int i = 0; i < s->n; i++) {
		make_reset(s->socks[i].fd);
		make_reset(s->socks[i].peer);
	}
}
