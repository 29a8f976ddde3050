// SPDX-License-Identifier: GPL-2.0-only
/*
 * ClickHouse as a store: a block is one INSERT.
 *
 * Whether an INSERT that got no answer has been done is not known, so before a block is sent again
 * the server is asked, first whether the attempt still runs (its query_id is the block's id), then
 * how many of the block's rows are there; what is there is not sent again.  A server that knows
 * tokens or keeps hashes of blocks refuses repeated ones by itself, too.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "store_http.h"

#define UNKNOWN_TABLE	 60
#define UNKNOWN_DATABASE 81

/* Sent with every INSERT to servers that know them; %s: what stands for these rows. */
static const struct setting {
	const char *name;
	const char *value;
} settings[] = {
	/* Answer when the rows are where they belong, and not before. */
	{"insert_distributed_sync", "1"},
	{"distributed_foreground_insert", "1"},
	{"async_insert", "0"},
	{"insert_deduplication_token", "%s"},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

struct clickhouse {
	struct store_backend be;
	struct store_http *http;
	bool prepared;
	bool known[SETTINGS];
	struct store_text inserts[STORE_TABLES];
	char answer[HTTP_ANSWER];
	int code;
};

static int fail(struct clickhouse *c, int ret)
{
	snprintf(c->be.why, sizeof(c->be.why), "%.200s", c->answer);
	/* Somebody has removed a table: they are made again. */
	if (c->code == UNKNOWN_TABLE || c->code == UNKNOWN_DATABASE)
		c->prepared = false;
	return ret;
}

static int ask(struct clickhouse *c, const char *sql)
{
	struct http_query q = {.sql = sql, .meanwhile = c->be.meanwhile, .ctx = c->be.ctx};
	int ret = store_http_ask(c->http, &q, c->answer, &c->code);

	return ret ? fail(c, ret) : 0;
}

/* A server that does not let itself be asked is given none of them. */
static int learn_settings(struct clickhouse *c)
{
	struct store_text sql = {0};
	int ret;

	store_text_add(&sql, "SELECT concat(' ', name, ' ') FROM system.settings WHERE name IN (");
	for (size_t i = 0; i < SETTINGS; i++)
		store_text_add(&sql, "%s'%s'", i ? "," : "", settings[i].name);
	store_text_add(&sql, ")");
	ret = sql.failed ? -ENOMEM : ask(c, sql.buf);
	store_text_free(&sql);
	for (size_t i = 0; i < SETTINGS; i++) {
		char word[64];

		snprintf(word, sizeof(word), " %s ", settings[i].name);
		c->known[i] = !ret && strstr(c->answer, word);
	}
	return ret == -EPROTO ? 0 : ret;
}

static int make_table(struct clickhouse *c, const struct store_table *table)
{
	struct store_text sql = {0};
	int ret;

	store_text_add(&sql, "EXISTS TABLE %s", table->name);
	ret = sql.failed ? -ENOMEM : ask(c, sql.buf);
	store_text_free(&sql);
	if (ret || c->answer[0] == '1')
		return ret;
	store_create(&sql, STORE_CLICKHOUSE, table, NULL);
	ret = sql.failed ? -ENOMEM : ask(c, sql.buf);
	store_text_free(&sql);
	return ret;
}

static int prepare(struct clickhouse *c)
{
	int ret = c->prepared ? 0 : learn_settings(c);

	for (int i = 0; !c->prepared && !ret && i < STORE_TABLES; i++)
		ret = make_table(c, store_tables[i]);
	c->prepared = !ret;
	return ret;
}

/* The host of the block's rows, between quotes: it may have been spooled under another name. */
static void add_host(struct store_text *t, const struct store_block *b)
{
	struct store_value host;
	size_t at = 0;

	store_block_get(b, &at, STORE_TEXT, false, &host);
	store_text_add(t, "'");
	for (size_t i = 0; i < host.len; i++)
		store_text_add(t, strchr("'\\", host.text[i]) ? "\\%c" : "%c", host.text[i]);
	store_text_add(t, "'");
}

/* How many of the block's rows are there.  -EBUSY: that may still change. */
static int rows_there(struct clickhouse *c, const struct store_block *b, uint32_t *there)
{
	struct store_text sql = {0};
	int ret;

	store_text_add(&sql, "SELECT count() FROM system.processes WHERE query_id = '%s'", b->id);
	ret = sql.failed ? -ENOMEM : ask(c, sql.buf);
	store_text_free(&sql);
	if (ret)
		return ret;
	if (strtoul(c->answer, NULL, 10)) {
		snprintf(c->be.why, sizeof(c->be.why), "an earlier attempt still runs there");
		return -EBUSY;
	}
	store_text_add(&sql,
		       "SELECT count() FROM %s WHERE block = '%s' AND time_us >= %" PRIu64
		       " AND time_us <= %" PRIu64 " AND host = ",
		       b->table->name, b->id, b->first_us, b->last_us);
	add_host(&sql, b);
	ret = sql.failed ? -ENOMEM : ask(c, sql.buf);
	store_text_free(&sql);
	if (!ret)
		*there = strtoul(c->answer, NULL, 10);
	return ret;
}

/* Those that are not there are the last ones: a request that is cut off ends early. */
static int insert(struct clickhouse *c, const struct store_block *b, uint32_t there)
{
	size_t from = store_row_offset(b, STORE_CLICKHOUSE, there);
	char rows[STORE_ID_LEN + 16], value[STORE_ID_LEN + 16];
	struct store_text set = {0};
	struct http_query q = {
		.id = b->id,
		.body = b->bytes + from,
		.len = b->len - from,
		.meanwhile = c->be.meanwhile,
		.ctx = c->be.ctx,
	};
	int table = 0, ret;

	while (store_tables[table] != b->table)
		table++;
	q.sql = c->inserts[table].buf;
	snprintf(rows, sizeof(rows), "%s-%u", b->id, there);
	for (size_t i = 0; i < SETTINGS; i++) {
		snprintf(value, sizeof(value), "%s",
			 settings[i].value[0] == '%' ? rows : settings[i].value);
		if (c->known[i])
			store_text_add(&set, "&%s=%s", settings[i].name, value);
	}
	q.settings = set.buf;
	ret = store_http_ask(c->http, &q, c->answer, &c->code);
	store_text_free(&set);
	return ret ? fail(c, ret) : 0;
}

static int clickhouse_write(struct store_backend *be, struct store_block *b)
{
	struct clickhouse *c = (struct clickhouse *)be;
	uint32_t there = 0;
	int ret = prepare(c);

	if (!ret && b->again)
		ret = rows_there(c, b, &there);
	if (ret || there >= b->rows)
		return ret;
	b->again = true;
	return insert(c, b, there);
}

static void clickhouse_close(struct store_backend *be)
{
	struct clickhouse *c = (struct clickhouse *)be;

	for (int i = 0; i < STORE_TABLES; i++)
		store_text_free(&c->inserts[i]);
	store_http_close(c->http);
	free(c);
}

/* The server need not answer yet. */
static int clickhouse_open(const char *target, const struct store_conf *conf,
			   struct store_backend **out, char why[STORE_WHY])
{
	struct clickhouse *c = calloc(1, sizeof(*c));
	int ret = c ? store_http_open(target, &c->http) : -ENOMEM;

	if (ret) {
		snprintf(why, STORE_WHY, "%s",
			 ret == -EINVAL ? "that is no URL such as http://127.0.0.1:8123"
					: "out of memory");
		free(c);
		return ret;
	}
	c->be.ops = &store_clickhouse;
	for (int i = 0; i < STORE_TABLES; i++) {
		store_insert(&c->inserts[i], STORE_CLICKHOUSE, store_tables[i]);
		store_text_add(&c->inserts[i], " FORMAT RowBinary");
		if (c->inserts[i].failed)
			ret = -ENOMEM;
	}
	if (ret) {
		snprintf(why, STORE_WHY, "out of memory");
		clickhouse_close(&c->be);
		return ret;
	}
	*out = &c->be;
	return 0;
}

const struct store_backend_ops store_clickhouse = {
	.name = "clickhouse",
	.dialect = STORE_CLICKHOUSE,
	.spools = true,
	.open = clickhouse_open,
	.write = clickhouse_write,
	.close = clickhouse_close,
};
