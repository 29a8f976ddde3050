// SPDX-License-Identifier: GPL-2.0-only
/* Owns the JSON shape of a listener and of the process that holds it. */
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "exposure.h"
#include "queue.h"
#include "snapshot_json.h"

void snapshot_json_process(struct json *j, const char *key, struct host *host,
			   const struct snap_owner *owner)
{
	if (!owner) {
		json_null(j, key);
		return;
	}
	json_object(j, key);
	json_u64(j, "pid", owner->pid);
	json_u64(j, "tid", owner->tid);
	json_str(j, "comm", owner->comm);
	json_i64(j, "fd", owner->fd);
	json_u64(j, "uid", owner->uid);
	json_str(j, "cgroup", host_cgroup(host, owner->cgroup));
	json_u64(j, "running_us", host_age_ns(host, owner) / 1000);
	json_end_object(j);
}

static void queue(struct json *j, const char *key, uint32_t depth, uint32_t limit,
		  const struct seen_queue *seen, uint64_t now_ns)
{
	json_object(j, key);
	json_u64(j, "depth", depth);
	json_u64(j, "limit", limit);
	if (seen) {
		json_u64(j, "peak", seen->peak > depth ? seen->peak : depth);
		json_u64_if(j, "above_80_us", seen->pressed_ns != SEEN_UNKNOWN,
			    seen_pressed_ns(seen, now_ns) / 1000);
	} else {
		json_null(j, "peak");
		json_null(j, "above_80_us");
	}
	json_end_object(j);
}

static void queues(struct json *j, const struct snap_sock *s, const struct seen *seen,
		   uint64_t now_ns)
{
	int64_t asked = seen ? seen->asked : -1;

	queue(j, "synq", s->synq, queue_synq_limit(s->limit, s->max_syn_backlog, s->syncookies),
	      seen ? &seen->synq : NULL, now_ns);
	queue(j, "acceptq", s->acceptq, s->limit, seen ? &seen->acceptq : NULL, now_ns);
	json_object(j, "backlog");
	json_u64_if(j, "asked", asked >= 0, asked);
	json_u64(j, "somaxconn", s->somaxconn);
	json_u64(j, "max_syn_backlog", s->max_syn_backlog);
	json_str(j, "binds", queue_limit_name(queue_limit_by(s, asked)));
	json_end_object(j);
}

static void exposed_at(struct json *j, const char *ifname, const uint8_t addr[16])
{
	json_object(j, NULL);
	json_str(j, "ifname", ifname);
	json_addr(j, "addr", addr);
	json_end_object(j);
}

/* All of 127.0.0.0/8 is local by route, without being on the interface. */
static void exposed(struct json *j, struct host *host, const struct snap_sock *s)
{
	const struct netns_addr *addrs;
	size_t cnt, shown = 0;

	addrs = host_addrs(host, s->hdr.netns, &cnt);
	if (!addrs) {
		json_null(j, "exposed");
		return;
	}
	json_array(j, "exposed");
	for (size_t i = 0; i < cnt; i++) {
		if (!exposure_covers(s, &addrs[i]))
			continue;
		exposed_at(j, addrs[i].ifname, addrs[i].addr);
		shown++;
	}
	if (!shown && addr_is_loopback(s->laddr))
		exposed_at(j, "lo", s->laddr);
	json_end_array(j);
}

void snapshot_json_listener(struct json *j, struct host *host, const struct snapshot *snapshot,
			    const struct snapshot_sock *sock, const struct seen *seen,
			    uint64_t now_ns)
{
	const struct snap_owner *first = snapshot_owner(snapshot, sock);
	const struct snap_sock *s = &sock->s;
	const char *device = s->device ? host_ifname(host, s->hdr.netns, s->device) : NULL;

	json_u64(j, "netns", s->hdr.netns);
	json_str(j, "family", s->family == AF_INET ? "ipv4" : "ipv6");
	json_addr(j, "addr", s->laddr);
	json_u64(j, "port", s->lport);
	json_u64_if(j, "cookie", s->cookie, s->cookie);
	json_str(j, "device", device);
	queues(j, s, seen, now_ns);
	snapshot_json_process(j, "process", host, first);
	json_array(j, "owners");
	for (uint32_t i = 0; i < sock->owner_cnt; i++)
		snapshot_json_process(j, NULL, host, first + i);
	json_end_array(j);
	/* The ids that reuseport_alloc() gives begin at 0. */
	json_u64_if(j, "reuseport_group", s->reuseport_cnt, s->reuseport_id);
	json_u64(j, "reuseport_members", s->reuseport_cnt);
	json_bool(j, "wildcard", exposure_wildcard(s));
	json_str(j, "reach", exposure_reach_name(exposure_reach(s, device)));
	if (s->family == AF_INET)
		json_null(j, "v6only");
	else
		json_bool(j, "v6only", s->options & SO_F_V6ONLY);
	json_bool(j, "mptcp", s->options & SO_F_MPTCP || s->marks & SNAP_M_MPTCP);
	json_bool(j, "fastopen", s->options & SO_F_FASTOPEN);
	json_bool(j, "defer_accept", s->options & SO_F_DEFER);
	json_u64(j, "uid", s->uid);
	exposed(j, host, s);
	json_u64(j, "drops", s->drops);
}
