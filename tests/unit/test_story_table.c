// SPDX-License-Identifier: GPL-2.0-only
/* story_table.c: slots, two indexes, two kinds of list. */
#include "build.h"
#include "story_table.h"

static struct slot *add(struct story_table *t, uint16_t rport, uint64_t cookie)
{
	struct slot *s = story_table_add(t);

	if (!s)
		return NULL;
	s->story.tuple = build_tuple(rport);
	s->story.cookie = cookie;
	story_table_index_tuple(t, s);
	if (cookie)
		story_table_index_cookie(t, s);
	return s;
}

static struct slot *by_port(struct story_table *t, uint16_t rport)
{
	struct ev_tuple tuple = build_tuple(rport);

	return story_table_by_tuple(t, &tuple);
}

Test(story_table, full_and_free_again)
{
	struct story_table *t = story_table_new(5);
	struct slot *slots[5];

	for (int i = 0; i < 5; i++) {
		slots[i] = add(t, i + 1, i + 1);
		cr_assert(slots[i]);
	}
	cr_expect_null(story_table_add(t));
	cr_expect_eq(story_table_cnt(t), 5);
	for (int i = 0; i < 5; i++) {
		cr_expect_eq(by_port(t, i + 1), slots[i]);
		cr_expect_eq(story_table_by_cookie(t, i + 1), slots[i]);
	}
	story_table_remove(t, slots[2]);
	cr_expect_null(by_port(t, 3));
	cr_expect_null(story_table_by_cookie(t, 3));
	cr_expect_eq(story_table_cnt(t), 4);
	slots[2] = add(t, 9, 0);
	cr_expect_eq(by_port(t, 9), slots[2]);
	cr_expect_eq(slots[2]->story.step_cnt, 0, "a slot is cleared");
	cr_expect_null(story_table_by_cookie(t, 0), "0 is no cookie");
	story_table_free(t);
}

Test(story_table, the_tuple_decides_in_every_byte)
{
	struct story_table *t = story_table_new(4);
	struct slot *s = add(t, 1, 0);

	for (size_t i = 0; i < sizeof(struct ev_tuple); i++) {
		struct ev_tuple other = s->story.tuple;

		((uint8_t *)&other)[i] ^= 1;
		cr_expect_null(story_table_by_tuple(t, &other), "byte %zu", i);
	}
	story_table_free(t);
}

Test(story_table, same_tuple_twice)
{
	struct story_table *t = story_table_new(4);
	struct slot *old = add(t, 1, 11), *young = add(t, 1, 12);

	cr_expect_eq(by_port(t, 1), young, "the younger one first");
	story_table_unindex_tuple(t, young);
	cr_expect_eq(by_port(t, 1), old);
	story_table_unindex_tuple(t, young);
	cr_expect_eq(by_port(t, 1), old, "twice does no harm");
	story_table_remove(t, old);
	cr_expect_null(by_port(t, 1));
	cr_expect_eq(story_table_by_cookie(t, 12), young);
	story_table_free(t);
}

Test(story_table, age)
{
	struct story_table *t = story_table_new(4);
	struct slot *a = add(t, 1, 0), *b = add(t, 2, 0), *c = add(t, 3, 0);

	cr_expect_eq(story_table_oldest(t), a);
	story_table_touch(t, a);
	cr_expect_eq(story_table_oldest(t), b);
	cr_expect_eq(story_table_younger(t, b), c);
	cr_expect_eq(story_table_younger(t, c), a);
	cr_expect_null(story_table_younger(t, a));
	story_table_remove(t, c);
	cr_expect_eq(story_table_younger(t, b), a);
	story_table_remove(t, b);
	story_table_remove(t, a);
	cr_expect_null(story_table_oldest(t));
	story_table_free(t);
}

Test(story_table, waiting)
{
	struct story_table *t = story_table_new(4);
	struct slot *a = add(t, 1, 0), *b = add(t, 2, 0);

	story_table_wait(t, a, WAIT_SYNACK, 10);
	story_table_wait(t, b, WAIT_SYNACK, 20);
	cr_expect_eq(story_table_waiting(t, WAIT_SYNACK), a);
	cr_expect_null(story_table_waiting(t, WAIT_COOKIE_ACK));
	story_table_wait(t, a, WAIT_COOKIE_ACK, 30);
	cr_expect_eq(story_table_waiting(t, WAIT_SYNACK), b);
	cr_expect_eq(story_table_waiting(t, WAIT_COOKIE_ACK), a);
	cr_expect_eq(a->waiting_since_ns, 30);
	story_table_wait(t, b, WAIT_SYNACK, 40);
	story_table_wait(t, a, WAIT_SYNACK, 50);
	cr_expect_eq(story_table_waiting(t, WAIT_SYNACK), b);
	story_table_remove(t, b);
	cr_expect_eq(story_table_waiting(t, WAIT_SYNACK), a, "who is gone waits no more");
	story_table_wait(t, a, WAIT_NONE, 0);
	cr_expect_null(story_table_waiting(t, WAIT_SYNACK));
	story_table_free(t);
}

/* The heads grow with the stories. */
Test(story_table, same_tuple_among_thousands)
{
	enum { CNT = 5000 };
	struct story_table *t = story_table_new(CNT + 2);
	struct slot *old = add(t, 1, 1), *young = add(t, 1, 2), *slots[CNT];

	story_table_touch(t, old); /* news of it do not make it the younger one */
	for (int i = 0; i < CNT; i++) {
		slots[i] = add(t, i + 2, i + 3);
		cr_assert(slots[i]);
	}
	cr_expect_eq(by_port(t, 1), young);
	for (int i = 0; i < CNT; i++) {
		cr_assert_eq(by_port(t, i + 2), slots[i]);
		cr_assert_eq(story_table_by_cookie(t, i + 3), slots[i]);
		story_table_remove(t, slots[i]);
	}
	story_table_remove(t, young);
	cr_expect_eq(by_port(t, 1), old);
	cr_expect_eq(story_table_by_cookie(t, 1), old);
	cr_expect_null(by_port(t, 2));
	story_table_free(t);
}

/* Against a plain array. */
Test(story_table, many)
{
	enum { CNT = 64 };
	struct story_table *t = story_table_new(CNT);
	struct slot *mine[200] = {0};
	uint32_t rnd = 1, cnt = 0;

	for (int i = 0; i < 200000; i++) {
		uint16_t k;

		rnd = rnd * 1664525 + 1013904223;
		k = (rnd >> 16) % 200;
		cr_assert_eq(by_port(t, k + 1), mine[k]);
		cr_assert_eq(story_table_by_cookie(t, k + 1), mine[k]);
		if (mine[k]) {
			story_table_remove(t, mine[k]);
			mine[k] = NULL;
			cnt--;
		} else {
			mine[k] = add(t, k + 1, k + 1);
			cr_assert_eq(mine[k] != NULL, cnt < CNT);
			cnt += mine[k] != NULL;
		}
		cr_assert_eq(story_table_cnt(t), cnt);
	}
	story_table_free(t);
}
