/* SPDX-License-Identifier: GPL-2.0-only */
/* Keeps the raw stream on disk.  A disk that takes no more loses the newest, and nothing else. */
#ifndef SOCKLINE_SINK_RECORD_H
#define SOCKLINE_SINK_RECORD_H

#include "record_disk.h"
#include "record_write.h"
#include "sink.h"

struct sink_record_conf {
	struct record_disk_conf disk;
	uint64_t rotate_bytes; /* 0: not by size */
	uint64_t rotate_ns;    /* 0: not by time */
	uint32_t flags;	       /* RECORD_ACTIVE, RECORD_FILTERED */
};

struct sink_record {
	struct sink sink;
	struct sink_record_conf conf;
	struct record_disk *disk;
	struct record_writer *writer;
	struct record_header header;
	struct listeners *listeners; /* what has been told, for the parts to come */
	struct names *names;
	const char *probes; /* a line each; set as soon as they are known */
	bool begun;	    /* this part has its header */
	bool probes_told;
	bool gap; /* a block was lost: what has been told must be told again */
	enum record_block_kind telling;
	uint64_t newest_ns;
	uint64_t horizon_ns; /* of the last tick */
	uint64_t marked_ns;  /* of the last mark */
	uint64_t flushed_ns;
	uint64_t part_ns; /* when this part began */
	uint64_t part_events;
	uint64_t part_unwritten;
	uint64_t events;    /* in all */
	uint64_t unwritten; /* in all */
	int write_error;    /* -errno of the first block that could not be written */
};

/*
 * 0, or -errno: then there is nothing to close.  sink.error becomes -EFBIG when the disk's max_size
 * is reached, -EPIPE when nobody reads any more; other errors of writing are kept in write_error,
 * and writing is tried again.
 */
int sink_record_open(struct sink_record *s, const struct sink_record_conf *conf);

#endif
