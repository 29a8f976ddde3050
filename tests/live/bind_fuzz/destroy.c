// SPDX-License-Identifier: GPL-2.0-only
/* Takes a TIME_WAIT away, through SOCK_DESTROY of sock_diag (CONFIG_INET_DIAG_DESTROY). */
#include "make.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
	struct nlmsghdr nlh;
	struct inet_diag_req_v2 req;
};

struct answer {
	struct nlmsghdr nlh;
	struct nlmsgerr err;
	char rest[256];
};

static void fill(struct request *r, const struct bind_sock *s)
{
	memset(r, 0, sizeof(*r));
	r->nlh.nlmsg_len = sizeof(*r);
	r->nlh.nlmsg_type = SOCK_DESTROY;
	r->nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	r->req.sdiag_family = s->family;
	r->req.sdiag_protocol = IPPROTO_TCP;
	r->req.idiag_states = ~0u;
	r->req.id.idiag_sport = htons(s->port);
	r->req.id.idiag_dport = htons(s->rport);
	memcpy(r->req.id.idiag_src, s->addr + (s->family == AF_INET ? 12 : 0),
	       s->family == AF_INET ? 4 : 16);
	memcpy(r->req.id.idiag_dst, s->raddr + (s->family == AF_INET ? 12 : 0),
	       s->family == AF_INET ? 4 : 16);
	r->req.id.idiag_if = s->bound_dev_if;
	r->req.id.idiag_cookie[0] = r->req.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

bool make_destroy(const struct bind_sock *s)
{
	struct request r;
	struct answer a;
	ssize_t len;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return false;
	fill(&r, s);
	len = send(fd, &r, sizeof(r), 0) == sizeof(r) ? recv(fd, &a, sizeof(a), 0) : -1;
	close(fd);
	return len >= (ssize_t)sizeof(a.nlh) + (ssize_t)sizeof(int) &&
	       a.nlh.nlmsg_type == NLMSG_ERROR && !a.err.error;
}
