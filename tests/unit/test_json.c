// SPDX-License-Identifier: GPL-2.0-only
/* json.c: what is written is JSON, whatever is to be written. */
#include <math.h>

#include "build.h"
#include "json.h"

static const char *text_of(struct json *j)
{
	static char buf[4096];

	cr_assert_not(j->failed);
	cr_assert_lt(j->len, sizeof(buf));
	memcpy(buf, j->buf, j->len);
	buf[j->len] = 0;
	json_free(j);
	return buf;
}

#define FFFD "\\ufffd"

Test(json, strings)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"", "\"\""}, {"nginx", "\"nginx\""}, {NULL, "null"}, {"a\"b", "\"a\\\"b\""},
		{"a\\b", "\"a\\\\b\""}, {"a/b", "\"a/b\""}, {"\n\t\r\b\f", "\"\\u000a\\u0009\\u000d\\u0008\\u000c\""},
		{"\x1b[31m", "\"\\u001b[31m\""}, {"\x01\x1f", "\"\\u0001\\u001f\""},
		{"\x7f", "\"\\u007f\""}, {"</script>", "\"</script>\""},
		/* UTF-8, from the shortest to the longest; the edges of what is none (RFC 3629) */
		{"µ", "\"µ\""}, {"→", "\"→\""}, {"😀", "\"😀\""}, {"\xc2\xa0", "\"\xc2\xa0\""},
		{"\xc2\x80\xc2\x9b", "\"\\u0080\\u009b\""},
		{"\xdf\xbf", "\"\xdf\xbf\""}, {"\xe0\xa0\x80", "\"\xe0\xa0\x80\""},
		{"\xed\x9f\xbf", "\"\xed\x9f\xbf\""}, {"\xee\x80\x80", "\"\xee\x80\x80\""},
		{"\xf0\x90\x80\x80", "\"\xf0\x90\x80\x80\""},
		{"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},
		{"\x80", "\"" FFFD "\""}, {"\xc0\x80", "\"" FFFD FFFD "\""},
		{"\xc1\xbf", "\"" FFFD FFFD "\""}, {"\xe0\x9f\xbf", "\"" FFFD FFFD FFFD "\""},
		{"\xed\xa0\x80", "\"" FFFD FFFD FFFD "\""}, /* a surrogate */
		{"\xf0\x8f\xbf\xbf", "\"" FFFD FFFD FFFD FFFD "\""},
		{"\xf4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""}, /* beyond U+10FFFF */
		{"\xf5\x80\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""}, {"\xff", "\"" FFFD "\""},
		/* cut off at the end: nothing behind it may be read */
		{"a\xc2", "\"a" FFFD "\""}, {"a\xe2\x86", "\"a" FFFD FFFD "\""},
		{"a\xf0\x9f\x98", "\"a" FFFD FFFD FFFD "\""}, {"\xf0", "\"" FFFD "\""},
		{"\xc2\"", "\"" FFFD "\\\"\""}, {"\xe2\x86x", "\"" FFFD FFFD "x\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* A copy of its exact size: ASan sees a read beyond it. */
		char *in = rows[i].in ? strdup(rows[i].in) : NULL;
		struct json j = {0};

		json_str(&j, NULL, in);
		cr_expect_str_eq(text_of(&j), rows[i].out, "row %zu", i);
		free(in);
	}
}

Test(json, numbers)
{
	struct json j = {0};

	json_array(&j, NULL);
	json_u64(&j, NULL, 0);
	json_u64(&j, NULL, 9);
	json_u64(&j, NULL, 10);
	json_u64(&j, NULL, UINT64_MAX);
	json_i64(&j, NULL, 0);
	json_i64(&j, NULL, -1);
	json_i64(&j, NULL, INT64_MAX);
	json_i64(&j, NULL, INT64_MIN);
	json_double(&j, NULL, 0.5);
	json_double(&j, NULL, -1.0 / 3);
	json_u64_if(&j, NULL, true, 7);
	json_u64_if(&j, NULL, false, 7);
	json_end_array(&j);
	cr_expect_str_eq(text_of(&j), "[0,9,10,18446744073709551615,0,-1,9223372036854775807,"
				      "-9223372036854775808,0.500,-0.333,7,null]");
}

/* JSON has no infinity; and a number may be longer than any buffer made for usual ones. */
Test(json, doubles_that_are_no_numbers)
{
	struct json j = {0};
	const char *text;

	json_array(&j, NULL);
	json_double(&j, NULL, INFINITY);
	json_double(&j, NULL, -INFINITY);
	json_double(&j, NULL, NAN);
	json_end_array(&j);
	cr_expect_str_eq(text_of(&j), "[null,null,null]");
	json_double(&j, NULL, -1e300);
	text = text_of(&j);
	cr_expect_eq(strtod(text, NULL), -1e300, "%s", text);
	cr_expect_eq(strspn(text, "-0123456789.e+"), strlen(text), "%s", text);
}

Test(json, structure)
{
	struct json j = {0};

	json_object(&j, NULL);
	json_str(&j, "a", "x");
	json_object(&j, "empty");
	json_end_object(&j);
	json_array(&j, "list");
	json_end_array(&j);
	json_array(&j, "of");
	json_object(&j, NULL);
	json_bool(&j, "t", true);
	json_bool(&j, "f", false);
	json_end_object(&j);
	json_null(&j, NULL);
	json_end_array(&j);
	json_null(&j, "n");
	json_end_object(&j);
	json_newline(&j);
	json_object(&j, NULL);
	json_end_object(&j);
	json_newline(&j);
	cr_expect_str_eq(text_of(&j), "{\"a\":\"x\",\"empty\":{},\"list\":[],"
				      "\"of\":[{\"t\":true,\"f\":false},null],\"n\":null}\n{}\n");
}

Test(json, times)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{0, "\"1970-01-01T00:00:00.000000000Z\""},
		{1767323045000000001ULL, "\"2026-01-02T03:04:05.000000001Z\""},
		{951827696999999999ULL, "\"2000-02-29T12:34:56.999999999Z\""},
		{UINT64_MAX, "\"2554-07-21T23:34:33.709551615Z\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json j = {0};

		json_time(&j, NULL, rows[i].ns);
		cr_expect_str_eq(text_of(&j), rows[i].text);
	}
}

Test(json, addresses)
{
	struct json j = {0};
	struct ev_tuple t = build_tuple(0);

	json_array(&j, NULL);
	json_addr(&j, NULL, t.laddr);
	json_addr(&j, NULL, (uint8_t[16]){[15] = 1});
	json_end_array(&j);
	cr_expect_str_eq(text_of(&j), "[\"10.0.0.1\",\"::1\"]");
}

Test(json, grows)
{
	struct json j = {0};

	json_array(&j, NULL);
	for (int i = 0; i < 100000; i++)
		json_u64(&j, NULL, i % 10);
	json_end_array(&j);
	cr_assert_not(j.failed);
	cr_expect_eq(j.len, 200001);
	cr_expect_eq(j.buf[j.len - 2], '9');
	json_free(&j);
	cr_expect_eq(j.len, 0);
	cr_expect_null(j.buf);
}
