/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A JSON writer that only goes forward: no tree, no allocation per value.  Tens of thousands of
 * lines a second are written while the watched host needs the CPU; a tree-building library costs
 * several times what the rest of the reader does.
 *
 * key is NULL inside an array.  Keys are taken as they are, values are escaped; bytes that are not
 * UTF-8 become U+FFFD.  Growing fails silently into `failed`.
 */
#ifndef SOCKLINE_JSON_H
#define SOCKLINE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct json {
	char *buf;
	size_t len;
	size_t cap;
	bool comma;  /* something stands before the next value */
	bool failed; /* out of memory: buf is not whole */
	uint64_t
		second; /* of 1970, that `date` is of: most times written follow each other closely */
	char date[24]; /* "2026-01-02T03:04:05." */
};

void json_free(struct json *j);

/* Internal: room for n more bytes, where they begin; NULL: out of memory. */
char *json_grow(struct json *j, size_t n);
/* Internal: what stands before a value, and room for that.  Inline, as is all that takes a key: most
 * keys are literals, whose length is then known when this is compiled. */
static inline char *json_lead(struct json *j, const char *key, size_t value_len)
{
	size_t key_len = key ? strlen(key) : 0, n = key_len + 4 + value_len;
	char *to = j->cap - j->len >= n ? j->buf + j->len : json_grow(j, n);

	if (!to)
		return NULL;
	if (j->comma)
		*to++ = ',';
	j->comma = true;
	if (!key)
		return to;
	*to++ = '"';
	memcpy(to, key, key_len);
	to += key_len;
	*to++ = '"';
	*to++ = ':';
	return to;
}

/* Internal: each writes a value behind json_lead(), at `to`, which may be NULL. */
void json_put_u64(struct json *j, char *to, uint64_t value);
void json_put_str(struct json *j, char *to, const char *value);
void json_put_addr(struct json *j, char *to, const uint8_t addr[16]);
void json_put_time(struct json *j, char *to, uint64_t unix_ns);

static inline void json_put(struct json *j, char *to, const char *text, size_t len)
{
	if (!to)
		return;
	memcpy(to, text, len);
	j->len = to + len - j->buf;
}

static inline void json_object(struct json *j, const char *key)
{
	json_put(j, json_lead(j, key, 1), "{", 1);
	j->comma = false;
}

static inline void json_array(struct json *j, const char *key)
{
	json_put(j, json_lead(j, key, 1), "[", 1);
	j->comma = false;
}

void json_end_object(struct json *j);
void json_end_array(struct json *j);

static inline void json_null(struct json *j, const char *key)
{
	json_put(j, json_lead(j, key, 4), "null", 4);
}

static inline void json_bool(struct json *j, const char *key, bool value)
{
	json_put(j, json_lead(j, key, 5), value ? "true" : "false", value ? 4 : 5);
}

static inline void json_u64(struct json *j, const char *key, uint64_t value)
{
	json_put_u64(j, json_lead(j, key, 20), value);
}

void json_i64(struct json *j, const char *key, int64_t value);
void json_double(struct json *j, const char *key, double value); /* three decimals */

/* NULL: null */
static inline void json_str(struct json *j, const char *key, const char *value)
{
	json_put_str(j, json_lead(j, key, 4), value);
}

/* The number, or null where `known` is false. */
static inline void json_u64_if(struct json *j, const char *key, bool known, uint64_t value)
{
	char *to = json_lead(j, key, 20);

	if (known)
		json_put_u64(j, to, value);
	else
		json_put(j, to, "null", 4);
}

static inline void json_addr(struct json *j, const char *key, const uint8_t addr[16])
{
	json_put_addr(j, json_lead(j, key, 48), addr);
}

/* RFC 3339, UTC, nanoseconds since 1970. */
static inline void json_time(struct json *j, const char *key, uint64_t unix_ns)
{
	json_put_time(j, json_lead(j, key, 48), unix_ns);
}

/* Values that another writer has made, with the commas between them. */
void json_raw(struct json *j, const struct json *values);

/* Ends a line of NDJSON. */
void json_newline(struct json *j);

/* Bytes of the UTF-8 sequence at s, which ends with 0 (RFC 3629); 0: there is none of several. */
int json_utf8_len(const unsigned char *s);

#endif
