// SPDX-License-Identifier: GPL-2.0-only
/* Owns the check of every byte of a recording.  Reads through a callback, prints nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "event_desc.h"
#include "record_read.h"

#define PAYLOAD_MAX ZSTD_COMPRESSBOUND(RECORD_BLOCK_MAX)
#define PROBES_MAX  4096

enum read_state {
	AT_HEADER,
	AT_BLOCK,
	AT_PAYLOAD,
	AT_ITEMS,
	OVER,
};

struct record_reader {
	record_read_fn read;
	void *ctx;
	ZSTD_DCtx *zstd;
	enum read_state state;
	enum record_health health;
	char why[160];
	uint64_t position; /* of what lies in buf */
	uint64_t damaged_at;
	uint64_t damaged_blocks;
	uint64_t damaged_events;
	struct record_header header;
	struct record_block block;
	bool ended;  /* the last file had its end */
	bool linked; /* this part follows the one before it */
	size_t raw_len;
	size_t raw_at;
	size_t have; /* bytes in buf */
	char probes[PROBES_MAX + 1];
	uint8_t raw[RECORD_BLOCK_MAX];
	uint8_t buf[PAYLOAD_MAX];
};

struct record_reader *record_reader_new(void)
{
	struct record_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->state = OVER;
	r->zstd = ZSTD_createDCtx();
	if (!r->zstd) {
		free(r);
		return NULL;
	}
	return r;
}

void record_reader_free(struct record_reader *r)
{
	if (!r)
		return;
	ZSTD_freeDCtx(r->zstd);
	free(r);
}

void record_reader_input(struct record_reader *r, record_read_fn read, void *ctx)
{
	r->read = read;
	r->ctx = ctx;
	r->state = AT_HEADER;
	r->health = RECORD_WHOLE;
	r->why[0] = 0;
	r->position = r->have = 0;
	r->damaged_blocks = r->damaged_events = 0;
	r->ended = false;
}

/* Nothing more of this input can be read.  0. */
static int over(struct record_reader *r, enum record_health health)
{
	r->state = OVER;
	if (health > r->health)
		r->health = health;
	return 0;
}

static int foreign(struct record_reader *r, const char *why)
{
	snprintf(r->why, sizeof(r->why), "%s", why);
	return over(r, RECORD_FOREIGN);
}

static int cut(struct record_reader *r)
{
	if (r->health == RECORD_WHOLE)
		snprintf(r->why, sizeof(r->why),
			 "cut off at byte %llu, before its end: what came before was read",
			 (unsigned long long)(r->position + r->have));
	return over(r, RECORD_CUT);
}

static void damaged(struct record_reader *r, uint32_t events)
{
	if (!r->damaged_blocks++)
		r->damaged_at = r->position;
	r->damaged_events += events;
	r->health = RECORD_DAMAGED;
	snprintf(r->why, sizeof(r->why),
		 "damaged at byte %llu: %llu block%s with %llu event%s could not be read",
		 (unsigned long long)r->damaged_at, (unsigned long long)r->damaged_blocks,
		 r->damaged_blocks == 1 ? "" : "s", (unsigned long long)r->damaged_events,
		 r->damaged_events == 1 ? "" : "s");
}

static int broken(struct record_reader *r)
{
	if (r->health != RECORD_DAMAGED)
		snprintf(r->why, sizeof(r->why),
			 "damaged at byte %llu: only what came before was read",
			 (unsigned long long)r->position);
	return over(r, RECORD_DAMAGED);
}

/* 1: len bytes are in buf; 0: the input ends before; -errno. */
static int fill(struct record_reader *r, size_t len)
{
	while (r->have < len) {
		long n = r->read(r->ctx, r->buf + r->have, len - r->have);

		if (n <= 0)
			return n;
		r->have += n;
	}
	return 1;
}

static void consume(struct record_reader *r)
{
	r->position += r->have;
	r->have = 0;
}

static uint32_t crc(const void *bytes, size_t len)
{
	return crc32(0, bytes, len);
}

static const char OTHER_VERSION[] = "made by another version of sockline";

/* NULL, or what is wrong with it. */
static const char *header_fault(const struct record_header *h)
{
	if (memcmp(h->magic, RECORD_MAGIC, sizeof(h->magic)))
		return "not a recording of sockline";
	if (h->byte_order == __builtin_bswap32(RECORD_ORDER))
		return "made on a machine of the other byte order";
	if (h->format != RECORD_FORMAT || h->event_version != EVENT_VERSION)
		return OTHER_VERSION;
	if (h->header_len != sizeof(*h) || h->byte_order != RECORD_ORDER ||
	    h->crc != crc(h, offsetof(struct record_header, crc)))
		return "its header is damaged";
	if (h->block_max > RECORD_BLOCK_MAX || h->release[sizeof(h->release) - 1])
		return "its header is damaged";
	for (int kind = 0; kind < RECORD_KINDS; kind++) {
		const struct event_desc *desc = event_desc(kind);

		if (desc && h->sizes[kind] && desc->size != h->sizes[kind])
			return OTHER_VERSION;
	}
	return NULL;
}

/* The input ends within a header, or before it. */
static int no_header(struct record_reader *r)
{
	size_t len = r->have < 8 ? r->have : 8;

	if (r->ended && !r->have)
		return over(r, RECORD_WHOLE);
	if (!r->have)
		return foreign(r, "empty, not a recording");
	if (memcmp(r->buf, RECORD_MAGIC, len))
		return r->ended ? broken(r) : foreign(r, "not a recording of sockline");
	return cut(r);
}

static int at_header(struct record_reader *r, struct record_item *item)
{
	struct record_header last = r->header;
	const char *fault;
	int ret = fill(r, sizeof(r->header));

	if (ret < 0)
		return ret;
	if (!ret)
		return no_header(r);
	memcpy(&r->header, r->buf, sizeof(r->header));
	fault = header_fault(&r->header);
	if (fault && r->ended)
		return broken(r);
	if (fault == OTHER_VERSION) {
		snprintf(r->why, sizeof(r->why), "%s: its format is %u.%u, this one reads %d.%d",
			 fault, r->header.format, r->header.event_version, RECORD_FORMAT,
			 EVENT_VERSION);
		return over(r, RECORD_FOREIGN);
	}
	if (fault)
		return foreign(r, fault);
	r->linked = last.stream == r->header.stream && last.part + 1 == r->header.part;
	r->ended = false;
	r->probes[0] = 0;
	r->state = AT_BLOCK;
	consume(r);
	*item = (struct record_item){.kind = RECORD_ITEM_BEGIN};
	return 1;
}

static bool block_ok(const struct record_block *b)
{
	return b->magic == RECORD_BLOCK_MAGIC && b->kind >= RECORD_DATA && b->kind <= RECORD_END &&
	       b->len <= PAYLOAD_MAX && b->raw_len <= RECORD_BLOCK_MAX &&
	       b->crc == crc(b, offsetof(struct record_block, crc));
}

static int at_block(struct record_reader *r)
{
	int ret = fill(r, sizeof(r->block));

	if (ret < 0)
		return ret;
	if (!ret)
		return cut(r);
	memcpy(&r->block, r->buf, sizeof(r->block));
	if (!block_ok(&r->block))
		return broken(r);
	r->state = AT_PAYLOAD;
	consume(r);
	return 1;
}

static void take_items(struct record_reader *r)
{
	size_t n;

	if (r->block.kind == RECORD_TOLD && r->linked)
		return;
	n = ZSTD_decompressDCtx(r->zstd, r->raw, sizeof(r->raw), r->buf, r->block.len);
	if (ZSTD_isError(n) || n != r->block.raw_len) {
		damaged(r, r->block.events);
		return;
	}
	r->raw_len = n;
	r->raw_at = 0;
	r->state = AT_ITEMS;
}

static void take_probes(struct record_reader *r)
{
	size_t len = r->block.len < PROBES_MAX ? r->block.len : PROBES_MAX;

	memcpy(r->probes, r->buf, len);
	r->probes[len] = 0;
}

static void take_end(struct record_reader *r)
{
	struct record_end end;

	if (r->block.len != sizeof(end)) {
		damaged(r, 0);
		return;
	}
	memcpy(&end, r->buf, sizeof(end));
	if (end.unwritten && r->health < RECORD_CUT) {
		r->health = RECORD_CUT;
		snprintf(r->why, sizeof(r->why),
			 "not all was kept: %llu events could not be written",
			 (unsigned long long)end.unwritten);
	}
	r->ended = true;
	r->state = AT_HEADER;
}

static int at_payload(struct record_reader *r)
{
	int ret = fill(r, r->block.len);

	if (ret < 0)
		return ret;
	if (!ret)
		return cut(r);
	r->state = AT_BLOCK;
	if (crc(r->buf, r->block.len) != r->block.payload_crc)
		damaged(r, r->block.events);
	else
		switch ((enum record_block_kind)r->block.kind) {
		case RECORD_DATA:
		case RECORD_TOLD:
			take_items(r);
			break;
		case RECORD_PROBES:
			take_probes(r);
			break;
		case RECORD_END:
			take_end(r);
			break;
		}
	consume(r);
	return 1;
}

/* 1: *item; 0: the block has no more. */
static int at_items(struct record_reader *r, struct record_item *item)
{
	const uint8_t *at = r->raw + r->raw_at;
	size_t left = r->raw_len - r->raw_at, len;
	uint16_t word;

	r->state = AT_BLOCK;
	if (!left)
		return 0;
	if (left >= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		len = word == RECORD_MARK ? sizeof(item->horizon_ns) : word;
		if (len <= EVENT_MAX && left - sizeof(word) >= len) {
			*item = (struct record_item){RECORD_ITEM_EVENT, at + sizeof(word), len, 0};
			if (word == RECORD_MARK) {
				item->kind = RECORD_ITEM_MARK;
				memcpy(&item->horizon_ns, item->bytes, len);
			}
			r->raw_at += sizeof(word) + len;
			r->state = AT_ITEMS;
			return 1;
		}
	}
	damaged(r, 0);
	return 0;
}

int record_read(struct record_reader *r, struct record_item *item)
{
	int ret = 0;

	for (;;) {
		switch (r->state) {
		case AT_HEADER:
			return at_header(r, item);
		case AT_BLOCK:
			ret = at_block(r);
			break;
		case AT_PAYLOAD:
			ret = at_payload(r);
			break;
		case AT_ITEMS:
			if (at_items(r, item))
				return 1;
			continue;
		case OVER:
			return 0;
		}
		if (ret <= 0)
			return ret;
	}
}

enum record_health record_reader_health(const struct record_reader *r)
{
	return r->health;
}

const char *record_reader_why(const struct record_reader *r)
{
	return r->why;
}

const struct record_header *record_reader_header(const struct record_reader *r)
{
	return &r->header;
}

const char *record_reader_probes(const struct record_reader *r)
{
	return r->probes;
}

uint64_t record_reader_position(const struct record_reader *r)
{
	return r->position + r->have;
}
