// SPDX-License-Identifier: GPL-2.0-only
/* Owns the table of listener samples.  Pure. */
#include "store_schema.h"

static const struct listener_owner *owner(const struct listener *l)
{
	return l->owner_cnt ? &l->owners[0] : NULL;
}

static void netns(struct store_in *in, struct store_value *v)
{
	v->n = in->listener->netns;
}

static void family(struct store_in *in, struct store_value *v)
{
	store_text_value(v, in->listener->family == 2 ? "ipv4" : "ipv6");
}

static void addr(struct store_in *in, struct store_value *v)
{
	store_addr_value(in, v, in->listener->addr);
}

static void port(struct store_in *in, struct store_value *v)
{
	v->n = in->listener->port;
}

static void cookie(struct store_in *in, struct store_value *v)
{
	v->n = in->listener->cookie;
}

static void pid(struct store_in *in, struct store_value *v)
{
	const struct listener_owner *o = owner(in->listener);

	store_number_if(v, o, o ? o->process.pid : 0);
}

static void comm(struct store_in *in, struct store_value *v)
{
	const struct listener_owner *o = owner(in->listener);

	store_text_value(v, o ? o->process.comm : NULL);
}

static void cgroup(struct store_in *in, struct store_value *v)
{
	const struct listener_owner *o = owner(in->listener);

	store_text_value(v, o ? names_cgroup(in->view->names, o->process.cgroup) : NULL);
}

static void owners(struct store_in *in, struct store_value *v)
{
	v->n = in->listener->owner_cnt;
}

static void synq_depth(struct store_in *in, struct store_value *v)
{
	v->n = in->listener->synq;
}

static void synq_peak(struct store_in *in, struct store_value *v)
{
	v->n = in->listener->synq_peak;
}

static void acceptq_depth(struct store_in *in, struct store_value *v)
{
	v->n = in->listener->acceptq;
}

static void acceptq_limit(struct store_in *in, struct store_value *v)
{
	v->n = in->listener->limit;
}

static void acceptq_peak(struct store_in *in, struct store_value *v)
{
	v->n = in->listener->acceptq_peak;
}

static void drops(struct store_in *in, struct store_value *v)
{
	v->n = in->listener->drops;
}

static void accepted_by(struct store_in *in, struct store_value *v)
{
	const struct listener *l = in->listener;

	store_text_value(v, l->last_accept_ns ? l->last_accept_by.comm : NULL);
}

static void last_accept_us(struct store_in *in, struct store_value *v)
{
	uint64_t ns = in->listener->last_accept_ns;

	store_number_if(v, ns, (ns + in->view->realtime_offset_ns) / 1000);
}

static const struct store_column columns[] = {
	STORE_COMMON_FIRST,
	{"netns", STORE_U32, false, false, netns, "inode number of the network namespace"},
	{"family", STORE_TEXT, false, false, family, "ipv4 or ipv6"},
	{"addr", STORE_TEXT, false, false, addr, "address that it is bound to"},
	{"port", STORE_U16, false, false, port, "its port"},
	{"cookie", STORE_U64, false, false, cookie, "the kernel's number of the socket"},
	{"pid", STORE_U32, true, false, pid, "the first process that holds it"},
	{"comm", STORE_TEXT, true, false, comm, "its name"},
	{"cgroup", STORE_TEXT, true, false, cgroup, "its cgroup, below the cgroup2 root"},
	{"owners", STORE_U32, false, false, owners, "descriptors that are known to hold it"},
	{"synq_depth", STORE_U32, false, false, synq_depth, "SYN queue"},
	{"synq_peak", STORE_U32, false, false, synq_peak, "its highest since sockline runs"},
	{"acceptq_depth", STORE_U32, false, false, acceptq_depth, "accept queue"},
	{"acceptq_limit", STORE_U32, false, false, acceptq_limit,
	 "limit of both: full is above it in the accept queue, at it in the SYN queue"},
	{"acceptq_peak", STORE_U32, false, false, acceptq_peak, "its highest since sockline runs"},
	{"drops", STORE_U32, false, false, drops, "the kernel's count of drops at this socket"},
	{"accepted_by", STORE_TEXT, true, false, accepted_by, "process that accepted last"},
	{"last_accept_us", STORE_U64, true, false, last_accept_us,
	 "when, microseconds since 1970; null: not seen"},
	STORE_COMMON_LAST,
};

const struct store_table store_listeners = {
	.name = "listeners",
	.what = "a row per listener and sample",
	.columns = columns,
	.column_cnt = sizeof(columns) / sizeof(columns[0]),
};
