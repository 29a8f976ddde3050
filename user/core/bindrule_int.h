/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the parts of bindrule only: bindrule_pair.c (two sockets), bindrule.c (the verdict),
 * bindrule_scan.c (a port that the kernel picks), bindrule_text.c (the words), bindrule_cure.c (the
 * advice).  Everybody else includes bindrule.h.
 */
#ifndef SOCKLINE_BINDRULE_INT_H
#define SOCKLINE_BINDRULE_INT_H

#include "bindrule.h"

/* A local address as the kernel compares it: sk_family, sk_v6_rcv_saddr, sk_rcv_saddr,
 * sk_ipv6only. */
struct rule_addr {
	uint16_t family;
	const uint8_t *addr;
	uint32_t v4; /* sk_rcv_saddr, host order */
	bool v6only;
};

/* The socket that asks, as it is inside get_port(). */
struct rule_ask {
	struct rule_addr addr;
	uint32_t netns;
	uint32_t dev;
	uint32_t uid;
	uint16_t port;
	uint8_t reuse;
	bool reuseport;
	bool prog;
};

bool rule_is_any(const uint8_t addr[16]);
bool rule_is_mapped(const uint8_t addr[16]);
bool rule_is_link_local(const uint8_t addr[16]);
uint32_t rule_v4(const uint8_t addr[16]);
/* 0.0.0.0 of AF_INET, ::ffff:0.0.0.0 or [::] of AF_INET6 */
bool rule_is_wildcard(uint16_t family, const uint8_t addr[16]);

struct rule_addr rule_addr_of(const struct bind_sock *sock);
struct rule_ask rule_ask_of(const struct bind_cand *cand, uint32_t netns);

/* inet_bind_conflict() and the address comparison around it.  relax and reuseport_ok are true for a
 * port that the caller named, and mean what they mean in the kernel. */
bool rule_conflict(const struct rule_ask *ask, const struct bind_sock *sock, bool relax,
		   bool reuseport_ok);
/* sk_reuseport_match() */
bool rule_reuseport_match(const struct bind_bucket *bucket, const struct rule_ask *ask);
/* The same four-tuple, as inet_match() sees it. */
bool rule_same_tuple(const struct bind_cand *cand, const struct bind_sock *sock, bool any_source);

void rule_decide(struct bind_result *res, enum bind_verdict verdict, int err, enum bind_rule rule);
void rule_add(struct bind_result *res, const struct bind_sock *sock, const struct bind_pair *pair);
/* Port 0 of bind(), or of listen() on a socket that was never bound. */
void rule_pick_port(const struct bind_cand *cand, const struct bind_env *env,
		    const struct bind_sock *socks, size_t n, struct bind_result *res);
void rule_connect(const struct bind_cand *cand, const struct bind_env *env,
		  const struct bind_sock *socks, size_t n, struct bind_result *res);

/* snprintf() at an offset: returns the offset after it, also where there was no room. */
int rule_put(char *buf, size_t len, int at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
