// SPDX-License-Identifier: GPL-2.0-only
/* Owns the names that the stream has told.  Pure. */
#include <stdlib.h>
#include <string.h>

#include "names.h"

#define NAMES_MAX 1024 /* a power of two */

struct name_row {
	__u64 id;
	__u32 netns; /* 0 for a cgroup */
	__u32 kind;  /* EV_CGROUP, EV_IFNAME, 0: free */
	char name[EV_NAME_LEN];
};

struct names {
	struct name_row rows[NAMES_MAX];
};

static unsigned int hash(__u32 kind, __u32 netns, __u64 id)
{
	return ((id * 0x9e3779b97f4a7c15ULL) ^ netns * 0x85ebca6bU ^ kind) % NAMES_MAX;
}

/* Eight neighbours are looked at: a table that is never full answers in one or two. */
#define PROBES 8

static const struct name_row *find(const struct names *n, __u32 kind, __u32 netns, __u64 id)
{
	unsigned int at = hash(kind, netns, id);

	for (int i = 0; i < PROBES; i++) {
		const struct name_row *r = &n->rows[(at + i) % NAMES_MAX];

		if (r->kind == kind && r->netns == netns && r->id == id)
			return r;
	}
	return NULL;
}

struct names *names_new(void)
{
	return calloc(1, sizeof(struct names));
}

void names_free(struct names *n)
{
	free(n);
}

void names_reset(struct names *n)
{
	memset(n, 0, sizeof(*n));
}

void names_each(const struct names *n, void (*fn)(void *ctx, const struct ev_name *ev), void *ctx)
{
	for (int i = 0; i < NAMES_MAX; i++) {
		const struct name_row *r = &n->rows[i];
		struct ev_name ev = {
			.hdr = {.cpu = EV_CPU_HOST, .kind = r->kind},
			.id = r->id,
			.netns = r->netns,
		};

		if (!r->kind)
			continue;
		memcpy(ev.name, r->name, EV_NAME_LEN);
		fn(ctx, &ev);
	}
}

void names_feed(struct names *n, const struct ev_name *ev)
{
	__u32 netns = ev->hdr.kind == EV_IFNAME ? ev->netns : 0;
	unsigned int at = hash(ev->hdr.kind, netns, ev->id);
	struct name_row *row = (struct name_row *)find(n, ev->hdr.kind, netns, ev->id);

	for (int i = 0; !row && i < PROBES; i++)
		if (!n->rows[(at + i) % NAMES_MAX].kind)
			row = &n->rows[(at + i) % NAMES_MAX];
	if (!row)
		row = &n->rows[at];
	row->kind = ev->hdr.kind;
	row->netns = netns;
	row->id = ev->id;
	memcpy(row->name, ev->name, EV_NAME_LEN);
}

const char *names_cgroup(const struct names *n, __u64 id)
{
	const struct name_row *r = find(n, EV_CGROUP, 0, id);

	return r ? r->name : NULL;
}

const char *names_ifname(const struct names *n, __u32 netns, __u32 ifindex)
{
	const struct name_row *r = find(n, EV_IFNAME, netns, ifindex);

	return r ? r->name : NULL;
}
