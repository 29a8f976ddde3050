// SPDX-License-Identifier: GPL-2.0-only
/* Any sequence of events at all: what is told holds together, and no slot leaks. */
#include "build.h"

struct soup {
	uint64_t stories;
	uint64_t complete;
};

static bool has(const struct story *s, enum step_kind kind)
{
	return story_step(s, kind);
}

/* What "complete" promises, said another way than the timeline says it. */
static void check_promise(const struct story *s)
{
	enum step_kind first = s->steps[0].kind;

	if (s->role == ROLE_ACTIVE) {
		cr_assert_eq(first, STEP_CONNECT);
		return;
	}
	cr_assert_eq(first, STEP_SYN, "%s", steps_of(s));
	cr_assert_eq(has(s, STEP_SYN_DROPPED), s->outcome == OUTCOME_SYN_DROPPED, "%s",
		     steps_of(s));
	cr_assert(has(s, STEP_SYNACK) || s->outcome == OUTCOME_SYN_DROPPED ||
			  s->outcome == OUTCOME_REFUSED,
		  "%s", steps_of(s));
	cr_assert(!has(s, STEP_SYN_DROPPED) || !has(s, STEP_SYNACK), "%s", steps_of(s));
	cr_assert(!has(s, STEP_ACCEPTED) || has(s, STEP_QUEUED), "%s", steps_of(s));
	cr_assert(!has(s, STEP_CLOSED) || has(s, STEP_QUEUED), "%s", steps_of(s));
	if (s->outcome == OUTCOME_ACCEPTED)
		cr_assert(has(s, STEP_ACCEPTED));
}

static void on_story(void *ctx, const struct story *s)
{
	struct soup *soup = ctx;

	soup->stories++;
	check_sane("soup", s);
	cr_assert(s->outcome != OUTCOME_ACCEPTED || has(s, STEP_ACCEPTED));
	cr_assert(s->role == ROLE_PASSIVE || !has(s, STEP_ACCEPTED));
	if (!s->complete)
		return;
	soup->complete++;
	check_promise(s);
}

static uint32_t next(uint32_t *rnd)
{
	*rnd ^= *rnd << 13;
	*rnd ^= *rnd >> 17;
	*rnd ^= *rnd << 5;
	return *rnd;
}

/* Few tuples, cookies and numbers, so that they meet. */
static struct act any_act(uint32_t *rnd, uint32_t at_us)
{
	static const uint8_t kinds[] = {
		EV_SYN, EV_SYN, EV_SYN, EV_SYNACK, EV_SYNACK, EV_SYNACK_RETRANSMIT, EV_QUEUED,
		EV_QUEUED, EV_ACCEPTED, EV_ACCEPTED, EV_DROP, EV_REQUEST_GONE, EV_CHILD_STATE,
		EV_REFUSED, EV_CONNECT, EV_CONNECT_STATE, EV_SYN_RETRANSMIT, EV_CALL, EV_UNLISTEN,
	};
	static const uint32_t whats[] = {0, 1, 2, 3, 7, 8};
	struct act a = {
		.kind = kinds[next(rnd) % ARRAY_SIZE(kinds)],
		.at_us = at_us,
		.flags = next(rnd) % 4 ? 0 : next(rnd),
		.synq = next(rnd) % 7,
		.acceptq = next(rnd) % 7,
		.what = whats[next(rnd) % ARRAY_SIZE(whats)],
		.more = next(rnd) % 20,
		.cookie = next(rnd) % 6,
		.rport = next(rnd) % 5,
		.drops = next(rnd) % 2,
	};

	if (a.kind == EV_REQUEST_GONE)
		a.what = 1 + a.what % 3;
	if (a.kind == EV_DROP)
		a.what %= 8;
	if (a.kind == EV_CALL)
		a.more = CALL_CONNECT;
	return a;
}

static struct soup cook(uint32_t seed, bool disorder)
{
	struct soup soup = {0};
	struct timeline *t = timeline_new(6, on_story, &soup);
	uint32_t rnd = seed * 2654435761U + 1, at_us = 0;

	for (int i = 0; i < 20000; i++) {
		struct act a;

		at_us += next(&rnd) % 30000;
		a = any_act(&rnd, disorder && at_us > 50000 ? at_us - next(&rnd) % 50000 : at_us);
		if (next(&rnd) % 500 == 0)
			timeline_lost(t, BASE_NS + at_us * US);
		feed(t, &a);
		if (at_us > 2000000000) /* a reader that starts anew */
			timeline_finish(t), at_us = 0;
	}
	timeline_finish(t);
	cr_assert_eq(timeline_stats(t).open, 0);
	cr_assert_eq(timeline_stats(t).stories, soup.stories);
	timeline_free(t);
	return soup;
}

Test(timeline_soup, in_order)
{
	uint64_t complete = 0;

	for (uint32_t seed = 1; seed <= 20; seed++)
		complete += cook(seed, false).complete;
	cr_expect_gt(complete, 1000, "only %lu: the soup is too thin", complete);
}

Test(timeline_soup, out_of_order)
{
	uint64_t stories = 0;

	for (uint32_t seed = 1; seed <= 20; seed++)
		stories += cook(seed, true).stories;
	cr_expect_gt(stories, 1000);
}
