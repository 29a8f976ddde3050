/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes become events here, and nowhere else.  They are not trusted, wherever they come from. */
#ifndef SOCKLINE_DECODE_H
#define SOCKLINE_DECODE_H

#include <stddef.h>

#include "event.h"

/* Room for any event, aligned for all of them. */
union event {
	struct ev_hdr hdr;
	struct ev_syn syn;
	struct ev_synack synack;
	struct ev_queued queued;
	struct ev_accepted accepted;
	struct ev_drop drop;
	struct ev_request_gone gone;
	struct ev_state state;
	struct ev_refused refused;
	struct ev_connect connect;
	struct ev_listen listen;
	struct ev_call call;
	struct ev_host host;
	struct ev_owner owner;
	struct ev_name name;
	struct ev_lost lost;
};

/*
 * Copies the event in `bytes` to `ev`.  0, or
 *   -EPROTO   a kind that this version does not know
 *   -EBADMSG  a known kind with a wrong length, or a field outside its range
 * Strings come out ended by 0.
 */
int decode_event(const void *bytes, size_t len, union event *ev);

/* What an event tells of a listener's two queues; NULL if nothing. */
const struct ev_queues *event_queues(const union event *ev);

#endif
