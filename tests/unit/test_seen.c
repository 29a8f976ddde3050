// SPDX-License-Identifier: GPL-2.0-only
/* High-water marks and spells of pressure: literal events in, counts out. */
#include <criterion/criterion.h>
#include <string.h>

#include "queue.h"
#include "seen.h"

#define MS 1000000ULL

static struct ev_queues queues(uint64_t cookie, uint32_t synq, uint32_t acceptq)
{
	return (struct ev_queues){.cookie = cookie, .synq = synq, .acceptq = acceptq, .limit = 10};
}

static void syn(struct seen_table *t, uint64_t ms, struct ev_queues q)
{
	union event ev = {.syn = {.hdr = {.time_ns = ms * MS, .kind = EV_SYN},
				  .queues = q,
				  .max_syn_backlog = 2048,
				  .syncookies = 1}};

	seen_event(t, &ev);
}

static void queued(struct seen_table *t, uint64_t ms, uint64_t cookie, uint32_t acceptq)
{
	union event ev = {.queued = {.hdr = {.time_ns = ms * MS, .kind = EV_QUEUED},
				     .queues = queues(cookie, 0, acceptq)}};

	seen_event(t, &ev);
}

static void accepted(struct seen_table *t, uint64_t ms, uint64_t cookie)
{
	struct story s = {.outcome = OUTCOME_ACCEPTED,
			  .listener = cookie,
			  .process = {.pid = 7},
			  .ended_ns = ms * MS};

	seen_story(t, &s);
}

Test(seen, peak_outlives_the_queue)
{
	struct seen_table *t = seen_new();
	const struct seen *s;

	for (uint32_t i = 1; i <= 7; i++)
		queued(t, i, 1, i);
	for (uint32_t i = 8; i <= 14; i++)
		accepted(t, i, 1);
	s = seen_find(t, 1);
	cr_assert_eq(s->acceptq.peak, 7);
	cr_assert_eq(s->acceptq.depth, 0);
	cr_assert_eq(s->accepts, 7);
	cr_assert_eq(s->last_accept_ns, 14 * MS);
	cr_assert_eq(s->last_accept_by.pid, 7);
	cr_assert_eq(seen_pressed_ns(&s->acceptq, 20 * MS), 0);
	seen_free(t);
}

Test(seen, pressure_from_the_ninth_of_ten_until_it_is_taken)
{
	struct seen_table *t = seen_new();

	queued(t, 100, 1, 8);
	cr_assert_eq(seen_pressed_ns(&seen_find(t, 1)->acceptq, 150 * MS), 0);
	queued(t, 200, 1, 9);
	queued(t, 300, 1, 10);
	cr_assert_eq(seen_pressed_ns(&seen_find(t, 1)->acceptq, 350 * MS), 150 * MS);
	accepted(t, 400, 1);
	accepted(t, 500, 1);
	cr_assert_eq(seen_pressed_ns(&seen_find(t, 1)->acceptq, 900 * MS), 300 * MS);
	queued(t, 1000, 1, 11);
	cr_assert_eq(seen_pressed_ns(&seen_find(t, 1)->acceptq, 1100 * MS), 400 * MS);
	seen_free(t);
}

Test(seen, a_look_puts_right_what_events_did_not_tell)
{
	struct seen_table *t = seen_new();

	queued(t, 100, 1, 10);
	seen_sync(t, 1, 0, 10, 2, 10, 0, 300 * MS);
	cr_assert_eq(seen_pressed_ns(&seen_find(t, 1)->acceptq, 900 * MS), 200 * MS);
	cr_assert_eq(seen_find(t, 1)->acceptq.depth, 2);
	cr_assert_eq(seen_find(t, 1)->acceptq.peak, 10);
	seen_free(t);
}

Test(seen, rates_since_the_mark)
{
	struct seen_table *t = seen_new();
	struct seen_rates r;

	for (int i = 0; i < 10; i++)
		syn(t, 1000, queues(1, 0, 0));
	seen_mark(t, 1, 1000 * MS);
	for (int i = 0; i < 6; i++)
		syn(t, 2000, queues(1, 0, 0));
	accepted(t, 2000, 1);
	seen_sync(t, 1, 0, 10, 0, 10, 4, 3000 * MS);
	r = seen_rates(seen_find(t, 1), 3000 * MS);
	cr_assert_float_eq(r.syns, 3, 1e-9);
	cr_assert_float_eq(r.accepts, 0.5, 1e-9);
	cr_assert_float_eq(r.drops, 2, 1e-9);
	r = seen_rates(seen_find(t, 1), 1000 * MS);
	cr_assert_eq(r.syns, 0, "no time has passed");
	seen_free(t);
}

Test(seen, drops_from_before_are_not_counted)
{
	struct seen_table *t = seen_new();

	seen_sync(t, 1, 0, 10, 0, 10, 1000, 1000 * MS);
	seen_sync(t, 1, 0, 10, 0, 10, 1003, 2000 * MS);
	cr_assert_float_eq(seen_rates(seen_find(t, 1), 2000 * MS).drops, 3, 1e-9);
	seen_free(t);
}

Test(seen, sk_drops_wraps)
{
	struct seen_table *t = seen_new();

	seen_sync(t, 1, 0, 10, 0, 10, UINT32_MAX, 1000 * MS);
	seen_sync(t, 1, 0, 10, 0, 10, 4, 2000 * MS);
	cr_assert_float_eq(seen_rates(seen_find(t, 1), 2000 * MS).drops, 5, 1e-9);
	seen_free(t);
}

Test(seen, what_was_asked_is_kept_until_it_is_asked_again)
{
	struct seen_table *t = seen_new();
	union event ev = {.listen = {.hdr = {.kind = EV_LISTEN}, .queues = queues(1, 0, 0)}};

	ev.listen.backlog = 50;
	seen_event(t, &ev);
	queued(t, 1, 1, 1);
	ev.hdr.kind = EV_LISTENER;
	ev.listen.backlog = -1;
	seen_event(t, &ev);
	cr_assert_eq(seen_find(t, 1)->asked, 50);
	seen_free(t);
}

Test(seen, ten_thousand_come_and_half_go)
{
	struct seen_table *t = seen_new();
	union event ev = {.listen = {.hdr = {.kind = EV_UNLISTEN}}};

	for (uint64_t c = 1; c <= 10000; c++)
		queued(t, c, c, c % 11);
	for (uint64_t c = 2; c <= 10000; c += 2) {
		ev.listen.queues = queues(c, 0, 0);
		seen_event(t, &ev);
	}
	seen_forget_closed(t);
	for (uint64_t c = 1; c <= 10000; c++) {
		const struct seen *s = seen_find(t, c);

		cr_assert_eq(!s, c % 2 == 0);
		if (s)
			cr_assert_eq(s->acceptq.peak, c % 11);
	}
	seen_free(t);
}

Test(seen, nobody_is_cookie_0)
{
	struct seen_table *t = seen_new();

	queued(t, 1, 0, 5);
	accepted(t, 2, 0);
	accepted(t, 2, 99);
	cr_assert_null(seen_find(t, 0));
	cr_assert_null(seen_find(t, 99), "an accept alone tells nothing of the queues");
	seen_free(t);
}

static const struct {
	uint32_t limit, max_syn_backlog, syncookies, somaxconn;
	int64_t asked;
	uint32_t synq_limit;
	enum limit_by by;
} limits[] = {
	{100, 8, 1, 4096, -1, 100, LIMIT_LISTEN},
	{100, 8, 0, 4096, -1, 6, LIMIT_MAX_SYN_BACKLOG},
	{100, 8, 2, 4096, -1, 100, LIMIT_LISTEN},
	{6, 8, 0, 4096, -1, 6, LIMIT_LISTEN},
	{7, 8, 0, 4096, -1, 6, LIMIT_MAX_SYN_BACKLOG},
	{100, 2048, 0, 4096, -1, 100, LIMIT_LISTEN},
	{4096, 2048, 0, 4096, -1, 1536, LIMIT_MAX_SYN_BACKLOG},
	{4096, 2048, 1, 4096, -1, 4096, LIMIT_SOMAXCONN},
	{4096, 2048, 1, 4096, 4096, 4096, LIMIT_LISTEN},
	{4096, 2048, 1, 4096, 5000, 4096, LIMIT_SOMAXCONN},
	{128, 2048, 1, 4096, 511, 128, LIMIT_SOMAXCONN},
};

Test(queue, limits)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct snap_sock s = {.limit = limits[i].limit,
				      .max_syn_backlog = limits[i].max_syn_backlog,
				      .syncookies = limits[i].syncookies,
				      .somaxconn = limits[i].somaxconn};

		cr_assert_eq(queue_synq_limit(s.limit, s.max_syn_backlog, s.syncookies),
			     limits[i].synq_limit, "row %zu", i);
		cr_assert_eq(queue_limit_by(&s, limits[i].asked), limits[i].by, "row %zu", i);
	}
}

Test(queue, pressed_is_the_last_fifth)
{
	cr_assert(!queue_pressed(80, 100));
	cr_assert(queue_pressed(81, 100));
	cr_assert(!queue_pressed(0, 0));
	cr_assert(queue_pressed(1, 0));
	cr_assert(queue_pressed(UINT32_MAX, UINT32_MAX));
}
