/* SPDX-License-Identifier: GPL-2.0-only */
/* A live source that also tells, again and again, how both queues of every listener are: events say
 * how a queue was when something came, and are silent while it is emptied. */
#ifndef SOCKLINE_SOURCE_SAMPLED_H
#define SOCKLINE_SOURCE_SAMPLED_H

#include "filter.h"
#include "source.h"

/* Just before each whole multiple of interval_ns, an EV_LISTENER for each listener that the filter
 * wants.  `live` belongs to it from then on; the filter must live as long.  0 or -errno. */
int source_sampled_open(struct source *live, const struct filter *filter, uint64_t interval_ns,
			struct source **out);

#endif
