/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot while it grows: records in, one entry for each socket, its owners beside it. */
#ifndef SOCKLINE_SNAPSHOT_BUILD_H
#define SOCKLINE_SNAPSHOT_BUILD_H

#include "snapshot.h"

struct snapshot_build {
	struct snapshot *snap;
	size_t sock_cap;
	size_t owner_cap;
	uint32_t *index;      /* hash of id: index into socks + 1, 0: empty */
	size_t index_len;     /* a power of two, at least twice sock_cnt */
};

int snapshot_build_start(struct snapshot_build *b);
/* Bytes that the record at hdr takes, 0 when its kind is not known or len is too short for it. */
size_t snapshot_record_size(const struct snap_hdr *hdr, size_t len);
int snapshot_build_add(struct snapshot_build *b, const struct snap_hdr *hdr);
/* Has every owner its socket? */
bool snapshot_build_complete(const struct snapshot_build *b);
void snapshot_build_drop_owners(struct snapshot_build *b);
/* Sorts and hands over when err is 0, else frees; returns err, or its own.  Owners without a socket
 * are left out. */
int snapshot_build_end(struct snapshot_build *b, int err, struct snapshot **out);

#endif
