// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who would answer, against who answers: random listeners in a namespace of its own, then real
 * connections to them; the socket that the lookup named must be the one that accepts, and where it
 * named none the connection must be refused.
 *
 *   who_truth [--seed N] [--count N] [-v]
 *
 * Most cases ask the lookup itself, some go through `sockline who`.  Needs root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "lookup.h"
#include "snapshot.h"
#include "who_truth/world.h"

#define LISTENERS 6
#define CONNECTS  4 /* per set of listeners */
#define BY_BINARY 40
#define SOON_MS   2000

static const char *const devices[] = {"", "lo", "va", "vb"};
static const char *const locals[] = {"0.0.0.0",   "::",        "127.0.0.1", "127.0.0.2", "::1",
				     "10.88.1.1", "10.88.2.1", "fd88:1::1", "fd88:2::1"};

/* Where a connection comes from, where it goes, and what it comes in on. */
struct route {
	bool from_client;
	const char *source;
	const char *target;
	const char *device;
};

/* What the host sends to itself counts as come in on the interface that has the address. */
static const struct route routes[] = {
	{true, "10.88.1.2", "10.88.1.1", "va"},
	{true, "10.88.2.2", "10.88.2.1", "vb"},
	{true, "fd88:1::2", "fd88:1::1", "va"},
	{true, "fd88:2::2", "fd88:2::1", "vb"},
	{false, "127.0.0.1", "127.0.0.1", "lo"},
	{false, "127.0.0.3", "127.0.0.2", "lo"},
	{false, "::1", "::1", "lo"},
	{false, "10.88.1.1", "10.88.1.1", "va"},
	{false, "10.88.2.1", "10.88.2.1", "vb"},
	{false, "fd88:2::1", "fd88:2::1", "vb"},
};

struct truth {
	uint64_t seed, state;
	bool verbose;
	struct world world;
	struct lookup *lookup;
	struct snapshot_reader *reader;
	struct snapshot *snap; /* with these listeners */
	int fds[LISTENERS];
	int cnt;
	uint16_t port;
	unsigned int passed, failed, refused, shared;
};

/* splitmix64 */
static uint64_t next(struct truth *t)
{
	uint64_t z = t->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static unsigned int below(struct truth *t, unsigned int n)
{
	return next(t) % n;
}

static socklen_t sockaddr_of(const char *addr, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *v6 = (void *)ss;
	struct sockaddr_in *v4 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (strchr(addr, ':')) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		inet_pton(AF_INET6, addr, &v6->sin6_addr);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	inet_pton(AF_INET, addr, &v4->sin_addr);
	return sizeof(*v4);
}

static void set(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		die("setsockopt");
}

/* One more listener, if the kernel lets it have the port. */
static void add_listener(struct truth *t, const char *addr, bool reuseport, const char *device,
			 bool v6only)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(addr, t->port, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	set(fd, SOL_SOCKET, SO_REUSEPORT, reuseport);
	if (ss.ss_family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only);
	if (*device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)))
		die("SO_BINDTODEVICE");
	if (bind(fd, (void *)&ss, len) || listen(fd, 64)) {
		close(fd);
		return;
	}
	t->fds[t->cnt++] = fd;
}

static void make_listeners(struct truth *t, unsigned int round)
{
	struct snapshot_query q = {.scope = SNAP_LISTENERS, .netns = t->world.server_inum};
	bool reuseport = below(t, 3) > 0; /* without it most second binds fail */

	t->port = 2000 + round % 30000;
	t->cnt = 0;
	while (t->cnt < LISTENERS && (t->cnt == 0 || below(t, 4))) {
		const char *addr = locals[below(t, 2) ? below(t, 2) : below(t, 9)];
		const char *device = devices[below(t, 3) ? 0 : below(t, 4)];
		bool v6only = below(t, 3) == 0;

		for (unsigned int n = below(t, 3) ? 1 : 3; n && t->cnt < LISTENERS; n--)
			add_listener(t, addr, reuseport, device, v6only);
	}
	q.port = t->port;
	if (snapshot_read(t->reader, &q, &t->snap))
		die("snapshot");
}

static void close_hard(int fd)
{
	struct linger off = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	close(fd);
}

/* A socket in the namespace that the route begins in, bound to a port of its own choice. */
static int make_client(struct truth *t, const struct route *r, uint16_t *port)
{
	struct sockaddr_storage ss;
	int fd, tries = 100;
	socklen_t len;

	if (r->from_client && setns(t->world.client_fd, CLONE_NEWNET))
		die("setns");
	fd = socket(strchr(r->source, ':') ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (setns(t->world.server_fd, CLONE_NEWNET))
		die("setns");
	if (fd < 0)
		die("socket");
	do {
		*port = 33000 + below(t, 32000);
		len = sockaddr_of(r->source, *port, &ss);
	} while (bind(fd, (void *)&ss, len) && --tries);
	if (!tries)
		die("bind of the client");
	return fd;
}

/* Connects: 1, or 0 when refused.  *accepted is the listener that has it. */
static int really(struct truth *t, const struct route *r, int client, uint16_t port, int *accepted)
{
	struct pollfd p = {client, POLLOUT, 0};
	struct sockaddr_storage ss;
	int error = 0, fd;
	socklen_t len = sockaddr_of(r->target, t->port, &ss);

	if (connect(client, (void *)&ss, len) && errno != EINPROGRESS)
		error = errno;
	else if (poll(&p, 1, SOON_MS) != 1)
		error = ETIMEDOUT;
	len = sizeof(fd);
	if (!error && !getsockopt(client, SOL_SOCKET, SO_ERROR, &fd, &len))
		error = fd;
	*accepted = -1;
	if (error == ECONNREFUSED)
		return 0;
	if (error)
		return -error;
	for (int i = 0; i < t->cnt; i++) {
		fd = accept4(t->fds[i], NULL, NULL, SOCK_NONBLOCK);
		if (fd >= 0) {
			*accepted = t->fds[i];
			close_hard(fd);
		}
	}
	return 1;
}

static int by_lookup(struct truth *t, const struct route *r, uint16_t rport)
{
	struct lookup_query q = {.lport = t->port, .rport = rport};
	const struct snapshot_sock *sock;
	const struct snap_owner *owner;
	struct lookup_answer answer;
	int fd = -1;

	addr_parse(r->target, q.local);
	addr_parse(r->source, q.remote);
	q.ifindex = if_nametoindex(r->device);
	if (lookup_ask(t->lookup, -1, &q, &answer, 1))
		die("asking");
	sock = lookup_match(t->snap, t->world.server_inum, &answer);
	owner = sock ? snapshot_owner(t->snap, sock) : NULL;
	if (owner && owner->pid == (uint32_t)getpid())
		fd = owner->fd;
	else if (answer.found)
		fd = -2;
	return fd;
}

/* `sockline who`, whose "process" must be this one. */
static int by_binary(struct truth *t, const struct route *r, uint16_t rport)
{
	static char line[65536];
	bool v6 = strchr(r->target, ':');
	char cmd[512], pid[32];
	char *process, *fd;
	size_t len;
	FILE *f;

	snprintf(cmd, sizeof(cmd),
		 "%s/sockline who --json %s%s%s:%u --from %s%s%s:%u --netns %s%s%s",
		 getenv("B") ? getenv("B") : "build", v6 ? "[" : "", r->target, v6 ? "]" : "",
		 t->port, v6 ? "[" : "", r->source, v6 ? "]" : "", rport, t->world.path,
		 below(t, 2) ? " --device " : " #", r->device);
	f = popen(cmd, "r");
	len = f ? fread(line, 1, sizeof(line) - 1, f) : 0;
	if (!f || pclose(f) == -1)
		die(cmd);
	line[len] = 0;
	if (strstr(line, "\"found\":false"))
		return -1;
	snprintf(pid, sizeof(pid), "\"process\":{\"pid\":%d,", getpid());
	process = strstr(line, pid);
	fd = process ? strstr(process, "\"fd\":") : NULL;
	return fd ? atoi(fd + 5) : -2;
}

static void tell_listeners(const struct truth *t)
{
	char device[IF_NAMESIZE], text[ADDR_LEN];
	struct sockaddr_in6 a = {0};
	socklen_t len;

	for (int i = 0; i < t->cnt; i++) {
		len = sizeof(a);
		getsockname(t->fds[i], (void *)&a, &len);
		inet_ntop(a.sin6_family,
			  a.sin6_family == AF_INET ? (void *)&a.sin6_flowinfo
						   : (void *)&a.sin6_addr,
			  text, sizeof(text));
		len = sizeof(device);
		if (getsockopt(t->fds[i], SOL_SOCKET, SO_BINDTODEVICE, device, &len) || !len)
			snprintf(device, sizeof(device), "-");
		printf("  fd %d: %s device %s\n", t->fds[i], text, device);
	}
}

static void try_one(struct truth *t, bool binary)
{
	const struct route *r = &routes[below(t, sizeof(routes) / sizeof(routes[0]))];
	uint16_t rport;
	int client = make_client(t, r, &rport);
	int said = binary ? by_binary(t, r, rport) : by_lookup(t, r, rport);
	int accepted, ret;

	ret = really(t, r, client, rport, &accepted);
	close_hard(client);
	t->refused += ret == 0;
	t->shared += t->cnt > 1;
	if (ret >= 0 && said == accepted) {
		t->passed++;
		return;
	}
	t->failed++;
	printf("FAIL port %u: %s:%u -> %s on %s: said fd %d, accepted by fd %d (%s)\n", t->port,
	       r->source, rport, r->target, r->device, said, accepted,
	       ret < 0 ? strerror(-ret) : "");
	tell_listeners(t);
}

static void arguments(struct truth *t, int argc, char **argv, unsigned int *count)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			t->seed = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--count") && i + 1 < argc)
			*count = strtoul(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "-v"))
			t->verbose = true;
	}
	t->state = t->seed;
	printf("seed %llu\n", (unsigned long long)t->seed);
}

static volatile sig_atomic_t stopping;

static void stop(int sig)
{
	stopping = sig;
}

int main(int argc, char **argv)
{
	static struct truth truth, *t = &truth;
	unsigned int count = 2400;

	t->seed = time(NULL);
	arguments(t, argc, argv, &count);
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	world_make(&t->world);
	if (lookup_open(&t->lookup) || snapshot_open(&t->reader))
		die("loading");
	for (unsigned int n = 0, round = 0; n < count && !stopping; round++) {
		make_listeners(t, round);
		for (int i = 0; i < CONNECTS; i++, n++)
			try_one(t, n < BY_BINARY);
		if (t->verbose)
			tell_listeners(t);
		for (int i = 0; i < t->cnt; i++)
			close(t->fds[i]);
		snapshot_free(t->snap);
	}
	lookup_close(t->lookup);
	snapshot_close(t->reader);
	printf("%u refused, %u with several listeners\n", t->refused, t->shared);
	printf("%u passed, %u failed\n", t->passed, t->failed);
	return t->failed || !t->refused || !t->shared;
}
