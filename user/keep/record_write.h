/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes the blocks of a recording, in memory.  What becomes of them is the caller's affair. */
#ifndef SOCKLINE_RECORD_WRITE_H
#define SOCKLINE_RECORD_WRITE_H

#include "record_file.h"

struct record_writer;

struct record_writer *record_writer_new(void);
void record_writer_free(struct record_writer *w);

/* 0, or -ENOSPC: take the block first.  Longer than EVENT_MAX is cut to it. */
int record_write_event(struct record_writer *w, const void *bytes, size_t len);
int record_write_mark(struct record_writer *w, uint64_t horizon_ns);

/* Events in the block so far. */
uint32_t record_write_pending(const struct record_writer *w);
/* Empties the block without a trace. */
void record_write_drop(struct record_writer *w);

/*
 * The block is finished and a new one begins.  *bytes stays valid until the next block is made;
 * *len is 0 if there was nothing in it.  0 or -errno.
 */
int record_write_block(struct record_writer *w, enum record_block_kind kind, const void **bytes,
		       size_t *len);
/* A block whose payload is given: RECORD_PROBES, RECORD_END. */
int record_write_plain(struct record_writer *w, enum record_block_kind kind, const void *payload,
		       size_t payload_len, const void **bytes, size_t *len);

#endif
