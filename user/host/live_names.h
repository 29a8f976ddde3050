/* SPDX-License-Identifier: GPL-2.0-only */
/* Puts names into a live stream: before the first event that mentions a cgroup id or an interface
 * index, an EV_CGROUP or EV_IFNAME that says what it is called. */
#ifndef SOCKLINE_LIVE_NAMES_H
#define SOCKLINE_LIVE_NAMES_H

#include "source.h"

struct live_names;

struct live_names *live_names_new(void);
void live_names_free(struct live_names *n);

/* To be called with each event before it is fed. */
void live_names_before(struct live_names *n, const void *bytes, size_t len, source_feed_fn feed,
		       void *ctx);

#endif
