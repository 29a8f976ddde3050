/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network namespaces: which there are, how to get into one, and what is to be seen inside.
 *
 * A namespace is named by its inode number everywhere.  Whatever has to be asked inside one is
 * asked by a thread of its own, so that the caller never leaves its namespace, whatever fails.
 */
#ifndef SOCKLINE_NETNS_H
#define SOCKLINE_NETNS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a namespace can be opened: a path to it, or a process and, for SNAP_VIA_SOCKET and
 * SNAP_VIA_NSFD, its file descriptor. */
struct netns_ref {
	uint32_t inum;
	uint32_t via; /* enum snap_via; 0: path */
	uint32_t pid;
	int32_t fd;
	char *path;
};

struct netns_list {
	struct netns_ref *refs; /* by inum, each once */
	size_t cnt;
};

/* Inode number of the calling thread's own, 0 if it cannot be told. */
uint32_t netns_self(void);

/* Adds one; path is copied and may be NULL.  A path is preferred over a process, a task over its
 * fds.  0 or -ENOMEM. */
int netns_add(struct netns_list *list, const struct netns_ref *ref);
/* Adds those that are mounted somewhere, as `ip netns` and container runtimes do, and one's own. */
int netns_add_mounted(struct netns_list *list);
/* Adds those of all processes, from /proc.  A snapshot has them already. */
int netns_add_procs(struct netns_list *list);
void netns_list_free(struct netns_list *list);
const struct netns_ref *netns_find(const struct netns_list *list, uint32_t inum);
/* What people call it: the last part of its path, else "pid N", else NULL.  Uses buf. */
const char *netns_label(const struct netns_ref *ref, char *buf, size_t len);

/* A file descriptor of the namespace, or -errno: ENOENT when it is not in the list, ESTALE when
 * it has gone meanwhile.  The caller closes it. */
int netns_open(const struct netns_list *list, uint32_t inum);
/* Calls fn in the namespace, in a thread that ends with it.  fd -1: the caller's own namespace,
 * here and below.  -errno, or what fn returns. */
int netns_run(int fd, int (*fn)(void *arg), void *arg);

/*
 * The argument of --netns: a pid, a path, a name known to `ip netns`, an inode number, or "all",
 * which gives 0.  0, or -errno and one line for people in buf.
 */
int netns_parse(const char *text, uint32_t *inum, char *buf, size_t len);

struct netns_addr {
	uint32_t ifindex;
	uint32_t scope_id; /* of a link-local address, else 0 */
	uint32_t flags;	   /* IFF_* of the interface */
	uint16_t family;
	uint8_t prefix_len;
	bool tentative; /* IPv6: duplicate address detection is not done, or failed */
	uint8_t addr[16];
	uint8_t broadcast[16]; /* IPv4; zeros: none */
	char ifname[IF_NAMESIZE];
};

/* Every address of every interface of the namespace, interfaces that are down too.  *out is the
 * caller's, who frees it.  Addresses of one interface are neighbours.  0 or -errno. */
int netns_addrs(int fd, struct netns_addr **out, size_t *cnt);
/* 0 and the other one, or -errno (ENODEV). */
int netns_ifindex(int fd, const char *name, uint32_t *index);
int netns_ifname(int fd, uint32_t index, char name[IF_NAMESIZE]);

enum netns_route_kind {
	NETNS_ROUTE_NONE,  /* no route, or one that says unreachable */
	NETNS_ROUTE_LOCAL, /* the namespace takes packets to it for its own */
	NETNS_ROUTE_AWAY,  /* packets to it leave by ifindex */
};

struct netns_route {
	enum netns_route_kind kind;
	uint32_t ifindex; /* LOCAL: the interface that the address belongs to */
};

/* What the namespace would do with a packet to addr: the routing table's word, so that addresses
 * which are local by a route alone count too. */
int netns_route(int fd, const uint8_t addr[16], struct netns_route *route);

/* -1: not readable there. */
struct netns_sysctls {
	int64_t somaxconn;
	int64_t tcp_max_syn_backlog;
	int64_t tcp_syncookies;
	int64_t tcp_abort_on_overflow;
	int64_t tcp_synack_retries;
	int64_t tcp_fastopen;
	int64_t tcp_migrate_req;
	int64_t ip_unprivileged_port_start;
	int64_t ip_nonlocal_bind;
	int64_t ip6_nonlocal_bind;
	int64_t ip_autobind_reuse;
	int64_t bindv6only;
	int64_t port_range_low;
	int64_t port_range_high;
	/* ip_local_reserved_ports as 65536 bits: bit port % 8 of byte port / 8 */
	uint8_t reserved_ports[8192];
};

int netns_sysctls(int fd, struct netns_sysctls *sysctls);

#endif
