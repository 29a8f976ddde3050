// SPDX-License-Identifier: GPL-2.0-only
/* The table of event kinds.  Pure. */
#include "event_desc.h"

#define WITH_TUPLE(type) sizeof(struct type), offsetof(struct type, tuple)
#define NO_TUPLE(type)	 sizeof(struct type), -1

static const struct event_desc descs[] = {
	[EV_SYN] = {"syn", WITH_TUPLE(ev_syn)},
	[EV_SYNACK] = {"synack", WITH_TUPLE(ev_synack)},
	[EV_SYNACK_RETRANSMIT] = {"synack_retransmit", WITH_TUPLE(ev_synack)},
	[EV_QUEUED] = {"queued", WITH_TUPLE(ev_queued)},
	[EV_ACCEPTED] = {"accepted", WITH_TUPLE(ev_accepted)},
	[EV_DROP] = {"drop", WITH_TUPLE(ev_drop)},
	[EV_REQUEST_GONE] = {"request_gone", WITH_TUPLE(ev_request_gone)},
	[EV_CHILD_STATE] = {"child_state", WITH_TUPLE(ev_state)},
	[EV_REFUSED] = {"refused", WITH_TUPLE(ev_refused)},
	[EV_CONNECT] = {"connect", WITH_TUPLE(ev_connect)},
	[EV_CONNECT_STATE] = {"connect_state", WITH_TUPLE(ev_state)},
	[EV_SYN_RETRANSMIT] = {"syn_retransmit", WITH_TUPLE(ev_state)},
	[EV_LISTEN] = {"listen", NO_TUPLE(ev_listen)},
	[EV_UNLISTEN] = {"unlisten", NO_TUPLE(ev_listen)},
	[EV_CALL] = {"call", NO_TUPLE(ev_call)},
	[EV_HOST] = {"host", NO_TUPLE(ev_host)},
	[EV_LISTENER] = {"listener", NO_TUPLE(ev_listen)},
	[EV_OWNER] = {"owner", NO_TUPLE(ev_owner)},
	[EV_CGROUP] = {"cgroup", NO_TUPLE(ev_name)},
	[EV_IFNAME] = {"ifname", NO_TUPLE(ev_name)},
	[EV_LOST] = {"lost", NO_TUPLE(ev_lost)},
	[EV_END] = {"end", NO_TUPLE(ev_host)},
};

const struct event_desc *event_desc(uint8_t kind)
{
	if (kind >= sizeof(descs) / sizeof(descs[0]) || !descs[kind].name)
		return NULL;
	return &descs[kind];
}
