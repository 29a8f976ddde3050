// SPDX-License-Identifier: GPL-2.0-only
/* Owns the check of every byte that crosses from a ring or a file.  Pure. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "decode.h"
#include "event_desc.h"

#define STATE_MAX 12   /* TCP_NEW_SYN_RECV, include/net/tcp_states.h */
#define ERRNO_MAX 4095 /* MAX_ERRNO, include/linux/err.h */

static bool family_ok(unsigned int family)
{
	return family == 2 || family == 10; /* AF_INET, AF_INET6 */
}

static bool fields_ok(union event *ev)
{
	switch ((enum event_kind)ev->hdr.kind) {
	case EV_SYN:
		return ev->syn.syncookies <= 2;
	case EV_DROP:
		return ev->drop.reason <= DROP_DEFERRED;
	case EV_REQUEST_GONE:
		return ev->gone.reason >= GONE_EXPIRED && ev->gone.reason <= GONE_LISTENER_CLOSED;
	case EV_CHILD_STATE:
	case EV_CONNECT_STATE:
	case EV_SYN_RETRANSMIT:
		return ev->state.old_state <= STATE_MAX && ev->state.new_state <= STATE_MAX &&
		       ev->state.error <= ERRNO_MAX;
	case EV_ACCEPTED:
		ev->accepted.process.comm[EV_COMM_LEN - 1] = 0;
		return ev->accepted.fd >= -ERRNO_MAX;
	case EV_CONNECT:
		ev->connect.process.comm[EV_COMM_LEN - 1] = 0;
		return true;
	case EV_LISTEN:
	case EV_UNLISTEN:
	case EV_LISTENER:
		ev->listen.process.comm[EV_COMM_LEN - 1] = 0;
		return family_ok(ev->listen.family);
	case EV_CALL:
		ev->call.process.comm[EV_COMM_LEN - 1] = 0;
		return family_ok(ev->call.family) && ev->call.call >= CALL_BIND &&
		       ev->call.call <= CALL_CONNECT && ev->call.result <= 0 &&
		       ev->call.result >= -ERRNO_MAX;
	case EV_OWNER:
		ev->owner.process.comm[EV_COMM_LEN - 1] = 0;
		return true;
	case EV_CGROUP:
	case EV_IFNAME:
		ev->name.name[EV_NAME_LEN - 1] = 0;
		return true;
	case EV_SYNACK:
	case EV_SYNACK_RETRANSMIT:
	case EV_QUEUED:
	case EV_REFUSED:
	case EV_HOST:
	case EV_END:
		return true;
	case EV_LOST:
		return ev->lost.cpu <= UINT16_MAX && ev->lost.events <= UINT32_MAX;
	}
	return false;
}

int decode_event(const void *bytes, size_t len, union event *ev)
{
	const struct event_desc *desc;

	if (len < sizeof(ev->hdr))
		return -EBADMSG;
	memcpy(&ev->hdr, bytes, sizeof(ev->hdr));
	desc = event_desc(ev->hdr.kind);
	if (!desc)
		return -EPROTO;
	/* The ring rounds nothing up: a length is the struct's, to the byte. */
	if (len != desc->size)
		return -EBADMSG;
	memcpy(ev, bytes, len);
	/* No clock of nanoseconds has the highest bit set in our time: differences fit an int64. */
	if (ev->hdr.time_ns > INT64_MAX)
		return -EBADMSG;
	return fields_ok(ev) ? 0 : -EBADMSG;
}

const struct ev_queues *event_queues(const union event *ev)
{
	switch ((enum event_kind)ev->hdr.kind) {
	case EV_SYN:
		return &ev->syn.queues;
	case EV_SYNACK:
	case EV_SYNACK_RETRANSMIT:
		return &ev->synack.queues;
	case EV_QUEUED:
		return &ev->queued.queues;
	case EV_DROP:
		return &ev->drop.queues;
	case EV_REQUEST_GONE:
		return &ev->gone.queues;
	case EV_ACCEPTED:
	case EV_CHILD_STATE:
	case EV_REFUSED:
	case EV_CONNECT:
	case EV_CONNECT_STATE:
	case EV_SYN_RETRANSMIT:
	case EV_LISTEN:
	case EV_UNLISTEN:
	case EV_CALL:
	case EV_HOST:
	case EV_LISTENER:
	case EV_OWNER:
	case EV_CGROUP:
	case EV_IFNAME:
	case EV_LOST:
	case EV_END:
		return NULL;
	}
	return NULL;
}
