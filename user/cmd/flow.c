// SPDX-License-Identifier: GPL-2.0-only
/* Owns the loop of every command that follows a stream. */
#include "flow.h"

void flow_feed(void *pipeline, const void *bytes, size_t len)
{
	pipeline_feed(pipeline, bytes, len);
}

int flow_run(struct pipeline *p, struct source *source, struct stop *stop)
{
	uint64_t horizon_ns;
	int ret;

	do {
		ret = source->ops->read(source, &horizon_ns);
		if (ret < 0)
			break;
		if (horizon_ns)
			pipeline_settle(p, horizon_ns);
	} while (ret && !pipeline_done(p) && !stop_wait(stop, source->ops->pause_ms(source)));
	if (ret >= 0)
		ret = source->ops->drain(source);
	pipeline_finish(p);
	return ret;
}
