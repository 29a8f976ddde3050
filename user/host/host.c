// SPDX-License-Identifier: GPL-2.0-only
/* Owns what was asked of the host, for as long as its snapshot is shown. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "host.h"
#include "kernel.h"

struct place {
	struct place *next;
	uint32_t netns;
	struct netns_addr *addrs;
	size_t cnt;
};

struct interface {
	struct interface *next;
	uint32_t netns;
	uint32_t index;
	char name[IF_NAMESIZE]; /* "": there is none */
};

struct group {
	struct group *next;
	uint64_t id;
	char path[256]; /* "": there is none */
};

struct host {
	const struct snapshot *snapshot;
	struct place *places;
	struct interface *interfaces;
	struct group *groups;
	int cgroup2;
	int64_t now_ns; /* CLOCK_BOOTTIME, as start_ns of owners */
};

struct host *host_new(const struct snapshot *snapshot)
{
	struct host *h = calloc(1, sizeof(*h));
	struct timespec ts;

	if (!h)
		return NULL;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	h->now_ns = ts.tv_sec * 1000000000ll + ts.tv_nsec;
	h->snapshot = snapshot;
	h->cgroup2 = kernel_cgroup2();
	return h;
}

void host_free(struct host *host)
{
	if (!host)
		return;
	for (struct place *p = host->places, *next; p; p = next) {
		next = p->next;
		free(p->addrs);
		free(p);
	}
	for (struct interface *i = host->interfaces, *next; i; i = next) {
		next = i->next;
		free(i);
	}
	for (struct group *g = host->groups, *next; g; g = next) {
		next = g->next;
		free(g);
	}
	if (host->cgroup2 >= 0)
		close(host->cgroup2);
	free(host);
}

/* -1 for one's own, as netns_run() takes it; below that an error. */
static int enter(const struct host *host, uint32_t netns)
{
	int fd;

	if (netns == netns_self())
		return -1;
	fd = netns_open(&host->snapshot->netns, netns);
	return fd < 0 ? -2 : fd;
}

static void leave(int fd)
{
	if (fd >= 0)
		close(fd);
}

const struct netns_addr *host_addrs(struct host *host, uint32_t netns, size_t *cnt)
{
	struct place *p;
	int fd;

	for (p = host->places; p; p = p->next)
		if (p->netns == netns)
			break;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p) {
			*cnt = 0;
			return NULL;
		}
		p->netns = netns;
		p->next = host->places;
		host->places = p;
		fd = enter(host, netns);
		if (fd >= -1)
			netns_addrs(fd, &p->addrs, &p->cnt);
		leave(fd);
	}
	*cnt = p->cnt;
	return p->addrs;
}

const char *host_ifname(struct host *host, uint32_t netns, uint32_t ifindex)
{
	struct interface *i;
	int fd;

	for (i = host->interfaces; i; i = i->next)
		if (i->netns == netns && i->index == ifindex)
			return *i->name ? i->name : NULL;
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->netns = netns;
	i->index = ifindex;
	i->next = host->interfaces;
	host->interfaces = i;
	fd = enter(host, netns);
	if (fd < -1 || netns_ifname(fd, ifindex, i->name))
		*i->name = 0;
	leave(fd);
	return *i->name ? i->name : NULL;
}

const char *host_cgroup(struct host *host, uint64_t id)
{
	struct group *g;

	for (g = host->groups; g; g = g->next)
		if (g->id == id)
			return *g->path ? g->path : NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->id = id;
	g->next = host->groups;
	host->groups = g;
	if (cgroup_path(host->cgroup2, id, g->path, sizeof(g->path)))
		*g->path = 0;
	return *g->path ? g->path : NULL;
}

int64_t host_age_ns(const struct host *host, const struct snap_owner *owner)
{
	return host->now_ns - (int64_t)owner->start_ns;
}
