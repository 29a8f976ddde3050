/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a bind, listen or connect fails: the facts of the live host, judged by bindrule.
 *
 * A question is a candidate socket in a namespace; the answer is the verdict, every socket in the
 * way with its owners, and what to do.
 */
#ifndef SOCKLINE_WHY_H
#define SOCKLINE_WHY_H

#include "bindrule.h"
#include "host.h"
#include "snapshot.h"

#define WHY_ADVICE    6
#define WHY_CONFLICTS 256 /* that are kept; all are counted */

struct why_question {
	uint32_t netns;	 /* inode number */
	uint64_t cookie; /* of the candidate itself, left out of the answer; 0: none */
	struct bind_cand cand;
};

struct why {
	struct why_question question;
	struct snapshot *snapshot;
	struct host *host;
	struct bind_env env;
	struct bind_sock *socks;
	size_t sock_cnt;
	struct bind_bucket bucket;
	struct bind_conflict conflicts[WHY_CONFLICTS];
	struct bind_result result;
	struct bind_advice advice[WHY_ADVICE];
	size_t advice_cnt;
	/* internal, what env points to */
	struct netns_sysctls sysctls;
	struct bind_ifaddr *ifaddrs;
};

/* Looks and judges.  0, or -errno: -ENOENT when the namespace cannot be entered.  why_free() in any
 * case. */
int why_ask(struct why *w, struct snapshot_reader *reader, const struct why_question *question);
void why_free(struct why *w);

/* What a connect() that no local rule forbids has met, in one sentence. */
const char *why_outside(int error);

/* The snapshot's socket behind a conflict. */
const struct snapshot_sock *why_sock(const struct bind_conflict *c);

#endif
