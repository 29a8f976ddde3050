// SPDX-License-Identifier: GPL-2.0-only
/* Owns how events are packed into blocks.  Does no input or output. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "event_desc.h"
#include "record_write.h"

#define LEVEL	3
#define OUT_MAX (sizeof(struct record_block) + ZSTD_COMPRESSBOUND(RECORD_BLOCK_MAX))

struct record_writer {
	ZSTD_CCtx *zstd;
	uint32_t events;
	size_t raw_len;
	uint8_t raw[RECORD_BLOCK_MAX];
	uint8_t out[OUT_MAX];
};

struct record_writer *record_writer_new(void)
{
	struct record_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->zstd = ZSTD_createCCtx();
	if (!w->zstd) {
		free(w);
		return NULL;
	}
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
	return w;
}

void record_writer_free(struct record_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->zstd);
	free(w);
}

static int put(struct record_writer *w, uint16_t word, const void *bytes, size_t len)
{
	if (w->raw_len + sizeof(word) + len > RECORD_BLOCK_MAX)
		return -ENOSPC;
	memcpy(w->raw + w->raw_len, &word, sizeof(word));
	memcpy(w->raw + w->raw_len + sizeof(word), bytes, len);
	w->raw_len += sizeof(word) + len;
	return 0;
}

int record_write_event(struct record_writer *w, const void *bytes, size_t len)
{
	int ret;

	if (len > EVENT_MAX)
		len = EVENT_MAX;
	ret = put(w, len, bytes, len);
	w->events += !ret;
	return ret;
}

int record_write_mark(struct record_writer *w, uint64_t horizon_ns)
{
	return put(w, RECORD_MARK, &horizon_ns, sizeof(horizon_ns));
}

uint32_t record_write_pending(const struct record_writer *w)
{
	return w->events;
}

void record_write_drop(struct record_writer *w)
{
	w->raw_len = w->events = 0;
}

static uint32_t crc(const void *bytes, size_t len)
{
	return crc32(0, bytes, len);
}

/* The payload lies in w->out already. */
static void seal(struct record_writer *w, enum record_block_kind kind, size_t payload_len,
		 const void **bytes, size_t *len)
{
	struct record_block b = {
		.magic = RECORD_BLOCK_MAGIC,
		.kind = kind,
		.len = payload_len,
		.raw_len = w->raw_len,
		.events = w->events,
		.payload_crc = crc(w->out + sizeof(b), payload_len),
	};

	b.crc = crc(&b, offsetof(struct record_block, crc));
	memcpy(w->out, &b, sizeof(b));
	*bytes = w->out;
	*len = sizeof(b) + payload_len;
}

int record_write_block(struct record_writer *w, enum record_block_kind kind, const void **bytes,
		       size_t *len)
{
	size_t n;

	*len = 0;
	if (!w->raw_len)
		return 0;
	n = ZSTD_compress2(w->zstd, w->out + sizeof(struct record_block),
			   OUT_MAX - sizeof(struct record_block), w->raw, w->raw_len);
	if (ZSTD_isError(n))
		return -ENOMEM;
	seal(w, kind, n, bytes, len);
	record_write_drop(w);
	return 0;
}

int record_write_plain(struct record_writer *w, enum record_block_kind kind, const void *payload,
		       size_t payload_len, const void **bytes, size_t *len)
{
	if (w->raw_len)
		return -EBUSY;
	if (payload_len > RECORD_BLOCK_MAX)
		return -EMSGSIZE;
	memcpy(w->out + sizeof(struct record_block), payload, payload_len);
	seal(w, kind, payload_len, bytes, len);
	return 0;
}

void record_header_seal(struct record_header *h)
{
	memcpy(h->magic, RECORD_MAGIC, sizeof(h->magic));
	h->byte_order = RECORD_ORDER;
	h->format = RECORD_FORMAT;
	h->event_version = EVENT_VERSION;
	h->header_len = sizeof(*h);
	h->block_max = RECORD_BLOCK_MAX;
	for (int kind = 0; kind < RECORD_KINDS; kind++) {
		const struct event_desc *desc = event_desc(kind);

		h->sizes[kind] = desc ? desc->size : 0;
	}
	h->crc = crc(h, offsetof(struct record_header, crc));
}
