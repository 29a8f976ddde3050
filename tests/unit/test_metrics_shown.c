// SPDX-License-Identifier: GPL-2.0-only
/* metrics_shown.c: which series are shown, when there are more than may be. */
#include "metrics_world.h"

/* Bits of those that are shown. */
static unsigned int shown(const struct world *w)
{
	unsigned int bits = 0;

	for (int i = 0; i < LISTENERS; i++)
		bits |= (syns(w, 8000 + i) >= 0) << i;
	return bits;
}

Test(metrics_shown, the_bound)
{
	struct world w;

	world_start(&w, 3);
	w.listeners[5].total.n[COUNT_SYN] = 100;
	w.listeners[6].total.n[COUNT_SYN] = 200;
	w.listeners[7].total.n[COUNT_SYN] = 50;
	w.listeners[2].sock.acceptq = 10;
	world_look(&w);
	cr_expect_eq(value(&w, "sockline_listeners"), LISTENERS);
	cr_expect_eq(value(&w, "sockline_listeners_omitted"), LISTENERS - 3);
	cr_expect_eq(value(&w, "sockline_listeners_shown_max"), 3);
	cr_expect_eq(shown(&w), 1 << 2 | 1 << 5 | 1 << 6);

	/* More traffic alone takes no place from one that has some, nor does a pressure that ends. */
	w.listeners[7].total.n[COUNT_SYN] = 5000;
	w.listeners[2].sock.acceptq = 0;
	world_look(&w);
	cr_expect_eq(shown(&w), 1 << 2 | 1 << 5 | 1 << 6);

	/* A drop does, from the one with the least traffic; and is not counted from then on only. */
	w.listeners[7].total.n[COUNT_DROP_ACK_ACCEPTQ] = 3;
	world_look(&w);
	cr_expect_eq(shown(&w), 1 << 2 | 1 << 6 | 1 << 7);
	cr_expect_eq(syns(&w, 8007), 5000);
	for (int turn = 0; turn < 10; turn++) {
		w.listeners[5].total.n[COUNT_SYN] += 1000;
		w.listeners[turn % 2].total.n[COUNT_SYN]++;
		world_look(&w);
		cr_expect_eq(shown(&w), 1 << 2 | 1 << 6 | 1 << 7);
	}
	world_end(&w);
}

/* A closed one gives way to any that lives. */
Test(metrics_shown, the_bound_and_the_dead)
{
	struct world w;

	world_start(&w, 3);
	for (int i = 0; i < 3; i++)
		w.listeners[i].total.n[COUNT_DROP_OTHER] = 1;
	world_keep(&w, 0, 3);
	world_look(&w);
	cr_expect_eq(shown(&w), 7);
	world_keep(&w, 1, 3);
	world_look(&w);
	cr_expect_eq(shown(&w), 7 << 1);
	cr_expect_eq(value(&w, "sockline_listeners_omitted"), 0);
	world_end(&w);
}
