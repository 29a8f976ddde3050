// SPDX-License-Identifier: GPL-2.0-only
/* Owns the question whether a listener passes the filter options. */
#include <string.h>

#include "addr.h"
#include "exposure.h"
#include "wanted.h"

static bool owner_wanted(const struct filter *f, const struct counters_listener *l,
			 struct host *host)
{
	if (!f->pid && !f->comm && !f->cgroup)
		return true;
	for (uint32_t i = 0; i < l->owner_cnt; i++) {
		const struct snap_owner *o = &l->owners[i];
		struct ev_process p = {.pid = o->pid, .tid = o->tid, .cgroup = o->cgroup};

		memcpy(p.comm, o->comm, sizeof(p.comm));
		if (filter_process(f, &p, f->cgroup && host ? host_cgroup(host, o->cgroup) : NULL))
			return true;
	}
	return false;
}

bool wanted_listener(const struct filter *f, const struct counters_listener *l, struct host *host)
{
	const struct snap_sock *s = &l->sock;

	if (!filter_port(f, s->lport) || (f->netns && f->netns != s->hdr.netns))
		return false;
	if (!filter_family(f, s->laddr) && !(f->v4 && exposure_dual_stack(s)))
		return false;
	if (f->local.on && !prefix_contains(&f->local, s->laddr) && !exposure_wildcard(s))
		return false;
	return owner_wanted(f, l, host);
}
