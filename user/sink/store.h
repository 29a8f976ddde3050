/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store as a sink: stories, failed calls and samples of listeners become rows, rows become
 * blocks, and one thread a store writes them.  The pipeline never waits for it, unless the rows
 * come from a recording: what finds no room is counted, said on stderr, and is lost.
 */
#ifndef SOCKLINE_STORE_H
#define SOCKLINE_STORE_H

#include "filter.h"
#include "sink.h"
#include "store_schema.h"

#define STORE_WHY 256

struct store_conf {
	const char *target;	/* "sqlite:FILE" or "clickhouse:URL" */
	const char *host;	/* value of the column */
	const struct filter *filter; /* which listeners to sample */
	uint32_t keep_days;	/* SQLite: 0: for ever */
	uint64_t max_size;	/* SQLite: bytes, 0: no limit */
	const char *spool;	/* ClickHouse: a directory, NULL: none */
	uint64_t spool_size;	/* bytes */
	uint64_t sample_ns;	/* between two samples of all listeners, 0: none */
	bool patient;		/* from a recording: wait for the store rather than lose rows */
};

struct store;

/* Is this a target that store_open() knows? */
bool store_target_known(const char *target);

#define STORE_NAME 128
/* The same without a user's name and password.  Returns buf. */
char *store_target_show(char buf[STORE_NAME], const char *target);

/* 0, or -errno and one line in why.  The sink is the store's, until its close(). */
int store_open(const struct store_conf *conf, struct sink **out, char why[STORE_WHY]);

/* What became of the rows so far. */
struct store_account {
	uint64_t rows[STORE_TABLES]; /* stored */
	uint64_t lost;
	uint64_t events_lost; /* of the stream: what no row could be made of */
	uint64_t spooled; /* wait in the spool; in the end: for the next start */
};

/* At any time until the sink's close(), from any thread. */
struct store_account store_account(const struct sink *sink);
/* The last one.  Writes what is still to be written, for some seconds at most if the store does not
 * take it. */
struct store_account store_finish(struct sink *sink);

/* How rows get into one kind of store.  All but open() is called by the writer's thread alone. */
struct store_backend;

struct store_backend_ops {
	const char *name; /* "sqlite" */
	enum store_dialect dialect;
	bool spools; /* what it does not take waits in conf.spool */
	int (*open)(const char *target, const struct store_conf *conf, struct store_backend **out,
		    char why[STORE_WHY]);
	/* All of the block, once: 0; or -errno, and why.  Then it may be tried again. */
	int (*write)(struct store_backend *be, struct store_block *b);
	/* Called every second or so.  May be NULL. */
	void (*tidy)(struct store_backend *be);
	void (*close)(struct store_backend *be);
};

struct store_backend {
	const struct store_backend_ops *ops;
	/* A write that takes long calls this a few times a second; false: it is to give up. */
	bool (*meanwhile)(void *ctx);
	void *ctx;
	char why[STORE_WHY]; /* of the last write that failed */
};

extern const struct store_backend_ops store_sqlite;
extern const struct store_backend_ops store_clickhouse;

#endif
