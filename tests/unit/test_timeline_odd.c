// SPDX-License-Identifier: GPL-2.0-only
/* timeline.c where it could be fooled: reused tuples, SYNs said again, lost and late events, no
 * room, time that passes. */
#include <errno.h>

#include "scenes.h"

#define FLAG_SYN 2
#define FLAG_ACK 16

struct want {
	enum outcome outcome;
	bool complete;
	const char *steps;
};

struct odd {
	const char *name;
	struct act acts[14];
	uint32_t tick_ms;
	uint32_t lost_before; /* events are told to be lost before this act, 0: none */
	struct want want[4];  /* ends at the first without steps */
};

#define SYN_(at, seq_) .kind = EV_SYN, .at_us = at, .what = seq_, .more = 1
#define OK true

static const struct odd odds[] = {
	{"a tuple used again after accept",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1}, {EV_QUEUED, 2, .cookie = 1}, {EV_ACCEPTED, 3, .cookie = 1},
	  {SYN_(10, 2)}, {EV_SYNACK, 11}, {EV_QUEUED, 12, .cookie = 2},
	  {EV_ACCEPTED, 13, .cookie = 2}},
	 0, 0, {{OUTCOME_ACCEPTED, OK, "syn synack queued accepted"},
		{OUTCOME_ACCEPTED, OK, "syn synack queued accepted"}}},
	{"a tuple used again while the one that was reset still waits",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1}, {EV_QUEUED, 2, .cookie = 1},
	  {EV_CHILD_STATE, 3, .what = TCP_CLOSE_, .more = ECONNRESET, .cookie = 1},
	  {SYN_(10, 2)}, {EV_SYNACK, 11}, {EV_QUEUED, 12, .cookie = 2},
	  {EV_ACCEPTED, 13, .cookie = 1}, {EV_ACCEPTED, 14, .cookie = 2}},
	 0, 0, {{OUTCOME_RESET, OK, "syn synack queued reset accepted"},
		{OUTCOME_ACCEPTED, OK, "syn synack queued accepted"}}},
	{"another SYN while the first stands in the SYN queue: challenged, then reset",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1}, {SYN_(10, 2)},
	  {EV_DROP, 11, .what = DROP_NOT_SPECIFIED, .more = FLAG_SYN},
	  {EV_REQUEST_GONE, 12, .what = GONE_RESET}, {SYN_(1000010, 2)}, {EV_SYNACK, 1000011},
	  {EV_QUEUED, 1000012, .cookie = 2}, {EV_ACCEPTED, 1000013, .cookie = 2}},
	 0, 0, {{OUTCOME_SYN_DROPPED, OK, "syn syn_dropped"}, {OUTCOME_RESET, OK, "syn synack reset"},
		{OUTCOME_ACCEPTED, OK, "syn synack queued accepted"}}},
	{"a third SYN, and nothing is heard of the two before",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1}, {SYN_(10, 2)}, {EV_SYNACK, 11}, {SYN_(20, 3)},
	  {EV_SYNACK, 21}},
	 0, 0, {{OUTCOME_OPEN, false, "syn synack"}, {OUTCOME_OPEN, OK, "syn synack"},
		{OUTCOME_OPEN, OK, "syn synack"}}},
	{"dropped twice, then let in",
	 {{SYN_(0, 1), .acceptq = LIMIT + 1}, {SYN_(1000000, 1), .acceptq = LIMIT + 1, .drops = 1},
	  {SYN_(3000000, 1), .drops = 2}, {EV_SYNACK, 3000001}, {EV_QUEUED, 3000002}},
	 0, 0, {{OUTCOME_SYN_DROPPED, OK, "syn syn_dropped"},
		{OUTCOME_SYN_DROPPED, OK, "syn syn_dropped"},
		{OUTCOME_OPEN, OK, "syn synack queued"}}},
	{"said again at once: the queue was full, it was dropped",
	 {{SYN_(0, 1), .acceptq = LIMIT + 1}, {SYN_(50, 1)}, {EV_SYNACK, 51}},
	 0, 0, {{OUTCOME_SYN_DROPPED, OK, "syn syn_dropped"}, {OUTCOME_OPEN, OK, "syn synack"}}},
	{"said again, and the listener has dropped something since",
	 {{SYN_(0, 1)}, {SYN_(1000000, 1), .drops = 1}, {EV_SYNACK, 1000001}},
	 0, 0, {{OUTCOME_SYN_DROPPED, OK, "syn syn_dropped"}, {OUTCOME_OPEN, OK, "syn synack"}}},
	{"said again, and nothing was dropped: a firewall keeps the SYN-ACK back",
	 {{SYN_(0, 1), .drops = 7}, {SYN_(1000000, 1), .drops = 7},
	  {EV_DROP, 1000001, .what = DROP_NOT_SPECIFIED, .more = FLAG_SYN},
	  {SYN_(3000000, 1), .drops = 8}, {EV_REQUEST_GONE, 63000000, .what = GONE_EXPIRED}},
	 100000, 0, {{OUTCOME_EXPIRED, false, "syn syn_retransmit syn_retransmit expired"}}},
	{"the SYN-ACK is late: the neighbour had to be resolved first",
	 {{SYN_(0, 1)}, {EV_SYNACK_RETRANSMIT, 1000000}, {EV_SYNACK, 1200000}, {EV_QUEUED, 1200100}},
	 1300, 0, {{OUTCOME_OPEN, false, "syn synack_retransmit queued"}}},
	{"SYN-ACK lost, SYN said again and dropped, as it should be",
	 {{SYN_(0, 1)}, {SYN_(1000000, 1)},
	  {EV_DROP, 1000001, .what = DROP_NOT_SPECIFIED, .more = FLAG_SYN}},
	 5000, 1, {{OUTCOME_OPEN, false, "syn syn_retransmit"}}},
	{"SYN-ACK lost, nothing more is heard", {{SYN_(0, 1), .acceptq = LIMIT + 1}, {EV_LISTEN, 9}},
	 500000, 1, {{OUTCOME_OPEN, false, "syn"}}},
	{"SYN cookie, and nothing is known since", {{SYN_(0, 1)}, {EV_SYNACK, 1, EVF_COOKIE},
						    {EV_LISTEN, 9}},
	 500000, 2, {{OUTCOME_OPEN, false, "syn synack"}}},
	{"a SYN cookie, then an entry of its own",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1, EVF_COOKIE}, {SYN_(1000000, 1)}, {EV_SYNACK, 1000001}},
	 200000, 0, {{OUTCOME_OPEN, OK, "syn synack syn_retransmit synack_retransmit"}}},
	{"two SYN cookies", {{SYN_(0, 1)}, {EV_SYNACK, 1, EVF_COOKIE}, {SYN_(1000000, 1)},
			     {EV_SYNACK, 1000001, EVF_COOKIE}},
	 131900, 0, {{OUTCOME_EXPIRED, OK, "syn synack syn_retransmit synack_retransmit expired"}}},
	{"a SYN cookie, and another SYN from the same port",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1, EVF_COOKIE}, {SYN_(10, 2)}, {EV_SYNACK, 11, EVF_COOKIE},
	  {EV_QUEUED, 12}, {EV_ACCEPTED, 13}},
	 200000, 0, {{OUTCOME_OPEN, false, "syn synack"},
		     {OUTCOME_ACCEPTED, OK, "syn synack queued accepted"}}},
	{"may move to another listener, and none takes it",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1},
	  {EV_REQUEST_GONE, 1000000, EVF_MIGRATE, .what = GONE_LISTENER_CLOSED}},
	 140000, 0, {{OUTCOME_LISTENER_CLOSED, OK, "syn synack listener_closed"}}},
	{"moved to another listener, and heard of there",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1},
	  {EV_REQUEST_GONE, 1000000, EVF_MIGRATE, .what = GONE_LISTENER_CLOSED},
	  {EV_SYNACK_RETRANSMIT, 3000000}},
	 600000, 0, {{OUTCOME_OPEN, OK, "syn synack synack_retransmit"}}},
	{"an accept that may be none", {{EV_ACCEPTED, 0, EVF_UNSURE}}, 0, 0, {{0}}},
	{"an accept of what began before", {{EV_ACCEPTED, 0}}, 0, 0,
	 {{OUTCOME_ACCEPTED, false, "accepted"}}},
	{"a SYN-ACK that is dropped says nothing of the SYN",
	 {{SYN_(0, 1)}, {EV_DROP, 1, .what = DROP_TCP_FLAGS, .more = FLAG_SYN | FLAG_ACK},
	  {EV_SYNACK, 2}}, 0, 0, {{OUTCOME_OPEN, OK, "syn synack"}}},
	{"a dropped segment of nobody", {{EV_DROP, 0, .what = DROP_TCP_FLAGS, .more = FLAG_ACK}},
	 0, 0, {{0}}},
	{"an ACK dropped behind the accept queue",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1}, {EV_QUEUED, 2},
	  {EV_DROP, 3, .what = DROP_LISTEN_OVERFLOW, .more = FLAG_ACK}},
	 0, 0, {{OUTCOME_OPEN, OK, "syn synack queued"}}},
	{"deferred, and no data ever came",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1}, {EV_DROP, 2, .what = DROP_DEFERRED, .more = FLAG_ACK},
	  {EV_DROP, 3, .what = DROP_DEFERRED, .more = FLAG_ACK},
	  {EV_REQUEST_GONE, 1000000, .what = GONE_EXPIRED}},
	 0, 0, {{OUTCOME_EXPIRED, OK, "syn synack ack_deferred expired"}}},
	{"a subflow that joins an MPTCP connection is none of its own",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1}, {EV_CHILD_STATE, 2, .what = TCP_ESTABLISHED_},
	  {EV_UNLISTEN, 3}}, 0, 0, {{0}}},
	{"only what stands in the SYN queue can join",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1}, {EV_QUEUED, 2},
	  {EV_CHILD_STATE, 3, .what = TCP_ESTABLISHED_}, {EV_ACCEPTED, 4}},
	 0, 0, {{OUTCOME_ACCEPTED, OK, "syn synack queued accepted"}}},
	{"the stream ends 6 ms after a SYN that met a full queue", {{SYN_(0, 1), .acceptq = LIMIT + 1}},
	 6, 0, {{OUTCOME_SYN_DROPPED, OK, "syn syn_dropped"}}},
	{"the stream ends 4 ms after it", {{SYN_(0, 1), .acceptq = LIMIT + 1}},
	 4, 0, {{OUTCOME_OPEN, false, "syn"}}},
	{"the stream ends 6 ms after a SYN that met no full queue", {{SYN_(0, 1)}},
	 6, 0, {{OUTCOME_OPEN, false, "syn"}}},
	{"another listener closes", {{SYN_(0, 1)}, {EV_SYNACK, 1}, {EV_UNLISTEN, 2, .cookie = 99}},
	 0, 0, {{OUTCOME_OPEN, OK, "syn synack"}}},
	{"nothing listens, said three times",
	 {{EV_REFUSED, 0, .what = 1}, {EV_REFUSED, 1000000, .what = 1}},
	 0, 0, {{OUTCOME_REFUSED, OK, "syn refused"}, {OUTCOME_REFUSED, OK, "syn refused"}}},
	{"nothing listens any more, and the entry has gone without a word",
	 {{SYN_(0, 1)}, {EV_SYNACK, 1}, {EV_REFUSED, 9, .what = 2}},
	 0, 0, {{OUTCOME_OPEN, false, "syn synack"}, {OUTCOME_REFUSED, OK, "syn refused"}}},
	{"the SYN comes last: its CPU was behind",
	 {{EV_SYNACK, 4}, {EV_QUEUED, 212}, {SYN_(0, 1)}, {EV_ACCEPTED, 1516}},
	 0, 0, {{OUTCOME_ACCEPTED, OK, "syn synack queued accepted"}}},
	{"the accept comes before what led to it",
	 {{SYN_(0, 1)}, {EV_SYNACK, 4}, {EV_ACCEPTED, 1516}, {EV_QUEUED, 212}},
	 600000, 0, {{OUTCOME_ACCEPTED, false, "syn synack accepted"}}},
	{"all the rest comes too late",
	 {{EV_ACCEPTED, 1516}, {EV_SYNACK, 4}, {EV_QUEUED, 212}, {EV_CHILD_STATE, 300}},
	 600000, 0, {{OUTCOME_ACCEPTED, false, "accepted"}}},
	{"a SYN too late to tell whether it was answered", {{EV_LISTEN, 9}, {SYN_(0, 1)}},
	 600000, 0, {{OUTCOME_OPEN, false, "syn"}}},
};

Test(timeline_odd, table)
{
	static struct told told;

	for (size_t i = 0; i < ARRAY_SIZE(odds); i++) {
		const struct odd *o = &odds[i];
		struct timeline *t = timeline_new(8, told_story, &told);
		int n;

		told.cnt = 0;
		for (size_t k = 0; o->acts[k].kind; k++) {
			if (o->lost_before && k == o->lost_before)
				timeline_lost(t, BASE_NS + (o->acts[k].at_us - 1) * US);
			feed(t, &o->acts[k]);
		}
		if (o->tick_ms)
			timeline_tick(t, BASE_NS + o->tick_ms * MS);
		timeline_finish(t);
		for (n = 0; n < told.cnt && o->want[n].steps; n++) {
			const struct story *s = &told.stories[n];

			check_sane(o->name, s);
			cr_expect_eq(s->outcome, o->want[n].outcome, "%s: story %d: %s", o->name, n,
				     outcome_name(s->outcome));
			cr_expect_eq(s->complete, o->want[n].complete, "%s: story %d: complete %d",
				     o->name, n, s->complete);
			cr_expect_str_eq(steps_of(s), o->want[n].steps, "%s: story %d: %s", o->name,
					 n, steps_of(s));
		}
		cr_expect(n == told.cnt && !o->want[n].steps, "%s: %d stories", o->name, told.cnt);
		timeline_free(t);
	}
}

Test(timeline_odd, tries_are_counted)
{
	static const struct act acts[] = {
		{SYN_(0, 1), .acceptq = LIMIT + 1}, {SYN_(1000000, 1), .acceptq = LIMIT + 1},
		{SYN_(3000000, 1)}, {EV_SYNACK, 3000001},
	};
	static struct told told;
	struct timeline *t = timeline_new(8, told_story, &told);

	feed_all(t, acts, ARRAY_SIZE(acts));
	timeline_finish(t);
	cr_assert_eq(told.cnt, 3);
	for (uint32_t i = 0; i < 3; i++)
		cr_expect_eq(told.stories[i].syn_retransmits, i);
	timeline_free(t);
}

/* bpf/accept.bpf.h, record_queued_unseen: the child is known by its tuple alone. */
Test(timeline_odd, child_without_cookie)
{
	static const struct act acts[] = {
		{SYN_(0, 1)}, {EV_SYNACK, 4}, {EV_QUEUED, 212}, {EV_ACCEPTED, 1516},
	};
	static struct told told;
	struct timeline *t = timeline_new(8, told_story, &told);

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		union event ev = build(&acts[i]);

		if (ev.hdr.kind == EV_QUEUED)
			ev.queued.cookie = 0;
		if (ev.hdr.kind == EV_ACCEPTED)
			ev.accepted.cookie = 0;
		timeline_feed(t, &ev);
	}
	cr_assert_eq(told.cnt, 1);
	cr_expect_str_eq(steps_of(&told.stories[0]), "syn synack queued accepted");
	cr_expect(told.stories[0].complete);
	cr_expect_eq(told.stories[0].cookie, 0);
	timeline_free(t);
}

/* When each conclusion is drawn, to the nanosecond. */
Test(timeline_odd, patience)
{
	static const struct {
		struct act acts[3];
		uint64_t patience_ns;
		enum outcome outcome;
	} rows[] = {
		{{{SYN_(0, 1), .acceptq = LIMIT + 1}}, 100 * MS, OUTCOME_SYN_DROPPED},
		{{{SYN_(0, 1)}}, 1500 * MS, OUTCOME_SYN_DROPPED},
		{{{SYN_(0, 1)}, {EV_SYNACK, 0, EVF_COOKIE}}, 130 * SEC, OUTCOME_EXPIRED},
		{{{EV_CONNECT, 0}, {EV_CONNECT_STATE, 0, .what = TCP_CLOSE_}}, 50 * MS,
		 OUTCOME_ABORTED},
	};
	static struct told told;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct timeline *t = timeline_new(8, told_story, &told);

		told.cnt = 0;
		feed_all(t, rows[i].acts, 3);
		timeline_tick(t, BASE_NS + rows[i].patience_ns);
		cr_expect_eq(told.cnt, 0, "row %zu: too early", i);
		timeline_tick(t, BASE_NS + rows[i].patience_ns + 1);
		cr_expect_eq(told.cnt, 1, "row %zu", i);
		cr_expect_eq(told.stories[0].outcome, rows[i].outcome, "row %zu", i);
		timeline_free(t);
	}
}

Test(timeline_odd, conclusions_in_the_order_they_fall_due)
{
	static const struct act acts[] = {
		{SYN_(0, 1), .rport = 1},
		{SYN_(100000, 1), .acceptq = LIMIT + 1, .rport = 2},
		{SYN_(1450000, 1), .acceptq = LIMIT + 1, .rport = 3},
	};
	static const uint16_t order[] = {2, 1, 3};
	static struct told told;
	struct timeline *t = timeline_new(8, told_story, &told);

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		union event ev = build(&acts[i]);

		timeline_feed(t, &ev);
	}
	timeline_tick(t, BASE_NS + 10 * SEC);
	cr_assert_eq(told.cnt, 3);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(told.stories[i].tuple.rport, order[i]);
	timeline_free(t);
}

Test(timeline_odd, full_ends_the_one_longest_without_news)
{
	static struct told told;
	struct timeline *t = timeline_new(2, told_story, &told);
	struct act syn = {SYN_(0, 1), .rport = 1}, synack = {EV_SYNACK, 5, .rport = 1};

	feed(t, &syn);
	syn.rport = 2;
	feed(t, &syn);
	feed(t, &synack);
	syn.rport = 3;
	feed(t, &syn);
	cr_assert_eq(told.cnt, 1);
	cr_expect_eq(told.stories[0].tuple.rport, 2);
	cr_expect_eq(told.stories[0].outcome, OUTCOME_OPEN);
	cr_expect_not(told.stories[0].complete);
	cr_expect_eq(timeline_stats(t).evicted, 1);
	cr_expect_eq(timeline_stats(t).open, 2);
	timeline_finish(t);
	cr_expect_eq(told.cnt, 3);
	cr_expect_eq(timeline_stats(t).stories, 3);
	cr_expect_eq(timeline_stats(t).open, 0);
	timeline_free(t);
}

/* However often something repeats itself, the steps that matter stay. */
Test(timeline_odd, more_steps_than_fit)
{
	static struct told told;
	struct timeline *t = timeline_new(2, told_story, &told);
	const struct story *s = &told.stories[0];

	feed(t, &(struct act){SYN_(0, 1)});
	feed(t, &(struct act){EV_SYNACK, 1});
	for (uint32_t i = 0; i < 300; i++)
		feed(t, &(struct act){SYN_(10 + i, 1)});
	feed(t, &(struct act){EV_QUEUED, 1000});
	for (uint32_t i = 0; i < 30; i++)
		feed(t, &(struct act){EV_CHILD_STATE, 1001 + i, .what = TCP_CLOSE_WAIT_});
	cr_expect_eq(told.cnt, 0);
	feed(t, &(struct act){EV_REQUEST_GONE, 1100, .what = GONE_EXPIRED});
	cr_expect_eq(told.cnt, 0, "it is still known to be in the accept queue");
	feed(t, &(struct act){EV_ACCEPTED, 2000});
	cr_assert_eq(told.cnt, 1);
	check_sane("cut", s);
	cr_expect_eq(s->step_cnt, STEPS_MAX);
	cr_expect_eq(s->cut, 255);
	cr_expect_not(s->complete);
	cr_expect(story_step(s, STEP_SYN) && story_step(s, STEP_SYNACK) &&
		  story_step(s, STEP_QUEUED) && story_step(s, STEP_ACCEPTED));
	cr_expect_eq(story_queued_ns(s), 1000 * US);
	cr_expect_eq(s->syn_retransmits, 300);
	timeline_free(t);
}

/* Every order in which the events of a scene can come in before its end: what is called complete is
 * the truth. */
static void permute(const struct scene *sc, struct act *acts, size_t cnt, size_t fixed)
{
	static struct told told;
	struct timeline *t;

	for (size_t i = fixed; i < cnt; i++) {
		struct act swap = acts[fixed];

		acts[fixed] = acts[i];
		acts[i] = swap;
		permute(sc, acts, cnt, fixed + 1);
		acts[i] = acts[fixed];
		acts[fixed] = swap;
	}
	if (fixed < cnt)
		return;
	told.cnt = 0;
	t = timeline_new(8, told_story, &told);
	feed_all(t, acts, cnt + 1);
	timeline_tick(t, BASE_NS + 200 * SEC);
	timeline_finish(t);
	for (int n = 0; n < told.cnt; n++) {
		const struct story *s = &told.stories[n];

		check_sane(sc->name, s);
		cr_expect(!s->complete || s->outcome == sc->outcome, "%s: %s (%s)", sc->name,
			  outcome_name(s->outcome), steps_of(s));
	}
	cr_expect_eq(timeline_stats(t).open, 0);
	timeline_free(t);
}

Test(timeline_odd, every_order)
{
	for (size_t i = 0; i < scenes_cnt; i++) {
		struct act acts[ACTS_MAX];
		size_t cnt = 0;

		while (cnt < ACTS_MAX && scenes[i].acts[cnt].kind)
			cnt++;
		/* What comes later than a second is beyond the patience for an answer. */
		if (cnt > 5 || cnt < 3 || scenes[i].acts[cnt - 2].at_us > 1500000)
			continue;
		memcpy(acts, scenes[i].acts, sizeof(acts));
		permute(&scenes[i], acts, cnt - 1, 0);
	}
}
