/* SPDX-License-Identifier: GPL-2.0-only */
/* Stories for people: a line each, or step by step. */
#ifndef SOCKLINE_SINK_TEXT_H
#define SOCKLINE_SINK_TEXT_H

#include "sink.h"
#include "text.h"

struct sink_text_conf {
	bool steps;
	bool explain;
	bool binds;
	bool wall_clock;
	bool since_start;
	bool wide;
	bool no_header;
	bool replay; /* someone else says what is replayed, and how far it is */
};

struct sink_text {
	struct sink sink;
	struct sink_text_conf conf;
	struct look look;
	bool header_done;
	bool banner_done;
	bool status_shown; /* a status line stands on the terminal, to be wiped */
	uint64_t status_ns;
	uint64_t status_events;
};

/* Writes to stdout; talk and the account of losses go to stderr. */
void sink_text_init(struct sink_text *s, const struct sink_text_conf *conf);

/* "accepted by nginx[812] as fd 12": the story in one sentence. */
void story_sentence(char *buf, size_t len, const struct look *look, const struct sink_view *view,
		    const struct story *s);
/* Its timeline, to stdout. */
void story_steps(const struct look *look, const struct sink_view *view, const struct story *s,
		 bool explain);

#endif
