// SPDX-License-Identifier: GPL-2.0-only
/* Makes the namespaces of bind_fuzz.  Knows nothing of the rules that are tested. */
#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char main_batch[] = "link set lo up\n"
				 "link set va addrgenmode none\n"
				 "link set vb addrgenmode none\n"
				 "link set va up\n"
				 "link set vb up\n"
				 "link set vd up\n"
				 "addr add 10.9.0.1/24 brd + dev va\n"
				 "addr add 10.9.1.1/24 brd + dev vb\n"
				 "addr add 10.9.5.1/24 brd + dev vd\n"
				 "addr add fd09::1/64 dev va nodad\n"
				 "addr add fe80::1/64 dev va nodad\n"
				 "addr add fd09:1::1/64 dev vb nodad\n"
				 "link set vd down\n";
static const char peer_batch[] = "link set lo up\n"
				 "link set pa addrgenmode none\n"
				 "link set pb addrgenmode none\n"
				 "link set pa up\n"
				 "link set pb up\n"
				 "addr add 10.9.0.2/24 dev pa\n"
				 "addr add 10.9.1.2/24 dev pb\n"
				 "addr add fd09::2/64 dev pa nodad\n"
				 "addr add fe80::2/64 dev pa nodad\n"
				 "addr add fd09:1::2/64 dev pb nodad\n";

_Noreturn void world_die(const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, strerror(errno));
	exit(2);
}

static int ip_batch(const char *text)
{
	FILE *f = popen("ip -batch -", "w");

	if (!f)
		return -errno;
	fputs(text, f);
	return pclose(f) ? -EIO : 0;
}

void world_sysctl(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0) {
		perror(path);
		exit(2);
	}
	close(fd);
}

void world_addr(const char *text, uint8_t addr[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET6, text, addr) == 1)
		return;
	memcpy(addr, mapped, 12);
	if (inet_pton(AF_INET, text, addr + 12) != 1)
		world_die(__FILE__, __LINE__);
}

socklen_t world_sockaddr(uint16_t family, const uint8_t addr[16], uint16_t port, uint32_t scope,
			 struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = family;
	if (family == AF_INET) {
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr + 12, 4);
		return sizeof(*in);
	}
	in6->sin6_port = htons(port);
	in6->sin6_scope_id = scope;
	memcpy(&in6->sin6_addr, addr, 16);
	return sizeof(*in6);
}

void world_from_sockaddr(const struct sockaddr_storage *ss, uint8_t addr[16], uint16_t *port)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

	if (ss->ss_family == AF_INET) {
		world_addr("0.0.0.0", addr);
		memcpy(addr + 12, &in->sin_addr, 4);
		*port = ntohs(in->sin_port);
		return;
	}
	memcpy(addr, &in6->sin6_addr, 16);
	*port = ntohs(in6->sin6_port);
}

int world_peer_socket(struct world *w, int family, int type)
{
	int fd;

	if (setns(w->ns_peer, CLONE_NEWNET))
		return -1;
	fd = socket(family, type, 0);
	if (setns(w->ns_main, CLONE_NEWNET))
		world_die(__FILE__, __LINE__);
	return fd;
}

static int server(int fd)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(SERVER_PORT)};
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 128))
		return -1;
	return fd;
}

/* A child that only lives until the devices were given to its namespace. */
static pid_t peer_namespace(struct world *w)
{
	int ready[2];
	char path[64], c;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		if (!unshare(CLONE_NEWNET) && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		return -1;
	close(ready[0]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	w->ns_peer = open(path, O_RDONLY | O_CLOEXEC);
	return pid;
}

static void take_ifaddr(struct bind_ifaddr *to, const struct ifaddrs *ifa)
{
	struct sockaddr_storage ss;
	uint16_t port;

	memset(to, 0, sizeof(*to));
	memcpy(&ss, ifa->ifa_addr,
	       ifa->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						   : sizeof(struct sockaddr_in6));
	world_from_sockaddr(&ss, to->addr, &port);
	to->family = ss.ss_family;
	to->ifindex = if_nametoindex(ifa->ifa_name);
	to->up = ifa->ifa_flags & IFF_UP;
	to->loopback = ifa->ifa_flags & IFF_LOOPBACK;
	if (to->family != AF_INET)
		return;
	to->prefix_len =
		__builtin_popcount(((struct sockaddr_in *)ifa->ifa_netmask)->sin_addr.s_addr);
	if (ifa->ifa_flags & IFF_BROADCAST && ifa->ifa_broadaddr) {
		memcpy(&ss, ifa->ifa_broadaddr, sizeof(struct sockaddr_in));
		world_from_sockaddr(&ss, to->bcast, &port);
	}
}

static void read_addrs(struct world *w)
{
	struct ifaddrs *list, *ifa;
	struct stat st;
	size_t n = 0;

	if (getifaddrs(&list))
		world_die(__FILE__, __LINE__);
	for (ifa = list; ifa; ifa = ifa->ifa_next)
		if (ifa->ifa_addr && n < 32 &&
		    (ifa->ifa_addr->sa_family == AF_INET || ifa->ifa_addr->sa_family == AF_INET6))
			take_ifaddr(&w->addrs[n++], ifa);
	freeifaddrs(list);
	fstat(w->ns_main, &st);
	w->env = (struct bind_env){
		.netns = st.st_ino, .addrs = w->addrs, .n_addrs = n, .addr_local = BIND_MAYBE};
}

static int plug(struct world *w, pid_t pid)
{
	char batch[256];
	int ret;

	snprintf(batch, sizeof(batch),
		 "link add va type veth peer name pa netns %d\n"
		 "link add vb type veth peer name pb netns %d\n"
		 "link add vd type veth peer name pd netns %d\n",
		 pid, pid, pid);
	ret = ip_batch(batch);
	if (!ret)
		ret = ip_batch(main_batch);
	if (!ret && !setns(w->ns_peer, CLONE_NEWNET))
		ret = ip_batch(peer_batch);
	return setns(w->ns_main, CLONE_NEWNET) ? -errno : ret;
}

int world_make(struct world *w)
{
	pid_t pid;
	int ret;

	memset(w, 0, sizeof(*w));
	pid = peer_namespace(w);
	if (pid < 0 || w->ns_peer < 0 || unshare(CLONE_NEWNET))
		return -errno;
	w->ns_main = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ret = plug(w, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (ret)
		return ret;
	w->lo = if_nametoindex("lo");
	w->va = if_nametoindex("va");
	w->vb = if_nametoindex("vb");
	w->server_main = server(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
	w->server_peer = server(world_peer_socket(w, AF_INET6, SOCK_STREAM | SOCK_CLOEXEC));
	if (w->server_main < 0 || w->server_peer < 0)
		return -errno;
	read_addrs(w);
	return 0;
}

void world_free(struct world *w)
{
	close(w->server_main);
	close(w->server_peer);
	close(w->ns_peer);
	close(w->ns_main);
}
