/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one schema of all stores: tables of columns, each with its type, where its value comes from
 * and what it means.  The statements that make the tables, those that insert, and the documentation
 * are all made from these rows.
 */
#ifndef SOCKLINE_STORE_SCHEMA_H
#define SOCKLINE_STORE_SCHEMA_H

#include "addr.h"
#include "json.h"
#include "sink.h"
#include "store_block.h"

/* Raised whenever a column is added, or changes. */
#define STORE_VERSION 1

enum store_dialect {
	STORE_SQLITE,
	STORE_CLICKHOUSE,
};

/* What a row is made from. */
struct store_in {
	const struct sink_view *view;
	const char *host;
	const struct store_block *block; /* it goes into */
	uint64_t time_ns;		 /* since 1970 */
	const struct story *story;	 /* of connections */
	const struct ev_call *call;	 /* of bind_failures */
	const struct listener *listener; /* of listeners, and of a connection; may be NULL there */
	struct json *json;		 /* scratch */
	char text[ADDR_LEN];		 /* scratch */
};

struct store_column {
	const char *name;
	enum store_type type;
	bool nullable;
	bool block_only; /* keeps account of blocks; SQLite has transactions, and no such column */
	void (*get)(struct store_in *in, struct store_value *v); /* v is zeroed */
	const char *what;
};

struct store_table {
	const char *name;
	const char *what;
	const struct store_column *columns;
	size_t column_cnt;
};

extern const struct store_table store_connections;
extern const struct store_table store_bind_failures;
extern const struct store_table store_listeners;

#define STORE_TABLES 3

/* Places in store_tables. */
enum store_table_id {
	STORE_CONNECTIONS,
	STORE_BIND_FAILURES,
	STORE_LISTENERS,
};

extern const struct store_table *const store_tables[STORE_TABLES];

/* Is this call a row of bind_failures: bind or listen failed, or connect for want of an address? */
bool store_call_failed(const struct ev_call *ev);

/* Does the dialect's table have this column? */
static inline bool store_has(enum store_dialect d, const struct store_column *c)
{
	return d == STORE_CLICKHOUSE || !c->block_only;
}

/* Appends one row to in->block's bytes.  There must be room. */
void store_encode(struct store_block *b, enum store_dialect d, struct store_in *in);

/* Where in the block's bytes this row begins; their end, if it has not so many. */
size_t store_row_offset(const struct store_block *b, enum store_dialect d, uint32_t row);

/* Statements, appended to a text that store_text_free() frees. */
struct store_text {
	char *buf;
	size_t len;
	bool failed; /* out of memory */
};

void store_text_free(struct store_text *t);
void store_text_add(struct store_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* CREATE TABLE IF NOT EXISTS, without a final semicolon.  cluster: NULL, or what the table is
 * replicated and distributed over: then only the local part of it. */
void store_create(struct store_text *t, enum store_dialect d, const struct store_table *table,
		  const char *cluster);
/* ClickHouse: the Distributed table over the local parts. */
void store_create_distributed(struct store_text *t, const struct store_table *table,
			      const char *cluster);
/* SQLite: indexes and the version; statements that end with semicolons. */
void store_create_sqlite_rest(struct store_text *t);
/* A row of a Markdown table: name, types, meaning. */
void store_describe(struct store_text *t, const struct store_column *c);
/* "INSERT INTO connections (host,time,…)" */
void store_insert(struct store_text *t, enum store_dialect d, const struct store_table *table);

/* Helpers of getters. */
void store_text_value(struct store_value *v, const char *text); /* NULL: null */
void store_number_if(struct store_value *v, bool known, uint64_t n);
void store_addr_value(struct store_in *in, struct store_value *v, const uint8_t addr[16]);
void store_us_value(struct store_value *v, int64_t ns); /* negative: null */

/* Columns that every table has. */
void store_get_host(struct store_in *in, struct store_value *v);
void store_get_time(struct store_in *in, struct store_value *v);
void store_get_time_us(struct store_in *in, struct store_value *v);
void store_get_block(struct store_in *in, struct store_value *v);
void store_get_stored(struct store_in *in, struct store_value *v);

#define STORE_COMMON_FIRST                                                                         \
	{"host", STORE_TEXT, false, false, store_get_host, "the host that saw it"},                \
	{"time", STORE_TIME, false, false, store_get_time, "when, UTC, to the second"},            \
	{"time_us", STORE_U64, false, false, store_get_time_us,                                    \
	 "when, microseconds since 1970"}
#define STORE_COMMON_LAST                                                                          \
	{"block", STORE_TEXT, false, true, store_get_block,                                        \
	 "with which block it came: none is stored twice"},                                        \
	{"stored", STORE_TIME, false, true, store_get_stored, "when that block was begun"}

#endif
