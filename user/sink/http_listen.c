// SPDX-License-Identifier: GPL-2.0-only
/* The argument of --listen, and the socket made of it. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "http_int.h"

#define BACKLOG 1024
#define SNDBUF	(128 << 10) /* a reply that is not read lies in the kernel no further than this */

struct where {
	uint8_t addr[16];
	bool has_addr;
	uint16_t port;
	char scope[16];
};

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* What connections inherit. */
static int set_options(int fd)
{
	return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
	       set_option(fd, SOL_SOCKET, SO_SNDBUF, SNDBUF);
}

static int open_v4(const struct where *w)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(w->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(&sin.sin_addr, w->addr + 12, 4);
	if (fd < 0)
		return -errno;
	if (set_options(fd) || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) ||
	    listen(fd, BACKLOG)) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

/* :: takes IPv4 connections too. */
static int open_v6(const struct where *w)
{
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(w->port)};
	int fd;

	memcpy(&sin6.sin6_addr, w->addr, 16);
	if (*w->scope) {
		sin6.sin6_scope_id = if_nametoindex(w->scope);
		if (!sin6.sin6_scope_id)
			return -ENODEV;
	}
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (set_options(fd) || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) ||
	    bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) || listen(fd, BACKLOG)) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

static int open_any(struct where *w)
{
	int fd = open_v6(w);

	/* No IPv6 in this kernel, or ipv6.disable=1; or disable_ipv6=1, where :: is no address. */
	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
		addr_parse("0.0.0.0", w->addr);
		fd = open_v4(w);
	}
	return fd;
}

static void say(const char *arg, const struct where *w, int error, char why[HTTP_WHY])
{
	switch (error) {
	case -EADDRINUSE:
		snprintf(why, HTTP_WHY,
			 "--listen %s: the port is in use; `sockline why --reuseaddr --listen %s` "
			 "says by whom",
			 arg, arg);
		return;
	case -EADDRNOTAVAIL:
		snprintf(why, HTTP_WHY, "--listen %s: not an address of this host", arg);
		return;
	case -ENODEV:
		snprintf(why, HTTP_WHY, "--listen %s: no interface '%s'", arg, w->scope);
		return;
	case -EACCES:
		snprintf(why, HTTP_WHY, "--listen %s: port %u needs CAP_NET_BIND_SERVICE", arg,
			 w->port);
		return;
	default:
		snprintf(why, HTTP_WHY, "--listen %s: %s", arg, strerror(-error));
	}
}

int http_listen(const char *arg, char why[HTTP_WHY])
{
	struct where w;
	int fd;

	/* A port alone would be every address: whoever means that says so with the colon. */
	if (!strchr(arg, ':') || endpoint_parse(arg, w.addr, &w.has_addr, &w.port, w.scope)) {
		snprintf(why, HTTP_WHY,
			 "--listen '%s': an address and a port are wanted, such as 127.0.0.1:9435, "
			 "[::1]:9435 or :9435 (every address)",
			 arg);
		return -EINVAL;
	}
	if (!w.has_addr)
		fd = open_any(&w);
	else
		fd = addr_is_v4(w.addr) ? open_v4(&w) : open_v6(&w);
	if (fd < 0)
		say(arg, &w, fd, why);
	return fd;
}
