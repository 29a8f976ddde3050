// SPDX-License-Identifier: GPL-2.0-only
/* A story's end in one sentence: what happened, to whom, and what else is worth knowing. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "errno_name.h"
#include "sink_text.h"

struct sentence {
	char *buf;
	size_t len;
	size_t at;
};

static void __attribute__((format(printf, 2, 3))) add(struct sentence *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->at, t->len - t->at, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->at = t->at + n < t->len ? t->at + n : t->len - 1;
}

static const char *reason_text(const struct story *s)
{
	switch (s->reason) {
	case REASON_ACCEPT_QUEUE_FULL:
		return "accept queue full";
	case REASON_SYN_QUEUE_FULL:
		return "SYN queue full, SYN cookies are off";
	case REASON_SYN_QUEUE_LAST_QUARTER:
		return "last quarter of the SYN queue is kept for known peers";
	case REASON_AUTH:
		return "TCP authentication did not match";
	case REASON_FILTER:
		return "a socket filter said no";
	case REASON_TCP_FLAGS:
		return "impossible TCP flags";
	case REASON_NONE:
	case REASON_ERRNO:
		return NULL;
	}
	return NULL;
}

/* Whose fault a full accept queue is: the owner, and when it last accepted. */
static void add_culprit(struct sentence *t, const struct look *look, const struct sink_view *view,
			const struct story *s)
{
	const struct listener *l = listeners_find(view->listeners, s->listener);
	char who[PROCESS_LEN], ago[DURATION_LEN];

	if (s->reason != REASON_ACCEPT_QUEUE_FULL || !l)
		return;
	if (l->last_accept_ns > s->ended_ns) {
		add(t, "; %s accepted again %s later", process_format(who, &l->last_accept_by),
		    duration_format(ago, look, l->last_accept_ns - s->ended_ns));
	} else if (l->last_accept_ns) {
		add(t, "; %s last accepted %s ago", process_format(who, &l->last_accept_by),
		    duration_format(ago, look, s->ended_ns - l->last_accept_ns));
	} else if (l->owner_cnt) {
		add(t, "; %s has not accepted since sockline started",
		    process_format(who, &l->owners[0].process));
	}
}

static void add_dropped(struct sentence *t, const struct look *look, const struct sink_view *view,
			const struct story *s, const char *what)
{
	const char *why = reason_text(s);

	add(t, "%s dropped: %s", what, why ? why : "the kernel does not say why");
	add_culprit(t, look, view, s);
}

static void add_fd(struct sentence *t, const struct story *s)
{
	if (s->direct)
		add(t, " as io_uring slot %d", s->fd);
	else
		add(t, " as fd %d", s->fd);
}

static void add_gone(struct sentence *t, const struct look *look, const struct story *s,
		     const char *how)
{
	const struct step *went =
		story_step(s, s->outcome == OUTCOME_RESET ? STEP_RESET : STEP_CLOSED);
	const struct step *taken = story_step(s, STEP_ACCEPTED);
	char who[PROCESS_LEN], before[DURATION_LEN];

	if (taken && s->fd < 0) {
		add(t, "closed by the kernel: accept() of %s failed, %s",
		    process_format(who, &s->process), errno_name(s->error));
		return;
	}
	add(t, "%s by the client ", how);
	if (!story_step(s, STEP_QUEUED) && !taken) {
		add(t, "before the handshake ended");
	} else if (!taken || !went) {
		add(t, "before accept()");
	} else {
		add(t, "%s before %s accepted it",
		    duration_format(before, look, taken->time_ns - went->time_ns),
		    process_format(who, &s->process));
		add_fd(t, s);
	}
}

static void add_active(struct sentence *t, const struct story *s, const char *what)
{
	char who[PROCESS_LEN];

	add(t, "%s: %s", what, process_format(who, &s->process));
	if (s->fd >= 0)
		add(t, " fd %d", s->fd);
	if (s->error)
		add(t, ", %s", errno_name(s->error));
}

static void add_open(struct sentence *t, const struct story *s)
{
	static const struct {
		const char *state, *text;
	} rows[] = {
		{"syn_sent", "still waiting for the SYN-ACK"},
		{"accept_queue", "still in the accept queue"},
		{"syncookie_sent", "SYN cookie sent, no ACK yet"},
		{"syn_queue", "still in the SYN queue"},
		{"syn_received", "SYN seen, its answer not"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].state, story_state(s)))
			add(t, "%s", rows[i].text);
}

static const char *expired_text(const struct story *s)
{
	if (story_step(s, STEP_QUEUED))
		return "timed out while it waited for accept()";
	if (s->syncookie)
		return "SYN cookie was never answered";
	if (story_step(s, STEP_ACK_DEFERRED))
		return "expired in the SYN queue: the ACK came, but no data";
	return "expired in the SYN queue: no ACK came";
}

static void add_outcome(struct sentence *t, const struct look *look, const struct sink_view *view,
			const struct story *s)
{
	char who[PROCESS_LEN];

	switch (s->outcome) {
	case OUTCOME_ACCEPTED:
		add(t, "accepted by %s", process_format(who, &s->process));
		add_fd(t, s);
		return;
	case OUTCOME_SYN_DROPPED:
		add_dropped(t, look, view, s, "SYN");
		return;
	case OUTCOME_ACK_DROPPED:
		add_dropped(t, look, view, s, "ACK");
		return;
	case OUTCOME_EXPIRED:
		add(t, "%s", expired_text(s));
		return;
	case OUTCOME_RESET:
		add_gone(t, look, s, "reset");
		return;
	case OUTCOME_CLOSED:
		add_gone(t, look, s, "closed");
		return;
	case OUTCOME_LISTENER_CLOSED:
		add(t, "lost: its listener closed");
		return;
	case OUTCOME_REFUSED:
		if (s->role == ROLE_ACTIVE)
			add_active(t, s, "refused");
		else
			add(t, "refused: nobody listens there");
		return;
	case OUTCOME_ESTABLISHED:
		add_active(t, s, "connected");
		return;
	case OUTCOME_TIMED_OUT:
		add_active(t, s, "timed out");
		return;
	case OUTCOME_UNREACHABLE:
		add_active(t, s, "unreachable");
		return;
	case OUTCOME_ABORTED:
		add_active(t, s, "given up");
		return;
	case OUTCOME_OPEN:
		add_open(t, s);
		return;
	}
}

void story_sentence(char *buf, size_t len, const struct look *look, const struct sink_view *view,
		    const struct story *s)
{
	struct sentence t = {buf, len, 0};

	buf[0] = 0;
	add_outcome(&t, look, view, s);
	if (s->syn_retransmits && s->outcome == OUTCOME_SYN_DROPPED)
		add(&t, "; try %u", s->syn_retransmits + 1);
	else if (s->syn_retransmits)
		add(&t, "; SYN came %u times", s->syn_retransmits + 1);
	if (s->synack_retransmits)
		add(&t, "; SYN-ACK sent %u times", s->synack_retransmits + 1);
	if (s->syncookie && s->outcome != OUTCOME_EXPIRED)
		add(&t, "; by SYN cookie");
	if (s->fastopen)
		add(&t, "; Fast Open");
	if (s->mptcp)
		add(&t, "; MPTCP");
	if (s->io_uring)
		add(&t, "; io_uring");
	if (!s->complete)
		add(&t, " (incomplete: not all of it was seen)");
}
