/* SPDX-License-Identifier: GPL-2.0-only */
/* The listeners of a snapshot that are wanted, and the words in which people are told of them. */
#ifndef SOCKLINE_SNAPSHOT_ROWS_H
#define SOCKLINE_SNAPSHOT_ROWS_H

#include "exposure.h"
#include "filter.h"
#include "host.h"
#include "snapshot.h"
#include "text.h"

struct row {
	const struct snapshot_sock *sock;
	const char *device; /* the interface that it is bound to, NULL: none */
	enum reach reach;
};

struct rows {
	const struct snapshot *snapshot; /* the caller's, must live as long */
	struct host *host;
	struct row *rows; /* by namespace and port */
	size_t cnt;
	size_t netns_cnt; /* namespaces that they lie in */
	uint32_t own_netns;
};

/* 0, or -ENOMEM: then there is nothing to free. */
int rows_make(struct rows *r, const struct snapshot *snapshot, const struct filter *f);
void rows_free(struct rows *r);

/* Words.  Each ends in buf, harmless for a terminal. */

#define ROW_WORDS 512

/* "0.0.0.0:8080", "[fe80::1]%eth0:22" */
void row_address(const struct row *row, char *buf, size_t len);
/* "nginx[812,813,+2]"; fds: "nginx[812] fd 6, nginx[813] fd 6" */
void row_owners(const struct rows *r, const struct row *row, const struct look *look, bool fds,
		char *buf, size_t len);
/* "everywhere: eth0 10.0.0.2, lo" */
void row_reach(const struct rows *r, const struct row *row, char *buf, size_t len);
/* The interfaces and addresses that it covers: "eth0 10.0.0.2 fd00::2, lo"; "": none or unknown. */
void row_covers(const struct rows *r, const struct row *row, char *buf, size_t len);
/* "reuseport 3, v6 only, fastopen" */
void row_flags(const struct row *row, char *buf, size_t len);
/* What people call its namespace; a dash: one's own. */
void row_netns(const struct rows *r, const struct row *row, const struct look *look, char *buf,
	       size_t len);

#endif
