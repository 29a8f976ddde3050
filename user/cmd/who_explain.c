// SPDX-License-Identifier: GPL-2.0-only
/*
 * Says why it is this socket.  The kernel has chosen already; this only names, of the rules of its
 * lookup (__inet_lookup_listener(), inet6_lookup_listener()), those that set the chosen one apart
 * from the others that were possible.
 */
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "exposure.h"
#include "text.h"
#include "who.h"

__attribute__((format(printf, 2, 3))) static void say(struct who_text *t, const char *fmt, ...)
{
	va_list ap;

	if (t->cnt == WHO_LINES)
		return;
	va_start(ap, fmt);
	vsnprintf(t->lines[t->cnt++], WHO_LINE_LEN, fmt, ap);
	va_end(ap);
}

char *who_holder(const struct snapshot *snapshot, const struct snapshot_sock *sock,
		 char buf[WHO_NAME_LEN])
{
	const struct snap_owner *o = snapshot_owner(snapshot, sock);
	char comm[EV_COMM_LEN];

	if (o)
		snprintf(buf, WHO_NAME_LEN, "%s[%u] fd %d", printable(comm, sizeof(comm), o->comm),
			 o->pid, o->fd);
	else if (sock->s.marks & SNAP_M_KERNEL)
		snprintf(buf, WHO_NAME_LEN, "the kernel itself");
	else
		snprintf(buf, WHO_NAME_LEN, "a socket that no process has a file descriptor of");
	return buf;
}

static char *bound_to(const struct snap_sock *s, char buf[ENDPOINT_LEN])
{
	uint8_t any6[16] = {0};

	return endpoint_format(buf, s->family == AF_INET6 && exposure_wildcard(s) ? any6 : s->laddr,
			       s->lport);
}

static bool listens_there(const struct who *w, const struct snap_sock *s)
{
	return s->state == TCP_LISTEN && s->hdr.netns == w->netns && s->lport == w->query.lport;
}

static bool same_group(const struct snap_sock *a, const struct snap_sock *b)
{
	return a->reuseport_cnt && b->reuseport_cnt && a->reuseport_id == b->reuseport_id;
}

/* The next listener that could have answered too, but lost. */
static const struct snapshot_sock *next_loser(const struct who *w, const struct snapshot_sock *from)
{
	const struct snapshot_sock *end = w->snapshot->socks + w->snapshot->sock_cnt;
	const struct snapshot_sock *s = from ? from + 1 : w->snapshot->socks;

	for (; s < end; s++)
		if (s != w->listener && listens_there(w, &s->s) &&
		    exposure_covers_addr(&s->s, w->query.local) &&
		    (!s->s.device || s->s.device == w->ifindex) &&
		    !same_group(&s->s, &w->listener->s))
			return s;
	return NULL;
}

/*
 * Why one that was possible too is not the one.  On one address only SO_REUSEPORT lets two listen,
 * and then inet_lhash2_lookup() takes the first that it meets, whatever compute_score() thinks of
 * the others; __inet_hash() puts IPv6 listeners with SO_REUSEPORT at the end, all others in front.
 */
static void explain_loser(const struct who *w, const struct snapshot_sock *loser,
			  struct who_text *t)
{
	const struct snap_sock *won = &w->listener->s, *lost = &loser->s;
	char name[WHO_NAME_LEN], end[ENDPOINT_LEN];

	who_holder(w->snapshot, loser, name);
	bound_to(lost, end);
	if (exposure_wildcard(lost) && !exposure_wildcard(won))
		say(t, "It goes before the wildcard %s of %s: an exact address is looked up first.",
		    end, name);
	else if (won->family == AF_INET && lost->family == AF_INET6)
		say(t, "It goes before %s of %s: for IPv4, an IPv4 socket goes before [::].", end,
		    name);
	else
		say(t,
		    "%s of %s could have it too, in another SO_REUSEPORT group (another device or "
		    "user): the kernel takes the first that it meets, the one that began to listen "
		    "%s.",
		    end, name, won->family == AF_INET ? "last" : "first");
}

static void explain_address(const struct who *w, struct who_text *t)
{
	const struct snap_sock *s = &w->listener->s;
	char asked[ENDPOINT_LEN], end[ENDPOINT_LEN];

	endpoint_format(asked, w->query.local, w->query.lport);
	bound_to(s, end);
	if (!exposure_wildcard(s))
		say(t, "It is bound to %s itself.", asked);
	else if (addr_is_v4(w->query.local) && exposure_dual_stack(s))
		say(t,
		    "No socket is bound to %s exactly and no IPv4 wildcard listens; %s takes IPv4 "
		    "too (IPV6_V6ONLY is off).",
		    asked, end);
	else
		say(t, "No socket is bound to %s exactly, so the kernel takes the wildcard %s.",
		    asked, end);
	if (s->device)
		say(t,
		    "It is bound to the device %s (SO_BINDTODEVICE): it gets only what comes in "
		    "there.",
		    w->ifname);
}

/* reuseport_select_sock() hashes both ends; a program, or SO_INCOMING_CPU, goes before that. */
static void explain_group(const struct who *w, struct who_text *t)
{
	const struct snap_sock *s = &w->listener->s;

	if (s->reuseport_cnt < 2)
		return;
	if (s->marks & SNAP_M_REUSEPORT_PROG)
		say(t,
		    "%u sockets share it with SO_REUSEPORT, and a program that is attached to the "
		    "group picks one for each packet: the one named is what it would be without.",
		    s->reuseport_cnt);
	else if (w->query.rport)
		say(t,
		    "%u sockets share it with SO_REUSEPORT: a hash of both addresses and ports "
		    "picks "
		    "one, always the same for this client port.",
		    s->reuseport_cnt);
	else
		say(t,
		    "%u sockets share it with SO_REUSEPORT: a hash of both addresses and ports "
		    "picks "
		    "one, so it may differ for each client port; of %u that were tried:",
		    s->reuseport_cnt, w->tried);
	if (s->incoming_cpu >= 0)
		say(t, "SO_INCOMING_CPU %d is set: the CPU that takes the packet counts too.",
		    s->incoming_cpu);
}

static void explain_members(const struct who *w, struct who_text *t)
{
	char name[WHO_NAME_LEN];
	size_t shown = w->member_cnt <= 5 ? w->member_cnt : 4;

	if (w->member_cnt < 2)
		return;
	for (size_t i = 0; i < shown; i++)
		say(t, "    %4u  %s", w->members[i].answers,
		    who_holder(w->snapshot, w->members[i].sock, name));
	if (shown < w->member_cnt)
		say(t, "          and %zu more", w->member_cnt - shown);
}

static void explain_queue(const struct who *w, struct who_text *t)
{
	const struct snap_sock *s = &w->listener->s;

	if (w->listener->owner_cnt > 1)
		say(t,
		    "%u file descriptors share this socket (fork): whichever process accepts first "
		    "has the connection.",
		    w->listener->owner_cnt);
	if (s->acceptq > s->limit)
		say(t,
		    "Its accept queue is full (%u, limit %u): as long as it is, SYNs are dropped.",
		    s->acceptq, s->limit);
}

static void explain_program(const struct who *w, struct who_text *t)
{
	if (w->program)
		say(t,
		    "The namespace has an sk_lookup program (id %u%s%s): it decides before these "
		    "rules.",
		    w->program, *w->program_name ? ", " : "", w->program_name);
}

static void explain_existing(const struct who *w, struct who_text *t)
{
	char name[WHO_NAME_LEN];

	if (!w->existing)
		return;
	if (w->existing->s.state == TCP_TIME_WAIT)
		say(t,
		    "This connection existed and is in TIME_WAIT for %d s more; a new SYN from the "
		    "same port still comes to the listener if its sequence number is later.",
		    (w->existing->s.timer_ms + 999) / 1000);
	else
		say(t,
		    "This very connection exists already, with %s; what is said here is for "
		    "another "
		    "client port.",
		    who_holder(w->snapshot, w->existing, name));
}

static void explain_found(const struct who *w, struct who_text *t)
{
	int losers = 0;

	explain_program(w, t);
	explain_existing(w, t);
	explain_address(w, t);
	for (const struct snapshot_sock *s = next_loser(w, NULL); s && losers < 3;
	     s = next_loser(w, s), losers++)
		explain_loser(w, s, t);
	explain_group(w, t);
	explain_members(w, t);
	explain_queue(w, t);
}

/* Somebody has the port, but not so that this connection would come to it. */
static void explain_near(const struct who *w, const struct snapshot_sock *sock, struct who_text *t)
{
	const struct snap_sock *s = &sock->s;
	char name[WHO_NAME_LEN], end[ENDPOINT_LEN];
	const char *device;

	who_holder(w->snapshot, sock, name);
	bound_to(s, end);
	if (s->hdr.netns != w->netns) {
		if (s->state == TCP_LISTEN)
			say(t, "%s listens on %s, but in network namespace %u.", name, end,
			    s->hdr.netns);
	} else if (s->state == TCP_CLOSE) {
		say(t, "%s is bound to %s but does not listen.", name, end);
	} else if (s->state != TCP_LISTEN) {
		return;
	} else if (!exposure_covers_addr(s, w->query.local)) {
		if (exposure_wildcard(s) && addr_is_v4(w->query.local))
			say(t, "%s listens on %s, but for IPv6 only (IPV6_V6ONLY).", name, end);
		else if (exposure_wildcard(s))
			say(t, "%s listens on %s, which is for IPv4 only.", name, end);
		else
			say(t, "%s listens on %s only.", name, end);
	} else if (s->device && s->device != w->ifindex) {
		device = host_ifname(w->host, s->hdr.netns, s->device);
		say(t, "%s listens on %s, but only for the device %s; this would come in on %s.",
		    name, end, device ? device : "that is gone", w->ifname);
	}
}

/* Of this namespace, or of the others. */
static void explain_all_near(const struct who *w, bool here, struct who_text *t)
{
	unsigned int more = 0;

	for (size_t i = 0; i < w->snapshot->sock_cnt; i++) {
		const struct snapshot_sock *sock = &w->snapshot->socks[i];

		if ((sock->s.hdr.netns == w->netns) != here)
			continue;
		if (t->cnt < WHO_LINES - 2)
			explain_near(w, sock, t);
		else
			more += sock->s.state == TCP_LISTEN || sock->s.state == TCP_CLOSE;
	}
	if (more)
		say(t, "%u more sockets have this port %s.", more,
		    here ? "in this namespace" : "in other namespaces");
}

static void explain_nobody(const struct who *w, struct who_text *t)
{
	char addr[ADDR_LEN], device[IF_NAMESIZE + 32] = "";
	const char *name;

	addr_format(addr, w->query.local);
	if (!w->here) {
		name = host_ifname(w->host, w->netns, w->route.ifindex);
		if (w->route.kind == NETNS_ROUTE_AWAY && name)
			snprintf(device, sizeof(device), "; packets to it leave by %s", name);
		say(t, "%s is no address of this %s%s.", addr,
		    w->netns == netns_self() ? "host" : "network namespace", device);
		return;
	}
	say(t, "No socket listens there: the client gets a reset (RST), \"connection refused\".");
	explain_program(w, t);
	explain_all_near(w, true, t);
	explain_all_near(w, false, t);
}

void who_explain(const struct who *who, struct who_text *text)
{
	text->cnt = 0;
	if (who->listener)
		explain_found(who, text);
	else
		explain_nobody(who, text);
}

const char *who_key(const struct who *who)
{
	const struct snap_sock *s = who->listener ? &who->listener->s : NULL;

	if (!who->here)
		return "no_such_address";
	if (!s)
		return "nobody";
	if (s->lport != who->query.lport || !exposure_covers_addr(s, who->query.local))
		return "sk_lookup_program";
	if (!exposure_wildcard(s))
		return "exact_address";
	return addr_is_v4(who->query.local) && exposure_dual_stack(s) ? "dual_stack" : "wildcard";
}
