/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads recordings, from any bytes: nothing in them is believed.  Memory is fixed. */
#ifndef SOCKLINE_RECORD_READ_H
#define SOCKLINE_RECORD_READ_H

#include "record_file.h"

/* Bytes read, 0 at the end, -EAGAIN if none are there yet, another -errno. */
typedef long (*record_read_fn)(void *ctx, void *buf, size_t len);

enum record_health {
	RECORD_WHOLE,
	RECORD_CUT,	/* it ends before its end; all before that was read */
	RECORD_DAMAGED, /* some of it could not be read */
	RECORD_FOREIGN, /* none of it: no recording, or not for this version or machine */
};

enum record_item_kind {
	RECORD_ITEM_EVENT,
	RECORD_ITEM_MARK,  /* settle at horizon_ns */
	RECORD_ITEM_BEGIN, /* a header was read: record_reader_header() */
};

struct record_item {
	enum record_item_kind kind;
	const void *bytes; /* valid until the next call; not aligned */
	size_t len;
	uint64_t horizon_ns;
};

struct record_reader;

struct record_reader *record_reader_new(void);
void record_reader_free(struct record_reader *r);

/* The next input; it may go on where the last one ended. */
void record_reader_input(struct record_reader *r, record_read_fn read, void *ctx);

/* 1: *item; 0: this input is over, see health; -EAGAIN: not yet; another -errno of read(). */
int record_read(struct record_reader *r, struct record_item *item);

/* How it stands with this input, and in words if it is not whole; "" otherwise. */
enum record_health record_reader_health(const struct record_reader *r);
const char *record_reader_why(const struct record_reader *r);

/* Of the file that is being read. */
const struct record_header *record_reader_header(const struct record_reader *r);
/* Names of probes, a line each; "" as long as they have not been read. */
const char *record_reader_probes(const struct record_reader *r);
/* Bytes of this input that have been dealt with. */
uint64_t record_reader_position(const struct record_reader *r);

#endif
