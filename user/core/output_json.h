/* SPDX-License-Identifier: GPL-2.0-only */
/* What several outputs say alike in JSON. */
#ifndef SOCKLINE_OUTPUT_JSON_H
#define SOCKLINE_OUTPUT_JSON_H

#include "json.h"
#include "sink.h"

/* The array of its steps; key as in json.h. */
void output_json_steps(struct json *j, const char *key, const struct story *s);

/* Members of an object that is open. */
void output_json_account(struct json *j, const struct account *a);

#endif
