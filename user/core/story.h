/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The story of one connection being made: its steps in the kernel's order, and how it ended.
 * What sinks are given; the timeline makes it and owns it.
 */
#ifndef SOCKLINE_STORY_H
#define SOCKLINE_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

enum role {
	ROLE_PASSIVE, /* came to a listener of this host */
	ROLE_ACTIVE,  /* this host called out */
};

enum outcome {
	OUTCOME_OPEN,
	OUTCOME_ACCEPTED,
	OUTCOME_SYN_DROPPED,
	OUTCOME_ACK_DROPPED,
	OUTCOME_EXPIRED,
	OUTCOME_RESET,
	OUTCOME_CLOSED,
	OUTCOME_LISTENER_CLOSED,
	OUTCOME_REFUSED,
	OUTCOME_ESTABLISHED,
	OUTCOME_TIMED_OUT,
	OUTCOME_UNREACHABLE,
	OUTCOME_ABORTED,
};

enum step_kind {
	STEP_SYN,
	STEP_SYN_REPEATED,
	STEP_SYNACK,
	STEP_SYNACK_RETRANSMIT,
	STEP_SYN_DROPPED,
	STEP_ACK_DROPPED,
	STEP_ACK_DEFERRED,
	STEP_QUEUED,
	STEP_ESTABLISHED,
	STEP_ACCEPTED,
	STEP_RESET,
	STEP_CLOSED,
	STEP_EXPIRED,
	STEP_LISTENER_CLOSED,
	STEP_REFUSED,
	STEP_CONNECT,
	STEP_SYN_SENT_AGAIN,
	STEP_FAILED,
};

/* Why a SYN or an ACK was dropped, or a connect failed; the names are the contract's. */
enum story_reason {
	REASON_NONE, /* nothing was dropped, or the kernel does not say */
	REASON_ACCEPT_QUEUE_FULL,
	REASON_SYN_QUEUE_FULL,
	REASON_SYN_QUEUE_LAST_QUARTER, /* kept for peers that are known, syncookies being off */
	REASON_AUTH,
	REASON_FILTER,
	REASON_TCP_FLAGS,
	REASON_ERRNO, /* story.error says which */
};

#define STEPS_MAX 20

struct step {
	uint64_t time_ns;
	uint32_t synq;	  /* QUEUE_UNKNOWN if not known */
	uint32_t acceptq;
	enum step_kind kind;
};

#define QUEUE_UNKNOWN UINT32_MAX

struct queue_seen {
	uint32_t depth; /* as this connection met it, or QUEUE_UNKNOWN */
	uint32_t limit;
};

struct story {
	enum role role;
	enum outcome outcome;
	enum story_reason reason;
	struct ev_tuple tuple; /* lport 0: unknown */
	uint64_t cookie;       /* 0: none */
	uint64_t listener;     /* cookie of the listener, 0: unknown */
	struct ev_process process; /* pid 0: none */
	int32_t fd;	       /* -1: none */
	uint32_t ifindex;      /* 0: unknown */
	struct queue_seen synq;
	struct queue_seen acceptq;
	uint32_t tcp_seq;
	uint32_t error;	       /* errno, 0: none */
	uint32_t synack_retransmits;
	uint32_t syn_retransmits; /* SYNs before, or after, the one that counted */
	uint64_t ended_ns;     /* the last thing known of it */
	bool syncookie;
	bool fastopen;
	bool mptcp;
	bool io_uring;
	bool direct;	       /* fd is a slot of an io_uring */
	bool followed;
	bool complete;
	bool has_seq;
	uint8_t cut;	       /* steps that found no room, at most 255 */
	uint8_t step_cnt;
	struct step steps[STEPS_MAX];
};

const char *outcome_name(enum outcome outcome);
const char *step_name(enum step_kind kind);

/* The first step of this kind, or NULL. */
const struct step *story_step(const struct story *s, enum step_kind kind);

/* When it began. */
uint64_t story_start_ns(const struct story *s);

/* Nanoseconds, or -1 if one of the two ends is not known. */
int64_t story_handshake_ns(const struct story *s); /* SYN (or connect) to the accept queue */
int64_t story_queued_ns(const struct story *s);	   /* in the accept queue */
int64_t story_total_ns(const struct story *s);	   /* start to accept, or to the end */

/* Never made it, or was lost on the way. */
bool story_failed(const struct story *s);

/* Why, by name; NULL: it did not fail, or the kernel does not say. */
const char *story_reason(const struct story *s);

/* Where a story that is still open stands: "syn_queue", "accept_queue", … */
const char *story_state(const struct story *s);

#endif
