/* SPDX-License-Identifier: GPL-2.0-only */
/* Explains calls that fail, the moment they do: the live host is asked while what was in the way is
 * still there. */
#ifndef SOCKLINE_SINK_WHY_H
#define SOCKLINE_SINK_WHY_H

#include "json.h"
#include "opts.h"
#include "sink.h"
#include "snapshot.h"
#include "text.h"

struct sink_why {
	struct sink sink;
	const struct common *common;
	struct snapshot_reader *reader;
	struct look look;
	struct json out;
	uint64_t failures;
	bool told; /* that it is watching */
};

/* 0, or -errno where sockets cannot be read.  common outlives the sink. */
int sink_why_init(struct sink_why *s, const struct common *common);

#endif
