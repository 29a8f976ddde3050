// SPDX-License-Identifier: GPL-2.0-only
/* Owns the encoding of rows.  Pure. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_block.h"

#define TEXT_MAX 4096
#define SLACK	 8 /* behind the bytes, so that a number of any width moves as eight bytes */

static const uint8_t widths[] = {
	[STORE_BOOL] = 1, [STORE_U16] = 2,  [STORE_U32] = 4,  [STORE_U64] = 8,
	[STORE_I32] = 4,  [STORE_TIME] = 4, [STORE_TEXT] = 0,
};

int store_block_init(struct store_block *b, size_t cap)
{
	memset(b, 0, sizeof(*b));
	b->bytes = malloc(cap + SLACK);
	b->cap = cap;
	return b->bytes ? 0 : -ENOMEM;
}

void store_block_free(struct store_block *b)
{
	free(b->bytes);
	b->bytes = NULL;
}

void store_block_reset(struct store_block *b)
{
	b->table = NULL;
	b->id[0] = 0;
	b->rows = 0;
	b->first_us = UINT64_MAX;
	b->last_us = 0;
	b->again = false;
	b->len = 0;
}

bool store_block_room(const struct store_block *b)
{
	return b->cap - b->len >= STORE_ROW_MAX;
}

static void put_number(struct store_block *b, uint64_t n, unsigned int width)
{
	n = htole64(n);
	memcpy(b->bytes + b->len, &n, sizeof(n));
	b->len += width;
}

static void put_text(struct store_block *b, const char *text, size_t len)
{
	size_t n = len > TEXT_MAX ? TEXT_MAX : len, rest = n;

	for (; rest > 127; rest >>= 7)
		b->bytes[b->len++] = (char)(rest | 0x80);
	b->bytes[b->len++] = (char)rest;
	memcpy(b->bytes + b->len, text, n);
	b->len += n;
}

void store_block_put(struct store_block *b, enum store_type type, bool nullable,
		     const struct store_value *v)
{
	if (nullable) {
		put_number(b, v->null, 1);
		if (v->null)
			return;
	}
	if (type == STORE_TEXT)
		put_text(b, v->text ? v->text : "", v->text ? v->len : 0);
	else
		put_number(b, v->n, widths[type]);
}

static bool get_number(const struct store_block *b, size_t *at, unsigned int width, uint64_t *n)
{
	if (b->len - *at < width)
		return false;
	memcpy(n, b->bytes + *at, sizeof(*n));
	*n = le64toh(*n) & UINT64_MAX >> (64 - 8 * width);
	*at += width;
	return true;
}

static bool get_text(const struct store_block *b, size_t *at, struct store_value *v)
{
	uint64_t byte;
	unsigned int shift = 0;

	v->len = 0;
	do {
		if (shift > 28 || !get_number(b, at, 1, &byte))
			return false;
		v->len |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (b->len - *at < v->len)
		return false;
	v->text = b->bytes + *at;
	*at += v->len;
	return true;
}

bool store_block_get(const struct store_block *b, size_t *at, enum store_type type, bool nullable,
		     struct store_value *v)
{
	uint64_t null = 0;

	memset(v, 0, sizeof(*v));
	if (nullable && !get_number(b, at, 1, &null))
		return false;
	v->null = null;
	if (v->null)
		return true;
	if (type == STORE_TEXT)
		return get_text(b, at, v);
	if (!get_number(b, at, widths[type], &v->n))
		return false;
	if (type == STORE_I32)
		v->n = (uint64_t)(int64_t)(int32_t)v->n;
	return true;
}
