/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Situations for bindrule's tests: one row each, seen on a real kernel.  A disagreement that
 * tests/live/bind_fuzz finds is printed as such a row.
 */
#ifndef SOCKLINE_TESTS_BIND_ROWS_H
#define SOCKLINE_TESTS_BIND_ROWS_H

#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bindrule.h"

struct row_sock {
	const char *addr;
	const char *raddr;
	struct bind_sock sock;
};

struct row {
	const char *name;
	struct bind_cand cand;
	const char *cand_addr;
	const char *cand_raddr;
	struct row_sock socks[6];
	size_t n;
	struct bind_bucket bucket;
	const char *bucket_addr;
	struct {
		uint16_t lo;
		uint16_t hi;
	} range;
	bool autobind_reuse;
	int err;
	bool unknown;
	enum bind_rule rule; /* 0: whatever */
};

/* What a row stands for, in the shape that bindrule takes. */
struct set {
	struct bind_cand cand;
	struct bind_env env;
	struct bind_sock socks[6];
	struct bind_bucket bucket;
	struct bind_conflict conflicts[6];
	struct bind_result res;
};

extern const struct row bind_rows[];
extern const size_t bind_n_rows;

/* Fills s from the row, and asks bindrule. */
void bind_row_check(const struct row *r, struct set *s);
const struct row *bind_row(const char *name);
/* A host with lo and one device, number 2. */
void bind_row_env(struct bind_env *env);
/* Text to 16 bytes, IPv4 v4-mapped; NULL: zeros. */
void bind_row_addr(const char *text, uint8_t addr[16]);

#endif
