// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the screen of one listener.  The counters do not know single connections: while this screen
 * is open the observer runs too, for that port and namespace alone.
 */
#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "addr.h"
#include "flow.h"
#include "sink_text.h"
#include "top_ui.h"

#define SLOWEST	 32
#define FAILED	 64
#define GROUP	 6
#define SENTENCE 240

/* A story boiled down to a line. */
struct line {
	uint64_t ended_ns;
	int64_t took_ns;
	int64_t handshake_ns;
	int64_t wait_ns;
	char remote[ENDPOINT_LEN];
	char text[SENTENCE];
};

struct top_detail {
	struct sink sink;
	struct look look;
	struct filter filter;
	struct pipeline *pipeline;
	struct source *source;
	uint64_t cookie;
	struct line slowest[SLOWEST]; /* the slowest first */
	int slow_cnt;
	struct line failed[FAILED]; /* a ring */
	uint64_t failed_cnt;
	uint64_t seen;
	uint64_t lost;
	bool over; /* the source ended */
};

static void line_fill(const struct top_detail *d, struct line *l, const struct story *s)
{
	l->ended_ns = s->ended_ns;
	l->took_ns = story_total_ns(s);
	l->handshake_ns = story_handshake_ns(s);
	l->wait_ns = story_queued_ns(s);
	endpoint_format(l->remote, s->tuple.raddr, s->tuple.rport);
	story_sentence(l->text, sizeof(l->text), &d->look, d->sink.view, s);
}

static void keep_slow(struct top_detail *d, const struct story *s)
{
	int64_t took = story_total_ns(s);
	int at = d->slow_cnt;

	if (took < 0 || (at == SLOWEST && took <= d->slowest[at - 1].took_ns))
		return;
	if (at == SLOWEST)
		at--;
	else
		d->slow_cnt++;
	for (; at > 0 && d->slowest[at - 1].took_ns < took; at--)
		d->slowest[at] = d->slowest[at - 1];
	line_fill(d, &d->slowest[at], s);
}

static void on_story(struct sink *sink, const struct story *s)
{
	struct top_detail *d = (struct top_detail *)sink;

	if (s->role != ROLE_PASSIVE || s->outcome == OUTCOME_OPEN)
		return;
	d->seen++;
	if (story_failed(s))
		line_fill(d, &d->failed[d->failed_cnt++ % FAILED], s);
	else
		keep_slow(d, s);
}

static void on_lost(struct sink *sink, const struct ev_lost *ev)
{
	((struct top_detail *)sink)->lost += ev->events;
}

static const struct sink_ops ops = {
	.name = "top",
	.story = on_story,
	.lost = on_lost,
};

static int open_source(struct top_ui *ui, struct top_detail *d)
{
	struct live_conf conf = {.ports = d->filter.ports};
	char why[SOURCE_WHY];
	int ret;

	filter_to_config(&d->filter, &conf.config);
	ret = source_live_open(&conf, flow_feed, d->pipeline, &d->source, why);
	if (ret)
		snprintf(ui->note, sizeof(ui->note), "no events: %.140s", why);
	return ret;
}

int detail_open(struct top_ui *ui, const struct rates_row *row)
{
	const struct snap_sock *s = &row->l->sock;
	struct top_detail *d = calloc(1, sizeof(*d));
	struct pipeline_conf conf = {.passive_only = true};

	if (!d)
		return -ENOMEM;
	ui->detail = d;
	d->sink.ops = &ops;
	d->look = ui->look;
	d->cookie = row->cookie;
	d->filter.ports_on = true;
	d->filter.ports[s->lport / 64] |= 1ULL << s->lport % 64;
	d->filter.netns = s->hdr.netns;
	conf.filter = &d->filter;
	d->pipeline = pipeline_new(&conf);
	if (!d->pipeline || pipeline_add_sink(d->pipeline, &d->sink) || open_source(ui, d)) {
		detail_close(ui);
		return -EIO;
	}
	return 0;
}

void detail_close(struct top_ui *ui)
{
	struct top_detail *d = ui->detail;

	if (!d)
		return;
	if (d->source)
		d->source->ops->close(d->source);
	if (d->pipeline)
		pipeline_free(d->pipeline);
	free(d);
	ui->detail = NULL;
}

void detail_read(struct top_ui *ui)
{
	struct top_detail *d = ui->detail;
	uint64_t horizon_ns;
	int ret;

	if (!d || d->over || ui->paused)
		return;
	ret = d->source->ops->read(d->source, &horizon_ns);
	d->over = ret <= 0;
	if (ret >= 0 && horizon_ns)
		pipeline_settle(d->pipeline, horizon_ns);
}

/* The members of the group side by side, the selected one marked. */
static int draw_group(const struct top_ui *ui, const struct rates_row *row, int y)
{
	const struct rates *r = &ui->top->rates;
	int widths[TOP_COLUMNS], shown = 0, x;
	char text[TOP_TEXT];

	top_columns_fit(widths, COLS - 2);
	if (rates_group(r, row).members < 2)
		return 0;
	draw_line(ui, y, 0, BOLD, "GROUP  %u share this port (SO_REUSEPORT)",
		  rates_group(r, row).members);
	for (size_t i = 0; i < r->cnt && shown < GROUP; i++) {
		const struct rates_row *m = r->rows[i];

		if (!rates_same_group(&m->l->sock, &row->l->sock))
			continue;
		shown++;
		draw_cell(ui, y + shown, 0, 1, false, BOLD, m == row ? ">" : " ");
		x = 2;
		for (int c = 0; c < top_columns_cnt; c++) {
			enum colour colour;

			if (!widths[c])
				continue;
			text[0] = 0;
			colour = top_columns[c].cell(text, &ui->look, m, widths[c]);
			draw_cell(ui, y + shown, x, widths[c], top_columns[c].right, colour, text);
			x += widths[c] + 1;
		}
	}
	return shown + 1;
}

static void draw_slow(const struct top_ui *ui, int y, const struct line *l)
{
	char took[TOP_TEXT], shake[TOP_TEXT], wait[TOP_TEXT];

	draw_cell(ui, y, 0, 8, true, l->took_ns >= 100000000 ? YELLOW : PLAIN,
		  top_span(took, &ui->look, l->took_ns));
	draw_cell(ui, y, 9, 21, false, PLAIN, l->remote);
	draw_cell(ui, y, 31, 9, true, DIM, top_span(shake, &ui->look, l->handshake_ns));
	draw_cell(ui, y, 41, 9, true, DIM, top_span(wait, &ui->look, l->wait_ns));
	draw_line(ui, y, 52, PLAIN, "%s", l->text);
}

static void draw_failed(const struct top_ui *ui, int y, const struct line *l)
{
	char ago[DURATION_LEN];
	int64_t age =
		ui->top->rates.time_ns > l->ended_ns ? ui->top->rates.time_ns - l->ended_ns : 0;

	draw_cell(ui, y, 0, 8, true, DIM, duration_format(ago, &ui->look, age));
	draw_cell(ui, y, 9, 21, false, PLAIN, l->remote);
	draw_line(ui, y, 31, RED, "%s", l->text);
}

static void draw_stories(const struct top_ui *ui, int y)
{
	const struct top_detail *d = ui->detail;
	int room = LINES - 1 - y, failed, slow, at;
	uint64_t kept = d->failed_cnt < FAILED ? d->failed_cnt : FAILED;

	room -= 2;
	if (room < 2)
		return;
	failed = kept < (uint64_t)room / 2 ? (int)kept : room / 2;
	if (room - failed > d->slow_cnt)
		failed = kept < (uint64_t)(room - d->slow_cnt) ? (int)kept : room - d->slow_cnt;
	if (!failed)
		failed = 1;
	slow = room - failed < d->slow_cnt ? room - failed : d->slow_cnt;
	draw_line(ui, y, 0, BOLD, "   TOTAL SLOWEST OF %-11llu %9s %9s",
		  (unsigned long long)(d->seen - d->failed_cnt), "HANDSHAKE", "WAITED");
	for (at = 0; at < slow; at++)
		draw_slow(ui, y + 1 + at, &d->slowest[at]);
	if (!slow)
		draw_line(ui, y + ++at, 9, DIM, "none accepted since this was opened");
	y += at + 1;
	draw_line(ui, y, 0, BOLD, "     AGO FAILED, %llu SINCE THIS WAS OPENED",
		  (unsigned long long)d->failed_cnt);
	for (at = 0; at < failed && at < (int)kept; at++)
		draw_failed(ui, y + 1 + at, &d->failed[(d->failed_cnt - 1 - at) % FAILED]);
	if (!kept)
		draw_line(ui, y + 1, 9, DIM, "none");
}

void detail_draw(struct top_ui *ui)
{
	static const char *const keys[] = {"Esc", "back", "Space", "pause"};
	const struct rates_row *row = ui_row(ui, ui->detail->cookie);
	char where[TOP_TEXT], blame[TOP_TEXT];
	int y = 3;

	erase();
	draw_keys(ui, keys, sizeof(keys) / sizeof(keys[0]));
	if (!row) {
		draw_line(ui, 0, 0, YELLOW, "this listener has closed");
		draw_stories(ui, y);
		return;
	}
	draw_cell(ui, 0, 0, 40, false, BOLD, top_endpoint(where, row));
	draw_line(ui, 0, text_width(where) + 2, DIM,
		  "in namespace %s, %u drops by the kernel's count%s", row->netns,
		  row->l->sock.drops, ui->detail->lost ? ", some events lost" : "");
	if (ui->paused)
		draw_cell(ui, 0, COLS - 8, 8, true, YELLOW, "PAUSED");
	top_blame(blame, &ui->look, &ui->top->rates, row);
	draw_line(ui, 1, 0, blame[0] ? RED : DIM, "%s", blame[0] ? blame : "not under pressure");
	y += draw_panel(ui, row, 2);
	y += draw_group(ui, row, y);
	draw_stories(ui, y);
}

bool detail_key(struct top_ui *ui, int key)
{
	switch (key) {
	case ' ':
	case 'p':
		ui->paused = !ui->paused;
		return true;
	case KEY_RESIZE:
		return true;
	}
	return key != 27 && key != 'q' && key != '\n' && key != '\r' && key != KEY_ENTER &&
	       key != KEY_BACKSPACE && key != KEY_LEFT;
}
