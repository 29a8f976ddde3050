// SPDX-License-Identifier: GPL-2.0-only
/* Owns the look-up of names on the live host, each once. */
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "event.h"
#include "kernel.h"
#include "live_names.h"
#include "netns.h"

#define ASKED_MAX 1024 /* a power of two */

/* A direct-mapped memory of what was asked: at worst a name is told twice. */
struct asked {
	uint64_t id;
	uint32_t netns;
	uint32_t kind;
};

struct live_names {
	struct asked asked[ASKED_MAX];
	struct netns_list netns;
	uint32_t own_netns;
	int cgroup2; /* fd of its root, or negative */
};

struct live_names *live_names_new(void)
{
	struct live_names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->cgroup2 = kernel_cgroup2();
	n->own_netns = netns_self();
	return n;
}

void live_names_free(struct live_names *n)
{
	if (!n)
		return;
	netns_list_free(&n->netns);
	if (n->cgroup2 >= 0)
		close(n->cgroup2);
	free(n);
}

static int if_name(struct live_names *n, uint32_t netns, uint32_t index, char name[EV_NAME_LEN])
{
	int fd, ret;

	if (netns == n->own_netns)
		return if_indextoname(index, name) ? 0 : -errno;
	if (!netns_find(&n->netns, netns)) {
		netns_add_mounted(&n->netns);
		if (!netns_find(&n->netns, netns))
			netns_add_procs(&n->netns);
	}
	fd = netns_open(&n->netns, netns);
	if (fd < 0)
		return fd;
	ret = netns_ifname(fd, index, name);
	close(fd);
	return ret;
}

static void tell(struct live_names *n, uint8_t kind, uint32_t netns, uint64_t id,
		 const struct ev_hdr *before, source_feed_fn feed, void *ctx)
{
	struct asked *a = &n->asked[(id * 31 + netns + kind * 7) % ASKED_MAX];
	struct ev_name ev = {
		.hdr = {.time_ns = before->time_ns, .cpu = EV_CPU_HOST, .kind = kind},
		.id = id,
		.netns = netns,
	};
	int ret;

	if (a->id == id && a->netns == netns && a->kind == kind)
		return;
	*a = (struct asked){id, netns, kind};
	ret = kind == EV_CGROUP ? cgroup_path(n->cgroup2, id, ev.name, sizeof(ev.name))
				: if_name(n, netns, id, ev.name);
	if (!ret)
		feed(ctx, &ev, sizeof(ev));
}

void live_names_before(struct live_names *n, const void *bytes, size_t len, source_feed_fn feed,
		       void *ctx)
{
	const struct ev_hdr *hdr = bytes;

	switch ((enum event_kind)hdr->kind) {
	case EV_SYN: {
		const struct ev_syn *e = bytes;

		tell(n, EV_IFNAME, e->tuple.netns, e->ifindex, hdr, feed, ctx);
		return;
	}
	case EV_REFUSED: {
		const struct ev_refused *e = bytes;

		tell(n, EV_IFNAME, e->tuple.netns, e->ifindex, hdr, feed, ctx);
		return;
	}
	case EV_ACCEPTED:
		tell(n, EV_CGROUP, 0, ((const struct ev_accepted *)bytes)->process.cgroup, hdr,
		     feed, ctx);
		return;
	case EV_CONNECT:
		tell(n, EV_CGROUP, 0, ((const struct ev_connect *)bytes)->process.cgroup, hdr, feed,
		     ctx);
		return;
	case EV_LISTEN:
	case EV_LISTENER:
		tell(n, EV_CGROUP, 0, ((const struct ev_listen *)bytes)->process.cgroup, hdr, feed,
		     ctx);
		return;
	case EV_OWNER:
		tell(n, EV_CGROUP, 0, ((const struct ev_owner *)bytes)->process.cgroup, hdr, feed,
		     ctx);
		return;
	case EV_CALL:
		tell(n, EV_CGROUP, 0, ((const struct ev_call *)bytes)->process.cgroup, hdr, feed,
		     ctx);
		return;
	case EV_SYNACK:
	case EV_SYNACK_RETRANSMIT:
	case EV_QUEUED:
	case EV_DROP:
	case EV_REQUEST_GONE:
	case EV_CHILD_STATE:
	case EV_CONNECT_STATE:
	case EV_SYN_RETRANSMIT:
	case EV_UNLISTEN:
	case EV_HOST:
	case EV_CGROUP:
	case EV_IFNAME:
	case EV_LOST:
	case EV_END:
		return;
	}
}
