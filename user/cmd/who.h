/* SPDX-License-Identifier: GPL-2.0-only */
/* Who would get a connection: the kernel's answer, and what is around it. */
#ifndef SOCKLINE_WHO_H
#define SOCKLINE_WHO_H

#include "host.h"
#include "lookup.h"

struct who_query {
	uint8_t local[16];
	uint8_t remote[16]; /* all zero (of its family): any */
	uint16_t lport;
	uint16_t rport;	    /* 0: any */
	bool from;	    /* remote was named */
	uint32_t netns;	    /* inode number; 0: one's own */
	const char *device; /* on which the connection comes in; NULL: where the routes say */
};

/* One listening socket that may answer, and for how many of the client ports that were tried. */
struct who_member {
	const struct snapshot_sock *sock;
	uint32_t answers;
};

struct who {
	struct who_query query;
	uint32_t netns;
	uint32_t ifindex;
	char ifname[IF_NAMESIZE];
	bool here; /* the namespace takes packets to that address for its own */
	struct netns_route route;
	struct snapshot *snapshot; /* sockets with that port, in all namespaces if nobody answers */
	struct host *host;
	const struct snapshot_sock *listener; /* NULL: nobody */
	const struct snapshot_sock *existing; /* the connection that these two ends have already */
	struct who_member *members;	      /* most answers first */
	size_t member_cnt;
	uint32_t tried; /* client ports */
	uint32_t program; /* id of the namespace's sk_lookup program, 0: none */
	char program_name[16];
};

#define WHO_WHY 160

/* 0 or -errno, with one line for people in why.  The caller calls who_free() in both cases. */
int who_ask(const struct who_query *query, struct who *who, char why[WHO_WHY]);
void who_free(struct who *who);

/* Short stable name of what decided: "exact_address", "wildcard", "nobody", … */
const char *who_key(const struct who *who);

#define WHO_LINES    12
#define WHO_LINE_LEN 320

/* Plain sentences on why it is this socket, or nobody; the first one tells most. */
struct who_text {
	char lines[WHO_LINES][WHO_LINE_LEN];
	int cnt;
};

void who_explain(const struct who *who, struct who_text *text);

#define WHO_NAME_LEN 96
/* "nginx[812] fd 6", "the kernel itself".  Returns buf. */
char *who_holder(const struct snapshot *snapshot, const struct snapshot_sock *sock,
		 char buf[WHO_NAME_LEN]);

#endif
