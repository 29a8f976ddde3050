// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recording's bytes → reader → pipeline → text and JSON.  Checksums are put right first, so that
 * what lies behind them is reached; the last byte chooses the options, and whether they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fuzz_run.h"
#include "record_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t *bytes;
	size_t size;
	size_t at;
	size_t step; /* bytes that one read gives, at most */
	bool tired;  /* every other read has nothing yet */
};

static long read_some(void *ctx, void *buf, size_t len)
{
	struct input *in = ctx;
	size_t left = in->size - in->at;

	in->tired = !in->tired;
	if (in->tired)
		return -EAGAIN;
	if (len > left)
		len = left;
	if (len > in->step)
		len = in->step;
	memcpy(buf, in->bytes + in->at, len);
	in->at += len;
	return len;
}

static void mend_header(uint8_t *bytes)
{
	struct record_header h;

	memcpy(&h, bytes, sizeof(h));
	h.crc = crc32(0, (const uint8_t *)&h, offsetof(struct record_header, crc));
	memcpy(bytes, &h, sizeof(h));
}

static void mend(struct input *in)
{
	size_t at = 0;

	while (at + sizeof(struct record_block) <= in->size) {
		struct record_block b;

		if (at + sizeof(struct record_header) <= in->size &&
		    !memcmp(in->bytes + at, RECORD_MAGIC, 8)) {
			mend_header(in->bytes + at);
			at += sizeof(struct record_header);
			continue;
		}
		memcpy(&b, in->bytes + at, sizeof(b));
		at += sizeof(b);
		if (b.len <= in->size - at)
			b.payload_crc = crc32(0, in->bytes + at, b.len);
		b.crc = crc32(0, (const uint8_t *)&b, offsetof(struct record_block, crc));
		memcpy(in->bytes + at - sizeof(b), &b, sizeof(b));
		if (b.len > in->size - at)
			return;
		at += b.len;
	}
}

static void replay(struct record_reader *r, struct pipeline *p)
{
	struct record_item item;
	int ret;

	while ((ret = record_read(r, &item)) > 0 || ret == -EAGAIN) {
		if (ret < 0)
			continue;
		if (item.kind == RECORD_ITEM_EVENT)
			fuzz_feed(p, item.bytes, item.len);
		else if (item.kind == RECORD_ITEM_MARK && item.horizon_ns)
			pipeline_settle(p, item.horizon_ns);
	}
	/* A fault has words, and words have a fault. */
	if (!*record_reader_why(r) != (record_reader_health(r) == RECORD_WHOLE))
		abort();
	fuzz_check_text("why", record_reader_why(r), strlen(record_reader_why(r)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record_reader *r;
	struct input in = {.size = size};
	struct pipeline *p;
	uint8_t choice;

	if (!size)
		return 0;
	if (!r)
		r = record_reader_new();
	choice = data[size - 1];
	in.step = choice & 1 ? 7 : SIZE_MAX;
	in.bytes = malloc(size);
	if (!r || !in.bytes)
		abort();
	memcpy(in.bytes, data, size);
	if (choice & 6)
		mend(&in);
	p = fuzz_begin(choice);
	record_reader_input(r, read_some, &in);
	replay(r, p);
	fuzz_end(p);
	free(in.bytes);
	return 0;
}
