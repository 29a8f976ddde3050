// SPDX-License-Identifier: GPL-2.0-only
/* Where a listener is reached, from its address, its options and its device.  Asks nobody. */
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "exposure.h"

bool exposure_wildcard(const struct snap_sock *s)
{
	return addr_is_any(s->laddr);
}

bool exposure_dual_stack(const struct snap_sock *s)
{
	return s->family == AF_INET6 && exposure_wildcard(s) && !addr_is_v4(s->laddr) &&
	       !(s->options & SO_F_V6ONLY);
}

bool exposure_covers_addr(const struct snap_sock *s, const uint8_t addr[16])
{
	if (!exposure_wildcard(s))
		return !memcmp(s->laddr, addr, 16);
	if (addr_is_v4(addr))
		return addr_is_v4(s->laddr) || exposure_dual_stack(s);
	return !addr_is_v4(s->laddr);
}

bool exposure_covers(const struct snap_sock *s, const struct netns_addr *a)
{
	if (!(a->flags & IFF_UP) || (s->device && s->device != a->ifindex))
		return false;
	return exposure_covers_addr(s, a->addr);
}

/* Every namespace has one loopback device, and its name is lo: loopback_net_init(). */
enum reach exposure_reach(const struct snap_sock *s, const char *device)
{
	if (addr_is_loopback(s->laddr) || (device && !strcmp(device, "lo")))
		return REACH_LOOPBACK;
	return exposure_wildcard(s) ? REACH_EVERYWHERE : REACH_ADDRESS;
}

const char *exposure_reach_name(enum reach reach)
{
	switch (reach) {
	case REACH_EVERYWHERE:
		return "everywhere";
	case REACH_ADDRESS:
		return "address";
	case REACH_LOOPBACK:
		return "loopback";
	}
	return "?";
}
