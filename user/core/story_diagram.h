/* SPDX-License-Identifier: GPL-2.0-only */
/* A step as a line of a sequence diagram: the client, the kernel's two queues, the process. */
#ifndef SOCKLINE_STORY_DIAGRAM_H
#define SOCKLINE_STORY_DIAGRAM_H

#include "sink_text.h"

/* Columns that a line of the diagram takes. */
#define DIAGRAM_WIDTH 45

/* The names of the lanes, to stdout, without a newline. */
void diagram_header(const struct story *s);

/* One step, to stdout, without a newline; queued: it has been in the accept queue already. */
void diagram_step(const struct look *look, const struct story *s, enum step_kind kind, bool queued);

#endif
