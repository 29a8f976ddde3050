// SPDX-License-Identifier: GPL-2.0-only
/* A listener in words: where it listens, whose it is, from where it is reached. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "snapshot_rows.h"

#define PIDS_SHOWN   3
#define OWNERS_SHOWN 8

/* Appends; what finds no room is left out. */
static void __attribute__((format(printf, 3, 4))) put(char *buf, size_t len, const char *fmt, ...)
{
	size_t at = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + at, len - at, fmt, ap);
	va_end(ap);
}

void row_address(const struct row *row, char *buf, size_t len)
{
	const struct snap_sock *s = &row->sock->s;
	bool v4 = addr_is_v4(s->laddr);
	char text[ADDR_LEN], device[IF_NAMESIZE];

	addr_format(text, s->laddr);
	printable(device, sizeof(device), row->device ? row->device : "");
	snprintf(buf, len, "%s%s%s%s%s:%u", v4 ? "" : "[", text, v4 ? "" : "]",
		 s->device ? "%" : "", s->device ? *device ? device : "?" : "", s->lport);
}

void row_netns(const struct rows *r, const struct row *row, const struct look *look, char *buf,
	       size_t len)
{
	uint32_t inum = row->sock->s.hdr.netns;
	char label[32];
	const char *name = netns_label(netns_find(&r->snapshot->netns, inum), label, sizeof(label));

	if (inum == r->own_netns)
		snprintf(buf, len, "%s", look_dash(look));
	else if (name)
		printable(buf, len, name);
	else
		snprintf(buf, len, "%u", inum);
}

static bool same_comm(const struct snap_owner *a, const struct snap_owner *b)
{
	return !strncmp(a->comm, b->comm, EV_COMM_LEN);
}

/* Workers hold it by the fd that they had when they were forked. */
static void owners_by_fd(const struct snap_owner *o, uint32_t cnt, char *buf, size_t len)
{
	char comm[EV_COMM_LEN];

	for (uint32_t i = 0; i < cnt && i < OWNERS_SHOWN; i++) {
		bool more = i && same_comm(&o[i], &o[i - 1]) && o[i].fd == o[i - 1].fd;

		if (more)
			put(buf, len, ",%u", o[i].pid);
		else
			put(buf, len, "%s%s[%u", i ? ", " : "",
			    printable(comm, sizeof(comm), o[i].comm), o[i].pid);
		if (i + 1 == cnt || i + 1 == OWNERS_SHOWN || !same_comm(&o[i + 1], &o[i]) ||
		    o[i + 1].fd != o[i].fd)
			put(buf, len, "] fd %d", o[i].fd);
	}
	if (cnt > OWNERS_SHOWN)
		put(buf, len, ", +%u", cnt - OWNERS_SHOWN);
}

static void one_owner(const struct snap_owner *o, char *buf, size_t len)
{
	char comm[EV_COMM_LEN];

	snprintf(buf, len, "%s[%u]", printable(comm, sizeof(comm), o->comm), o->pid);
}

/* A process that holds it by two fds is one. */
static void owners_by_name(const struct snap_owner *o, uint32_t cnt, char *buf, size_t len)
{
	char comm[EV_COMM_LEN];
	uint32_t pids = 0;

	for (uint32_t i = 0; i < cnt; i++) {
		bool same_name = i && same_comm(&o[i], &o[i - 1]);

		if (same_name && o[i].pid == o[i - 1].pid)
			continue;
		if (i && !same_name) {
			put(buf, len, pids > PIDS_SHOWN ? ",+%u], " : "], ", pids - PIDS_SHOWN);
			pids = 0;
		}
		if (!same_name)
			put(buf, len, "%s[", printable(comm, sizeof(comm), o[i].comm));
		if (pids < PIDS_SHOWN)
			put(buf, len, "%s%u", pids ? "," : "", o[i].pid);
		pids++;
	}
	put(buf, len, pids > PIDS_SHOWN ? ",+%u]" : "]", pids - PIDS_SHOWN);
}

void row_owners(const struct rows *r, const struct row *row, const struct look *look, bool fds,
		char *buf, size_t len)
{
	const struct snap_owner *o = snapshot_owner(r->snapshot, row->sock);

	*buf = 0;
	if (!o)
		put(buf, len, "%s",
		    row->sock->s.marks & SNAP_M_KERNEL ? "the kernel" : look_dash(look));
	else if (row->sock->owner_cnt == 1 && !fds)
		one_owner(o, buf, len);
	else if (fds)
		owners_by_fd(o, row->sock->owner_cnt, buf, len);
	else
		owners_by_name(o, row->sock->owner_cnt, buf, len);
}

/* Addresses of one interface behind its name: those of lo go without saying, and link-local ones
 * are only told where there is no other. */
static size_t cover_interface(const struct snap_sock *s, const struct netns_addr *a, size_t cnt,
			      bool loopback, char *buf, size_t len)
{
	bool covered = false, global = false;
	char text[ADDR_LEN];
	size_t i;

	for (i = 0; i < cnt && a[i].ifindex == a[0].ifindex; i++) {
		covered |= exposure_covers(s, &a[i]);
		global |= exposure_covers(s, &a[i]) && !addr_is_link_local(a[i].addr);
	}
	if (!covered || loopback != !!(a[0].flags & IFF_LOOPBACK))
		return i;
	printable(text, sizeof(text), a[0].ifname);
	put(buf, len, "%s%s", *buf ? ", " : "", text);
	for (size_t k = 0; k < i; k++)
		if (exposure_covers(s, &a[k]) && !addr_is_loopback(a[k].addr) &&
		    (!global || !addr_is_link_local(a[k].addr)))
			put(buf, len, " %s", addr_format(text, a[k].addr));
	return i;
}

void row_covers(const struct rows *r, const struct row *row, char *buf, size_t len)
{
	const struct snap_sock *s = &row->sock->s;
	const struct netns_addr *addrs;
	size_t cnt;

	*buf = 0;
	addrs = host_addrs(r->host, s->hdr.netns, &cnt);
	for (int loopback = 0; loopback < 2; loopback++)
		for (size_t i = 0; i < cnt;)
			i += cover_interface(s, addrs + i, cnt - i, loopback, buf, len);
}

static const char *interface_of(const struct rows *r, const struct snap_sock *s)
{
	const struct netns_addr *addrs;
	size_t cnt;

	addrs = host_addrs(r->host, s->hdr.netns, &cnt);
	for (size_t i = 0; i < cnt; i++)
		if (exposure_covers(s, &addrs[i]))
			return addrs[i].ifname;
	return NULL;
}

static void reach_everywhere(const struct rows *r, const struct row *row, char *buf, size_t len)
{
	const struct snap_sock *s = &row->sock->s;
	char covers[ROW_WORDS / 2];

	put(buf, len, "%s", row->device ? "all on its device" : "everywhere");
	if (exposure_dual_stack(s))
		put(buf, len, ", IPv4 too");
	else if (s->family == AF_INET6 && !addr_is_v4(s->laddr))
		put(buf, len, ", IPv6 only");
	row_covers(r, row, covers, sizeof(covers));
	if (*covers)
		put(buf, len, ": %s", covers);
}

void row_reach(const struct rows *r, const struct row *row, char *buf, size_t len)
{
	const char *ifname;
	char text[IF_NAMESIZE];

	*buf = 0;
	switch (row->reach) {
	case REACH_EVERYWHERE:
		reach_everywhere(r, row, buf, len);
		return;
	case REACH_ADDRESS:
		ifname = interface_of(r, &row->sock->s);
		put(buf, len, "one address, on %s",
		    ifname ? printable(text, sizeof(text), ifname) : "no interface now");
		return;
	case REACH_LOOPBACK:
		put(buf, len, "loopback only");
		return;
	}
}

void row_flags(const struct row *row, char *buf, size_t len)
{
	const struct snap_sock *s = &row->sock->s;
	const char *gap = "";

	*buf = 0;
	if (s->reuseport_cnt) {
		put(buf, len, "reuseport %u", s->reuseport_cnt);
		gap = ", ";
	}
	if (s->marks & SNAP_M_REUSEPORT_PROG)
		put(buf, len, " by program");
	if (s->marks & SNAP_M_MPTCP || s->options & SO_F_MPTCP) {
		put(buf, len, "%smptcp", gap);
		gap = ", ";
	}
	if (s->fastopen_limit) {
		put(buf, len, "%sfastopen %u/%u", gap, s->fastopen_qlen, s->fastopen_limit);
		gap = ", ";
	}
	if (s->defer_retrans)
		put(buf, len, "%sdefer accept", gap);
}
