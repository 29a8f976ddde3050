/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two fresh network namespaces and what lies between them, for bind_fuzz.
 *
 * Main has lo, va (10.9.0.1/24, fd09::1/64, fe80::1/64), vb (10.9.1.1/24, fd09:1::1/64) and vd,
 * which is down (10.9.5.1/24).  Peer has the other ends, .2 and ::2, and a server on port 7 of each
 * address; so has main on loopback.  Nothing has a name, so nothing is left when the process ends.
 */
#ifndef BIND_WORLD_H
#define BIND_WORLD_H

#include "bindrule.h"

#include <netinet/in.h>

/* ip_unprivileged_port_start, which is also the lowest port of ip_local_port_range: the kernel
 * wants it so.  Ports below it need CAP_NET_BIND_SERVICE, and are never picked. */
#define UNPRIV_START 16000
#define WIDE_RANGE   "16000 65535"

#define SERVER_PORT 7
/* Where the clients of our listeners take their ports from: far from the ports under test. */
#define CLIENT_LO 50000
#define CLIENT_HI 59999

struct world {
	int ns_main;
	int ns_peer;
	int server_main; /* [::]:7, both families */
	int server_peer;
	uint32_t lo;
	uint32_t va;
	uint32_t vb;
	struct bind_ifaddr addrs[32];
	struct bind_env env;
};

/* 0 or -errno.  Leaves the calling process in the main namespace. */
int world_make(struct world *w);
void world_free(struct world *w);

/* Something that never fails did: says where and errno, and ends the process. */
_Noreturn void world_die(const char *file, int line);
/* Text to 16 bytes; IPv4 becomes v4-mapped. */
void world_addr(const char *text, uint8_t addr[16]);
socklen_t world_sockaddr(uint16_t family, const uint8_t addr[16], uint16_t port, uint32_t scope,
			 struct sockaddr_storage *ss);
void world_from_sockaddr(const struct sockaddr_storage *ss, uint8_t addr[16], uint16_t *port);
/* Like socket(), in the peer's namespace. */
int world_peer_socket(struct world *w, int family, int type);
void world_sysctl(const char *path, const char *value);

#endif
