// SPDX-License-Identifier: GPL-2.0-only
/* Rows into blocks, and out of them again. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "store_schema.h"

static const struct {
	const char *what;
	enum store_type type;
	bool nullable;
	struct store_value v;
	const char *bytes;
	size_t len;
} values[] = {
	{"a flag", STORE_BOOL, false, {.n = 1}, "\x01", 1},
	{"a port", STORE_U16, false, {.n = 8080}, "\x90\x1f", 2},
	{"a time", STORE_TIME, false, {.n = 0x69554100}, "\x00\x41\x55\x69", 4},
	{"a large number", STORE_U64, false, {.n = UINT64_MAX}, "\xff\xff\xff\xff\xff\xff\xff\xff", 8},
	{"a negative one", STORE_I32, false, {.n = (uint64_t)-2}, "\xfe\xff\xff\xff", 4},
	{"one that may be null", STORE_U32, true, {.n = 7}, "\x00\x07\x00\x00\x00", 5},
	{"null", STORE_U32, true, {.null = true}, "\x01", 1},
	{"a text", STORE_TEXT, false, {.text = "ab", .len = 2}, "\x02" "ab", 3},
	{"an empty text", STORE_TEXT, true, {.text = "", .len = 0}, "\x00\x00", 2},
	{"no text where there must be one", STORE_TEXT, false, {.null = true}, "\x00", 1},
};

#define VALUES (sizeof(values) / sizeof(values[0]))

Test(store_block, each_value_in_and_out)
{
	for (size_t i = 0; i < VALUES; i++) {
		struct store_block b;
		struct store_value v;
		size_t at = 0;

		cr_assert_eq(store_block_init(&b, STORE_ROW_MAX), 0);
		store_block_put(&b, values[i].type, values[i].nullable, &values[i].v);
		cr_assert_eq(b.len, values[i].len, "%s", values[i].what);
		cr_assert_arr_eq(b.bytes, values[i].bytes, b.len, "%s", values[i].what);
		cr_assert(store_block_get(&b, &at, values[i].type, values[i].nullable, &v));
		cr_assert_eq(at, b.len);
		if (values[i].nullable)
			cr_assert_eq(v.null, values[i].v.null, "%s", values[i].what);
		cr_assert_eq(v.n, values[i].v.n, "%s", values[i].what);
		cr_assert_eq(v.len, values[i].v.len, "%s", values[i].what);
		/* No end but its own is one. */
		for (size_t len = 0; len < values[i].len; len++) {
			b.len = len;
			at = 0;
			cr_assert_not(store_block_get(&b, &at, values[i].type, values[i].nullable,
						      &v),
				      "%s cut at %zu", values[i].what, len);
		}
		store_block_free(&b);
	}
}

Test(store_block, long_texts_are_cut)
{
	char text[10000];
	struct store_value v = {.text = text, .len = sizeof(text)};
	struct store_block b;
	size_t at = 0;

	memset(text, 'x', sizeof(text));
	cr_assert_eq(store_block_init(&b, STORE_ROW_MAX), 0);
	cr_assert(store_block_room(&b));
	store_block_put(&b, STORE_TEXT, false, &v);
	cr_assert_not(store_block_room(&b));
	cr_assert(store_block_get(&b, &at, STORE_TEXT, false, &v));
	cr_assert_eq(v.len, 4096);
	cr_assert_eq(at, b.len);
	store_block_free(&b);
}

/* The longest that a row can be: every text as long as its source can make it. */
Test(store_schema, a_row_has_room)
{
	struct names *names = names_new();
	struct sink_view view = {.names = names};
	char host[255 + 1];
	struct story story = {.outcome = OUTCOME_OPEN, .process.pid = 1, .process.cgroup = 5,
			      .step_cnt = STEPS_MAX, .reason = REASON_SYN_QUEUE_LAST_QUARTER};
	struct ev_name name = {.hdr.kind = EV_CGROUP, .id = 5};
	struct json json = {0};
	struct store_in in = {.view = &view, .host = host, .story = &story, .json = &json,
			      .time_ns = UINT64_MAX};
	struct store_block b;

	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = 0;
	memset(name.name, 'c', sizeof(name.name) - 1);
	names_feed(names, &name);
	memset(story.process.comm, 'p', sizeof(story.process.comm) - 1);
	memset(story.tuple.laddr, 0xff, 16);
	memset(story.tuple.raddr, 0xff, 16);
	for (int i = 0; i < STEPS_MAX; i++)
		story.steps[i] = (struct step){UINT64_MAX / 2 * (i > 0), 4000000000, 4000000000,
					       STEP_SYNACK_RETRANSMIT};
	cr_assert_eq(store_block_init(&b, STORE_ROW_MAX), 0);
	store_block_reset(&b);
	b.table = &store_connections;
	strcpy(b.id, "0123456789abcdef-4294967295");
	in.block = &b;
	store_encode(&b, STORE_CLICKHOUSE, &in);
	cr_assert_eq(b.rows, 1);
	cr_assert_leq(b.len, STORE_ROW_MAX);
	cr_assert_eq(store_row_offset(&b, STORE_CLICKHOUSE, 1), b.len);
	cr_assert_eq(store_row_offset(&b, STORE_CLICKHOUSE, 0), 0);
	cr_assert_eq(store_row_offset(&b, STORE_CLICKHOUSE, 2), b.len);
	store_block_free(&b);
	json_free(&json);
	names_free(names);
}

Test(store_schema, columns_have_names_of_their_own)
{
	for (int i = 0; i < STORE_TABLES; i++) {
		const struct store_table *t = store_tables[i];

		for (size_t k = 0; k < t->column_cnt; k++)
			for (size_t n = 0; n < k; n++)
				cr_assert_str_neq(t->columns[k].name, t->columns[n].name);
	}
}

Test(store_schema, which_calls_have_failed)
{
	static const struct {
		uint8_t call;
		int result;
		bool failed;
	} rows[] = {
		{CALL_BIND, 0, false},
		{CALL_BIND, -EADDRINUSE, true},
		{CALL_BIND, -EACCES, true},
		{CALL_LISTEN, 0, false},
		{CALL_LISTEN, -EADDRINUSE, true},
		{CALL_CONNECT, 0, false},
		{CALL_CONNECT, -EINPROGRESS, false},
		{CALL_CONNECT, -ECONNREFUSED, false},
		{CALL_CONNECT, -EADDRNOTAVAIL, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ev_call ev = {.call = rows[i].call, .result = rows[i].result};

		cr_assert_eq(store_call_failed(&ev), rows[i].failed, "row %zu", i);
	}
}
