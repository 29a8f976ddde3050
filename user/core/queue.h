/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel compares a listener's queues with.  Pure. */
#ifndef SOCKLINE_QUEUE_H
#define SOCKLINE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "snap.h"

/* Which of the three numbers holds a listener back. */
enum limit_by {
	LIMIT_LISTEN,
	LIMIT_SOMAXCONN,
	LIMIT_MAX_SYN_BACKLOG,
};

/* Of the SYN queue of a listener whose accept queue has this limit; "full" is > it. */
uint32_t queue_synq_limit(uint32_t limit, uint32_t max_syn_backlog, bool syncookies);
/* asked: what was given to listen(), -1 where that was not seen: then a limit that equals somaxconn
 * is somaxconn's. */
enum limit_by queue_limit_by(const struct snap_sock *s, int64_t asked);
/* "listen", "somaxconn", "max_syn_backlog" */
const char *queue_limit_name(enum limit_by by);

/* In the last fifth of the queue, or beyond. */
bool queue_pressed(uint32_t depth, uint32_t limit);

#endif
