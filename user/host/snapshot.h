/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TCP sockets of the host, in all network namespaces, as they are at one moment, and the
 * processes that hold them.
 *
 * Needs CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before 5.8) for the iterators, and CAP_SYS_ADMIN to
 * enter other namespaces.  Not thread-safe per reader; readers do not know each other.
 */
#ifndef SOCKLINE_SNAPSHOT_H
#define SOCKLINE_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "netns.h"
#include "snap.h"

struct snapshot_query {
	enum snap_scope scope;
	uint32_t netns; /* inode number, 0: all */
	uint16_t port;	/* host order; SNAP_LISTENERS: 0 for all; SNAP_ALL: ignored */
};

/* owners[owner_first .. owner_first + owner_cnt) of the snapshot hold it: none for TIME_WAIT, for
 * what waits in an accept queue, and for the kernel's own; several when a fd is shared by fork. */
struct snapshot_sock {
	struct snap_sock s;
	uint32_t owner_first;
	uint32_t owner_cnt;
};

struct snapshot {
	struct snapshot_sock *socks; /* by netns, port, family, address, state */
	size_t sock_cnt;
	struct snap_owner *owners; /* by socket, then pid, fd */
	size_t owner_cnt;
	struct netns_list netns; /* every namespace of the host, also those without sockets */
	uint32_t unread;	 /* namespaces that could not be entered: no owner-less sockets of them */
};

struct snapshot_reader;

/* 0 or -ENOMEM. */
int snapshot_open(struct snapshot_reader **out);
void snapshot_close(struct snapshot_reader *reader);
/* One pass.  *out is the caller's, who frees it.  The first of a scope loads its iterators.
 * -errno: EPERM without the capabilities, EINVAL or ENOENT where the kernel has no such iterators. */
int snapshot_read(struct snapshot_reader *reader, const struct snapshot_query *query,
		  struct snapshot **out);
/* snapshot_open, snapshot_read and snapshot_close in one. */
int snapshot_take(const struct snapshot_query *query, struct snapshot **out);
void snapshot_free(struct snapshot *snapshot);

/* The first socket of this namespace and port, or NULL; those that share both follow it. */
const struct snapshot_sock *snapshot_first(const struct snapshot *snapshot, uint32_t netns,
					   uint16_t port);
/* By identity, or NULL: id alone where either side has no cookie. */
const struct snapshot_sock *snapshot_find(const struct snapshot *snapshot, uint64_t id,
					  uint64_t cookie);
/* Its first owner, or NULL.  The others follow. */
const struct snap_owner *snapshot_owner(const struct snapshot *snapshot,
					const struct snapshot_sock *sock);

#endif
