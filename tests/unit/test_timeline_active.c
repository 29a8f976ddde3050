// SPDX-License-Identifier: GPL-2.0-only
/* timeline_active.c: connections that this host makes. */
#include <errno.h>

#include "build.h"

struct active {
	const char *name;
	struct act acts[6];
	uint32_t tick_ms;
	enum outcome outcome;
	bool complete;
	enum story_reason reason;
	uint32_t error;
	const char *steps; /* NULL: no story at all */
};

#define STATE(at, to, err) {EV_CONNECT_STATE, at, .what = to, .more = err}
#define FAILED(at, err)	   STATE(at, TCP_CLOSE_, err)
#define CALL(at, err)	   {EV_CALL, at, .what = err, .cookie = CHILD}

static const struct active actives[] = {
	{"established", {{EV_CONNECT}, STATE(500, 1, 0)}, 0, OUTCOME_ESTABLISHED, true,
	 REASON_NONE, 0, "syn_sent established"},
	{"established after a retransmission",
	 {{EV_CONNECT}, {EV_SYN_RETRANSMIT, 1000000}, STATE(1000500, 1, 0)}, 0,
	 OUTCOME_ESTABLISHED, true, REASON_NONE, 0, "syn_sent syn_retransmit established"},
	{"refused", {{EV_CONNECT}, FAILED(50, ECONNREFUSED), CALL(51, ECONNREFUSED)}, 0,
	 OUTCOME_REFUSED, true, REASON_ERRNO, ECONNREFUSED, "syn_sent failed"},
	{"timed out",
	 {{EV_CONNECT}, {EV_SYN_RETRANSMIT, 1000000}, {EV_SYN_RETRANSMIT, 3000000},
	  FAILED(7000000, ETIMEDOUT)}, 0, OUTCOME_TIMED_OUT, true, REASON_ERRNO, ETIMEDOUT,
	 "syn_sent syn_retransmit syn_retransmit failed"},
	{"no route", {{EV_CONNECT}, FAILED(50, 0), CALL(51, EHOSTUNREACH)}, 0,
	 OUTCOME_UNREACHABLE, true, REASON_ERRNO, EHOSTUNREACH, "syn_sent failed"},
	{"host is down", {{EV_CONNECT}, FAILED(50, EHOSTDOWN)}, 0, OUTCOME_UNREACHABLE, true,
	 REASON_ERRNO, EHOSTDOWN, "syn_sent failed"},
	{"no port is free", {{EV_CONNECT}, FAILED(1, 0), CALL(2, EADDRNOTAVAIL)}, 0,
	 OUTCOME_ABORTED, true, REASON_ERRNO, EADDRNOTAVAIL, "syn_sent failed"},
	{"closed by its own process", {{EV_CONNECT}, FAILED(900, 0)}, 951, OUTCOME_ABORTED, true,
	 REASON_NONE, 0, "syn_sent"},
	{"no network, no SYN", {{EV_CALL, 0, .what = ENETUNREACH}}, 0, OUTCOME_UNREACHABLE, true,
	 REASON_ERRNO, ENETUNREACH, "syn_sent failed"},
	{"in progress", {{EV_CONNECT}, CALL(1, EINPROGRESS)}, 0, OUTCOME_OPEN, true, REASON_NONE, 0,
	 "syn_sent"},
	{"asked again while under way", {{EV_CONNECT}, CALL(1, EINPROGRESS), CALL(2, EALREADY),
					 CALL(3, EINTR), CALL(4, EISCONN)},
	 0, OUTCOME_OPEN, true, REASON_NONE, 0, "syn_sent"},
	{"a failure that is not of this attempt", {{EV_CONNECT}, CALL(1, EINVAL)}, 0, OUTCOME_OPEN,
	 true, REASON_NONE, 0, "syn_sent"},
	{"an end without a beginning", {STATE(500, 1, 0)}, 0, 0, 0, 0, 0, NULL},
	{"a retransmission of nobody", {{EV_SYN_RETRANSMIT, 1}}, 0, 0, 0, 0, 0, NULL},
	{"a bind that failed", {{EV_CALL, 0, .what = EADDRINUSE, .more = CALL_BIND}}, 0, 0, 0, 0, 0,
	 NULL},
	{"a connect that worked", {{EV_CALL, 0}}, 0, 0, 0, 0, 0, NULL},
	{"a failed call on a socket that was seen before", {CALL(0, ECONNREFUSED)}, 0, 0, 0, 0, 0,
	 NULL},
};

Test(timeline_active, table)
{
	static struct told told;

	for (size_t i = 0; i < ARRAY_SIZE(actives); i++) {
		const struct active *a = &actives[i];
		const struct story *s = &told.stories[0];
		struct timeline *t = timeline_new(4, told_story, &told);

		told.cnt = 0;
		feed_all(t, a->acts, ARRAY_SIZE(a->acts));
		if (a->tick_ms)
			timeline_tick(t, BASE_NS + a->tick_ms * MS);
		timeline_finish(t);
		cr_expect_eq(told.cnt, a->steps != NULL, "%s: %d stories", a->name, told.cnt);
		if (told.cnt) {
			check_sane(a->name, s);
			cr_expect_eq(s->role, ROLE_ACTIVE, "%s", a->name);
			cr_expect_eq(s->outcome, a->outcome, "%s: %s", a->name,
				     outcome_name(s->outcome));
			cr_expect_eq(s->complete, a->complete, "%s: complete", a->name);
			cr_expect_eq(s->reason, a->reason, "%s: reason %d", a->name, s->reason);
			cr_expect_eq(s->error, a->error, "%s: error %u", a->name, s->error);
			cr_expect_str_eq(steps_of(s), a->steps, "%s: %s", a->name, steps_of(s));
			cr_expect_eq(s->process.pid, 900, "%s", a->name);
		}
		timeline_free(t);
	}
}

/* With its losses told, whatever else is heard of it is incomplete, and nothing else is made up. */
Test(timeline_active, each_event_missing)
{
	static struct told told;

	for (size_t i = 0; i < ARRAY_SIZE(actives); i++)
		for (size_t k = 0; k < 6 && actives[i].acts[k].kind; k++) {
			const struct active *a = &actives[i];
			struct timeline *t;

			if (k && a->acts[k - 1].more)
				continue; /* the story had ended before */
			t = timeline_new(4, told_story, &told);
			told.cnt = 0;
			for (size_t n = 0; n < 6 && a->acts[n].kind; n++) {
				if (n != k)
					feed(t, &a->acts[n]);
				else
					timeline_lost(t, BASE_NS + a->acts[n].at_us * US);
			}
			timeline_tick(t, BASE_NS + 500 * SEC);
			timeline_finish(t);
			cr_expect_leq(told.cnt, 1, "%s", a->name);
			for (int n = 0; n < told.cnt; n++) {
				enum outcome outcome = told.stories[n].outcome;

				cr_expect_not(told.stories[n].complete, "%s without %zu", a->name,
					      k);
				cr_expect(outcome == a->outcome || outcome == OUTCOME_OPEN ||
						  outcome == OUTCOME_ABORTED,
					  "%s without %zu: %s", a->name, k, outcome_name(outcome));
			}
			cr_expect_eq(timeline_stats(t).open, 0);
			timeline_free(t);
		}
}

/* The same socket calls again. */
Test(timeline_active, again_on_the_same_socket)
{
	static const struct {
		struct act first_end;
		enum outcome outcome;
		bool complete;
	} rows[] = {
		{FAILED(50, ECONNREFUSED), OUTCOME_REFUSED, true},
		{FAILED(50, 0), OUTCOME_ABORTED, true},
		{{EV_LISTEN, 50}, OUTCOME_OPEN, false}, /* how it ended was not seen */
	};
	static struct told told;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct timeline *t = timeline_new(4, told_story, &told);

		told.cnt = 0;
		feed(t, &(struct act){EV_CONNECT});
		feed(t, &rows[i].first_end);
		feed(t, &(struct act){EV_CONNECT, 100});
		feed(t, &(struct act)STATE(200, 1, 0));
		cr_assert_eq(told.cnt, 2, "row %zu: %d", i, told.cnt);
		cr_expect_eq(told.stories[0].outcome, rows[i].outcome, "row %zu: %s", i,
			     outcome_name(told.stories[0].outcome));
		cr_expect_eq(told.stories[0].complete, rows[i].complete, "row %zu", i);
		cr_expect_eq(told.stories[1].outcome, OUTCOME_ESTABLISHED);
		cr_expect(told.stories[1].complete);
		timeline_free(t);
	}
}

Test(timeline_active, what_it_tells)
{
	static struct told told;
	const struct story *s = &told.stories[0];
	struct timeline *t = timeline_new(4, told_story, &told);

	feed(t, &(struct act){EV_CONNECT});
	feed(t, &(struct act){EV_SYN_RETRANSMIT, 1000000});
	feed(t, &(struct act)STATE(1000500, 1, 0));
	cr_assert_eq(told.cnt, 1);
	cr_expect_eq(s->tuple.lport, 8080, "known since the state changed");
	cr_expect_eq(s->tuple.rport, RPORT);
	cr_expect_eq(s->fd, 3);
	cr_expect_eq(s->cookie, CHILD);
	cr_expect_eq(s->syn_retransmits, 1);
	cr_expect_eq(story_handshake_ns(s), 1000500 * US);
	cr_expect_eq(story_queued_ns(s), -1);
	cr_expect_eq(s->synq.depth, QUEUE_UNKNOWN);
	timeline_free(t);
}

/* A cookie names one socket: an event of the other role must not take its story. */
Test(timeline_active, roles_do_not_mix)
{
	static struct told told;
	struct timeline *t = timeline_new(4, told_story, &told);

	feed(t, &(struct act){EV_CONNECT});
	feed(t, &(struct act){EV_ACCEPTED, 5, EVF_UNSURE});
	feed(t, &(struct act){EV_CHILD_STATE, 6, .what = TCP_CLOSE_});
	feed(t, &(struct act)STATE(7, 1, 0));
	timeline_finish(t);
	for (int i = 0; i < told.cnt; i++) {
		const struct story *s = &told.stories[i];

		cr_expect(s->role == ROLE_PASSIVE || (s->outcome == OUTCOME_ESTABLISHED &&
						      !strcmp(steps_of(s), "syn_sent established")),
			  "%s", steps_of(s));
		cr_expect(s->role == ROLE_ACTIVE || !s->complete);
	}
	cr_expect_eq(timeline_stats(t).open, 0);
	timeline_free(t);
}
