// SPDX-License-Identifier: GPL-2.0-only
/* Owns how a column of numbers is written.  Pure. */
#include "report_column.h"

#define RUN_WORTH 4 /* a run that is shorter takes less room number by number */

static void put(struct json *j, int64_t value)
{
	if (value == REPORT_NONE)
		json_null(j, NULL);
	else
		json_i64(j, NULL, value);
}

static void flush(struct report_column *c)
{
	if (c->run >= RUN_WORTH) {
		json_array(&c->text, NULL);
		put(&c->text, c->value);
		json_u64(&c->text, NULL, c->run);
		json_end_array(&c->text);
	} else {
		for (uint32_t i = 0; i < c->run; i++)
			put(&c->text, c->value);
	}
	c->run = 0;
}

void report_column_add(struct report_column *c, int64_t value)
{
	if (c->run && c->value != value)
		flush(c);
	c->value = value;
	c->run++;
}

void report_column_write(struct report_column *c, struct json *j, const char *key)
{
	flush(c);
	json_array(j, key);
	json_raw(j, &c->text);
	json_end_array(j);
	report_column_free(c);
}

void report_column_free(struct report_column *c)
{
	json_free(&c->text);
	c->run = 0;
}
