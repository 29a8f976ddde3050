/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks that wait on disk until their store takes them: a directory, a file a block, the oldest
 * first.  It outlives the process; one process at a time uses it.
 */
#ifndef SOCKLINE_SPOOL_H
#define SOCKLINE_SPOOL_H

#include "store_block.h"

#define SPOOL_WHY 256

struct spool;

/* Makes the directory if there is none.  0, or -errno and one line in why. */
int spool_open(const char *dir, uint64_t max_bytes, struct spool **out, char why[SPOOL_WHY]);
void spool_close(struct spool *s);

bool spool_empty(const struct spool *s);
/* May be asked by any thread. */
uint64_t spool_rows(const struct spool *s);
/* Would so many bytes more still fit? */
bool spool_room(const struct spool *s, uint64_t bytes);

/* Also after a power failure it is there.  0, or -ENOSPC when it would become too large, or another
 * -errno. */
int spool_put(struct spool *s, const struct store_block *b);

/*
 * Reads the oldest into b, whose capacity is large enough for any.  It stays until spool_drop().
 * -ENOENT: there is none.  -EBADMSG: it is damaged or another version's; it was put aside under
 * another name, which is in why.
 */
int spool_load(struct spool *s, struct store_block *b, char why[SPOOL_WHY]);
/* The oldest is stored. */
void spool_drop(struct spool *s);

#endif
