/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which socket would get a connection?  The kernel is asked, its lookup is not imitated.
 *
 * Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, and CAP_SYS_ADMIN to ask in another namespace.
 * The answer is a socket's identity: take the snapshot after the lookup, and match with
 * lookup_match().
 */
#ifndef SOCKLINE_LOOKUP_H
#define SOCKLINE_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

/* A packet from remote to local that came in on a device.  Both v4-mapped: IPv4. */
struct lookup_query {
	uint8_t local[16];
	uint8_t remote[16];
	uint16_t lport;
	uint16_t rport;
	uint32_t ifindex; /* 0 or 1: loopback */
};

struct lookup_answer {
	bool found;
	uint8_t state;	  /* TCP_*: TCP_LISTEN, or that of the connection which exists already */
	uint16_t family;  /* of the socket: AF_INET6 may answer for IPv4 */
	uint32_t device;  /* ifindex that it is bound to, 0: none */
	uint64_t id;	  /* snap_sock.id */
};

struct lookup;

int lookup_open(struct lookup **out);
void lookup_close(struct lookup *lookup);
/* Asks cnt questions in the namespace of that file descriptor, -1: one's own.  0 or -errno: ENODEV
 * when a query names a device that the namespace does not have. */
int lookup_ask(struct lookup *lookup, int ns, const struct lookup_query *queries,
	       struct lookup_answer *answers, size_t cnt);
/* The socket of the snapshot that answered, or NULL when it is not in it. */
const struct snapshot_sock *lookup_match(const struct snapshot *snapshot, uint32_t netns,
					 const struct lookup_answer *answer);

/* An sk_lookup program of that namespace decides before every rule.  0 and its id and name, or
 * -ENOENT when there is none. */
int lookup_program(uint32_t netns, uint32_t *id, char name[16]);

#endif
