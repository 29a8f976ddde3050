/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Metrics over HTTP, for `sockline export`.  The counters are read by serve_look() alone, on the
 * caller's thread, so that a thousand scrapers cost no more reads than one; what is asked for is
 * answered on http's thread from what was read last.
 */
#ifndef SOCKLINE_SERVE_H
#define SOCKLINE_SERVE_H

#include "filter.h"
#include "http.h"
#include "sink.h"

#define SERVE_WHY     HTTP_WHY
#define SERVE_STORES  2

struct observer;

struct serve_conf {
	const char *listen;
	const char *web_config; /* or NULL */
	uint32_t listeners_max;
	const struct filter *filter;
	struct observer *observer; /* that counts, attached by its owner; NULL: one of its own */
	bool verbose;
	/* Of stores, whose accounts are metrics too: they outlive it. */
	struct sink *const *stores;
	const char *const *targets;
	int store_cnt;
};

struct serve;

/* Loads the counters, reads them, and listens.  0, or -errno and one line in why. */
int serve_open(const struct serve_conf *conf, struct serve **out, char why[SERVE_WHY]);
/* NULL is fine. */
void serve_close(struct serve *s);

/* Reads the counters.  An error is told to those who ask. */
void serve_look(struct serve *s);
/* A sink that does so about once a second, and counts what the pipeline lost. */
struct sink *serve_sink(struct serve *s);

uint16_t serve_port(const struct serve *s);

/* How it went. */
struct serve_account {
	uint64_t scrapes;
	uint64_t sockets, omitted; /* listening, in the end */
};
struct serve_account serve_account(struct serve *s);

#endif
