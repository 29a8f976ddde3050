// SPDX-License-Identifier: GPL-2.0-only
/* Every outcome of a connection, as docs/kernel.md says that the kernel tells it. */
#include <errno.h>

#include "scenes.h"

#define SEQ	100
#define FLAG_SYN 2
#define FLAG_ACK 16

/* A SYN that meets these queues; SYN cookies are on (1) unless said otherwise. */
#define SYN_MEETS(at, sq, aq, cookies)                                                             \
	{.kind = EV_SYN, .at_us = at, .what = SEQ, .more = cookies, .synq = sq, .acceptq = aq}
#define SYN(at)	     SYN_MEETS(at, 0, 0, 1)
#define SYN_AGAIN(at) {.kind = EV_SYN, .at_us = at, .what = SEQ, .more = 1, .silent = true}
#define SYNACK(at, fl) {.kind = EV_SYNACK, .at_us = at, .flags = fl, .synq = 1}
#define AGAIN(at, n)  {.kind = EV_SYNACK_RETRANSMIT, .at_us = at, .what = n, .synq = 1}
#define QUEUED(at, fl) {.kind = EV_QUEUED, .at_us = at, .flags = fl, .acceptq = 1}
#define QUEUED_SILENT(at) {.kind = EV_QUEUED, .at_us = at, .acceptq = 1, .silent = true}
#define ACCEPTED(at)  {.kind = EV_ACCEPTED, .at_us = at, .silent = true}
#define GONE(at, why, n, fl)                                                                       \
	{.kind = EV_REQUEST_GONE, .at_us = at, .what = why, .more = n, .flags = fl, .silent = true}
#define CHILD_STATE(at, to, error)                                                                 \
	{.kind = EV_CHILD_STATE, .at_us = at, .what = to, .more = error, .silent = true}
#define UNLISTEN(at, fl) {.kind = EV_UNLISTEN, .at_us = at, .flags = fl, .silent = true}

const struct scene scenes[] = {
	{"accepted", {SYN(0), SYNACK(4, 0), QUEUED(212, 0), ACCEPTED(1516)},
	 0, OUTCOME_ACCEPTED, REASON_NONE, "syn synack queued accepted", 0},
	{"accepted, SYN repeated",
	 {SYN(0), SYNACK(4, 0), SYN_AGAIN(1000000),
	  {.kind = EV_SYNACK_RETRANSMIT, .at_us = 1000005, .silent = true},
	  {.kind = EV_DROP, .at_us = 1000009, .what = DROP_NOT_SPECIFIED, .more = FLAG_SYN,
	   .silent = true}, QUEUED(1000212, 0), ACCEPTED(1001516)},
	 0, OUTCOME_ACCEPTED, REASON_NONE,
	 "syn synack syn_retransmit synack_retransmit queued accepted", 0},
	{"accepted, SYN cookie",
	 {SYN_MEETS(0, LIMIT + 1, 0, 1), SYNACK(4, EVF_COOKIE), QUEUED(212, 0), ACCEPTED(1516)},
	 0, OUTCOME_ACCEPTED, REASON_NONE, "syn synack queued accepted", 0},
	{"accepted, Fast Open, before the handshake ended",
	 {SYN(0), SYNACK(4, EVF_FASTOPEN), QUEUED(5, EVF_FASTOPEN), ACCEPTED(100)},
	 0, OUTCOME_ACCEPTED, REASON_NONE, "syn synack queued accepted", 0},
	{"accepted, Fast Open, after the handshake ended",
	 {SYN(0), SYNACK(4, EVF_FASTOPEN), QUEUED(5, EVF_FASTOPEN),
	  QUEUED_SILENT(212), ACCEPTED(1516)},
	 0, OUTCOME_ACCEPTED, REASON_NONE, "syn synack queued established accepted", 0},
	{"accepted, MPTCP",
	 {SYN(0), SYNACK(4, EVF_MPTCP), QUEUED(212, 0),
	  {.kind = EV_ACCEPTED, .at_us = 1516, .flags = EVF_MPTCP, .silent = true}},
	 0, OUTCOME_ACCEPTED, REASON_NONE, "syn synack queued accepted", 0},
	{"accepted, io_uring, not sure",
	 {SYN(0), SYNACK(4, 0), QUEUED_SILENT(212),
	  {.kind = EV_ACCEPTED, .at_us = 1516, .flags = EVF_IOURING | EVF_UNSURE, .silent = true}},
	 0, OUTCOME_ACCEPTED, REASON_NONE, "syn synack queued accepted", 0},
	{"accepted, TCP_DEFER_ACCEPT",
	 {SYN(0), SYNACK(4, 0),
	  {.kind = EV_DROP, .at_us = 212, .what = DROP_DEFERRED, .more = FLAG_ACK, .silent = true},
	  QUEUED(300000, 0), ACCEPTED(300100)},
	 0, OUTCOME_ACCEPTED, REASON_NONE, "syn synack ack_deferred queued accepted", 0},
	{"accepted, by another listener",
	 {SYN(0), SYNACK(4, 0), UNLISTEN(100, EVF_MIGRATE),
	  GONE(1000000, GONE_LISTENER_CLOSED, 0, EVF_MIGRATE), QUEUED(1000100, 0),
	  ACCEPTED(1001516)},
	 0, OUTCOME_ACCEPTED, REASON_NONE, "syn synack queued accepted", 0},
	{"accepted, the ACK had been dropped",
	 {SYN(0), SYNACK(4, 0),
	  {.kind = EV_DROP, .at_us = 212, .what = DROP_LISTEN_OVERFLOW, .more = FLAG_ACK,
	   .acceptq = LIMIT + 1, .silent = true},
	  {.kind = EV_SYNACK_RETRANSMIT, .at_us = 1000004, .silent = true}, QUEUED(1000212, 0),
	  ACCEPTED(1001516)},
	 0, OUTCOME_ACCEPTED, REASON_NONE,
	 "syn synack ack_dropped synack_retransmit queued accepted", 0},
	{"SYN dropped, accept queue full", {SYN_MEETS(0, 0, LIMIT + 1, 1)},
	 200, OUTCOME_SYN_DROPPED, REASON_ACCEPT_QUEUE_FULL, "syn syn_dropped", 0},
	{"SYN dropped, SYN queue full", {SYN_MEETS(0, LIMIT + 1, 0, 0)},
	 200, OUTCOME_SYN_DROPPED, REASON_SYN_QUEUE_FULL, "syn syn_dropped", 0},
	{"SYN dropped, last quarter",
	 {{.kind = EV_SYN, .what = SEQ, .synq = 97, .limit = 1000}},
	 200, OUTCOME_SYN_DROPPED, REASON_SYN_QUEUE_LAST_QUARTER, "syn syn_dropped", 0},
	{"SYN dropped, the kernel does not say why", {SYN(0)},
	 3000, OUTCOME_SYN_DROPPED, REASON_NONE, "syn syn_dropped", 0},
	{"SYN dropped, filter",
	 {SYN(0), {.kind = EV_DROP, .at_us = 3, .what = DROP_FILTER, .more = FLAG_SYN, .silent = true}},
	 0, OUTCOME_SYN_DROPPED, REASON_FILTER, "syn syn_dropped", 0},
	{"SYN dropped, authentication",
	 {SYN(0), {.kind = EV_DROP, .at_us = 3, .what = DROP_AUTH, .more = FLAG_SYN, .silent = true}},
	 0, OUTCOME_SYN_DROPPED, REASON_AUTH, "syn syn_dropped", 0},
	{"ACK dropped, expired",
	 {SYN(0), SYNACK(4, 0),
	  {.kind = EV_DROP, .at_us = 212, .what = DROP_LISTEN_OVERFLOW, .more = FLAG_ACK,
	   .acceptq = LIMIT + 1, .silent = true}, AGAIN(1000004, 0), GONE(3000004, GONE_EXPIRED, 1, 0)},
	 0, OUTCOME_ACK_DROPPED, REASON_ACCEPT_QUEUE_FULL,
	 "syn synack ack_dropped synack_retransmit expired", OUTCOME_EXPIRED},
	{"ACK dropped, and reset (tcp_abort_on_overflow)",
	 {SYN(0), SYNACK(4, 0), {.kind = EV_DROP, .at_us = 212, .what = DROP_LISTEN_OVERFLOW,
	  .more = FLAG_ACK, .flags = EVF_ABORT, .acceptq = LIMIT + 1, .silent = true}},
	 0, OUTCOME_ACK_DROPPED, REASON_ACCEPT_QUEUE_FULL, "syn synack ack_dropped", 0},
	{"ACK dropped, SYN cookie",
	 {SYN(0), SYNACK(4, EVF_COOKIE), {.kind = EV_DROP, .at_us = 212,
	  .what = DROP_LISTEN_OVERFLOW, .more = FLAG_ACK, .acceptq = LIMIT + 1, .silent = true}},
	 0, OUTCOME_ACK_DROPPED, REASON_ACCEPT_QUEUE_FULL, "syn synack ack_dropped", 0},
	{"expired",
	 {SYN(0), SYNACK(4, 0), AGAIN(1000004, 0), AGAIN(3000004, 1),
	  GONE(7000004, GONE_EXPIRED, 2, 0)},
	 0, OUTCOME_EXPIRED, REASON_NONE,
	 "syn synack synack_retransmit synack_retransmit expired", 0},
	{"expired, SYN cookie", {SYN(0), SYNACK(4, EVF_COOKIE)},
	 131000, OUTCOME_EXPIRED, REASON_NONE, "syn synack expired", 0},
	{"expired, Fast Open",
	 {SYN(0), SYNACK(4, EVF_FASTOPEN), QUEUED(5, EVF_FASTOPEN),
	  {.kind = EV_SYNACK_RETRANSMIT, .at_us = 1000004, .silent = true},
	  CHILD_STATE(3000004, TCP_CLOSE_, ETIMEDOUT), ACCEPTED(4000000)},
	 0, OUTCOME_EXPIRED, REASON_NONE, "syn synack queued synack_retransmit expired accepted",
	 OUTCOME_ACCEPTED},
	{"reset in the SYN queue", {SYN(0), SYNACK(4, 0), GONE(212, GONE_RESET, 0, 0)},
	 0, OUTCOME_RESET, REASON_NONE, "syn synack reset", 0},
	{"reset in the accept queue, then accepted",
	 {SYN(0), SYNACK(4, 0), QUEUED(212, 0), CHILD_STATE(300, TCP_CLOSE_, ECONNRESET),
	  ACCEPTED(1516)},
	 0, OUTCOME_RESET, REASON_NONE, "syn synack queued reset accepted", OUTCOME_ACCEPTED},
	{"reset in the accept queue, then the listener closed",
	 {SYN(0), SYNACK(4, 0), QUEUED(212, 0), CHILD_STATE(300, TCP_CLOSE_, ECONNRESET),
	  UNLISTEN(1516, 0)},
	 0, OUTCOME_RESET, REASON_NONE, "syn synack queued reset", 0},
	{"closed in the accept queue, then accepted",
	 {SYN(0), SYNACK(4, 0), QUEUED(212, 0), CHILD_STATE(300, TCP_CLOSE_WAIT_, 0),
	  ACCEPTED(1516)},
	 0, OUTCOME_CLOSED, REASON_NONE, "syn synack queued closed accepted", OUTCOME_ACCEPTED},
	{"closed, and never accepted",
	 {SYN(0), SYNACK(4, 0), QUEUED(212, 0), CHILD_STATE(300, TCP_CLOSE_WAIT_, 0)},
	 1000, OUTCOME_CLOSED, REASON_NONE, "syn synack queued closed", 0},
	{"listener closed, the child was queued",
	 {SYN(0), SYNACK(4, 0), QUEUED_SILENT(212), UNLISTEN(1000, 0), CHILD_STATE(1001, TCP_CLOSE_, 0)},
	 0, OUTCOME_LISTENER_CLOSED, REASON_NONE, "syn synack queued listener_closed", 0},
	{"listener closed, half-open", {SYN(0), SYNACK(4, 0), UNLISTEN(1000, 0)},
	 0, OUTCOME_LISTENER_CLOSED, REASON_NONE, "syn synack listener_closed", 0},
	{"listener closed, seen by the timer",
	 {SYN(0), SYNACK(4, 0), GONE(1000004, GONE_LISTENER_CLOSED, 0, 0)},
	 0, OUTCOME_LISTENER_CLOSED, REASON_NONE, "syn synack listener_closed", 0},
	{"refused", {{.kind = EV_REFUSED, .what = SEQ, .silent = true}},
	 0, OUTCOME_REFUSED, REASON_NONE, "syn refused", 0},
	{"open, in the SYN queue", {SYN(0), SYNACK(4, 0)},
	 500, OUTCOME_OPEN, REASON_NONE, "syn synack", 0},
	{"open, in the accept queue", {SYN(0), SYNACK(4, 0), QUEUED(212, 0)},
	 600000, OUTCOME_OPEN, REASON_NONE, "syn synack queued", 0},
};
const size_t scenes_cnt = ARRAY_SIZE(scenes);
