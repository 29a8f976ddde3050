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

struct json {
	char *buf;
	size_t len;
	size_t cap;
	bool comma;  /* something stands before the next value */
	bool failed; /* out of memory: buf is not whole */
};

void json_free(struct json *j);

void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end_object(struct json *j);
void json_end_array(struct json *j);

void json_null(struct json *j, const char *key);
void json_bool(struct json *j, const char *key, bool value);
void json_u64(struct json *j, const char *key, uint64_t value);
void json_i64(struct json *j, const char *key, int64_t value);
void json_double(struct json *j, const char *key, double value); /* three decimals */
void json_str(struct json *j, const char *key, const char *value); /* NULL: null */

/* The number, or null where `known` is false. */
void json_u64_if(struct json *j, const char *key, bool known, uint64_t value);
void json_addr(struct json *j, const char *key, const uint8_t addr[16]);
/* RFC 3339, UTC, nanoseconds since 1970. */
void json_time(struct json *j, const char *key, uint64_t unix_ns);

/* Values that another writer has made, with the commas between them. */
void json_raw(struct json *j, const struct json *values);

/* Ends a line of NDJSON. */
void json_newline(struct json *j);

/* Bytes of the UTF-8 sequence at s, which ends with 0 (RFC 3629); 0: there is none of several. */
int json_utf8_len(const unsigned char *s);

#endif
