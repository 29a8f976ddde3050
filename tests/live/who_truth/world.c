// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owns the two namespaces, and removes them at exit. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"
#include "world.h"

void die(const char *what)
{
	fprintf(stderr, "who_truth: %s: %s\n", what, strerror(errno));
	exit(1);
}

__attribute__((format(printf, 1, 2))) static void sh(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd))
		die(cmd);
}

static char server[64], client[64]; /* their names */
static void clean_up(void)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "ip netns del %s 2>/dev/null; ip netns del %s 2>/dev/null",
		 server, client);
	if (system(cmd))
		return; /* one of them had not been made */
}

static int open_netns(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

void world_make(struct world *w)
{
	snprintf(server, sizeof(server), "skl%dws", getpid());
	snprintf(client, sizeof(client), "skl%dwc", getpid());
	atexit(clean_up);
	sh("ip netns add %s && ip netns add %s", server, client);
	for (int i = 0; i < 2; i++) {
		char link = i ? 'b' : 'a';

		sh("ip link add v%c netns %s type veth peer name c%c netns %s", link, server, link,
		   client);
		sh("ip -n %s addr add 10.88.%d.1/24 dev v%c; ip -n %s addr add fd88:%d::1/64 dev "
		   "v%c "
		   "nodad; ip -n %s link set v%c up",
		   server, i + 1, link, server, i + 1, link, server, link);
		sh("ip -n %s addr add 10.88.%d.2/24 dev c%c; ip -n %s addr add fd88:%d::2/64 dev "
		   "c%c "
		   "nodad; ip -n %s link set c%c up",
		   client, i + 1, link, client, i + 1, link, client, link);
	}
	sh("ip -n %s link set lo up; ip -n %s link set lo up", server, client);
	snprintf(w->path, sizeof(w->path), "/run/netns/%s", server);
	w->server_fd = open_netns(server);
	w->client_fd = open_netns(client);
	if (setns(w->server_fd, CLONE_NEWNET))
		die("setns");
	w->server_inum = netns_self();
}
