/* SPDX-License-Identifier: GPL-2.0-only */
/* Queries to a ClickHouse over HTTP, one at a time, each answered or failed when it returns.  Knows
 * nothing of what is asked. */
#ifndef SOCKLINE_STORE_HTTP_H
#define SOCKLINE_STORE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_ANSWER 4096

struct store_http;

/* url as ClickHouse takes it, with ?database= and settings if they are wanted.  A user that it does
 * not name is taken from CLICKHOUSE_USER and CLICKHOUSE_PASSWORD.  0 or -errno. */
int store_http_open(const char *url, struct store_http **out);
void store_http_close(struct store_http *h);

struct http_query {
	const char *sql;
	const char *id;	      /* query_id, NULL: the server's choice */
	const char *settings; /* "a=1&b=2", NULL: none */
	const void *body;     /* what is inserted, NULL: none */
	size_t len;
	bool (*meanwhile)(void *ctx); /* called a few times a second; false: give up */
	void *ctx;
};

/* 0: answer is the beginning of what came.  -errno: answer says why, in one line; code is
 * ClickHouse's number of the error, 0 if none came. */
int store_http_ask(struct store_http *h, const struct http_query *q, char answer[HTTP_ANSWER],
		   int *code);

#endif
