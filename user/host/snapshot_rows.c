// SPDX-License-Identifier: GPL-2.0-only
/* Owns the choice of listeners: filters, and what each is bound to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "snapshot_rows.h"

#define STATE_LISTEN 10 /* TCP_LISTEN */

static bool owner_wanted(const struct filter *f, struct host *host, const struct snap_owner *o)
{
	struct ev_process p = {.pid = o->pid, .tid = o->tid};

	memcpy(p.comm, o->comm, sizeof(p.comm));
	return filter_process(f, &p, f->cgroup ? host_cgroup(host, o->cgroup) : NULL);
}

static bool owners_wanted(const struct filter *f, const struct rows *r,
			  const struct snapshot_sock *sock)
{
	if (!f->pid && !f->comm && !f->cgroup)
		return true;
	for (uint32_t i = 0; i < sock->owner_cnt; i++)
		if (owner_wanted(f, r->host, &r->snapshot->owners[sock->owner_first + i]))
			return true;
	return false;
}

/* A dual-stack listener is of both. */
static bool family_wanted(const struct filter *f, const struct snap_sock *s)
{
	if (f->v4 == f->v6)
		return true;
	return f->v4 ? addr_is_v4(s->laddr) || exposure_dual_stack(s) : !addr_is_v4(s->laddr);
}

static bool wanted(const struct filter *f, const struct rows *r, const struct snapshot_sock *sock)
{
	const struct snap_sock *s = &sock->s;

	if (s->state != STATE_LISTEN || (f->netns && s->hdr.netns != f->netns))
		return false;
	if (!filter_port(f, s->lport))
		return false;
	if (!family_wanted(f, s))
		return false;
	if (f->local.on && !prefix_contains(&f->local, s->laddr))
		return false;
	return owners_wanted(f, r, sock);
}

int rows_make(struct rows *r, const struct snapshot *snapshot, const struct filter *f)
{
	uint32_t netns = 0;

	*r = (struct rows){.snapshot = snapshot, .own_netns = netns_self()};
	r->host = host_new(snapshot);
	r->rows = malloc((snapshot->sock_cnt + 1) * sizeof(*r->rows));
	if (!r->host || !r->rows) {
		rows_free(r);
		return -ENOMEM;
	}
	for (size_t i = 0; i < snapshot->sock_cnt; i++) {
		const struct snapshot_sock *sock = &snapshot->socks[i];
		struct row *row = &r->rows[r->cnt];

		if (!wanted(f, r, sock))
			continue;
		row->sock = sock;
		row->device = NULL;
		if (sock->s.device)
			row->device = host_ifname(r->host, sock->s.hdr.netns, sock->s.device);
		row->reach = exposure_reach(&sock->s, row->device);
		r->netns_cnt += sock->s.hdr.netns != netns;
		netns = sock->s.hdr.netns;
		r->cnt++;
	}
	return 0;
}

void rows_free(struct rows *r)
{
	host_free(r->host);
	free(r->rows);
	*r = (struct rows){0};
}
