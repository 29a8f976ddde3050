// SPDX-License-Identifier: GPL-2.0-only
/* Owns the table of calls that failed for want of an address.  Pure. */
#include <errno.h>

#include "errno_name.h"
#include "store_schema.h"

/* inet_hash_connect() and inet_csk_get_port(): no local address or port could be had. */
static bool wanted_address(int error)
{
	return error == EADDRNOTAVAIL || error == EADDRINUSE;
}

bool store_call_failed(const struct ev_call *ev)
{
	return ev->result < 0 && (ev->call != CALL_CONNECT || wanted_address(-ev->result));
}

static void syscall_name(struct store_in *in, struct store_value *v)
{
	static const char *const names[] = {
		[CALL_BIND] = "bind", [CALL_LISTEN] = "listen", [CALL_CONNECT] = "connect"};

	store_text_value(v, names[in->call->call]);
}

static void error_name(struct store_in *in, struct store_value *v)
{
	store_text_value(v, errno_name(-in->call->result));
}

static void netns(struct store_in *in, struct store_value *v)
{
	v->n = in->call->netns;
}

static void family(struct store_in *in, struct store_value *v)
{
	store_text_value(v, in->call->family == 2 ? "ipv4" : "ipv6");
}

static void addr(struct store_in *in, struct store_value *v)
{
	store_addr_value(in, v, in->call->addr);
}

static void port(struct store_in *in, struct store_value *v)
{
	v->n = in->call->port;
}

static void pid(struct store_in *in, struct store_value *v)
{
	v->n = in->call->process.pid;
}

static void tid(struct store_in *in, struct store_value *v)
{
	v->n = in->call->process.tid;
}

static void comm(struct store_in *in, struct store_value *v)
{
	store_text_value(v, in->call->process.comm);
}

static void fd(struct store_in *in, struct store_value *v)
{
	v->n = in->call->fd;
}

static void cgroup(struct store_in *in, struct store_value *v)
{
	store_text_value(v, names_cgroup(in->view->names, in->call->process.cgroup));
}

static void uid(struct store_in *in, struct store_value *v)
{
	v->n = in->call->uid;
}

static void reuseaddr(struct store_in *in, struct store_value *v)
{
	v->n = !!(in->call->options & SO_F_REUSEADDR);
}

static void reuseport(struct store_in *in, struct store_value *v)
{
	v->n = !!(in->call->options & SO_F_REUSEPORT);
}

static void v6only(struct store_in *in, struct store_value *v)
{
	v->n = !!(in->call->options & SO_F_V6ONLY);
}

static void device(struct store_in *in, struct store_value *v)
{
	const struct ev_call *c = in->call;

	store_text_value(v, c->device ? names_ifname(in->view->names, c->netns, c->device) : NULL);
}

static const struct store_column columns[] = {
	STORE_COMMON_FIRST,
	{"syscall", STORE_TEXT, false, false, syscall_name, "bind, listen or connect"},
	{"errno", STORE_TEXT, false, false, error_name, "EADDRINUSE, EACCES, …"},
	{"netns", STORE_U32, false, false, netns, "inode number of the network namespace"},
	{"family", STORE_TEXT, false, false, family, "ipv4 or ipv6"},
	{"addr", STORE_TEXT, false, false, addr, "the address that was asked for"},
	{"port", STORE_U16, false, false, port, "the port that was asked for"},
	{"pid", STORE_U32, false, false, pid, "process that called"},
	{"tid", STORE_U32, false, false, tid, "its thread"},
	{"comm", STORE_TEXT, false, false, comm, "its name"},
	{"fd", STORE_I32, false, false, fd, "its file descriptor"},
	{"cgroup", STORE_TEXT, true, false, cgroup, "its cgroup, below the cgroup2 root"},
	{"uid", STORE_U32, false, false, uid, "the socket's user"},
	{"reuseaddr", STORE_BOOL, false, false, reuseaddr, "SO_REUSEADDR"},
	{"reuseport", STORE_BOOL, false, false, reuseport, "SO_REUSEPORT"},
	{"v6only", STORE_BOOL, false, false, v6only, "IPV6_V6ONLY"},
	{"device", STORE_TEXT, true, false, device, "SO_BINDTODEVICE, where its name is known"},
	STORE_COMMON_LAST,
};

const struct store_table store_bind_failures = {
	.name = "bind_failures",
	.what = "a row per bind or listen that failed, and connect without a local address",
	.columns = columns,
	.column_cnt = sizeof(columns) / sizeof(columns[0]),
};
