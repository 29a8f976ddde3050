/* SPDX-License-Identifier: GPL-2.0-only */
/* From a source through a pipeline, until it is time to stop. */
#ifndef SOCKLINE_FLOW_H
#define SOCKLINE_FLOW_H

#include "pipeline.h"
#include "source.h"
#include "stop.h"

/* A source_feed_fn whose ctx is the pipeline. */
void flow_feed(void *pipeline, const void *bytes, size_t len);

/* Then drains, and tells what was still open.  0 or -errno of reading. */
int flow_run(struct pipeline *p, struct source *source, struct stop *stop);

#endif
