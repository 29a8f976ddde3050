// SPDX-License-Identifier: GPL-2.0-only
/* Owns a hash table of byte strings.  Pure. */
#include <stdlib.h>
#include <string.h>

#include "report_dict.h"

#define FIRST_ROOM 64

/* FNV-1a */
static uint32_t hash(const uint8_t *key, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ key[i]) * 16777619u;
	return h;
}

/* The slot of this key, or the free one where it belongs. */
static uint32_t *slot_of(const struct report_dict *d, const uint8_t *key, size_t len)
{
	uint32_t at = hash(key, len);

	for (;; at++) {
		uint32_t *slot = &d->slots[at & (d->room - 1)];
		uint32_t n = *slot - 1;

		if (!*slot)
			return slot;
		if (d->offsets[n + 1] - d->offsets[n] == len &&
		    !memcmp(d->keys + d->offsets[n], key, len))
			return slot;
	}
}

/* Twice the slots, and as many offsets as may be used of them. */
static bool grow(struct report_dict *d)
{
	uint32_t room = d->room ? d->room * 2 : FIRST_ROOM;
	uint32_t *slots = calloc(room, sizeof(*slots));
	uint32_t *offsets = realloc(d->offsets, (room / 2 + 2) * sizeof(*offsets));

	if (offsets) {
		d->offsets = offsets;
		if (!d->room)
			offsets[0] = 0;
	}
	if (!slots || !offsets) {
		free(slots);
		return false;
	}
	free(d->slots);
	d->slots = slots;
	d->room = room;
	for (uint32_t n = 0; n < d->cnt; n++)
		*slot_of(d, d->keys + d->offsets[n], d->offsets[n + 1] - d->offsets[n]) = n + 1;
	return true;
}

static bool keep(struct report_dict *d, const void *key, size_t len)
{
	uint32_t end = d->cnt ? d->offsets[d->cnt] : 0;

	if (d->keys_cap - end < len) {
		size_t cap = (d->keys_cap + len) * 2;
		uint8_t *keys = realloc(d->keys, cap);

		if (!keys)
			return false;
		d->keys = keys;
		d->keys_cap = cap;
	}
	memcpy(d->keys + end, key, len);
	d->offsets[d->cnt + 1] = end + len;
	return true;
}

uint32_t report_dict_number(struct report_dict *d, const void *key, size_t len, bool *fresh)
{
	uint32_t *slot;

	*fresh = false;
	if (d->failed)
		return 0;
	if (d->cnt >= d->room / 2 && !grow(d)) {
		d->failed = true;
		return 0;
	}
	slot = slot_of(d, key, len);
	if (*slot)
		return *slot - 1;
	if (!keep(d, key, len)) {
		d->failed = true;
		return 0;
	}
	*slot = ++d->cnt;
	*fresh = true;
	return d->cnt - 1;
}

void report_dict_write(struct report_dict *d, struct json *j, const char *key)
{
	json_array(j, key);
	json_raw(j, &d->text);
	json_end_array(j);
	j->failed |= d->failed;
}

void report_dict_free(struct report_dict *d)
{
	json_free(&d->text);
	free(d->slots);
	free(d->offsets);
	free(d->keys);
	memset(d, 0, sizeof(*d));
}
