// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events → pipeline → text and JSON, without the file around them.  The first byte chooses the
 * options.  Then items: a byte that says what follows, and so much of it as there is.
 *	0          eight bytes: a horizon to settle at
 *	a kind     an event of that kind, of its size
 *	others     so many bytes, as they are
 */
#include <string.h>

#include "event_desc.h"
#include "fuzz_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t item_size(uint8_t what)
{
	const struct event_desc *desc = event_desc(what);

	if (!what)
		return sizeof(uint64_t);
	return desc ? desc->size : what;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pipeline *p;
	size_t at = 1;

	if (!size)
		return 0;
	p = fuzz_begin(data[0]);
	while (at < size) {
		uint8_t item[256] = {0}, what = data[at++];
		size_t want = item_size(what), has = size - at < want ? size - at : want;
		uint64_t horizon_ns;

		memcpy(item, data + at, has);
		at += has;
		if (!what) {
			memcpy(&horizon_ns, item, sizeof(horizon_ns));
			pipeline_settle(p, horizon_ns);
			continue;
		}
		if (event_desc(what))
			item[offsetof(struct ev_hdr, kind)] = what;
		fuzz_feed(p, item, want);
	}
	fuzz_end(p);
	return 0;
}
