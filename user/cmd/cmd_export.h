/* SPDX-License-Identifier: GPL-2.0-only */
/* What `export` is asked for, and its run. */
#ifndef SOCKLINE_CMD_EXPORT_H
#define SOCKLINE_CMD_EXPORT_H

#include "opts.h"
#include "serve.h"
#include "stop.h"

struct export_opts {
	const char *listen;
	const char *web_config;
	uint64_t listeners_max;
	bool no_metrics;
	const char *stores[SERVE_STORES];
	int store_cnt;
	uint32_t keep_days;
	uint64_t max_size;
	const char *spool;
	uint64_t spool_size;
	double sample_seconds;
	const char *host;
	const char *from;
	bool active;
	uint32_t max_connections;
};

struct export_conf {
	const struct cmd *cmd;
	const struct export_opts *opts;
	const struct filter *filter;
	const struct common *common;
	uint64_t sample_ns;
	char host[256];
};

/* Until it is time to stop, or the recording ends; an exit status. */
int export_follow(const struct export_conf *conf, struct stop *stop);

#endif
