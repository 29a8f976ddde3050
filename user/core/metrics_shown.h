/* SPDX-License-Identifier: GPL-2.0-only */
/* Which series are shown, when there are more than may be. */
#ifndef SOCKLINE_METRICS_SHOWN_H
#define SOCKLINE_METRICS_SHOWN_H

#include "metrics_int.h"

/* How long the counts of a series stand that has no socket any more. */
#define METRICS_ENDED_NS 300000000000ULL

/* Fills m->shown, and tells of each series whether it is.  0 or -ENOMEM: then none is. */
int metrics_choose(struct metrics *m);

#endif
