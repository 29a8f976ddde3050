/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real sockets in every state that can hold a port, for bind_fuzz, with the facts that bindrule
 * takes.
 *
 * A situation owns STRIDE ports from base on, each with its bucket.  Whatever is made or closed
 * here is told to the bucket at once.  Facts of a socket with a descriptor are read from the
 * kernel.
 */
#ifndef BIND_MAKE_H
#define BIND_MAKE_H

#include "bucket.h"
#include "world.h"

#define STRIDE   8
#define SOCK_MAX 16

struct live_sock {
	int fd; /* -1: a TIME_WAIT, or one that is gone */
	int peer;
	int id;
	bool there;
	struct bind_sock fact;
};

struct situation {
	struct world *w;
	uint16_t base;
	struct live_sock socks[SOCK_MAX];
	int n;
	int next_id;
	bool changed; /* an option was changed after bind(): the sockets no longer show the past */
	struct bucket buckets[STRIDE];
};

void make_begin(struct situation *s, struct world *w, uint16_t base);
void make_end(struct situation *s);
/* The sockets that are there, as bindrule takes them; at most SOCK_MAX. */
size_t make_facts(const struct situation *s, struct bind_sock *out, const struct live_sock *but);
const struct bind_bucket *make_bucket(const struct situation *s, uint16_t port);

/* A socket with the candidate's options; uid is in force while it is made.  -1 and errno. */
int make_socket(const struct bind_cand *c);
/* The real call or calls: bind(), listen(), connect(), as c->op says.  0 or the errno; for
 * BIND_LISTEN *step is the one that failed. */
int make_call(struct world *w, int fd, const struct bind_cand *c, enum bind_op *step);

/* fd, on which make_call() succeeded, becomes a socket of the situation. */
struct live_sock *make_keep(struct situation *s, int fd, const struct bind_cand *c);
/* Reads the facts again and tells the bucket of a changed address. */
void make_refresh(struct situation *s, struct live_sock *l);
/* listen() succeeded on it. */
void make_listening(struct situation *s, struct live_sock *l);
/* Connects it to whom its address and device allow; may leave it in SYN_SENT.  0 or the errno. */
int make_connect(struct situation *s, struct live_sock *l, bool nobody);
/* The server's end of a connection that make_call() began. */
void make_peer(struct situation *s, struct live_sock *l);
/* A client connects to l; the child of whichever listener got it, accepted by uid.  NULL:
 * nobody. */
struct live_sock *make_child(struct situation *s, struct live_sock *l, uint32_t uid);
/* Closes a connected one from this side, so that a TIME_WAIT stays.  False: it did not come to
 * that. */
bool make_time_wait(struct situation *s, struct live_sock *l);
/* Half a close: FIN_WAIT2 (from here) or CLOSE_WAIT (from there). */
void make_half_close(struct situation *s, struct live_sock *l, bool from_here);
/* Takes it away for good; a TIME_WAIT by SOCK_DESTROY.  False: the kernel would not. */
bool make_gone(struct situation *s, struct live_sock *l);

/* The parts that make.c and states.c share. */
struct bucket *make_bucket_at(struct situation *s, uint16_t port);
void make_read(struct situation *s, struct live_sock *l);
struct live_sock *make_add(struct situation *s, int fd);
int make_call_connect(int fd, const struct bind_cand *c);
void make_reset(int fd);
/* SOCK_DESTROY. */
bool make_destroy(const struct bind_sock *s);

/* Where a socket with this address and device can connect to, and from which address. */
bool make_route(const struct world *w, uint16_t family, const uint8_t addr[16], uint32_t dev,
		uint8_t to[16], uint8_t from[16]);

#endif
