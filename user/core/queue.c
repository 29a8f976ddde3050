// SPDX-License-Identifier: GPL-2.0-only
/* Owns the arithmetic of queue limits. */
#include "queue.h"

/*
 * tcp_conn_request(): with syncookies off, a SYN of an unproven peer is dropped in the last quarter
 * of tcp_max_syn_backlog: max - qlen < max >> 2.
 */
uint32_t queue_synq_limit(uint32_t limit, uint32_t max_syn_backlog, bool syncookies)
{
	uint32_t three_quarters = max_syn_backlog - (max_syn_backlog >> 2);

	return !syncookies && three_quarters < limit ? three_quarters : limit;
}

enum limit_by queue_limit_by(const struct snap_sock *s, int64_t asked)
{
	if (queue_synq_limit(s->limit, s->max_syn_backlog, s->syncookies) < s->limit)
		return LIMIT_MAX_SYN_BACKLOG;
	/* __sys_listen(): the lesser of both; a negative argument is a huge one. */
	if (asked >= 0)
		return asked > s->limit ? LIMIT_SOMAXCONN : LIMIT_LISTEN;
	return s->limit == s->somaxconn ? LIMIT_SOMAXCONN : LIMIT_LISTEN;
}

const char *queue_limit_name(enum limit_by by)
{
	switch (by) {
	case LIMIT_LISTEN:
		return "listen";
	case LIMIT_SOMAXCONN:
		return "somaxconn";
	case LIMIT_MAX_SYN_BACKLOG:
		return "max_syn_backlog";
	}
	return "?";
}

bool queue_pressed(uint32_t depth, uint32_t limit)
{
	return depth && depth * 5ULL > limit * 4ULL;
}
