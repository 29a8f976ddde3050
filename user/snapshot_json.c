// SPDX-License-Identifier: GPL-2.0-only
/* Owns the JSON shape of a listener and of the process that holds it. */
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "exposure.h"
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

/*
 * tcp_conn_request(): with syncookies off, a SYN of an unproven peer is also dropped in the last
 * quarter of tcp_max_syn_backlog.
 */
static uint32_t syn_limit(const struct snap_sock *s)
{
	uint32_t three_quarters = s->max_syn_backlog - (s->max_syn_backlog >> 2);

	return !s->syncookies && three_quarters < s->limit ? three_quarters : s->limit;
}

const char *snapshot_limit_by(const struct snap_sock *s)
{
	if (syn_limit(s) < s->limit)
		return "max_syn_backlog";
	return s->limit == s->somaxconn ? "somaxconn" : "listen";
}

int64_t snapshot_backlog_asked(const struct snap_sock *s)
{
	return s->limit < s->somaxconn ? (int64_t)s->limit : -1;
}

static void queues(struct json *j, const struct snap_sock *s, int64_t peak)
{
	int64_t asked = snapshot_backlog_asked(s);

	json_object(j, "synq");
	json_u64(j, "depth", s->synq);
	json_u64(j, "limit", syn_limit(s));
	json_end_object(j);
	json_object(j, "acceptq");
	json_u64(j, "depth", s->acceptq);
	json_u64(j, "limit", s->limit);
	json_u64_if(j, "peak", peak >= 0, peak);
	json_end_object(j);
	json_object(j, "backlog");
	json_u64_if(j, "asked", asked >= 0, asked);
	json_u64(j, "somaxconn", s->somaxconn);
	json_str(j, "binds", snapshot_limit_by(s));
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

	json_array(j, "exposed");
	addrs = host_addrs(host, s->hdr.netns, &cnt);
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
			    const struct snapshot_sock *sock, int64_t peak)
{
	const struct snap_owner *first = snapshot_owner(snapshot, sock);
	const struct snap_sock *s = &sock->s;

	json_u64(j, "netns", s->hdr.netns);
	json_str(j, "family", s->family == AF_INET ? "ipv4" : "ipv6");
	json_addr(j, "addr", s->laddr);
	json_u64(j, "port", s->lport);
	json_u64_if(j, "cookie", s->cookie, s->cookie);
	json_str(j, "device", s->device ? host_ifname(host, s->hdr.netns, s->device) : NULL);
	queues(j, s, peak);
	snapshot_json_process(j, "process", host, first);
	json_array(j, "owners");
	for (uint32_t i = 0; i < sock->owner_cnt; i++)
		snapshot_json_process(j, NULL, host, first + i);
	json_end_array(j);
	json_u64_if(j, "reuseport_group", s->reuseport_id, s->reuseport_id);
	json_bool(j, "wildcard", exposure_wildcard(s));
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
