// SPDX-License-Identifier: GPL-2.0-only
/* Owns the syntax of JSON.  Pure. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "addr.h"
#include "json.h"

#define DOUBLE_LEN (DBL_MAX_10_EXP + 8) /* sign, digits, point, three decimals, the final 0 */

void json_free(struct json *j)
{
	free(j->buf);
	memset(j, 0, sizeof(*j));
}

char *json_grow(struct json *j, size_t n)
{
	size_t cap = (j->cap + n) * 2;
	char *buf = realloc(j->buf, cap);

	if (!buf) {
		j->failed = true;
		return NULL;
	}
	j->buf = buf;
	j->cap = cap;
	return buf + j->len;
}

/* Behind what is there. */
static void put(struct json *j, const char *text, size_t len)
{
	json_put(j, j->cap - j->len >= len ? j->buf + j->len : json_grow(j, len), text, len);
}

void json_end_object(struct json *j)
{
	put(j, "}", 1);
	j->comma = true;
}

void json_end_array(struct json *j)
{
	put(j, "]", 1);
	j->comma = true;
}

/* 00 to 99: two digits for each division. */
static const char pairs[] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

void json_put_u64(struct json *j, char *to, uint64_t value)
{
	char buf[20], *p = buf + sizeof(buf);

	for (; value >= 10; value /= 100)
		memcpy(p -= 2, pairs + value % 100 * 2, 2);
	if (value || p == buf + sizeof(buf))
		*--p = '0' + value;
	json_put(j, to, p, buf + sizeof(buf) - p);
}

void json_i64(struct json *j, const char *key, int64_t value)
{
	char *to = json_lead(j, key, 21);

	if (to && value < 0)
		*to++ = '-';
	json_put_u64(j, to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_double(struct json *j, const char *key, double value)
{
	char buf[DOUBLE_LEN];
	int len;

	if (!isfinite(value)) { /* JSON has no such number */
		json_null(j, key);
		return;
	}
	len = snprintf(buf, sizeof(buf), "%.3f", value);
	json_put(j, json_lead(j, key, len), buf, len);
}

int json_utf8_len(const unsigned char *s)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max, len;
	} rows[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (s[0] < rows[i].first_min || s[0] > rows[i].first_max)
			continue;
		if (s[1] < rows[i].second_min || s[1] > rows[i].second_max)
			return 0;
		for (int k = 2; k < rows[i].len; k++)
			if (s[k] < 0x80 || s[k] > 0xbf)
				return 0;
		return rows[i].len;
	}
	return 0;
}

static bool plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* One character that is not plain; returns what follows it. */
static const char *escape(struct json *j, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	int len = *s >= 0x80 ? json_utf8_len(s) : 0;
	char buf[8];

	/* U+0080 to U+009F drive some terminals as escape sequences do. */
	if (len && *s == 0xc2 && s[1] < 0xa0)
		put(j, buf, snprintf(buf, sizeof(buf), "\\u%04x", s[1]));
	else if (len)
		put(j, value, len);
	else if (*s == '"' || *s == '\\')
		put(j, buf, snprintf(buf, sizeof(buf), "\\%c", *s));
	else
		put(j, buf, snprintf(buf, sizeof(buf), "\\u%04x", *s < 0x80 ? *s : 0xfffd));
	return value + (len ? len : 1);
}

void json_put_str(struct json *j, char *to, const char *value)
{
	size_t len;

	if (!value || !to) {
		json_put(j, to, "null", 4);
		return;
	}
	json_put(j, to, "\"", 1);
	while (*value) {
		for (len = 0; plain(value[len]); len++)
			;
		put(j, value, len);
		value += len;
		if (*value)
			value = escape(j, value);
	}
	put(j, "\"", 1);
}

/* At most three digits. */
static char *put_byte(char *to, unsigned int value)
{
	if (value >= 100)
		*to++ = '0' + value / 100;
	if (value >= 10)
		*to++ = '0' + value / 10 % 10;
	*to++ = '0' + value % 10;
	return to;
}

void json_put_addr(struct json *j, char *to, const uint8_t addr[16])
{
	char buf[ADDR_LEN];

	if (!to || !addr_is_v4(addr)) {
		json_put_str(j, to, addr_format(buf, addr));
		return;
	}
	for (int i = 12; i < 16; i++) {
		*to++ = i == 12 ? '"' : '.';
		to = put_byte(to, addr[i]);
	}
	*to++ = '"';
	j->len = to - j->buf;
}

static void date_of(struct json *j, uint64_t second)
{
	time_t t = second;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(j->date, sizeof(j->date), "%Y-%m-%dT%H:%M:%S.", &tm);
	j->second = second;
}

void json_put_time(struct json *j, char *to, uint64_t unix_ns)
{
	uint64_t second = unix_ns / 1000000000;
	uint32_t ns = unix_ns % 1000000000;
	size_t len;

	if (!to)
		return;
	if (second != j->second || !j->date[0])
		date_of(j, second);
	len = strlen(j->date);
	*to++ = '"';
	memcpy(to, j->date, len);
	to += len;
	for (int i = 8; i >= 0; i--, ns /= 10)
		to[i] = '0' + ns % 10;
	memcpy(to + 9, "Z\"", 2);
	j->len = to + 11 - j->buf;
}

void json_raw(struct json *j, const struct json *values)
{
	j->failed |= values->failed;
	if (!values->len)
		return;
	json_put(j, json_lead(j, NULL, values->len), values->buf, values->len);
}

void json_newline(struct json *j)
{
	put(j, "\n", 1);
	j->comma = false;
}
