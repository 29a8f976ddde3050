// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two sockets, one port: do their addresses meet, and if so, may they share?
 *
 * Owns the comparisons that the kernel makes between two sockets.  Knows nothing of arrays of
 * sockets, of the bind bucket's history beyond sk_reuseport_match(), nor of words.
 */
#include "bindrule_int.h"

#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* LOOPBACK4_IPV6, 127.0.0.6: what __inet6_bind() and tcp_v6_connect() store in sk_rcv_saddr of a
 * socket whose address has no IPv4 equivalent.  It is not 0, and that is all that matters here. */
#define V4_OF_V6 0x7f000006u

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool rule_is_any(const uint8_t addr[16])
{
	static const uint8_t zero[16];

	return memcmp(addr, zero, 16) == 0;
}

bool rule_is_mapped(const uint8_t addr[16])
{
	return memcmp(addr, mapped_prefix, 12) == 0;
}

bool rule_is_link_local(const uint8_t addr[16])
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

uint32_t rule_v4(const uint8_t addr[16])
{
	return (uint32_t)addr[12] << 24 | (uint32_t)addr[13] << 16 | (uint32_t)addr[14] << 8 |
	       addr[15];
}

bool rule_is_wildcard(uint16_t family, const uint8_t addr[16])
{
	if (family == AF_INET6 && rule_is_any(addr))
		return true;
	return rule_is_mapped(addr) && rule_v4(addr) == 0;
}

static struct rule_addr addr_make(uint16_t family, const uint8_t addr[16], bool v6only)
{
	struct rule_addr a = {.family = family, .addr = addr, .v6only = v6only};

	if (family == AF_INET || rule_is_mapped(addr))
		a.v4 = rule_v4(addr);
	else
		a.v4 = rule_is_any(addr) ? 0 : V4_OF_V6;
	if (family == AF_INET)
		a.v6only = false;
	return a;
}

struct rule_addr rule_addr_of(const struct bind_sock *sock)
{
	return addr_make(sock->family, sock->addr, sock->v6only);
}

/* __inet6_bind(): one IPv6 address makes the socket v6only before get_port(), and the scope of a
 * link-local address replaces the device that the socket was bound to. */
struct rule_ask rule_ask_of(const struct bind_cand *cand, uint32_t netns)
{
	bool one6 =
		cand->family == AF_INET6 && !rule_is_any(cand->addr) && !rule_is_mapped(cand->addr);
	struct rule_ask ask = {
		.addr = addr_make(cand->family, cand->addr, cand->v6only || one6),
		.netns = netns,
		.dev = cand->bound_dev_if,
		.uid = cand->uid,
		.port = cand->port,
		.reuse = cand->reuse,
		.reuseport = cand->reuseport,
		.prog = cand->reuseport_prog,
	};

	if (one6 && rule_is_link_local(cand->addr) && cand->scope_id)
		ask.dev = cand->scope_id;
	return ask;
}

/* inet6_rcv_saddr() is NULL for AF_INET, and counts as v4-mapped. */
static bool is_mapped(const struct rule_addr *a)
{
	return a->family == AF_INET || rule_is_mapped(a->addr);
}

static bool is_any6(const struct rule_addr *a)
{
	return a->family == AF_INET6 && rule_is_any(a->addr);
}

/* ipv4_rcv_saddr_equal(): sk2 is only asked whether it is v6only.  So an AF_INET6 socket that is
 * connected, and was never made v6only, counts as IPv4 against 0.0.0.0. */
static bool equal4(const struct rule_addr *a, const struct rule_addr *b, bool wild_a, bool wild_b)
{
	if (b->v6only)
		return false;
	return a->v4 == b->v4 || (wild_a && !a->v4) || (wild_b && !b->v4);
}

/* ipv6_rcv_saddr_equal() */
static bool equal6(const struct rule_addr *a, const struct rule_addr *b, bool wild_a, bool wild_b)
{
	if (is_mapped(a) && is_mapped(b))
		return equal4(a, b, wild_a, wild_b);
	if (is_any6(a) && is_any6(b))
		return true;
	if (is_any6(b) && wild_b && !(b->v6only && is_mapped(a)))
		return true;
	if (is_any6(a) && wild_a && !(a->v6only && is_mapped(b)))
		return true;
	return b->family == AF_INET6 && memcmp(a->addr, b->addr, 16) == 0;
}

/* inet_use_hash2_on_bind(): any address that is not a wildcard.  Since 6.1 such a bind looks only
 * at the wildcards and at its own address; 5.10 walks all sockets of the port, as a wildcard still
 * does. */
static bool use_hash2(const struct rule_addr *a)
{
	if (a->family == AF_INET6 && rule_is_any(a->addr))
		return false;
	if (a->family == AF_INET6 && !is_mapped(a))
		return true;
	return a->v4 != 0;
}

/* inet_bhash2_addr_any_conflict() and inet_bhash2_conflict(): the address part of both.  Mapped
 * addresses go this way since 6.9. */
static bool hash2_meets(const struct rule_addr *a, const struct rule_addr *b)
{
	if (b->v6only && is_mapped(a))
		return false;
	if (is_any6(b))
		return true;
	if (is_mapped(b) && b->v4 == 0 && is_mapped(a))
		return true;
	return memcmp(a->addr, b->addr, 16) == 0;
}

static bool addrs_meet(const struct rule_addr *a, const struct rule_addr *b)
{
	if (use_hash2(a))
		return hash2_meets(a, b);
	/* inet_rcv_saddr_equal() */
	return a->family == AF_INET6 ? equal6(a, b, true, true) : equal4(a, b, true, true);
}

/* inet_bind_conflict(): two devices, both set and different, never meet. */
static bool devices_meet(const struct rule_ask *ask, const struct bind_sock *sock)
{
	return !ask->dev || !sock->bound_dev_if || ask->dev == sock->bound_dev_if;
}

/* inet_bind_conflict(): SO_REUSEADDR on both, and the other does not listen. */
static bool reuseaddr_shares(const struct rule_ask *ask, const struct bind_sock *sock)
{
	return ask->reuse && sock->reuse && sock->state != TCP_LISTEN;
}

/* inet_bind_conflict(): SO_REUSEPORT on both and one user; nobody asks a TIME_WAIT for its user.  A
 * program attached before bind() has made sk_reuseport_cb, and reuseport_cb_ok is then false.
 * Before 6.17 the user of a socket without an owner was root (sock_i_uid). */
static bool reuseport_shares(const struct rule_ask *ask, const struct bind_sock *sock)
{
	return ask->reuseport && sock->reuseport && !ask->prog &&
	       (sock->state == TCP_TIME_WAIT || ask->uid == sock->uid);
}

static bool sharing_conflict(const struct rule_ask *ask, const struct bind_sock *sock, bool relax,
			     bool reuseport_ok)
{
	if (reuseaddr_shares(ask, sock))
		return !relax || (!reuseport_ok && reuseport_shares(ask, sock));
	return !reuseport_ok || !reuseport_shares(ask, sock);
}

bool rule_conflict(const struct rule_ask *ask, const struct bind_sock *sock, bool relax,
		   bool reuseport_ok)
{
	struct rule_addr b = rule_addr_of(sock);

	return devices_meet(ask, sock) && addrs_meet(&ask->addr, &b) &&
	       sharing_conflict(ask, sock, relax, reuseport_ok);
}

/* Neither the device nor the options of anybody are looked at here: that is how history can let a
 * bind pass that the sockets would forbid. */
bool rule_reuseport_match(const struct bind_bucket *bucket, const struct rule_ask *ask)
{
	struct rule_addr fast =
		addr_make(bucket->fast_family, bucket->fast_addr, bucket->fast_v6only);

	if (bucket->fastreuseport <= 0 || !ask->reuseport || ask->prog ||
	    bucket->fastuid != ask->uid)
		return false;
	if (bucket->fastreuseport == 1)
		return true;
	return bucket->fast_family == AF_INET6 ? equal6(&fast, &ask->addr, true, false)
					       : equal4(&fast, &ask->addr, true, false);
}

/* inet_match(), inet6_match(), called by __inet_check_established(): only what is in the table of
 * connections, and a socket bound to another device is another connection. */
bool rule_same_tuple(const struct bind_cand *cand, const struct bind_sock *sock, bool any_source)
{
	if (sock->state == TCP_CLOSE || sock->state == TCP_LISTEN)
		return false;
	if (sock->bound_dev_if && sock->bound_dev_if != cand->bound_dev_if)
		return false;
	return sock->rport == cand->rport && memcmp(sock->raddr, cand->raddr, 16) == 0 &&
	       (any_source || memcmp(sock->addr, cand->addr, 16) == 0);
}

static enum bind_rule meet_rule(const struct rule_addr *a, const struct rule_addr *b)
{
	if (memcmp(a->addr, b->addr, 16) == 0)
		return BIND_MEET_SAME;
	if (is_any6(b))
		return is_mapped(a) ? BIND_MEET_DUAL_HOLDS : BIND_MEET_WILDCARD_HOLDS;
	if (is_mapped(b) && b->v4 == 0 && is_mapped(a))
		return BIND_MEET_WILDCARD_HOLDS;
	if (is_any6(a))
		return is_mapped(b) ? BIND_MEET_DUAL_ASKS : BIND_MEET_WILDCARD_ASKS;
	return is_mapped(b) ? BIND_MEET_WILDCARD_ASKS : BIND_MEET_V6_AS_V4;
}

static enum bind_rule apart_rule(const struct rule_addr *a, const struct rule_addr *b)
{
	if ((is_any6(a) && is_mapped(b)) || (is_any6(b) && is_mapped(a)))
		return BIND_PASS_V6ONLY;
	return BIND_PASS_ADDR;
}

static enum bind_rule reuseaddr_rule(const struct rule_ask *ask, const struct bind_sock *sock)
{
	if (!ask->port)
		return BIND_REUSEADDR_PORT0;
	if (sock->state == TCP_LISTEN)
		return BIND_REUSEADDR_LISTENING;
	if (ask->reuse)
		return BIND_REUSEADDR_HERE_ONLY;
	return sock->reuse ? BIND_REUSEADDR_THERE_ONLY : BIND_REUSEADDR_NEITHER;
}

static enum bind_rule reuseport_rule(const struct rule_ask *ask, const struct bind_sock *sock)
{
	if (!ask->port)
		return BIND_REUSEPORT_PORT0;
	if (!ask->reuseport)
		return sock->reuseport ? BIND_REUSEPORT_THERE_ONLY : BIND_REUSEPORT_NEITHER;
	if (!sock->reuseport)
		return BIND_REUSEPORT_HERE_ONLY;
	return ask->prog ? BIND_REUSEPORT_PROGRAM : BIND_REUSEPORT_OTHER_USER;
}

bool bindrule_pair(const struct bind_cand *cand, uint32_t netns, const struct bind_sock *sock,
		   struct bind_pair *pair)
{
	struct rule_ask ask = rule_ask_of(cand, netns);
	struct rule_addr b = rule_addr_of(sock);

	memset(pair, 0, sizeof(*pair));
	if (sock->netns != netns)
		pair->pass = BIND_PASS_NETNS;
	else if (cand->port && sock->port != cand->port)
		pair->pass = BIND_PASS_PORT;
	else if (!devices_meet(&ask, sock))
		pair->pass = BIND_PASS_DEVICE;
	else if (!addrs_meet(&ask.addr, &b))
		pair->pass = apart_rule(&ask.addr, &b);
	else if (cand->port && reuseaddr_shares(&ask, sock))
		pair->pass = BIND_PASS_REUSEADDR;
	else if (cand->port && reuseport_shares(&ask, sock))
		pair->pass = BIND_PASS_REUSEPORT;
	if (pair->pass)
		return false;
	pair->in_way = true;
	pair->meet = meet_rule(&ask.addr, &b);
	pair->reuseaddr = reuseaddr_rule(&ask, sock);
	pair->reuseport = reuseport_rule(&ask, sock);
	return true;
}

enum bind_rule bindrule_main(const struct bind_pair *pair)
{
	if (!pair->in_way)
		return pair->pass;
	if (pair->meet == BIND_MEET_TUPLE || pair->meet == BIND_MEET_RANGE)
		return pair->meet;
	if (pair->reuseport == BIND_REUSEPORT_OTHER_USER ||
	    pair->reuseport == BIND_REUSEPORT_PROGRAM)
		return pair->reuseport;
	if (pair->meet != BIND_MEET_SAME)
		return pair->meet;
	return pair->reuseaddr;
}
