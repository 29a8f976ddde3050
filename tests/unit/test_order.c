// SPDX-License-Identifier: GPL-2.0-only
/* order.c: the merge by time, and the account of sequence numbers. */
#include <errno.h>

#include "build.h"
#include "order.h"

struct in {
	uint64_t time_ns;
	uint32_t seq;
	uint16_t cpu;
	int ret;
};

static int push(struct order *o, const struct in *in)
{
	union event ev;

	memset(&ev, 0, sizeof(ev));
	ev.hdr = (struct ev_hdr){.time_ns = in->time_ns, .seq = in->seq, .cpu = in->cpu,
				 .kind = EV_END};
	return order_push(o, &ev);
}

struct merge {
	const char *name;
	struct in in[10];
	uint64_t out[10]; /* times, in the order that they come out */
	uint64_t lost;
	uint64_t duplicates;
};

/* The first time_ns of 0 ends a list. */
static const struct merge merges[] = {
	{"in order", {{10, 0, 0, 0}, {20, 1, 0, 0}, {30, 2, 0, 0}}, {10, 20, 30}, 0, 0},
	{"backwards",
	 {{30, 0, EV_CPU_HOST, 0}, {20, 0, EV_CPU_HOST, 0}, {10, 0, EV_CPU_HOST, 0}},
	 {10, 20, 30}, 0, 0},
	{"two CPUs, one behind the other",
	 {{10, 0, 0, 0}, {30, 1, 0, 0}, {50, 2, 0, 0}, {20, 0, 1, 0}, {40, 1, 1, 0}},
	 {10, 20, 30, 40, 50}, 0, 0},
	{"an interrupted program: later slot, earlier number",
	 {{10, 0, 0, 0}, {30, 2, 0, 0}, {20, 1, 0, 0}, {40, 3, 0, 0}},
	 {10, 20, 30, 40}, 0, 0},
	{"the first of all comes second", {{20, 8, 0, 0}, {10, 7, 0, 0}, {30, 9, 0, 0}},
	 {10, 20, 30}, 0, 0},
	{"a gap", {{10, 5, 0, 0}, {20, 9, 0, 0}}, {10, 20}, 3, 0},
	{"two gaps", {{10, 5, 0, 0}, {20, 7, 0, 0}, {30, 9, 0, 0}}, {10, 20, 30}, 2, 0},
	{"a gap that is half filled", {{10, 5, 0, 0}, {30, 8, 0, 0}, {20, 6, 0, 0}}, {10, 20, 30},
	 1, 0},
	{"a gap wider than the window", {{10, 5, 0, 0}, {20, 1005, 0, 0}}, {10, 20}, 999, 0},
	{"a duplicate", {{10, 5, 0, 0}, {20, 6, 0, 0}, {10, 5, 0, -EEXIST}, {20, 6, 0, -EEXIST}},
	 {10, 20}, 0, 2},
	{"a duplicate of what filled a gap",
	 {{10, 5, 0, 0}, {30, 7, 0, 0}, {20, 6, 0, 0}, {20, 6, 0, -EEXIST}}, {10, 20, 30}, 0, 1},
	{"too old to be told from a duplicate",
	 {{10, 5, 0, 0}, {20, 1005, 0, 0}, {15, 900, 0, -EEXIST}}, {10, 20}, 999, 1},
	{"same number on two CPUs", {{10, 5, 0, 0}, {20, 5, 1, 0}}, {10, 20}, 0, 0},
	{"numbers wrap", {{10, UINT32_MAX - 1, 0, 0}, {20, UINT32_MAX, 0, 0}, {30, 0, 0, 0},
			  {40, 1, 0, 0}}, {10, 20, 30, 40}, 0, 0},
	{"numbers wrap in a gap", {{10, UINT32_MAX - 1, 0, 0}, {20, 2, 0, 0}}, {10, 20}, 3, 0},
	{"numbers wrap, out of order", {{10, UINT32_MAX - 1, 0, 0}, {30, 0, 0, 0},
					{20, UINT32_MAX, 0, 0}}, {10, 20, 30}, 0, 0},
	{"a duplicate across the wrap", {{10, UINT32_MAX, 0, 0}, {20, 0, 0, 0},
					 {10, UINT32_MAX, 0, -EEXIST}}, {10, 20}, 0, 1},
	{"the reader itself numbers nothing", {{10, 0, EV_CPU_HOST, 0}, {20, 0, EV_CPU_HOST, 0}},
	 {10, 20}, 0, 0},
	{"the highest CPU", {{10, 0, 0xfffe, 0}, {20, 2, 0xfffe, 0}}, {10, 20}, 1, 0},
};

Test(order, merges)
{
	for (size_t i = 0; i < ARRAY_SIZE(merges); i++) {
		const struct merge *m = &merges[i];
		struct order *o = order_new(16);
		const union event *ev;
		uint64_t n = 0;

		for (int k = 0; m->in[k].time_ns; k++)
			cr_expect_eq(push(o, &m->in[k]), m->in[k].ret, "%s: push %d", m->name, k);
		for (; (ev = order_pop(o, UINT64_MAX)); n++)
			cr_expect_eq(ev->hdr.time_ns, m->out[n], "%s: pop %lu", m->name, n);
		cr_expect_eq(m->out[n], 0, "%s: only %lu came out", m->name, n);
		cr_expect_eq(order_stats(o)->lost, m->lost, "%s: lost %lu", m->name,
			     order_stats(o)->lost);
		cr_expect_eq(order_stats(o)->duplicates, m->duplicates, "%s", m->name);
		cr_expect_eq(order_stats(o)->events, n, "%s", m->name);
		order_free(o);
	}
}

Test(order, ties_go_by_arrival)
{
	struct order *o = order_new(64);

	for (uint32_t i = 0; i < 64; i++)
		cr_assert_eq(push(o, &(struct in){100, i / 4, i % 4, 0}), 0);
	for (uint32_t i = 0; i < 64; i++) {
		const union event *ev = order_pop(o, 100);

		cr_assert(ev);
		cr_expect_eq(ev->hdr.seq, i / 4, "%u", i);
		cr_expect_eq(ev->hdr.cpu, i % 4, "%u", i);
	}
	order_free(o);
}

Test(order, horizon_holds_back)
{
	struct order *o = order_new(4);

	push(o, &(struct in){100, 0, 0, 0});
	push(o, &(struct in){200, 1, 0, 0});
	cr_expect_null(order_pop(o, 99));
	cr_expect_eq(order_pop(o, 100)->hdr.time_ns, 100);
	cr_expect_null(order_pop(o, 199));
	cr_expect_eq(order_pop(o, UINT64_MAX)->hdr.time_ns, 200);
	cr_expect_null(order_pop(o, UINT64_MAX));
	order_free(o);
}

Test(order, late_is_counted_and_given_out_next)
{
	struct order *o = order_new(4);

	push(o, &(struct in){200, 0, 0, 0});
	order_pop(o, 200);
	push(o, &(struct in){300, 1, 0, 0});
	push(o, &(struct in){150, 0, 1, 0});
	push(o, &(struct in){200, 1, 1, 0});
	cr_expect_eq(order_stats(o)->late, 1, "one at the same time is not late");
	cr_expect_eq(order_pop(o, 250)->hdr.time_ns, 150);
	cr_expect_eq(order_pop(o, 250)->hdr.time_ns, 200);
	cr_expect_null(order_pop(o, 250));
	order_free(o);
}

Test(order, full_takes_again_after_a_pop)
{
	struct order *o = order_new(3);

	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(push(o, &(struct in){100 + i, i, 0, 0}), 0);
	cr_expect_eq(push(o, &(struct in){103, 3, 0, 0}), -ENOSPC);
	cr_expect_eq(order_pop(o, UINT64_MAX)->hdr.time_ns, 100);
	cr_expect_eq(push(o, &(struct in){103, 3, 0, 0}), 0, "refused, not taken for a duplicate");
	cr_expect_eq(order_stats(o)->lost, 0);
	cr_expect_eq(order_stats(o)->events, 4);
	order_free(o);
}

Test(order, from_zero)
{
	struct order_loss loss;
	struct order *o = order_new(8);

	order_from_zero(o);
	push(o, &(struct in){100, 3, 0, 0});
	push(o, &(struct in){110, 0, 1, 0});
	cr_assert(order_next_loss(o, UINT64_MAX, &loss));
	cr_expect_eq(loss.events, 3);
	cr_expect_eq(loss.cpu, 0);
	cr_expect_eq(loss.from_ns, 0, "from the very beginning");
	cr_expect_eq(loss.until_ns, 100);
	cr_expect_not(order_next_loss(o, UINT64_MAX, &loss),
		      "a stream that begins at 0 has lost nothing");
	order_free(o);
}

Test(order, losses_are_told_oldest_first)
{
	static const struct in in[] = {
		{100, 0, 0, 0}, {50, 0, 1, 0}, {70, 0, 2, 0}, {200, 3, 0, 0}, {190, 2, 1, 0},
	};
	struct order_loss loss;
	struct order *o = order_new(8);

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		push(o, &in[i]);
	cr_expect_not(order_next_loss(o, 49, &loss), "it begins later");
	cr_assert(order_next_loss(o, 50, &loss));
	cr_expect_eq(loss.cpu, 1);
	cr_expect_eq(loss.events, 1);
	cr_expect_eq(loss.from_ns, 50);
	cr_expect_eq(loss.until_ns, 190);
	cr_assert(order_next_loss(o, UINT64_MAX, &loss));
	cr_expect_eq(loss.cpu, 0);
	cr_expect_eq(loss.events, 2);
	cr_expect_eq(loss.from_ns, 100);
	cr_expect_eq(loss.until_ns, 200);
	cr_expect_not(order_next_loss(o, UINT64_MAX, &loss));
	order_free(o);
}

Test(order, gaps_of_one_cpu_are_one_loss)
{
	static const struct in in[] = {{100, 0, 0, 0},
				       {120, 2, 0, 0},
				       {130, 3, 0, 0},
				       {150, 6, 0, 0}};
	struct order_loss loss;
	struct order *o = order_new(8);

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		push(o, &in[i]);
	cr_assert(order_next_loss(o, UINT64_MAX, &loss));
	cr_expect_eq(loss.events, 3);
	cr_expect_eq(loss.from_ns, 100);
	cr_expect_eq(loss.until_ns, 150);
	cr_expect_not(order_next_loss(o, UINT64_MAX, &loss));
	order_free(o);
}

/* What fills a gap that was told already must not hide the next gap. */
Test(order, a_straggler_of_an_old_gap_hides_no_new_one)
{
	struct order_loss loss;
	struct order *o = order_new(8);

	push(o, &(struct in){100, 0, 0, 0});
	push(o, &(struct in){120, 2, 0, 0});
	cr_assert(order_next_loss(o, UINT64_MAX, &loss));
	push(o, &(struct in){140, 4, 0, 0});
	cr_expect_eq(push(o, &(struct in){110, 1, 0, 0}), 0, "it is no duplicate");
	cr_assert(order_next_loss(o, UINT64_MAX, &loss), "number 3 is still missing");
	cr_expect_eq(loss.events, 1);
	cr_expect_eq(loss.from_ns, 120);
	cr_expect_eq(order_stats(o)->lost, 2, "what was told stays told");
	order_free(o);
}

/* The source reads the kernel's own count before a gap can show it. */
Test(order, a_loss_told_by_the_source_is_not_told_again)
{
	struct order_loss loss;
	struct order *o = order_new(8);

	push(o, &(struct in){100, 0, 0, 0});
	order_told(o, 0, 5);
	order_told(o, 3, 2);
	order_told(o, EV_CPU_HOST, 7);
	push(o, &(struct in){200, 6, 0, 0});
	cr_expect_not(order_next_loss(o, UINT64_MAX, &loss), "numbers 1 to 5 are known to be lost");
	push(o, &(struct in){300, 8, 0, 0});
	cr_assert(order_next_loss(o, UINT64_MAX, &loss));
	cr_expect_eq(loss.events, 1);
	cr_expect_eq(loss.from_ns, 200);
	cr_expect_eq(loss.until_ns, 300);
	order_told(o, 0, 1);
	push(o, &(struct in){400, 12, 0, 0});
	cr_assert(order_next_loss(o, UINT64_MAX, &loss), "more are missing than were told");
	cr_expect_eq(loss.events, 2);
	order_free(o);
}

Test(order, reset_begins_anew)
{
	struct order_loss loss;
	struct order *o = order_new(8);

	order_from_zero(o);
	push(o, &(struct in){100, 0, 0, 0});
	push(o, &(struct in){200, 1, 1, 0});
	while (order_next_loss(o, UINT64_MAX, &loss) || order_pop(o, UINT64_MAX))
		;
	order_reset(o);
	cr_expect_eq(push(o, &(struct in){10, 0, 0, 0}), 0, "no duplicate of the stream before");
	cr_expect_eq(push(o, &(struct in){20, 77, 1, 0}), 0);
	cr_expect_not(order_next_loss(o, UINT64_MAX, &loss),
		      "not known to be whole, nor to have lost anything");
	cr_expect_eq(order_stats(o)->late, 0);
	order_free(o);
}

/* Against a plain sort, with numbers that are as random as they can be without being so. */
Test(order, many)
{
	enum { CNT = 20000, CAPACITY = 512 };
	struct order *o = order_new(CAPACITY);
	uint32_t seqs[4] = {0}, rnd = 1, in_cnt = 0, out_cnt = 0;
	uint64_t last = 0;

	while (out_cnt < CNT) {
		const union event *ev;

		rnd = rnd * 1664525 + 1013904223;
		if (in_cnt < CNT && in_cnt - out_cnt < CAPACITY) {
			uint16_t cpu = rnd >> 30;
			/* At most 300 out of order, and the horizon is behind that. */
			uint64_t time_ns = 1000 + in_cnt + (rnd >> 8) % 300;

			cr_assert_eq(push(o, &(struct in){time_ns, seqs[cpu]++, cpu, 0}), 0);
			in_cnt++;
		}
		while ((ev = order_pop(o, in_cnt < CNT ? 999 + in_cnt : UINT64_MAX))) {
			cr_assert_geq(ev->hdr.time_ns, last);
			last = ev->hdr.time_ns;
			out_cnt++;
		}
	}
	cr_expect_eq(order_stats(o)->late, 0);
	cr_expect_eq(order_stats(o)->lost, 0);
	order_free(o);
}
