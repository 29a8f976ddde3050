/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A column of whole numbers as the text of a JSON array, made as they come.  Where one number comes
 * four times or more in a row, the array holds [number, times] instead.
 */
#ifndef SOCKLINE_REPORT_COLUMN_H
#define SOCKLINE_REPORT_COLUMN_H

#include "json.h"

struct report_column {
	struct json text; /* elements, without the brackets */
	int64_t value;
	uint32_t run; /* how often value came, not yet in text */
};

#define REPORT_NONE INT64_MIN /* null */

void report_column_add(struct report_column *c, int64_t value);
/* Writes it as "key": […], and begins anew.  A column that had no memory fails j. */
void report_column_write(struct report_column *c, struct json *j, const char *key);
void report_column_free(struct report_column *c);

#endif
