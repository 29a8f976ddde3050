/* SPDX-License-Identifier: GPL-2.0-only */
/* Which addresses of its namespace a listener answers on.  Pure. */
#ifndef SOCKLINE_EXPOSURE_H
#define SOCKLINE_EXPOSURE_H

#include <stdbool.h>

#include "netns.h"
#include "snap.h"

/* Bound to no address: 0.0.0.0, ::, or ::ffff:0.0.0.0. */
bool exposure_wildcard(const struct snap_sock *s);
/* [::] that takes IPv4 too. */
bool exposure_dual_stack(const struct snap_sock *s);
/* Is an address of this interface answered by it?  Addresses of interfaces that are down are not:
 * they have no local route. */
bool exposure_covers(const struct snap_sock *s, const struct netns_addr *a);
/* The same for an address alone, on any device: not looking at what the socket is bound to. */
bool exposure_covers_addr(const struct snap_sock *s, const uint8_t addr[16]);

/* From where it is reached, the widest first. */
enum reach {
	REACH_EVERYWHERE, /* every address of its namespace, or of its device */
	REACH_ADDRESS,	  /* one address that others can reach */
	REACH_LOOPBACK,	  /* its own namespace alone */
};

/* device: the interface that it is bound to, NULL: none. */
enum reach exposure_reach(const struct snap_sock *s, const char *device);
/* "everywhere", "address", "loopback" */
const char *exposure_reach_name(enum reach reach);

#endif
