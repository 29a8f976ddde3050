// SPDX-License-Identifier: GPL-2.0-only
/* Owns the statements that are made from the tables of columns, and rows made by them.  Pure. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_schema.h"

const struct store_table *const store_tables[STORE_TABLES] = {
	[STORE_CONNECTIONS] = &store_connections,
	[STORE_BIND_FAILURES] = &store_bind_failures,
	[STORE_LISTENERS] = &store_listeners,
};

static const struct {
	const char *names[2]; /* by enum store_dialect */
} types[] = {
	[STORE_BOOL] = {{"INTEGER", "UInt8"}},	 [STORE_U16] = {{"INTEGER", "UInt16"}},
	[STORE_U32] = {{"INTEGER", "UInt32"}},	 [STORE_U64] = {{"INTEGER", "UInt64"}},
	[STORE_I32] = {{"INTEGER", "Int32"}},	 [STORE_TIME] = {{"TEXT", "DateTime('UTC')"}},
	[STORE_TEXT] = {{"TEXT", "String"}},
};

void store_encode(struct store_block *b, enum store_dialect d, struct store_in *in)
{
	const struct store_table *t = b->table;
	uint64_t time_us = in->time_ns / 1000;

	for (size_t i = 0; i < t->column_cnt; i++) {
		const struct store_column *c = &t->columns[i];
		struct store_value v = {0};

		if (!store_has(d, c))
			continue;
		c->get(in, &v);
		store_block_put(b, c->type, c->nullable, &v);
	}
	b->rows++;
	if (time_us < b->first_us)
		b->first_us = time_us;
	if (time_us > b->last_us)
		b->last_us = time_us;
}

size_t store_row_offset(const struct store_block *b, enum store_dialect d, uint32_t row)
{
	const struct store_table *t = b->table;
	struct store_value v;
	size_t at = 0;

	for (uint32_t i = 0; i < row; i++)
		for (size_t k = 0; k < t->column_cnt; k++)
			if (store_has(d, &t->columns[k]) &&
			    !store_block_get(b, &at, t->columns[k].type, t->columns[k].nullable,
					     &v))
				return b->len;
	return at;
}

void store_text_free(struct store_text *t)
{
	free(t->buf);
	memset(t, 0, sizeof(*t));
}

void store_text_add(struct store_text *t, const char *fmt, ...)
{
	char *more = NULL, *buf;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&more, fmt, ap);
	va_end(ap);
	buf = len < 0 ? NULL : realloc(t->buf, t->len + len + 1);
	if (!buf) {
		t->failed = true;
	} else {
		memcpy(buf + t->len, more, len + 1);
		t->buf = buf;
		t->len += len;
	}
	if (len >= 0)
		free(more);
}

/* ClickHouse says what may be null, SQLite what may not. */
static void column_type(struct store_text *t, enum store_dialect d, const struct store_column *c)
{
	const char *name = types[c->type].names[d];

	if (d == STORE_CLICKHOUSE)
		store_text_add(t, c->nullable ? "Nullable(%s)" : "%s", name);
	else
		store_text_add(t, "%s%s", name, c->nullable ? "" : " NOT NULL");
}

static void columns(struct store_text *t, enum store_dialect d, const struct store_table *table)
{
	size_t last = 0;

	for (size_t i = 0; i < table->column_cnt; i++)
		if (store_has(d, &table->columns[i]))
			last = i;
	for (size_t i = 0; i <= last; i++) {
		const struct store_column *c = &table->columns[i];

		if (!store_has(d, c))
			continue;
		store_text_add(t, "  %s ", c->name);
		column_type(t, d, c);
		store_text_add(t, "%s -- %s\n", i < last ? "," : "", c->what);
	}
}

void store_describe(struct store_text *t, const struct store_column *c)
{
	store_text_add(t, "| %s | ", c->name);
	if (store_has(STORE_SQLITE, c))
		column_type(t, STORE_SQLITE, c);
	store_text_add(t, " | ");
	column_type(t, STORE_CLICKHOUSE, c);
	store_text_add(t, " | %s |\n", c->what);
}

void store_create(struct store_text *t, enum store_dialect d, const struct store_table *table,
		  const char *cluster)
{
	store_text_add(t, "CREATE TABLE IF NOT EXISTS %s%s", table->name, cluster ? "_local" : "");
	if (cluster)
		store_text_add(t, " ON CLUSTER %s", cluster);
	store_text_add(t, " ( -- %s\n", table->what);
	columns(t, d, table);
	store_text_add(t, ")");
	if (d == STORE_SQLITE)
		return;
	if (cluster)
		store_text_add(t,
			       "\nENGINE = ReplicatedMergeTree("
			       "'/clickhouse/tables/{shard}/sockline_%s', '{replica}')",
			       table->name);
	else
		store_text_add(t, "\nENGINE = MergeTree");
	/* A block has one `stored`: it lies in one partition, and so becomes visible as a whole. */
	store_text_add(t, "\nPARTITION BY toYYYYMMDD(stored)\nORDER BY (host, time_us)");
}

void store_create_distributed(struct store_text *t, const struct store_table *table,
			      const char *cluster)
{
	store_text_add(t,
		       "CREATE TABLE IF NOT EXISTS %s ON CLUSTER %s AS %s_local\n"
		       "ENGINE = Distributed(%s, currentDatabase(), %s_local, cityHash64(host))",
		       table->name, cluster, table->name, cluster, table->name);
}

void store_create_sqlite_rest(struct store_text *t)
{
	for (size_t i = 0; i < STORE_TABLES; i++)
		store_text_add(t, "CREATE INDEX IF NOT EXISTS %s_by_time ON %s (time_us);\n",
			       store_tables[i]->name, store_tables[i]->name);
	store_text_add(t, "PRAGMA user_version = %d;\n", STORE_VERSION);
}

void store_insert(struct store_text *t, enum store_dialect d, const struct store_table *table)
{
	const char *before = "";

	store_text_add(t, "INSERT INTO %s (", table->name);
	for (size_t i = 0; i < table->column_cnt; i++) {
		if (!store_has(d, &table->columns[i]))
			continue;
		store_text_add(t, "%s%s", before, table->columns[i].name);
		before = ",";
	}
	store_text_add(t, ")");
}

void store_text_value(struct store_value *v, const char *text)
{
	v->null = !text;
	v->text = text;
	v->len = text ? strlen(text) : 0;
}

void store_number_if(struct store_value *v, bool known, uint64_t n)
{
	v->null = !known;
	v->n = n;
}

void store_addr_value(struct store_in *in, struct store_value *v, const uint8_t addr[16])
{
	store_text_value(v, addr_format(in->text, addr));
}

void store_us_value(struct store_value *v, int64_t ns)
{
	store_number_if(v, ns >= 0, (uint64_t)ns / 1000);
}

void store_get_host(struct store_in *in, struct store_value *v)
{
	store_text_value(v, in->host);
}

void store_get_time(struct store_in *in, struct store_value *v)
{
	v->n = in->time_ns / 1000000000;
}

void store_get_time_us(struct store_in *in, struct store_value *v)
{
	v->n = in->time_ns / 1000;
}

void store_get_block(struct store_in *in, struct store_value *v)
{
	store_text_value(v, in->block->id);
}

void store_get_stored(struct store_in *in, struct store_value *v)
{
	v->n = in->block->stored_s;
}
