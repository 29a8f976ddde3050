/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rows on their way to a store: a number of them of one table, encoded as ClickHouse's RowBinary,
 * which the writer of SQLite reads back.  A block is stored whole or not at all, and its id tells a
 * store whether it is there already.
 *
 * Numbers are little-endian; a nullable value has a byte before it, 1: null, nothing follows; a
 * text has its length before it, seven bits a byte.
 */
#ifndef SOCKLINE_STORE_BLOCK_H
#define SOCKLINE_STORE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_ID_LEN  32
#define STORE_ROW_MAX 8192 /* no row is longer */

enum store_type {
	STORE_BOOL,
	STORE_U16,
	STORE_U32,
	STORE_U64,
	STORE_I32,
	STORE_TIME, /* seconds since 1970, UTC */
	STORE_TEXT,
};

struct store_value {
	uint64_t n;	  /* I32: sign-extended */
	const char *text; /* of STORE_TEXT; not ended with 0 when read from a block */
	size_t len;
	bool null;
};

struct store_table;

struct store_block {
	struct store_block *next; /* internal: of a queue */
	const struct store_table *table;
	char id[STORE_ID_LEN];
	uint32_t rows;
	uint32_t stored_s; /* when it was begun, seconds since 1970 */
	uint64_t first_us; /* the earliest and the latest time_us of its rows */
	uint64_t last_us;
	bool again;	   /* it may be in the store already: ask first */
	char *bytes;
	size_t len;
	size_t cap;
};

/* 0 or -ENOMEM. */
int store_block_init(struct store_block *b, size_t cap);
void store_block_free(struct store_block *b);
void store_block_reset(struct store_block *b);

/* Is there room for one more row? */
bool store_block_room(const struct store_block *b);

/* Texts are cut so that a row of STORE_ROW_MAX cannot be exceeded. */
void store_block_put(struct store_block *b, enum store_type type, bool nullable,
		     const struct store_value *v);

/* Reads the next value from *at on; false when the bytes end before it does. */
bool store_block_get(const struct store_block *b, size_t *at, enum store_type type, bool nullable,
		     struct store_value *v);

#endif
