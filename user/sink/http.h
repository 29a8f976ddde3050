/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small HTTP server on one thread of its own, GET and HEAD alone, over libmicrohttpd.  What it
 * holds is bounded: connections, header bytes, seconds without an answer, bytes of replies under
 * way; when there is no more room the connection that has waited longest gives way.  Knows nothing
 * of what is served.
 */
#ifndef SOCKLINE_HTTP_H
#define SOCKLINE_HTTP_H

#include <stddef.h>
#include <stdint.h>

#define HTTP_LISTEN "127.0.0.1:9435"
#define HTTP_WHY    512

struct http;

struct http_reply {
	unsigned status;
	const char *type; /* Content-Type, static */
	char *body;	  /* malloc'ed, http frees it; NULL: none */
	size_t len;
};

struct http_conf {
	const char *listen;	/* "ADDR:PORT", "[V6]:PORT", ":PORT" (every address) */
	const char *web_config; /* Prometheus's web configuration file, or NULL */
	/* Called for GET and HEAD on http's own thread, one at a time.  path: without the query;
	 * accept: the header's value, or "". */
	void (*answer)(void *ctx, const char *path, const char *accept, struct http_reply *r);
	void *ctx;
};

/* 0; or -errno and one line that begins with the option at fault: "--listen 0.0.0.0:80: …". */
int http_open(const struct http_conf *conf, struct http **out, char why[HTTP_WHY]);
/* What it listens on; of use where the port asked for was 0. */
uint16_t http_port(const struct http *h);
/* Ends within a second, whatever the clients do; no answer is asked for afterwards.  NULL is fine. */
void http_close(struct http *h);

#endif
