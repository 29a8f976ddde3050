// SPDX-License-Identifier: GPL-2.0-only
/* record_write.c, record_read.c: what goes in comes out; from any prefix its beginning, and one
 * line that says so. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "build.h"
#include "record_read.h"
#include "record_write.h"

#define FILE_MAX 65536

struct bytes {
	uint8_t data[FILE_MAX];
	size_t len;
	size_t at;
	size_t step; /* given by one read; 0: all */
	bool tired;  /* every other read has nothing yet */
};

static void append(struct bytes *b, const void *data, size_t len)
{
	cr_assert_leq(b->len + len, sizeof(b->data));
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static long take(void *ctx, void *buf, size_t len)
{
	struct bytes *b = ctx;

	if (b->step && (b->tired = !b->tired))
		return -EAGAIN;
	if (b->step && len > b->step)
		len = b->step;
	if (len > b->len - b->at)
		len = b->len - b->at;
	memcpy(buf, b->data + b->at, len);
	b->at += len;
	return len;
}

static void put_block(struct bytes *b, struct record_writer *w, enum record_block_kind kind)
{
	const void *bytes;
	size_t len;

	cr_assert_eq(record_write_block(w, kind, &bytes, &len), 0);
	append(b, bytes, len);
}

static void put_plain(struct bytes *b, struct record_writer *w, enum record_block_kind kind,
		      const void *payload, size_t payload_len)
{
	const void *bytes;
	size_t len;

	cr_assert_eq(record_write_plain(w, kind, payload, payload_len, &bytes, &len), 0);
	append(b, bytes, len);
}

static void put_event(struct record_writer *w, uint32_t number)
{
	struct ev_lost ev = {.hdr = {.time_ns = BASE_NS + number, .kind = EV_LOST},
			     .events = number};

	cr_assert_eq(record_write_event(w, &ev, sizeof(ev)), 0);
}

/* A part: what was told before, then blocks of three events with a mark behind the first. */
static void put_part(struct bytes *b, uint32_t part, uint32_t first, uint32_t blocks,
		     uint64_t unwritten)
{
	struct record_header h = {.stream = 7, .part = part, .start_ns = BASE_NS, .release = "6.1"};
	struct record_end end = {.events = 3 * blocks, .unwritten = unwritten};
	struct record_writer *w = record_writer_new();

	cr_assert_not_null(w);
	record_header_seal(&h);
	append(b, &h, sizeof(h));
	put_plain(b, w, RECORD_PROBES, "a\nb\n", 4);
	put_event(w, 1000 + part);
	put_block(b, w, RECORD_TOLD);
	for (uint32_t i = 0; i < blocks; i++) {
		put_event(w, first + 3 * i);
		cr_assert_eq(record_write_mark(w, BASE_NS + i), 0);
		put_event(w, first + 3 * i + 1);
		put_event(w, first + 3 * i + 2);
		put_block(b, w, RECORD_DATA);
	}
	put_plain(b, w, RECORD_END, &end, sizeof(end));
	record_writer_free(w);
}

struct got {
	uint32_t numbers[64];
	size_t cnt;
	size_t marks;
	size_t begins;
};

static void read_all(struct record_reader *r, struct bytes *b, struct got *got)
{
	struct record_item item;
	struct ev_lost ev;
	int ret;

	record_reader_input(r, take, b);
	while ((ret = record_read(r, &item)) > 0 || ret == -EAGAIN) {
		if (ret < 0)
			continue;
		got->marks += item.kind == RECORD_ITEM_MARK;
		got->begins += item.kind == RECORD_ITEM_BEGIN;
		if (item.kind != RECORD_ITEM_EVENT)
			continue;
		cr_assert_eq(item.len, sizeof(ev));
		cr_assert_lt(got->cnt, ARRAY_SIZE(got->numbers));
		memcpy(&ev, item.bytes, sizeof(ev));
		got->numbers[got->cnt++] = ev.events;
	}
	cr_assert_eq(ret, 0);
	cr_assert_eq(!*record_reader_why(r), record_reader_health(r) == RECORD_WHOLE);
	cr_assert_null(strchr(record_reader_why(r), '\n'));
}

static enum record_health health_of(struct bytes *b, struct got *got)
{
	struct record_reader *r = record_reader_new();
	enum record_health health;

	cr_assert_not_null(r);
	b->at = 0;
	memset(got, 0, sizeof(*got));
	read_all(r, b, got);
	health = record_reader_health(r);
	record_reader_free(r);
	return health;
}

Test(record, what_goes_in_comes_out)
{
	static struct bytes b;
	static const size_t steps[] = {0, 1, 7, 100};
	struct got got;

	put_part(&b, 0, 1, 3, 0);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		b.step = steps[i];
		cr_assert_eq(health_of(&b, &got), RECORD_WHOLE);
		cr_assert_eq(got.cnt, 10);
		cr_assert_eq(got.numbers[0], 1000);
		for (uint32_t n = 1; n < 10; n++)
			cr_assert_eq(got.numbers[n], n);
		cr_assert_eq(got.marks, 3);
		cr_assert_eq(got.begins, 1);
	}
}

Test(record, every_prefix_is_a_beginning)
{
	static struct bytes b;
	struct got whole, got;
	size_t len, most = 0;

	put_part(&b, 0, 1, 3, 0);
	len = b.len;
	health_of(&b, &whole);
	for (b.len = 0; b.len < len; b.len++) {
		enum record_health health = health_of(&b, &got);

		cr_assert_eq(health, b.len ? RECORD_CUT : RECORD_FOREIGN, "cut at %zu", b.len);
		cr_assert_leq(got.cnt, whole.cnt);
		cr_assert_arr_eq(got.numbers, whole.numbers, got.cnt * sizeof(got.numbers[0]));
		cr_assert_geq(got.cnt, most);
		most = got.cnt;
	}
	cr_assert_eq(most, whole.cnt);
}

Test(record, a_changed_byte_is_noticed)
{
	static struct bytes b;
	struct got whole, got;

	put_part(&b, 0, 1, 3, 0);
	health_of(&b, &whole);
	for (size_t i = 0; i < b.len; i++) {
		enum record_health health;

		b.data[i] ^= 0x10;
		health = health_of(&b, &got);
		cr_assert(health == RECORD_DAMAGED || health == RECORD_FOREIGN, "byte %zu", i);
		/* What is given out is right, and in order. */
		for (size_t k = 0, w = 0; k < got.cnt; k++, w++) {
			while (w < whole.cnt && whole.numbers[w] != got.numbers[k])
				w++;
			cr_assert_lt(w, whole.cnt, "byte %zu", i);
		}
		b.data[i] ^= 0x10;
	}
}

Test(record, parts_one_behind_the_other)
{
	static struct bytes b;
	struct got got;

	put_part(&b, 0, 1, 2, 0);
	put_part(&b, 1, 7, 2, 0);
	cr_assert_eq(health_of(&b, &got), RECORD_WHOLE);
	cr_assert_eq(got.begins, 2);
	cr_assert_eq(got.cnt, 13); /* what was told before is not told again */
	for (uint32_t n = 1; n < 13; n++)
		cr_assert_eq(got.numbers[n], n);
}

Test(record, parts_in_files_of_their_own)
{
	static struct bytes parts[3];
	struct record_reader *r = record_reader_new();
	struct got got = {0};

	cr_assert_not_null(r);
	put_part(&parts[0], 3, 1, 1, 0);
	put_part(&parts[1], 4, 4, 1, 0);
	put_part(&parts[2], 6, 7, 1, 0); /* one is missing: it is read alone */
	for (int i = 0; i < 3; i++)
		read_all(r, &parts[i], &got);
	record_reader_free(r);
	cr_assert_eq(got.cnt, 3 * 3 + 2);
	cr_assert_eq(got.numbers[0], 1003);
	cr_assert_eq(got.numbers[7], 1006);
}

Test(record, what_was_not_kept_is_told)
{
	static struct bytes b;
	struct got got;

	put_part(&b, 0, 1, 2, 5);
	cr_assert_eq(health_of(&b, &got), RECORD_CUT);
	cr_assert_eq(got.cnt, 7);
}

Test(record, a_block_has_an_end)
{
	struct record_writer *w = record_writer_new();
	uint8_t event[EVENT_MAX] = {0};
	uint32_t cnt = 0;
	const void *bytes;
	size_t len;

	cr_assert_not_null(w);
	while (!record_write_event(w, event, sizeof(event)))
		cnt++;
	cr_assert_eq(cnt, RECORD_BLOCK_MAX / (EVENT_MAX + 2));
	cr_assert_eq(record_write_pending(w), cnt);
	cr_assert_eq(record_write_plain(w, RECORD_PROBES, "", 0, &bytes, &len), -EBUSY);
	cr_assert_eq(record_write_block(w, RECORD_DATA, &bytes, &len), 0);
	cr_assert_gt(len, sizeof(struct record_block));
	cr_assert_eq(record_write_event(w, event, sizeof(event)), 0);
	record_writer_free(w);
}
