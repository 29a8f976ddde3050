/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording: the raw stream of events, unordered as it came.
 *
 *	header   struct record_header
 *	blocks   struct record_block, then its payload of block.len bytes
 *
 * A data block holds items, compressed as one zstd frame: a length of 16 bits and so many bytes of
 * an event; or RECORD_MARK and 64 bits, the horizon that the pipeline settled at before what
 * follows.  The marks make a replay settle where the live pipeline did.  The last block of a file
 * says that it is whole; without one it has been cut off.  A file may be followed by another, in
 * the same bytes too.  Checksums are zlib's CRC-32, and are checked before anything is believed.
 *
 * A recording that is rotated is a chain of parts.  Each later part begins with what the parts
 * before have told, in blocks of their own, so that it can be read alone; behind the part before
 * they are passed over.
 *
 * Fields are in the byte order of the machine that records; another one says so, and stops.
 */
#ifndef SOCKLINE_RECORD_FILE_H
#define SOCKLINE_RECORD_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

#define RECORD_MAGIC	 "sockline"
#define RECORD_ORDER	 0x01020304
#define RECORD_FORMAT	 1
#define RECORD_BLOCK_MAX (256 << 10) /* items in one block, before compression */
#define RECORD_MARK	 0xffff
#define RECORD_KINDS	 128

/* header.flags: what was asked for */
#define RECORD_ACTIVE	0x1 /* this host's own connects too */
#define RECORD_FILTERED 0x2 /* not all that happened */

struct record_header {
	char magic[8];
	uint32_t byte_order;
	uint32_t format;
	uint32_t event_version;
	uint32_t header_len;
	uint64_t realtime_offset_ns; /* add to a time_ns for nanoseconds since 1970, UTC */
	uint64_t start_ns; /* of this part */
	uint64_t stream; /* the same in all parts of one recording */
	uint32_t part;	 /* from 0 */
	uint32_t cpus;
	uint32_t flags;
	uint32_t block_max;
	char release[64];	      /* of the kernel; ends with 0 */
	uint8_t sizes[RECORD_KINDS];  /* of the events, by kind */
	uint32_t pad;
	uint32_t crc; /* of all that is before it */
};
_Static_assert(sizeof(struct record_header) == 264, "record_header");

enum record_block_kind {
	RECORD_DATA = 1,
	RECORD_TOLD,   /* as data: what the parts before have told */
	RECORD_PROBES, /* names of the attached probes, a line each; not compressed */
	RECORD_END,    /* struct record_end; the file is whole */
};

struct record_block {
	uint32_t magic;
	uint32_t kind;
	uint32_t len;	  /* of the payload in the file */
	uint32_t raw_len; /* of the items */
	uint32_t events;
	uint32_t payload_crc;
	uint32_t pad;
	uint32_t crc; /* of all that is before it */
};
_Static_assert(sizeof(struct record_block) == 32, "record_block");

#define RECORD_BLOCK_MAGIC 0x6b636f6c /* "lock" */

struct record_end {
	uint64_t events;    /* in this part */
	uint64_t unwritten; /* of this part that could not be written */
	uint64_t end_ns;
};

/* Fills magic, versions, sizes and checksum; the other fields are the caller's. */
void record_header_seal(struct record_header *h);

#endif
