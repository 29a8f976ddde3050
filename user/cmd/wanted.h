/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter options, as far as a listener that is counted can answer them. */
#ifndef SOCKLINE_WANTED_H
#define SOCKLINE_WANTED_H

#include "counters.h"
#include "filter.h"
#include "host.h"

/* host: asked for the paths of cgroups where the filter names one; or NULL. */
bool wanted_listener(const struct filter *f, const struct counters_listener *l, struct host *host);

#endif
