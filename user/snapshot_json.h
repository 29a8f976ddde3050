/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets and owners of a snapshot as the command-line contract writes them. */
#ifndef SOCKLINE_SNAPSHOT_JSON_H
#define SOCKLINE_SNAPSHOT_JSON_H

#include "host.h"
#include "json.h"
#include "snapshot.h"

/* "process": {…}; owner NULL: null. */
void snapshot_json_process(struct json *j, const char *key, struct host *host,
			   const struct snap_owner *owner);

/* The keys of a listener, into an object that the caller has opened and closes: from "netns" to
 * "drops".  peak: the deepest accept queue that is known, negative: unknown. */
void snapshot_json_listener(struct json *j, struct host *host, const struct snapshot *snapshot,
			    const struct snapshot_sock *sock, int64_t peak);

/* Which limit a full queue of this listener would hit: "listen", "somaxconn", "max_syn_backlog". */
const char *snapshot_limit_by(const struct snap_sock *s);
/* What was given to listen(), -1 where somaxconn hides it: sk_max_ack_backlog is the lesser. */
int64_t snapshot_backlog_asked(const struct snap_sock *s);

#endif
