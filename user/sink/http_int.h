/* SPDX-License-Identifier: GPL-2.0-only */
/* What the http*.c share.  Everything here belongs to http's thread, but for `stop` and `wake`. */
#ifndef SOCKLINE_HTTP_INT_H
#define SOCKLINE_HTTP_INT_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "http.h"
#include "web_config.h"

/* What a connection is at; how long it may be is in http.c. */
enum http_at {
	HTTP_NEW,      /* no request has been whole yet */
	HTTP_REPLYING, /* the reply is under way */
	HTTP_IDLE,     /* has had a reply, may ask again */
};

struct http_client {
	TAILQ_ENTRY(http_client) link;
	int fd;
	enum http_at at;
	uint64_t since_ms; /* at `at` */
	size_t held;	   /* bytes of the reply under way */
	bool gone;	   /* shut down; libmicrohttpd has yet to close it */
	struct web_rules *rules;
	struct web_check *check; /* of the request under way */
};
TAILQ_HEAD(http_clients, http_client); /* the one that has waited longest first */

struct http {
	struct http_conf conf;
	struct MHD_Daemon *daemon;
	struct web_config *web;
	struct http_clients clients;
	unsigned client_cnt;
	unsigned client_max;
	size_t held; /* by all clients that are not gone */
	uint64_t pause_until_ms; /* no connection is taken before: there is no file left for it */
	int listener;
	int epoll;
	int wake; /* eventfd: to stop, or a password has been checked */
	atomic_bool stop;
	pthread_t thread;
};

/* A listening socket, or -errno and the line for the user. */
int http_listen(const char *arg, char why[HTTP_WHY]);

void http_client_is(struct http *h, struct http_client *c, enum http_at at);
/* Makes room for so many bytes of a reply: what has been under way longest is given up. */
void http_hold(struct http *h, struct http_client *c, size_t bytes);

/* libmicrohttpd's callbacks; cls: struct http. */
enum MHD_Result http_request(void *cls, struct MHD_Connection *connection, const char *path,
			     const char *method, const char *version, const char *body,
			     size_t *body_len, void **request);

#endif
