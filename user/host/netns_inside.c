// SPDX-License-Identifier: GPL-2.0-only
/* What a namespace looks like from inside: interfaces, addresses, routes, sysctls. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"

static void map_v4(uint8_t to[16], struct in_addr addr)
{
	memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	memcpy(to + 12, &addr, 4);
}

struct addrs_job {
	struct netns_addr *addrs;
	size_t cnt;
};

static uint8_t mask_len(const uint8_t *mask, size_t len)
{
	uint8_t bits = 0;

	for (size_t i = 0; i < len; i++)
		bits += __builtin_popcount(mask[i]);
	return bits;
}

static void fill_v4(struct netns_addr *a, const struct ifaddrs *ifa)
{
	const struct sockaddr_in *addr = (const void *)ifa->ifa_addr;
	const struct sockaddr_in *mask = (const void *)ifa->ifa_netmask;
	const struct sockaddr_in *bcast = (const void *)ifa->ifa_broadaddr;

	map_v4(a->addr, addr->sin_addr);
	if (mask)
		a->prefix_len = mask_len((const void *)&mask->sin_addr, 4);
	if (bcast && ifa->ifa_flags & IFF_BROADCAST)
		map_v4(a->broadcast, bcast->sin_addr);
}

static void fill_v6(struct netns_addr *a, const struct ifaddrs *ifa)
{
	const struct sockaddr_in6 *addr = (const void *)ifa->ifa_addr;
	const struct sockaddr_in6 *mask = (const void *)ifa->ifa_netmask;

	memcpy(a->addr, &addr->sin6_addr, 16);
	a->scope_id = addr->sin6_scope_id;
	if (mask)
		a->prefix_len = mask_len((const void *)&mask->sin6_addr, 16);
}

static int by_interface(const void *a, const void *b)
{
	const struct netns_addr *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return memcmp(x->addr, y->addr, sizeof(x->addr));
}

/* getifaddrs() leaves out IFA_F_TENTATIVE (0x40) and IFA_F_DADFAILED (0x08), if_inet6 does not. */
static void mark_tentative(struct addrs_job *job)
{
	FILE *f = fopen("/proc/thread-self/net/if_inet6", "re");
	unsigned int index, flags;
	char hex[33], line[160];
	uint8_t addr[16];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%32s %x %*x %*x %x", hex, &index, &flags) != 3 || !(flags & 0x48))
			continue;
		for (int i = 0; i < 16; i++)
			if (sscanf(hex + 2 * i, "%2hhx", &addr[i]) != 1)
				addr[i] = 0;
		for (size_t i = 0; i < job->cnt; i++)
			if (job->addrs[i].ifindex == index && !memcmp(job->addrs[i].addr, addr, 16))
				job->addrs[i].tentative = true;
	}
	if (f)
		fclose(f);
}

static int list_addrs(void *arg)
{
	struct addrs_job *job = arg;
	struct ifaddrs *all, *ifa;
	size_t cnt = 0;

	if (getifaddrs(&all))
		return -errno;
	for (ifa = all; ifa; ifa = ifa->ifa_next)
		cnt++;
	job->addrs = calloc(cnt + 1, sizeof(*job->addrs));
	for (ifa = job->addrs ? all : NULL; ifa; ifa = ifa->ifa_next) {
		struct netns_addr *a = &job->addrs[job->cnt];

		if (!ifa->ifa_addr ||
		    (ifa->ifa_addr->sa_family != AF_INET && ifa->ifa_addr->sa_family != AF_INET6))
			continue;
		a->family = ifa->ifa_addr->sa_family;
		a->flags = ifa->ifa_flags;
		a->ifindex = if_nametoindex(ifa->ifa_name);
		snprintf(a->ifname, sizeof(a->ifname), "%s", ifa->ifa_name);
		if (a->family == AF_INET)
			fill_v4(a, ifa);
		else
			fill_v6(a, ifa);
		job->cnt++;
	}
	freeifaddrs(all);
	if (!job->addrs)
		return -ENOMEM;
	mark_tentative(job);
	qsort(job->addrs, job->cnt, sizeof(*job->addrs), by_interface);
	return 0;
}

int netns_addrs(int fd, struct netns_addr **out, size_t *cnt)
{
	struct addrs_job job = {0};
	int err = netns_run(fd, list_addrs, &job);

	if (err) {
		free(job.addrs);
		return err;
	}
	*out = job.addrs;
	*cnt = job.cnt;
	return 0;
}

struct name_job {
	const char *name;
	char *to;
	uint32_t index;
};

static int index_of_name(void *arg)
{
	struct name_job *job = arg;

	job->index = if_nametoindex(job->name);
	return job->index ? 0 : -errno;
}

static int name_of_index(void *arg)
{
	struct name_job *job = arg;

	return if_indextoname(job->index, job->to) ? 0 : -errno;
}

int netns_ifindex(int fd, const char *name, uint32_t *index)
{
	struct name_job job = {.name = name};
	int err = netns_run(fd, index_of_name, &job);

	*index = job.index;
	return err;
}

int netns_ifname(int fd, uint32_t index, char name[IF_NAMESIZE])
{
	struct name_job job = {.index = index, .to = name};

	return netns_run(fd, name_of_index, &job);
}

struct sysctl_row {
	const char *path;
	size_t at;
};

#define ROW(path, field)                                                                           \
	{                                                                                          \
		"/proc/sys/net/" path, offsetof(struct netns_sysctls, field)                       \
	}

static const struct sysctl_row sysctl_rows[] = {
	ROW("core/somaxconn", somaxconn),
	ROW("ipv4/tcp_max_syn_backlog", tcp_max_syn_backlog),
	ROW("ipv4/tcp_syncookies", tcp_syncookies),
	ROW("ipv4/tcp_abort_on_overflow", tcp_abort_on_overflow),
	ROW("ipv4/tcp_synack_retries", tcp_synack_retries),
	ROW("ipv4/tcp_fastopen", tcp_fastopen),
	ROW("ipv4/tcp_migrate_req", tcp_migrate_req),
	ROW("ipv4/ip_unprivileged_port_start", ip_unprivileged_port_start),
	ROW("ipv4/ip_nonlocal_bind", ip_nonlocal_bind),
	ROW("ipv6/ip_nonlocal_bind", ip6_nonlocal_bind),
	ROW("ipv4/ip_autobind_reuse", ip_autobind_reuse),
	ROW("ipv6/bindv6only", bindv6only),
	ROW("ipv4/ip_local_port_range", port_range_low),
};

/* Its first numbers, up to cnt; those that are not there are -1. */
static void read_numbers(const char *path, int64_t *to, int cnt)
{
	FILE *f = fopen(path, "re");
	long long n;

	for (int i = 0; i < cnt; i++)
		to[i] = f && fscanf(f, "%lld", &n) == 1 ? n : -1;
	if (f)
		fclose(f);
}

/* "8080,9000-9010" */
static void read_reserved(uint8_t bits[8192])
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_reserved_ports", "re");
	unsigned int low, high;

	memset(bits, 0, 8192);
	while (f && fscanf(f, " %u", &low) == 1) {
		high = low;
		if (fscanf(f, "-%u", &high) != 1)
			high = low;
		for (unsigned int port = low; port <= high && port < 65536; port++)
			bits[port / 8] |= 1 << port % 8;
		if (fscanf(f, " %*1[,]") == EOF)
			break;
	}
	if (f)
		fclose(f);
}

static int list_sysctls(void *arg)
{
	struct netns_sysctls *s = arg;

	for (size_t i = 0; i < sizeof(sysctl_rows) / sizeof(sysctl_rows[0]); i++)
		read_numbers(sysctl_rows[i].path, (int64_t *)((char *)s + sysctl_rows[i].at), 1);
	read_numbers("/proc/sys/net/ipv4/ip_local_port_range", &s->port_range_low, 2);
	read_reserved(s->reserved_ports);
	return 0;
}

int netns_sysctls(int fd, struct netns_sysctls *sysctls)
{
	return netns_run(fd, list_sysctls, sysctls);
}

struct route_job {
	const uint8_t *addr;
	struct netns_route *route;
};

struct route_request {
	struct nlmsghdr hdr;
	struct rtmsg msg;
	struct rtattr dst;
	uint8_t addr[16];
};

static void route_ask(struct route_request *r, const uint8_t addr[16], uint32_t flags)
{
	bool v4 = !memcmp(addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	size_t len = v4 ? 4 : 16;

	memset(r, 0, sizeof(*r));
	r->hdr.nlmsg_type = RTM_GETROUTE;
	r->hdr.nlmsg_flags = NLM_F_REQUEST;
	r->hdr.nlmsg_len = offsetof(struct route_request, addr) + len;
	r->msg.rtm_family = v4 ? AF_INET : AF_INET6;
	r->msg.rtm_dst_len = len * 8;
	r->msg.rtm_flags = flags;
	r->dst.rta_type = RTA_DST;
	r->dst.rta_len = sizeof(r->dst) + len;
	memcpy(r->addr, addr + 16 - len, len);
}

static void route_answer(const struct nlmsghdr *hdr, size_t len, struct netns_route *route)
{
	const struct rtmsg *msg = NLMSG_DATA(hdr);
	struct rtattr *attr = RTM_RTA(msg);
	int left;

	*route = (struct netns_route){NETNS_ROUTE_NONE, 0};
	if (!NLMSG_OK(hdr, len) || hdr->nlmsg_type != RTM_NEWROUTE)
		return;
	if (msg->rtm_type == RTN_LOCAL)
		route->kind = NETNS_ROUTE_LOCAL;
	else if (msg->rtm_type == RTN_UNICAST)
		route->kind = NETNS_ROUTE_AWAY;
	left = RTM_PAYLOAD(hdr);
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if (attr->rta_type == RTA_OIF)
			memcpy(&route->ifindex, RTA_DATA(attr), sizeof(route->ifindex));
}

static int route_talk(int fd, const uint8_t addr[16], uint32_t flags, struct netns_route *route)
{
	char buf[4096] __attribute__((aligned(8)));
	struct route_request request;
	ssize_t n;

	route_ask(&request, addr, flags);
	n = send(fd, &request, request.hdr.nlmsg_len, 0);
	if (n >= 0)
		n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return -errno;
	route_answer((const void *)buf, n, route);
	return 0;
}

/* A packet from the host to itself goes over lo, but counts as come in on the interface that the
 * local route names (ip_route_output_key_hash_rcu(), ip6_rcv_core()): ask for that route itself. */
static int ask_route(void *arg)
{
	struct route_job *job = arg;
	struct netns_route own = {0};
	int fd, err;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	err = route_talk(fd, job->addr, 0, job->route);
	if (!err && job->route->kind == NETNS_ROUTE_LOCAL) {
		err = route_talk(fd, job->addr, RTM_F_FIB_MATCH, &own);
		if (!err && own.kind == NETNS_ROUTE_LOCAL && own.ifindex)
			job->route->ifindex = own.ifindex;
	}
	close(fd);
	return err;
}

int netns_route(int fd, const uint8_t addr[16], struct netns_route *route)
{
	struct route_job job = {addr, route};

	return netns_run(fd, ask_route, &job);
}
