/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes with a snapshot when it is shown: addresses of namespaces, names of interfaces, paths
 * of cgroups.  Each is asked once, when it is first wanted.
 */
#ifndef SOCKLINE_HOST_H
#define SOCKLINE_HOST_H

#include "snapshot.h"

struct host;

/* The snapshot stays the caller's, and must live as long.  NULL: out of memory. */
struct host *host_new(const struct snapshot *snapshot);
void host_free(struct host *host);

/* What is returned belongs to the host. */

/* NULL and 0 when the namespace cannot be entered. */
const struct netns_addr *host_addrs(struct host *host, uint32_t netns, size_t *cnt);
/* NULL when it has no such interface. */
const char *host_ifname(struct host *host, uint32_t netns, uint32_t ifindex);
/* NULL when the cgroup has gone, or lies outside of what is mounted here. */
const char *host_cgroup(struct host *host, uint64_t id);
/* How long the owner's process has run. */
int64_t host_age_ns(const struct host *host, const struct snap_owner *owner);

#endif
