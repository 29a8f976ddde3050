/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's bind bucket of one port remembers, kept by replaying what the generator did:
 * inet_bind_bucket with its inet_bind2_buckets, as of 6.18.
 */
#ifndef BIND_BUCKET_H
#define BIND_BUCKET_H

#include "bindrule_int.h"

#define BUCKET_MAX 16

struct bucket_member {
	int id;
	uint8_t addr[16];
	bool connect_bind;
};

struct bucket2 {
	uint8_t addr[16];
	int fastreuse;
	int fastreuseport;
	int owners;
};

struct bucket {
	struct bind_bucket view; /* what bindrule takes; known is always true */
	struct bucket_member members[BUCKET_MAX];
	int n_members;
	struct bucket2 second[BUCKET_MAX];
	int n_second;
};

void bucket_reset(struct bucket *b);
/* bind() or, for a socket that is in already, listen() succeeded: inet_csk_get_port(). */
void bucket_get_port(struct bucket *b, int id, const struct bind_sock *s);
/* A child of a listener, or the TIME_WAIT of a member: no look at the bucket's own state. */
void bucket_join(struct bucket *b, int id, const uint8_t addr[16], bool connect_bind);
/* connect() chose this port: __inet_hash_connect(). */
void bucket_connect(struct bucket *b, int id, const uint8_t addr[16]);
/* The socket's address changed: inet_bhash2_update_saddr(). */
void bucket_move(struct bucket *b, int id, const uint8_t addr[16]);
void bucket_leave(struct bucket *b, int id);

#endif
