// SPDX-License-Identifier: GPL-2.0-only
/* timeline.c, passive connections: every scene as it is, and with each of its events missing. */
#include "scenes.h"

static size_t acts_cnt(const struct scene *sc)
{
	size_t n = 0;

	while (n < ACTS_MAX && sc->acts[n].kind)
		n++;
	return n;
}

enum missing {
	MISSING_UNKNOWN, /* nobody knows that an event is missing */
	MISSING_TOLD,	 /* the loss is told where it happened */
};

/* Plays it without one event; `without` beyond the last leaves out none. */
static void play(const struct scene *sc, size_t without, enum missing how, struct told *told)
{
	struct timeline *t = timeline_new(8, told_story, told);
	uint64_t last_ns = BASE_NS;

	told->cnt = 0;
	for (size_t i = 0; i < acts_cnt(sc); i++) {
		last_ns = BASE_NS + sc->acts[i].at_us * US;
		if (i != without)
			feed(t, &sc->acts[i]);
		else if (how == MISSING_TOLD)
			timeline_lost(t, last_ns);
	}
	if (sc->tick_ms)
		timeline_tick(t, BASE_NS + sc->tick_ms * MS);
	timeline_finish(t);
	cr_expect_eq(timeline_stats(t).open, 0, "%s: a slot leaks", sc->name);
	timeline_free(t);
	for (int i = 0; i < told->cnt; i++)
		check_sane(sc->name, &told->stories[i]);
}

Test(timeline, every_scene)
{
	static struct told told;

	for (size_t i = 0; i < scenes_cnt; i++) {
		const struct scene *sc = &scenes[i];
		const struct story *s = &told.stories[0];

		play(sc, SIZE_MAX, MISSING_UNKNOWN, &told);
		cr_expect_eq(told.cnt, 1, "%s: %d stories", sc->name, told.cnt);
		cr_expect_eq(s->outcome, sc->outcome, "%s: %s", sc->name, outcome_name(s->outcome));
		cr_expect_eq(s->reason, sc->reason, "%s: reason %d", sc->name, s->reason);
		cr_expect(s->complete, "%s: incomplete", sc->name);
		cr_expect_str_eq(steps_of(s), sc->steps, "%s: %s", sc->name, steps_of(s));
		cr_expect_eq(s->role, ROLE_PASSIVE);
		cr_expect_eq(story_start_ns(s), BASE_NS, "%s", sc->name);
	}
}

/* An event is missing, and nothing says so: then the story itself must show it, or be none that the
 * kernel could not have told as well. */
Test(timeline, each_event_missing_unnoticed)
{
	static struct told told;

	for (size_t i = 0; i < scenes_cnt; i++)
		for (size_t k = 0; k < acts_cnt(&scenes[i]); k++) {
			bool last = k + 1 == acts_cnt(&scenes[i]);

			play(&scenes[i], k, MISSING_UNKNOWN, &told);
			for (int n = 0; n < told.cnt && !scenes[i].acts[k].silent && !last; n++)
				cr_expect_not(told.stories[n].complete,
					      "%s without event %zu: %s (%s) is called complete",
					      scenes[i].name, k,
					      outcome_name(told.stories[n].outcome),
					      steps_of(&told.stories[n]));
		}
}

/* An event is missing, and the loss is known: nothing is complete, and nothing is concluded from
 * what was not seen. */
Test(timeline, each_event_missing_and_told)
{
	static struct told told;

	for (size_t i = 0; i < scenes_cnt; i++)
		for (size_t k = 0; k < acts_cnt(&scenes[i]); k++) {
			const struct scene *sc = &scenes[i];

			play(sc, k, MISSING_TOLD, &told);
			for (int n = 0; n < told.cnt; n++) {
				const struct story *s = &told.stories[n];

				cr_expect_not(s->complete, "%s without event %zu: complete",
					      sc->name, k);
				cr_expect(s->outcome == sc->outcome || s->outcome == OUTCOME_OPEN ||
						  (sc->or_outcome && s->outcome == sc->or_outcome),
					  "%s without event %zu: %s (%s)", sc->name, k,
					  outcome_name(s->outcome), steps_of(s));
			}
		}
}

/* The stream begins in the middle: only what was seen is told, and never as the whole. */
Test(timeline, start_in_mid_flight)
{
	static struct told told;

	for (size_t i = 0; i < scenes_cnt; i++)
		for (size_t from = 1; from < acts_cnt(&scenes[i]); from++) {
			struct scene late = scenes[i];

			memmove(late.acts, late.acts + from,
				(ACTS_MAX - from) * sizeof(late.acts[0]));
			memset(late.acts + ACTS_MAX - from, 0, from * sizeof(late.acts[0]));
			if (late.acts[0].kind == EV_SYN)
				continue; /* the SYN said again looks like the first one */
			play(&late, SIZE_MAX, MISSING_UNKNOWN, &told);
			for (int n = 0; n < told.cnt; n++)
				cr_expect(!told.stories[n].complete ||
						  told.stories[n].steps[0].kind == STEP_SYN,
					  "%s from event %zu: %s is called complete", late.name,
					  from, steps_of(&told.stories[n]));
		}
}

/* Events were lost before it began, or will be lost after it has ended. */
Test(timeline, losses_elsewhere_do_no_harm)
{
	static struct told told;
	struct timeline *t = timeline_new(8, told_story, &told);

	timeline_lost(t, BASE_NS - 1);
	feed_all(t, scenes[0].acts, ACTS_MAX);
	timeline_lost(t, BASE_NS + SEC);
	cr_assert_eq(told.cnt, 1);
	cr_expect(told.stories[0].complete);
	timeline_free(t);
}

Test(timeline, what_a_whole_story_tells)
{
	static struct told told;
	const struct story *s = &told.stories[0];

	play(&scenes[0], SIZE_MAX, MISSING_UNKNOWN, &told);
	cr_expect_eq(story_handshake_ns(s), 212 * US);
	cr_expect_eq(story_queued_ns(s), 1304 * US);
	cr_expect_eq(story_total_ns(s), 1516 * US);
	cr_expect_eq(s->cookie, CHILD);
	cr_expect_eq(s->listener, LISTENER);
	cr_expect_eq(s->process.pid, 812);
	cr_expect_eq(s->fd, 12);
	cr_expect_eq(s->ifindex, 2);
	cr_expect_eq(s->synq.depth, 1, "once it stood in it");
	cr_expect_eq(s->acceptq.depth, 1);
	cr_expect_eq(s->acceptq.limit, LIMIT);
	cr_expect_eq(s->tuple.rport, RPORT);
	cr_expect_eq(s->syn_retransmits, 0);
	cr_expect_eq(s->synack_retransmits, 0);
	cr_expect_not(s->syncookie || s->fastopen || s->mptcp || s->io_uring || s->direct);
}

Test(timeline, flags_of_the_varieties)
{
	static const struct {
		const char *name;
		bool cookie, fastopen, mptcp, io_uring;
		uint32_t syns, synacks;
	} rows[] = {
		{"accepted, SYN repeated", false, false, false, false, 1, 1},
		{"accepted, SYN cookie", true, false, false, false, 0, 0},
		{"accepted, Fast Open, before the handshake ended", false, true, false, false, 0, 0},
		{"accepted, MPTCP", false, false, true, false, 0, 0},
		{"accepted, io_uring, not sure", false, false, false, true, 0, 0},
		{"expired", false, false, false, false, 0, 2},
	};
	static struct told told;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t k = 0; k < scenes_cnt; k++) {
			const struct story *s = &told.stories[0];

			if (strcmp(rows[i].name, scenes[k].name))
				continue;
			play(&scenes[k], SIZE_MAX, MISSING_UNKNOWN, &told);
			cr_expect_eq(s->syncookie, rows[i].cookie, "%s", rows[i].name);
			cr_expect_eq(s->fastopen, rows[i].fastopen, "%s", rows[i].name);
			cr_expect_eq(s->mptcp, rows[i].mptcp, "%s", rows[i].name);
			cr_expect_eq(s->io_uring, rows[i].io_uring, "%s", rows[i].name);
			cr_expect_eq(s->syn_retransmits, rows[i].syns, "%s", rows[i].name);
			cr_expect_eq(s->synack_retransmits, rows[i].synacks, "%s", rows[i].name);
		}
}
