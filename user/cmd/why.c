// SPDX-License-Identifier: GPL-2.0-only
/* Gathers the facts that the bind rules ask for. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "why.h"

/* include/net/tcp_states.h */
#define TCP_NEW_SYN_RECV 12

/* include/net/sock.h: what sk_userlocks remembers */
#define SOCK_BINDPORT_LOCK 8
#define SOCK_CONNECT_BIND  16

const struct snapshot_sock *why_sock(const struct bind_conflict *c)
{
	return c->sock->user;
}

static const struct {
	int error;
	const char *text;
} outside[] = {
	{ECONNREFUSED, "Nobody listens on that address and port: the answer was a reset."},
	{ETIMEDOUT, "No answer came to any SYN: the host is down, a firewall drops silently, or the "
		    "listener's queues are full."},
	{EHOSTUNREACH, "No route to that host, or nobody there answers ARP or neighbour discovery."},
	{ENETUNREACH, "There is no route to that network (ip route get ADDR)."},
	{ECONNRESET, "The other side, or something on the way, reset it."},
	{EPERM, "A firewall rule of this host forbids the packet."},
	{EACCES, "A security module or a firewall rule of this host forbids it, or the address is a "
		 "broadcast one."},
	{EAFNOSUPPORT, "The address is of another family than the socket."},
	{EINVAL, "The address does not fit the socket, or the call came at the wrong time."},
};

const char *why_outside(int error)
{
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		if (outside[i].error == error)
			return outside[i].text;
	return "No local rule forbids it: the answer came from outside.";
}

static enum bind_port_from port_from(const struct snap_sock *s)
{
	if (s->userlocks & SOCK_BINDPORT_LOCK)
		return BIND_PORT_EXPLICIT;
	return s->userlocks & SOCK_CONNECT_BIND ? BIND_PORT_CONNECT : BIND_PORT_OTHER;
}

static void fill_sock(struct bind_sock *b, const struct snapshot *snap,
		      const struct snapshot_sock *sock)
{
	const struct snap_owner *owner = snapshot_owner(snap, sock);
	const struct snap_sock *s = &sock->s;

	*b = (struct bind_sock){
		.netns = s->hdr.netns,
		.uid = s->uid,
		.bound_dev_if = s->device,
		.family = s->family,
		.port = s->lport,
		.rport = s->rport,
		.state = s->state,
		.reuse = s->reuse,
		.reuseport = s->options & SO_F_REUSEPORT,
		.v6only = s->options & SO_F_V6ONLY,
		.from = port_from(s),
		.pid = owner ? (int)owner->pid : 0,
		.comm = owner ? owner->comm : NULL,
		.tw_left_s = s->timer_ms >= 0 ? (s->timer_ms + 999) / 1000 : -1,
		.user = (void *)sock,
	};
	memcpy(b->addr, s->laddr, 16);
	memcpy(b->raddr, s->raddr, 16);
}

/* Requests hold no port; the candidate is not in its own way. */
static bool counts(const struct why *w, const struct snap_sock *s)
{
	if (s->state == TCP_NEW_SYN_RECV || !s->lport)
		return false;
	return !w->question.cookie || s->cookie != w->question.cookie;
}

static int fill_socks(struct why *w)
{
	const struct snapshot *snap = w->snapshot;

	w->socks = calloc(snap->sock_cnt + 1, sizeof(*w->socks));
	if (!w->socks)
		return -ENOMEM;
	for (size_t i = 0; i < snap->sock_cnt; i++)
		if (counts(w, &snap->socks[i].s))
			fill_sock(&w->socks[w->sock_cnt++], snap, &snap->socks[i]);
	return 0;
}

/* Every socket of a port shares what the kernel remembers of it. */
static void fill_bucket(struct why *w)
{
	for (size_t i = 0; i < w->snapshot->sock_cnt && !w->bucket.known; i++) {
		const struct snap_sock *s = &w->snapshot->socks[i].s;

		if (s->hdr.netns != w->question.netns || s->lport != w->question.cand.port ||
		    !s->bucket.id)
			continue;
		w->bucket = (struct bind_bucket){
			.known = true,
			.fastreuse = s->bucket.fastreuse,
			.fastreuseport = s->bucket.fastreuseport,
			.fastuid = s->bucket.fastuid,
			.fast_family = s->bucket.fast_family,
			.fast_v6only = s->bucket.fast_v6only,
		};
		memcpy(w->bucket.fast_addr, s->bucket.fast_addr, 16);
	}
}

static int fill_addrs(struct why *w, int fd)
{
	struct netns_addr *addrs = NULL;
	size_t cnt = 0;
	int ret = netns_addrs(fd, &addrs, &cnt);

	if (ret)
		return ret;
	w->ifaddrs = calloc(cnt + 1, sizeof(*w->ifaddrs));
	for (size_t i = 0; w->ifaddrs && i < cnt; i++) {
		struct bind_ifaddr *to = &w->ifaddrs[i];

		*to = (struct bind_ifaddr){
			.family = addrs[i].family,
			.prefix_len = addrs[i].prefix_len,
			.ifindex = addrs[i].ifindex,
			.up = addrs[i].flags & IFF_UP,
			.loopback = addrs[i].flags & IFF_LOOPBACK,
			.tentative = addrs[i].tentative,
		};
		memcpy(to->addr, addrs[i].addr, 16);
		memcpy(to->bcast, addrs[i].broadcast, 16);
	}
	free(addrs);
	w->env.addrs = w->ifaddrs;
	w->env.n_addrs = cnt;
	return w->ifaddrs ? 0 : -ENOMEM;
}

static enum bind_tri addr_local(int fd, const uint8_t addr[16])
{
	struct netns_route route = {0};

	if (addr_is_any(addr) || addr_is_link_local(addr) || netns_route(fd, addr, &route))
		return BIND_MAYBE;
	return route.kind == NETNS_ROUTE_LOCAL ? BIND_YES : BIND_MAYBE;
}

/* bind_env's "not known" is the kernel's default. */
static int64_t or_default(int64_t value, int64_t standard)
{
	return value < 0 ? standard : value;
}

static bool device_gone(int fd, uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	return ifindex && netns_ifname(fd, ifindex, name);
}

static int fill_env(struct why *w, int fd)
{
	const struct netns_sysctls *s = &w->sysctls;
	const struct bind_cand *cand = &w->question.cand;
	int ret = netns_sysctls(fd, &w->sysctls);

	if (ret)
		return ret;
	w->env = (struct bind_env){
		.netns = w->question.netns,
		.unpriv_port_start = or_default(s->ip_unprivileged_port_start, 1024),
		.nonlocal4 = s->ip_nonlocal_bind > 0,
		.nonlocal6 = s->ip6_nonlocal_bind > 0,
		.autobind_reuse = s->ip_autobind_reuse > 0,
		.device_gone = device_gone(fd, cand->bound_dev_if) || device_gone(fd, cand->scope_id),
		.range_lo = or_default(s->port_range_low, 32768),
		.range_hi = or_default(s->port_range_high, 60999),
		.reserved = s->reserved_ports,
		.addr_local = addr_local(fd, cand->addr),
	};
	return fill_addrs(w, fd);
}

static void judge(struct why *w)
{
	const struct bind_cand *cand = &w->question.cand;

	w->result.conflicts = w->conflicts;
	w->result.cap = WHY_CONFLICTS;
	bindrule_check(cand, &w->env, w->socks, w->sock_cnt, &w->bucket, &w->result);
	if (w->result.verdict != BIND_OK)
		w->advice_cnt = bindrule_advice(cand, &w->env, w->socks, w->sock_cnt, &w->bucket,
						&w->result, w->advice, WHY_ADVICE);
}

int why_ask(struct why *w, struct snapshot_reader *reader, const struct why_question *question)
{
	struct snapshot_query query = {.scope = question->cand.port ? SNAP_PORT : SNAP_ALL,
				       .port = question->cand.port};
	int fd, ret;

	memset(w, 0, sizeof(*w));
	w->question = *question;
	ret = snapshot_read(reader, &query, &w->snapshot);
	if (ret)
		return ret;
	w->host = host_new(w->snapshot);
	if (!w->host)
		return -ENOMEM;
	fd = netns_open(&w->snapshot->netns, question->netns);
	if (fd < 0)
		return fd;
	ret = fill_env(w, fd);
	close(fd);
	if (!ret)
		ret = fill_socks(w);
	if (ret)
		return ret;
	fill_bucket(w);
	judge(w);
	return 0;
}

void why_free(struct why *w)
{
	host_free(w->host);
	if (w->snapshot)
		snapshot_free(w->snapshot);
	free(w->socks);
	free(w->ifaddrs);
	memset(w, 0, sizeof(*w));
}
