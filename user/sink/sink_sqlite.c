// SPDX-License-Identifier: GPL-2.0-only
/* SQLite as a store: a block is a transaction.  Owns what is deleted again, by age and by size. */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store.h"

#define CHUNK	 5000 /* rows that are deleted at once */
#define TIME_LEN 24

struct sqlite {
	struct store_backend be;
	sqlite3 *db;
	sqlite3_stmt *inserts[STORE_TABLES];
	uint32_t keep_days;
	uint64_t max_size;
	uint32_t time_s; /* what time_text says */
	char time_text[TIME_LEN];
};

/* sqlite3_errmsg() alone does not say why a file could not be written. */
static int fail(struct sqlite *s, const char *what)
{
	int error = sqlite3_system_errno(s->db), code = sqlite3_errcode(s->db);

	snprintf(s->be.why, sizeof(s->be.why), "%s: %s%s%s%s", what, sqlite3_errmsg(s->db),
		 error ? " (" : "", error ? strerror(error) : "", error ? ")" : "");
	return code == SQLITE_FULL ? -ENOSPC : code == SQLITE_BUSY ? -EBUSY : -EIO;
}

static int run(struct sqlite *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
								       : fail(s, "cannot write");
}

/* The first column of the first row, or fallback. */
static int64_t ask(struct sqlite *s, const char *sql, int64_t fallback)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = fallback;

	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static int prepare_insert(struct sqlite *s, int table)
{
	const struct store_table *t = store_tables[table];
	struct store_text sql = {0};
	const char *before = "";
	int ret;

	store_insert(&sql, STORE_SQLITE, t);
	store_text_add(&sql, " VALUES (");
	for (size_t i = 0; i < t->column_cnt; i++) {
		if (!store_has(STORE_SQLITE, &t->columns[i]))
			continue;
		store_text_add(&sql, "%s?", before);
		before = ",";
	}
	store_text_add(&sql, ")");
	ret = sql.failed ? -ENOMEM
	      : sqlite3_prepare_v3(s->db, sql.buf, -1, SQLITE_PREPARE_PERSISTENT,
				   &s->inserts[table], NULL) == SQLITE_OK
		      ? 0
		      : fail(s, "cannot use it");
	store_text_free(&sql);
	return ret;
}

static int make_tables(struct sqlite *s)
{
	struct store_text sql = {0};
	int ret;

	for (int i = 0; i < STORE_TABLES; i++) {
		store_create(&sql, STORE_SQLITE, store_tables[i], NULL);
		store_text_add(&sql, ";\n");
	}
	store_create_sqlite_rest(&sql);
	ret = sql.failed ? -ENOMEM : run(s, sql.buf);
	store_text_free(&sql);
	return ret;
}

/* Only an empty file takes the first two: larger pages, which are fewer to write, and that space
 * can be given back to the file system. */
static const char settings[] = "PRAGMA page_size=8192;"
			       "PRAGMA auto_vacuum=INCREMENTAL;"
			       "PRAGMA journal_mode=WAL;"
			       "PRAGMA synchronous=NORMAL;"
			       "PRAGMA journal_size_limit=4194304;"
			       "PRAGMA cache_size=-16000;";

static int prepare(struct sqlite *s)
{
	int64_t version;
	int ret;

	sqlite3_busy_timeout(s->db, 2000);
	ret = run(s, settings);
	if (ret)
		return ret;
	version = ask(s, "PRAGMA user_version", 0);
	if (version && version != STORE_VERSION) {
		snprintf(s->be.why, sizeof(s->be.why),
			 "its schema is of version %" PRId64 ", this sockline writes version %d",
			 version, STORE_VERSION);
		return -EPROTO;
	}
	ret = make_tables(s);
	for (int i = 0; !ret && i < STORE_TABLES; i++)
		ret = prepare_insert(s, i);
	return ret;
}

static void sqlite_close(struct store_backend *be)
{
	struct sqlite *s = (struct sqlite *)be;

	for (int i = 0; i < STORE_TABLES; i++)
		sqlite3_finalize(s->inserts[i]);
	sqlite3_close(s->db);
	free(s);
}

static int sqlite_open(const char *target, const struct store_conf *conf,
		       struct store_backend **out, char why[STORE_WHY])
{
	struct sqlite *s = calloc(1, sizeof(*s));
	int ret;

	if (!s) {
		snprintf(why, STORE_WHY, "out of memory");
		return -ENOMEM;
	}
	/* Its own account of memory takes a lock at every allocation. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	s->be.ops = &store_sqlite;
	s->keep_days = conf->keep_days;
	s->max_size = conf->max_size;
	if (sqlite3_open_v2(target, &s->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
		ret = fail(s, "cannot open it");
	else
		ret = prepare(s);
	if (ret) {
		snprintf(why, STORE_WHY, "%s", s->be.why);
		sqlite_close(&s->be);
		return ret;
	}
	*out = &s->be;
	return 0;
}

/* "2026-01-02 03:04:05", which sorts, and which SQLite's date functions read. */
static void bind_time(struct sqlite *s, sqlite3_stmt *stmt, int at, uint32_t time_s)
{
	time_t t = time_s;
	struct tm tm;

	if (time_s != s->time_s || !s->time_text[0]) {
		gmtime_r(&t, &tm);
		strftime(s->time_text, sizeof(s->time_text), "%Y-%m-%d %H:%M:%S", &tm);
		s->time_s = time_s;
	}
	sqlite3_bind_text(stmt, at, s->time_text, -1, SQLITE_TRANSIENT);
}

static void bind(struct sqlite *s, sqlite3_stmt *stmt, int at, enum store_type type,
		 const struct store_value *v)
{
	if (v->null)
		sqlite3_bind_null(stmt, at);
	else if (type == STORE_TEXT)
		sqlite3_bind_text(stmt, at, v->text, v->len, SQLITE_STATIC);
	else if (type == STORE_TIME)
		bind_time(s, stmt, at, v->n);
	else
		sqlite3_bind_int64(stmt, at, v->n);
}

static int write_rows(struct sqlite *s, const struct store_block *b, sqlite3_stmt *stmt)
{
	const struct store_table *t = b->table;
	size_t at = 0;

	for (uint32_t row = 0; row < b->rows; row++) {
		int column = 0, ret;

		for (size_t i = 0; i < t->column_cnt; i++) {
			const struct store_column *c = &t->columns[i];
			struct store_value v;

			if (!store_has(STORE_SQLITE, c))
				continue;
			if (!store_block_get(b, &at, c->type, c->nullable, &v))
				return -EBADMSG;
			bind(s, stmt, ++column, c->type, &v);
		}
		ret = sqlite3_step(stmt);
		sqlite3_reset(stmt);
		if (ret != SQLITE_DONE)
			return fail(s, "cannot write");
	}
	return 0;
}

static int sqlite_write(struct store_backend *be, struct store_block *b)
{
	struct sqlite *s = (struct sqlite *)be;
	int table = 0, ret = run(s, "BEGIN IMMEDIATE");

	if (ret)
		return ret;
	while (store_tables[table] != b->table)
		table++;
	ret = write_rows(s, b, s->inserts[table]);
	if (!ret)
		ret = run(s, "COMMIT");
	/* SQLITE_FULL may have rolled it back already. */
	if (ret && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return ret;
}

/* The oldest rows of a table: those that were stored first. */
static int delete_oldest(struct sqlite *s, const char *table, uint64_t before_us)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "DELETE FROM %s WHERE time_us < %" PRIu64 " AND rowid IN "
		 "(SELECT rowid FROM %s ORDER BY time_us LIMIT %d)",
		 table, before_us, table, CHUNK);
	return run(s, sql) ? 0 : sqlite3_changes(s->db);
}

static void by_age(struct sqlite *s)
{
	uint64_t before_us = (time(NULL) - s->keep_days * 86400ULL) * 1000000;

	if (!s->keep_days)
		return;
	for (int i = 0; i < STORE_TABLES; i++)
		while (delete_oldest(s, store_tables[i]->name, before_us) == CHUNK)
			;
}

static uint64_t size_used(struct sqlite *s)
{
	int64_t pages = ask(s, "PRAGMA page_count", 0) - ask(s, "PRAGMA freelist_count", 0);

	return pages * ask(s, "PRAGMA page_size", 4096);
}

/* The table whose oldest row is the oldest of all. */
static const char *oldest_table(struct sqlite *s)
{
	const char *oldest = NULL;
	int64_t min = INT64_MAX;
	char sql[80];

	for (int i = 0; i < STORE_TABLES; i++) {
		int64_t us;

		snprintf(sql, sizeof(sql), "SELECT min(time_us) FROM %s", store_tables[i]->name);
		us = ask(s, sql, 0);
		if (us && us < min) {
			min = us;
			oldest = store_tables[i]->name;
		}
	}
	return oldest;
}

static void by_size(struct sqlite *s)
{
	const char *table;

	if (!s->max_size || size_used(s) <= s->max_size)
		return;
	/* A tenth more than needed, or there would be something to delete every second. */
	while (size_used(s) > s->max_size / 10 * 9 && (table = oldest_table(s)))
		if (!delete_oldest(s, table, INT64_MAX))
			return;
	run(s, "PRAGMA incremental_vacuum");
}

static void sqlite_tidy(struct store_backend *be)
{
	struct sqlite *s = (struct sqlite *)be;

	by_age(s);
	by_size(s);
}

const struct store_backend_ops store_sqlite = {
	.name = "sqlite",
	.dialect = STORE_SQLITE,
	.open = sqlite_open,
	.write = sqlite_write,
	.tidy = sqlite_tidy,
	.close = sqlite_close,
};
