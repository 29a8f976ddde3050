// SPDX-License-Identifier: GPL-2.0-only
/* unpack FILE.rec OUT: a recording as an input of fuzz_stream. */
#include <stdio.h>
#include <stdlib.h>

#include "event_desc.h"
#include "record_read.h"

static long read_file(void *ctx, void *buf, size_t len)
{
	return fread(buf, 1, len, ctx);
}

int main(int argc, char **argv)
{
	struct record_reader *r = record_reader_new();
	FILE *in = argc == 3 ? fopen(argv[1], "rb") : NULL, *out = in ? fopen(argv[2], "wb") : NULL;
	struct record_item item;

	if (!r || !out)
		return 2;
	putc(0x45, out);
	record_reader_input(r, read_file, in);
	while (record_read(r, &item) > 0) {
		if (item.kind == RECORD_ITEM_MARK) {
			putc(0, out);
			fwrite(&item.horizon_ns, sizeof(item.horizon_ns), 1, out);
		} else if (item.kind == RECORD_ITEM_EVENT) {
			const uint8_t *bytes = item.bytes;
			uint8_t what = item.len;

			if (item.len >= sizeof(struct ev_hdr) &&
			    event_desc(bytes[offsetof(struct ev_hdr, kind)]))
				what = bytes[offsetof(struct ev_hdr, kind)];
			putc(what, out);
			fwrite(item.bytes, 1, item.len, out);
		}
	}
	record_reader_free(r);
	fclose(in);
	return fclose(out) ? 2 : 0;
}
