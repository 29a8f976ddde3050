/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose fault it is that an accept queue fills: who does not accept, since when, and who of its
 * reuseport group could. */
#ifndef SOCKLINE_SNAPSHOT_BLAME_H
#define SOCKLINE_SNAPSHOT_BLAME_H

#include "seen.h"
#include "snapshot_rows.h"

#define BLAME_LEN 512

/* In the last fifth of its accept queue. */
bool blame_due(const struct row *row);

/*
 * Some sentences, or "" when its accept queue is not in its last fifth.  seen: what events told of
 * it; NULL: nothing.  start_ns: since when events are seen.
 */
void blame_text(const struct rows *r, const struct row *row, const struct look *look,
		const struct seen *seen, uint64_t start_ns, uint64_t now_ns, char buf[BLAME_LEN]);

#endif
