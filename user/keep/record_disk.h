/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a recording lies: one file, or parts FILE.000001, FILE.000002 and so on, of which the
 * oldest go.  A write is whole or it is not: what was begun is taken back, so that what lies on the
 * disk ends with a whole block.  Knows nothing of what is written.
 */
#ifndef SOCKLINE_RECORD_DISK_H
#define SOCKLINE_RECORD_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_disk_conf {
	const char *path;  /* "-": stdout; outlives the disk */
	bool parts;
	uint32_t keep;	   /* parts, 0: all */
	uint64_t max_size; /* bytes of all parts together, 0: no limit */
};

struct record_disk;

/* Opens the file, or the first part: one behind those that are there already.  0 or -errno. */
int record_disk_open(const struct record_disk_conf *conf, struct record_disk **out);
void record_disk_close(struct record_disk *d);

/* 0; -EFBIG: less than `reserve` would be left of max_size; or -errno of write(). */
int record_disk_write(struct record_disk *d, const void *bytes, size_t len, size_t reserve);
/* Ends this part, begins the next and removes what is not to be kept.  0 or -errno: then the part
 * goes on. */
int record_disk_next(struct record_disk *d);

/* Bytes in this part, and in all that were written since the start. */
uint64_t record_disk_size(const struct record_disk *d);
uint64_t record_disk_written(const struct record_disk *d);

#endif
