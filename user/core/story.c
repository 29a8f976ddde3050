// SPDX-License-Identifier: GPL-2.0-only
/* What follows from a story's steps: names, durations, state.  Pure. */
#include <stddef.h>

#include "errno_name.h"
#include "story.h"

static const char *const outcomes[] = {
	[OUTCOME_OPEN] = "open",
	[OUTCOME_ACCEPTED] = "accepted",
	[OUTCOME_SYN_DROPPED] = "syn_dropped",
	[OUTCOME_ACK_DROPPED] = "ack_dropped",
	[OUTCOME_EXPIRED] = "expired",
	[OUTCOME_RESET] = "reset",
	[OUTCOME_CLOSED] = "closed",
	[OUTCOME_LISTENER_CLOSED] = "listener_closed",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_ESTABLISHED] = "established",
	[OUTCOME_TIMED_OUT] = "timed_out",
	[OUTCOME_UNREACHABLE] = "unreachable",
	[OUTCOME_ABORTED] = "aborted",
};

static const char *const steps[] = {
	[STEP_SYN] = "syn",
	[STEP_SYN_REPEATED] = "syn_retransmit",
	[STEP_SYNACK] = "synack",
	[STEP_SYNACK_RETRANSMIT] = "synack_retransmit",
	[STEP_SYN_DROPPED] = "syn_dropped",
	[STEP_ACK_DROPPED] = "ack_dropped",
	[STEP_ACK_DEFERRED] = "ack_deferred",
	[STEP_QUEUED] = "queued",
	[STEP_ESTABLISHED] = "established",
	[STEP_ACCEPTED] = "accepted",
	[STEP_RESET] = "reset",
	[STEP_CLOSED] = "closed",
	[STEP_EXPIRED] = "expired",
	[STEP_LISTENER_CLOSED] = "listener_closed",
	[STEP_REFUSED] = "refused",
	[STEP_CONNECT] = "syn_sent",
	[STEP_SYN_SENT_AGAIN] = "syn_retransmit",
	[STEP_FAILED] = "failed",
};

static const char *const reasons[] = {
	[REASON_NONE] = NULL,
	[REASON_ACCEPT_QUEUE_FULL] = "accept_queue_full",
	[REASON_SYN_QUEUE_FULL] = "syn_queue_full",
	[REASON_SYN_QUEUE_LAST_QUARTER] = "syn_queue_last_quarter",
	[REASON_AUTH] = "authentication",
	[REASON_FILTER] = "socket_filter",
	[REASON_TCP_FLAGS] = "tcp_flags",
	[REASON_ERRNO] = NULL,
};

const char *outcome_name(enum outcome outcome)
{
	return outcomes[outcome];
}

const char *step_name(enum step_kind kind)
{
	return steps[kind];
}

const char *story_reason(const struct story *s)
{
	if (!story_failed(s))
		return NULL;
	return s->reason == REASON_ERRNO ? errno_name(s->error) : reasons[s->reason];
}

const struct step *story_step(const struct story *s, enum step_kind kind)
{
	for (int i = 0; i < s->step_cnt; i++)
		if (s->steps[i].kind == kind)
			return &s->steps[i];
	return NULL;
}

uint64_t story_start_ns(const struct story *s)
{
	return s->step_cnt ? s->steps[0].time_ns : s->ended_ns;
}

static int64_t between(const struct step *from, const struct step *to)
{
	if (!from || !to || to->time_ns < from->time_ns)
		return -1;
	return to->time_ns - from->time_ns;
}

int64_t story_handshake_ns(const struct story *s)
{
	if (s->role == ROLE_ACTIVE)
		return between(story_step(s, STEP_CONNECT), story_step(s, STEP_ESTABLISHED));
	return between(story_step(s, STEP_SYN), story_step(s, STEP_QUEUED));
}

int64_t story_queued_ns(const struct story *s)
{
	return between(story_step(s, STEP_QUEUED), story_step(s, STEP_ACCEPTED));
}

int64_t story_total_ns(const struct story *s)
{
	if (!s->step_cnt || (s->steps[0].kind != STEP_SYN && s->steps[0].kind != STEP_CONNECT))
		return -1;
	return s->ended_ns - s->steps[0].time_ns;
}

bool story_failed(const struct story *s)
{
	switch (s->outcome) {
	case OUTCOME_OPEN:
	case OUTCOME_ACCEPTED:
	case OUTCOME_ESTABLISHED:
		return false;
	case OUTCOME_SYN_DROPPED:
	case OUTCOME_ACK_DROPPED:
	case OUTCOME_EXPIRED:
	case OUTCOME_RESET:
	case OUTCOME_CLOSED:
	case OUTCOME_LISTENER_CLOSED:
	case OUTCOME_REFUSED:
	case OUTCOME_TIMED_OUT:
	case OUTCOME_UNREACHABLE:
	case OUTCOME_ABORTED:
		return true;
	}
	return true;
}

const char *story_state(const struct story *s)
{
	if (s->role == ROLE_ACTIVE)
		return "syn_sent";
	if (story_step(s, STEP_QUEUED))
		return "accept_queue";
	if (s->syncookie)
		return "syncookie_sent";
	if (story_step(s, STEP_SYNACK) || story_step(s, STEP_SYNACK_RETRANSMIT))
		return "syn_queue";
	return "syn_received";
}
