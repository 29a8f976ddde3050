/* SPDX-License-Identifier: GPL-2.0-only */
/* Gives each different thing a number, in the order in which they come; what stands for it in the
 * page is written once.  Grows. */
#ifndef SOCKLINE_REPORT_DICT_H
#define SOCKLINE_REPORT_DICT_H

#include "json.h"

#define REPORT_KEY_MAX 192

struct report_dict {
	struct json text; /* the entries, without the brackets */
	uint32_t cnt;
	uint32_t room;	   /* slots, a power of two */
	uint32_t *slots;   /* 1 + number; 0: free */
	uint32_t *offsets; /* of each key in keys; one more than cnt */
	uint8_t *keys;
	size_t keys_cap;
	bool failed; /* out of memory: every number is 0 */
};

/* The number of this key.  *fresh: it is new, so its entry must be written to d->text now. */
uint32_t report_dict_number(struct report_dict *d, const void *key, size_t len, bool *fresh);

void report_dict_write(struct report_dict *d, struct json *j, const char *key);
void report_dict_free(struct report_dict *d);

#endif
