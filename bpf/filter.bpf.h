/* SPDX-License-Identifier: GPL-2.0-only */
/* The filters that the kernel side can apply, all on a tuple.  What is off costs nothing: the
 * configuration is constant when the program loads. */
#ifndef SOCKLINE_FILTER_BPF_H
#define SOCKLINE_FILTER_BPF_H

const volatile struct config config = {};
const volatile __u64 config_ports[65536 / 64] = {};

static __always_inline bool prefix_match(const volatile struct config_prefix *p, const u8 addr[16])
{
	for (int i = 0; i < 2; i++)
		if ((((u64 *)addr)[i] & ((u64 *)p->mask)[i]) != ((u64 *)p->addr)[i])
			return false;
	return true;
}

static __always_inline bool port_wanted(u16 port)
{
	return !config.ports_on || config_ports[port >> 6] & 1ULL << (port & 63);
}

/* Of an outgoing connection the local port may not be known yet (0): it passes, and the reader,
 * which learns it later, looks again. */
static __always_inline bool filter_keep(const struct ev_tuple *t)
{
	if (config.netns && t->netns != config.netns)
		return false;
	if (t->lport ? !port_wanted(t->lport) : config.ports_on && !config.active)
		return false;
	if (config.family && addr_is_v4(t->raddr) != (config.family == AF_INET))
		return false;
	if (config.local.on && !prefix_match(&config.local, t->laddr))
		return false;
	return !config.remote.on || prefix_match(&config.remote, t->raddr);
}

#endif
