/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of each kind of event: its name and its size.  One row a kind. */
#ifndef SOCKLINE_EVENT_DESC_H
#define SOCKLINE_EVENT_DESC_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct event_desc {
	const char *name;
	uint16_t size;
	int16_t tuple_at; /* offset of its struct ev_tuple, -1: has none */
};

/* NULL for a kind that this version does not know. */
const struct event_desc *event_desc(uint8_t kind);

#endif
