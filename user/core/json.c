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

/* Room for n more bytes, or NULL. */
static char *room(struct json *j, size_t n)
{
	if (j->cap - j->len < n) {
		size_t cap = (j->cap + n) * 2;
		char *buf = realloc(j->buf, cap);

		if (!buf) {
			j->failed = true;
			return NULL;
		}
		j->buf = buf;
		j->cap = cap;
	}
	return j->buf + j->len;
}

static void put(struct json *j, const char *text, size_t len)
{
	char *to = room(j, len);

	if (!to)
		return;
	memcpy(to, text, len);
	j->len += len;
}

static void lead(struct json *j, const char *key)
{
	size_t len = key ? strlen(key) : 0;
	char *to = room(j, len + 4);

	if (!to)
		return;
	if (j->comma)
		*to++ = ',';
	if (key) {
		*to++ = '"';
		memcpy(to, key, len);
		to += len;
		*to++ = '"';
		*to++ = ':';
	}
	j->len = to - j->buf;
	j->comma = true;
}

static void open_with(struct json *j, const char *key, const char *bracket)
{
	lead(j, key);
	put(j, bracket, 1);
	j->comma = false;
}

void json_object(struct json *j, const char *key)
{
	open_with(j, key, "{");
}

void json_array(struct json *j, const char *key)
{
	open_with(j, key, "[");
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

void json_null(struct json *j, const char *key)
{
	lead(j, key);
	put(j, "null", 4);
}

void json_bool(struct json *j, const char *key, bool value)
{
	lead(j, key);
	put(j, value ? "true" : "false", value ? 4 : 5);
}

static void digits(struct json *j, uint64_t value)
{
	char buf[20], *p = buf + sizeof(buf);

	do {
		*--p = '0' + value % 10;
		value /= 10;
	} while (value);
	put(j, p, buf + sizeof(buf) - p);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	lead(j, key);
	digits(j, value);
}

void json_i64(struct json *j, const char *key, int64_t value)
{
	lead(j, key);
	if (value < 0)
		put(j, "-", 1);
	digits(j, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_double(struct json *j, const char *key, double value)
{
	char buf[DOUBLE_LEN];

	if (!isfinite(value)) { /* JSON has no such number */
		json_null(j, key);
		return;
	}
	lead(j, key);
	put(j, buf, snprintf(buf, sizeof(buf), "%.3f", value));
}

void json_u64_if(struct json *j, const char *key, bool known, uint64_t value)
{
	if (known)
		json_u64(j, key, value);
	else
		json_null(j, key);
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

static void escape(struct json *j, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	char buf[8];
	int len;

	while (*s) {
		size_t plain = 0;

		while (s[plain] >= 0x20 && s[plain] < 0x7f && s[plain] != '"' && s[plain] != '\\')
			plain++;
		put(j, (const char *)s, plain);
		s += plain;
		if (!*s)
			return;
		len = *s >= 0x80 ? json_utf8_len(s) : 0;
		if (len) {
			/* U+0080 to U+009F drive some terminals as escape sequences do. */
			if (*s == 0xc2 && s[1] < 0xa0)
				put(j, buf, snprintf(buf, sizeof(buf), "\\u%04x", s[1]));
			else
				put(j, (const char *)s, len);
			s += len;
			continue;
		}
		if (*s == '"' || *s == '\\')
			put(j, buf, snprintf(buf, sizeof(buf), "\\%c", *s));
		else
			put(j, buf, snprintf(buf, sizeof(buf), "\\u%04x", *s < 0x80 ? *s : 0xfffd));
		s++;
	}
}

void json_str(struct json *j, const char *key, const char *value)
{
	if (!value) {
		json_null(j, key);
		return;
	}
	lead(j, key);
	put(j, "\"", 1);
	escape(j, value);
	put(j, "\"", 1);
}

void json_addr(struct json *j, const char *key, const uint8_t addr[16])
{
	char buf[ADDR_LEN];

	json_str(j, key, addr_format(buf, addr));
}

void json_time(struct json *j, const char *key, uint64_t unix_ns)
{
	time_t seconds = unix_ns / 1000000000;
	char buf[48];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(buf, sizeof(buf), "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (unsigned int)(unix_ns % 1000000000));
	json_str(j, key, buf);
}

void json_raw(struct json *j, const struct json *values)
{
	j->failed |= values->failed;
	if (!values->len)
		return;
	lead(j, NULL);
	put(j, values->buf, values->len);
}

void json_newline(struct json *j)
{
	put(j, "\n", 1);
	j->comma = false;
}
