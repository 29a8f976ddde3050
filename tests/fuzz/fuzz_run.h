/* SPDX-License-Identifier: GPL-2.0-only */
/* A pipeline with a text and a JSON sink whose output is looked at: no bytes from outside may make
 * a terminal or a JSON reader misbehave.  Aborts if they could. */
#ifndef SOCKLINE_FUZZ_RUN_H
#define SOCKLINE_FUZZ_RUN_H

#include <stdint.h>

#include "pipeline.h"

/* `choice`: which options are on. */
struct pipeline *fuzz_begin(uint8_t choice);
/* An event of a CPU beyond the sixteen that a fuzz build has room for becomes one of those. */
void fuzz_feed(struct pipeline *p, const void *bytes, size_t len);
void fuzz_end(struct pipeline *p);

/* What look harmless: printable ASCII, whole UTF-8 sequences that are no control, newlines. */
void fuzz_check_text(const char *what, const char *bytes, size_t len);

#endif
