// SPDX-License-Identifier: GPL-2.0-only
/* rates.c: two reads of the counters in, rates and blame out. */
#include "build.h"
#include "counters.h"
#include "rates.h"

#define LISTENERS 4

/* A host whose counters a test turns. */
struct world {
	struct counters_listener listeners[LISTENERS];
	struct counters_view view;
	struct rates rates;
};

static void world_start(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->view.start_ns = w->view.time_ns = 100 * SEC;
	w->view.listeners = w->listeners;
	w->view.cnt = LISTENERS;
	for (int i = 0; i < LISTENERS; i++) {
		w->listeners[i].sock.cookie = 10 + i;
		w->listeners[i].sock.lport = 8000 + i;
		w->listeners[i].sock.limit = 10;
	}
	rates_init(&w->rates);
	cr_assert_eq(rates_feed(&w->rates, &w->view), 0);
}

static void world_look(struct world *w, uint64_t after_ns)
{
	w->view.time_ns += after_ns;
	cr_assert_eq(rates_feed(&w->rates, &w->view), 0);
}

Test(rates, a_second_of_traffic)
{
	struct world w = {0};
	struct counters_row *t = &w.listeners[1].total;

	world_start(&w);
	t->n[COUNT_SYN] = 30;
	t->n[COUNT_ACCEPT] = 20;
	t->n[COUNT_DROP_SYN_ACCEPTQ] = 6;
	t->n[COUNT_DROP_ACK_ACCEPTQ] = 4;
	world_look(&w, 2 * SEC);
	cr_expect_eq(w.rates.cnt, LISTENERS);
	cr_expect_float_eq(w.rates.rows[1]->per_s[COUNT_SYN], 15, 1e-9);
	cr_expect_float_eq(w.rates.rows[1]->drops_per_s, 5, 1e-9);
	cr_expect_float_eq(w.rates.per_s[COUNT_ACCEPT], 10, 1e-9);
	cr_expect_float_eq(w.rates.drops_per_s, 5, 1e-9);
	cr_expect_eq(rates_drops(t), 10);
	world_look(&w, SEC);
	cr_expect_float_eq(w.rates.rows[1]->per_s[COUNT_SYN], 0, 1e-9);
	cr_expect_null(w.rates.rows[0]->past);
	rates_free(&w.rates);
}

/* A drop that was taken back, because its SYN was answered after all, is no rate below 0. */
Test(rates, a_count_that_goes_back)
{
	struct world w = {0};

	world_start(&w);
	w.listeners[0].total.n[COUNT_SYN] = 1;
	w.listeners[0].total.n[COUNT_DROP_SYN_RESERVED] = 1;
	world_look(&w, SEC);
	w.listeners[0].total.n[COUNT_DROP_SYN_RESERVED] = 0;
	world_look(&w, SEC);
	cr_expect_float_eq(w.rates.rows[0]->drops_per_s, 0, 1e-9);
	rates_free(&w.rates);
}

/* The window: what is older than ten seconds is in no percentile any more. */
Test(rates, percentiles_forget)
{
	struct world w = {0};
	struct counters_row *t = &w.listeners[2].total;

	world_start(&w);
	t->n[COUNT_ACCEPT] = t->n[COUNT_SYN] = 10;
	t->wait.bins[20] = 10;
	world_look(&w, SEC);
	cr_expect_gt(w.rates.rows[2]->wait_p50, 1000000000LL);
	cr_expect_eq(w.rates.rows[2]->handshake_p50, -1);
	for (int i = 0; i < 12; i++)
		world_look(&w, SEC);
	cr_expect_eq(w.rates.rows[2]->wait_p50, -1);
	t->wait.bins[4] += 5;
	world_look(&w, SEC);
	cr_expect_lt(w.rates.rows[2]->wait_p99, 33000);
	rates_free(&w.rates);
}

Test(rates, listeners_come_and_go)
{
	struct world w = {0};

	world_start(&w);
	for (int i = 0; i < LISTENERS; i++)
		w.listeners[i].total.n[COUNT_SYN] = 100;
	world_look(&w, SEC);
	/* The first one goes, one comes with a cookie between those that stay. */
	w.view.listeners = w.listeners + 1;
	w.view.cnt = 3;
	w.listeners[1].sock.cookie = 11;
	w.listeners[2].sock.cookie = 12;
	w.listeners[3].sock.cookie = 99;
	world_look(&w, SEC);
	cr_assert_eq(w.rates.cnt, 3);
	cr_expect_eq(w.rates.sets, 2);
	cr_expect_eq(w.rates.rows[0]->cookie, 11);
	cr_expect_float_eq(w.rates.rows[0]->per_s[COUNT_SYN], 0, 1e-9);
	cr_expect_float_eq(w.rates.rows[2]->per_s[COUNT_SYN], 100, 1e-9);
	rates_free(&w.rates);
}

Test(rates, full_and_pressed)
{
	static const struct {
		uint32_t depth, limit;
		bool full, pressed;
		double fill;
	} rows[] = {
		{0, 10, false, false, 0},  {8, 10, false, false, 0.8}, {9, 10, false, true, 0.9},
		{10, 10, false, true, 1},  {11, 10, true, true, 1},    {0, 0, false, false, 0},
		{1, 0, true, true, 1},
	};
	struct counters_listener l = {0};
	struct rates_row row = {.l = &l};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		l.sock.acceptq = rows[i].depth;
		l.sock.limit = rows[i].limit;
		cr_expect_eq(rates_full(&row), rows[i].full, "%zu", i);
		cr_expect_eq(rates_pressed(&row), rows[i].pressed, "%zu", i);
		cr_expect_float_eq(rates_fill(&row), rows[i].fill, 1e-9, "%zu", i);
	}
}

Test(rates, blame)
{
	struct world w = {0};
	struct rates_group g;

	world_start(&w);
	cr_expect_null(rates_worst(&w.rates));
	/* The group of id 0 is one too; 8003 is in another namespace. */
	for (int i = 0; i < LISTENERS; i++) {
		w.listeners[i].sock.lport = 8000;
		w.listeners[i].sock.reuseport_cnt = 3;
		w.listeners[i].sock.hdr.netns = i == 3;
	}
	w.listeners[0].sock.acceptq = 11;
	w.listeners[1].sock.acceptq = 11;
	w.listeners[1].total.n[COUNT_SYN] = w.listeners[1].total.n[COUNT_DROP_SYN_ACCEPTQ] = 3;
	w.listeners[1].total.last_accept_ns = 99 * SEC;
	world_look(&w, SEC);
	cr_assert_not_null(rates_worst(&w.rates));
	cr_expect_eq(rates_worst(&w.rates)->cookie, 11);
	g = rates_group(&w.rates, w.rates.rows[1]);
	cr_expect_eq(g.members, 3);
	cr_expect_eq(g.idle, 1);
	cr_expect_eq(rates_idle_ns(&w.rates, w.rates.rows[1]), (int64_t)(2 * SEC));
	cr_expect_eq(rates_idle_ns(&w.rates, w.rates.rows[0]), -1);
	rates_free(&w.rates);
}
