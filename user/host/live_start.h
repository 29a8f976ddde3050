/* SPDX-License-Identifier: GPL-2.0-only */
/* What existed when a live stream began: every listener of the host and who holds it. */
#ifndef SOCKLINE_LIVE_START_H
#define SOCKLINE_LIVE_START_H

#include "live_names.h"

/* Feeds EV_LISTENER and EV_OWNER events, of one namespace (0: all) and of these ports (65536 bits,
 * NULL: all).  0, or -errno: then the listeners of the start are
 * unknown, and become known as events tell of them. */
int live_start(struct live_names *names, uint32_t netns, const uint64_t *ports, source_feed_fn feed,
	       void *ctx);

#endif
