/* SPDX-License-Identifier: GPL-2.0-only */
/* Names that the stream has told: cgroup ids and interface indexes.  A fixed number of them; when
 * the table is full a new name takes the place of another. */
#ifndef SOCKLINE_NAMES_H
#define SOCKLINE_NAMES_H

#include "event.h"

struct names;

struct names *names_new(void);
void names_free(struct names *n);

/* Takes EV_CGROUP and EV_IFNAME. */
void names_feed(struct names *n, const struct ev_name *ev);

/* Forgets all of them. */
void names_reset(struct names *n);
/* Each as it was told, but for the time. */
void names_each(const struct names *n, void (*fn)(void *ctx, const struct ev_name *ev), void *ctx);

/* NULL if unknown.  Valid until the next names_feed(). */
const char *names_cgroup(const struct names *n, __u64 id);
const char *names_ifname(const struct names *n, __u32 netns, __u32 ifindex);

#endif
