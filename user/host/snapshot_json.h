/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets and owners of a snapshot as the command-line contract writes them. */
#ifndef SOCKLINE_SNAPSHOT_JSON_H
#define SOCKLINE_SNAPSHOT_JSON_H

#include "host.h"
#include "json.h"
#include "seen.h"
#include "snapshot.h"

/* "process": {…}; owner NULL: null. */
void snapshot_json_process(struct json *j, const char *key, struct host *host,
			   const struct snap_owner *owner);

/* The keys of a listener, into an object that the caller has opened and closes: from "netns" to
 * "drops".  seen: what events told of it until now_ns; NULL: nothing is known but the snapshot. */
void snapshot_json_listener(struct json *j, struct host *host, const struct snapshot *snapshot,
			    const struct snapshot_sock *sock, const struct seen *seen,
			    uint64_t now_ns);

#endif
