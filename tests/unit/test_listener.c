// SPDX-License-Identifier: GPL-2.0-only
/* listener.c: the table of listeners. */
#include "build.h"
#include "listener.h"

static struct listener *feed_kind(struct listeners *l, uint8_t kind, uint64_t cookie)
{
	union event ev = build(&(struct act){.kind = kind, .cookie = cookie});

	return listeners_feed(l, &ev.listen);
}

Test(listener, comes_changes_and_closes)
{
	struct listeners *l = listeners_new(4);
	union event ev = build(&(struct act){EV_LISTENER, .cookie = 7});
	const struct listener *row;

	cr_expect_null(listeners_find(l, 7));
	ev.listen.backlog = -1;
	listeners_feed(l, &ev.listen);
	row = listeners_find(l, 7);
	cr_assert(row);
	cr_expect_eq(row->port, 8080);
	cr_expect_eq(row->limit, LIMIT);
	cr_expect_eq(row->backlog, -1, "listen() was not seen");
	cr_expect_not(row->closed);
	ev.hdr.kind = EV_LISTEN;
	ev.listen.backlog = 9;
	ev.listen.queues.limit = 9;
	listeners_feed(l, &ev.listen);
	cr_expect_eq(row->limit, 9);
	cr_expect_eq(row->backlog, 9);
	ev.listen.backlog = -1;
	listeners_feed(l, &ev.listen);
	cr_expect_eq(row->backlog, 9, "what is known is not forgotten");
	feed_kind(l, EV_UNLISTEN, 7);
	cr_expect(row->closed);
	cr_expect_eq(listeners_find(l, 7), row, "its stories still refer to it");
	feed_kind(l, EV_LISTEN, 7);
	cr_expect_not(row->closed);
	listeners_free(l);
}

/* All that was seen of it is that it closed: that still says where it listened. */
Test(listener, closes_unknown)
{
	struct listeners *l = listeners_new(4);
	const struct listener *row;

	feed_kind(l, EV_UNLISTEN, 7);
	row = listeners_find(l, 7);
	cr_assert(row);
	cr_expect(row->closed);
	cr_expect_eq(row->port, 8080);
	cr_expect_eq(row->addr[12], 10);
	listeners_free(l);
}

Test(listener, full_closed_first_then_the_longest_not_asked_for)
{
	struct listeners *l = listeners_new(3);

	feed_kind(l, EV_LISTEN, 1);
	feed_kind(l, EV_LISTEN, 2);
	feed_kind(l, EV_LISTEN, 3);
	feed_kind(l, EV_UNLISTEN, 3);
	feed_kind(l, EV_LISTEN, 4);
	cr_expect_null(listeners_find(l, 3), "closed, though it was the last one asked for");
	cr_expect(listeners_find(l, 1) && listeners_find(l, 2) && listeners_find(l, 4));
	listeners_feed_queues(l, &(struct ev_queues){.cookie = 1, .limit = 5});
	feed_kind(l, EV_LISTEN, 5);
	cr_expect_null(listeners_find(l, 2));
	cr_expect(listeners_find(l, 1) && listeners_find(l, 4) && listeners_find(l, 5));
	listeners_free(l);
}

Test(listener, many_come_and_go)
{
	struct listeners *l = listeners_new(8);

	for (uint64_t i = 1; i <= 10000; i++) {
		feed_kind(l, EV_LISTEN, i);
		cr_assert_eq(listeners_find(l, i)->cookie, i);
		if (i > 8)
			cr_assert_null(listeners_find(l, i - 8));
	}
	listeners_reset(l);
	for (uint64_t i = 9990; i <= 10000; i++)
		cr_expect_null(listeners_find(l, i));
	feed_kind(l, EV_LISTEN, 1);
	cr_expect(listeners_find(l, 1));
	listeners_free(l);
}

static void owner(struct listeners *l, uint32_t pid, int fd)
{
	union event ev = build(&(struct act){EV_OWNER, .cookie = 7});

	ev.owner.process.pid = pid;
	ev.owner.fd = fd;
	listeners_feed_owner(l, &ev.owner);
}

Test(listener, owners)
{
	static const struct {
		uint32_t pid;
		int fd;
		uint32_t cnt;
	} rows[] = {
		{100, 3, 2}, {100, 3, 2}, {100, 4, 3}, {101, -1, 4}, {101, 5, 4}, {101, -1, 4},
		{0, 3, 4}, {102, 1, 5}, {103, 1, 6}, {104, 1, 7}, {105, 1, 8}, {106, 1, 9},
	};
	struct listeners *l = listeners_new(4);
	const struct listener *row;

	owner(l, 99, 1); /* of nobody that is known */
	cr_expect_null(listeners_find(l, 7));
	feed_kind(l, EV_LISTEN, 7);
	row = listeners_find(l, 7);
	cr_assert_eq(row->owner_cnt, 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		owner(l, rows[i].pid, rows[i].fd);
		cr_expect_eq(row->owner_cnt, rows[i].cnt, "row %zu: %u", i, row->owner_cnt);
	}
	cr_expect_eq(row->owners[3].fd, 5, "learned later");
	cr_expect_eq(row->owners[LISTENER_OWNERS - 1].process.pid, 105);
	listeners_free(l);
}

Test(listener, queues_and_accepts)
{
	struct ev_process by = build_process(812, "nginx");
	struct listeners *l = listeners_new(4);
	const struct listener *row;

	feed_kind(l, EV_LISTEN, 7);
	row = listeners_find(l, 7);
	listeners_feed_queues(l, &(struct ev_queues){7, .synq = 5, .acceptq = 3, .limit = 8});
	listeners_feed_queues(l, &(struct ev_queues){7, .synq = 1, .acceptq = 4, .limit = 9});
	listeners_feed_queues(l, &(struct ev_queues){0, .synq = 99});
	listeners_feed_queues(l, &(struct ev_queues){8, .synq = 99});
	cr_expect_eq(row->synq_peak, 5);
	cr_expect_eq(row->acceptq_peak, 4);
	cr_expect_eq(row->limit, 9);
	listeners_feed_accept(l, 0, &by, 1);
	listeners_feed_accept(l, 8, &by, 1);
	cr_expect_eq(row->last_accept_ns, 0);
	listeners_feed_accept(l, 7, &by, 5);
	cr_expect_eq(row->last_accept_ns, 5);
	cr_expect_eq(row->last_accept_by.pid, 812);
	listeners_free(l);
}

Test(listener, counts)
{
	struct listeners *l = listeners_new(256);
	uint32_t open, namespaces;

	for (uint32_t i = 1; i <= 100; i++) {
		union event ev = build(&(struct act){EV_LISTEN, .cookie = i});

		ev.listen.netns = i / 2;
		listeners_feed(l, &ev.listen);
	}
	listeners_count(l, &open, &namespaces);
	cr_expect_eq(open, 100);
	cr_expect_eq(namespaces, 51);
	for (uint32_t i = 1; i <= 98; i++)
		feed_kind(l, EV_UNLISTEN, i);
	listeners_count(l, &open, &namespaces);
	cr_expect_eq(open, 2);
	cr_expect_eq(namespaces, 2);
	listeners_free(l);
}
