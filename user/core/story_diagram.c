// SPDX-License-Identifier: GPL-2.0-only
/* Draws steps between lanes, in Unicode or ASCII. */
#include <stdio.h>
#include <string.h>

#include "story_diagram.h"

enum lane {
	CLIENT,
	SYN_QUEUE,
	ACCEPT_QUEUE,
	PROCESS,
	LANES,
};

static const int lane_at[LANES] = {0, 16, 30, 44};

/* One cell each; the glyph that stands for it is chosen last. */
enum cell {
	BLANK,
	LANE,	 /* │ */
	LINE,	 /* ─ */
	START,	 /* ├ an arrow leaves to the right */
	START_L, /* ┤ an arrow leaves to the left */
	CROSS,	 /* ┼ */
	TO_RIGHT,
	TO_LEFT,
	LOST,	 /* ✗ */
	LETTER,	 /* cells from here on: LETTER + the character */
};

static const char *const unicode[] = {" ", "│", "─", "├", "┤", "┼", "▶", "◀", "✗"};
static const char *const ascii[] = {" ", "|", "-", "+", "+", "+", ">", "<", "x"};

/* Who says what to whom.  LANES as `to`: the accept queue if it was reached, else the SYN queue. */
static const struct arrow {
	const char *label;
	enum lane from, to;
	bool lost;
} arrows[] = {
	[STEP_SYN] = {"SYN", CLIENT, SYN_QUEUE, false},
	[STEP_SYN_REPEATED] = {"SYN again", CLIENT, SYN_QUEUE, false},
	[STEP_SYNACK] = {"SYN-ACK", SYN_QUEUE, CLIENT, false},
	[STEP_SYNACK_RETRANSMIT] = {"SYN-ACK", SYN_QUEUE, CLIENT, false},
	[STEP_SYN_DROPPED] = {"dropped", CLIENT, SYN_QUEUE, true},
	[STEP_ACK_DROPPED] = {"ACK", CLIENT, ACCEPT_QUEUE, true},
	[STEP_ACK_DEFERRED] = {"ACK", CLIENT, SYN_QUEUE, false},
	[STEP_QUEUED] = {"ACK", CLIENT, ACCEPT_QUEUE, false},
	[STEP_ESTABLISHED] = {"ACK", CLIENT, ACCEPT_QUEUE, false},
	[STEP_ACCEPTED] = {"accept()", ACCEPT_QUEUE, PROCESS, false},
	[STEP_RESET] = {"RST", CLIENT, LANES, false},
	[STEP_CLOSED] = {"FIN", CLIENT, LANES, false},
	[STEP_EXPIRED] = {"expired", SYN_QUEUE, CLIENT, true},
	[STEP_LISTENER_CLOSED] = {"RST", LANES, CLIENT, false},
	[STEP_REFUSED] = {"RST", SYN_QUEUE, CLIENT, false},
	[STEP_CONNECT] = {NULL, 0, 0, false},
	[STEP_SYN_SENT_AGAIN] = {NULL, 0, 0, false},
	[STEP_FAILED] = {NULL, 0, 0, false},
};

void diagram_header(const struct story *s)
{
	if (s->role == ROLE_ACTIVE)
		return;
	printf("%-12s%-14s%-15s%s", "client", "SYN queue", "accept queue", "process");
}

static void put_arrow(int cells[DIAGRAM_WIDTH], const struct arrow *a, enum lane from, enum lane to)
{
	int left = lane_at[from < to ? from : to], right = lane_at[from < to ? to : from];
	int label = left + (lane_at[1] - (int)strlen(a->label)) / 2;

	for (int i = left + 1; i < right; i++)
		cells[i] = cells[i] == LANE ? CROSS : LINE;
	cells[left] = from < to ? START : LANE;
	cells[right] = from < to ? LANE : START_L;
	if (a->lost)
		cells[from < to ? right - 1 : left + 1] = LOST;
	else
		cells[from < to ? right - 1 : left + 1] = from < to ? TO_RIGHT : TO_LEFT;
	if (from == ACCEPT_QUEUE && to == PROCESS)
		label = left + 3;
	cells[label - 1] = cells[label + strlen(a->label)] = BLANK;
	for (const char *p = a->label; *p; p++)
		cells[label++] = LETTER + *p;
}

void diagram_step(const struct look *look, const struct story *s, enum step_kind kind, bool queued)
{
	const struct arrow *a = &arrows[kind];
	enum lane reached = queued ? ACCEPT_QUEUE : SYN_QUEUE;
	int cells[DIAGRAM_WIDTH] = {BLANK};

	for (int i = 0; i < LANES; i++)
		cells[lane_at[i]] = LANE;
	if (a->label)
		put_arrow(cells, a, a->from == LANES ? reached : a->from,
			  a->to == LANES ? reached : a->to);
	for (int i = 0; i < DIAGRAM_WIDTH; i++) {
		if (cells[i] >= LETTER)
			putchar(cells[i] - LETTER);
		else
			fputs((look->unicode ? unicode : ascii)[cells[i]], stdout);
	}
}
