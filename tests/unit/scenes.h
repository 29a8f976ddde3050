/* SPDX-License-Identifier: GPL-2.0-only */
/* A scene: what the kernel tells of one connection from its first event to its last, and the story
 * that this is.  The table is in scenes.c. */
#ifndef SOCKLINE_TESTS_SCENES_H
#define SOCKLINE_TESTS_SCENES_H

#include "build.h"

#define ACTS_MAX 10

struct scene {
	const char *name;
	struct act acts[ACTS_MAX]; /* ends at the first without a kind */
	uint32_t tick_ms;	   /* the stream goes on for so long; 0: it ends with the last act */
	enum outcome outcome;
	enum story_reason reason;
	const char *steps;
	/* With one of its events lost it may also, incomplete, look like this. */
	enum outcome or_outcome;
};

extern const struct scene scenes[];
extern const size_t scenes_cnt;

#endif
