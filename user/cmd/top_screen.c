// SPDX-License-Identifier: GPL-2.0-only
/* Owns the terminal: takes it, gives it back as it was; in between looks, draws and obeys keys. */
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "terminfo.h"
#include "top_ui.h"

#define DETAIL_MS 50
/* A terminal that is gone reads as empty for ever. */
#define EMPTY_READS 20
#define KEY_ESC 27

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

const struct rates_row *ui_row(const struct top_ui *ui, uint64_t cookie)
{
	for (size_t i = 0; i < ui->top->rates.cnt; i++)
		if (ui->top->rates.rows[i]->cookie == cookie)
			return ui->top->rates.rows[i];
	return NULL;
}

const struct rates_row *ui_selected(const struct top_ui *ui)
{
	return ui->at < ui->cnt ? ui->rows[ui->at] : NULL;
}

static bool matches(const struct top_ui *ui, const struct rates_row *row)
{
	char text[TOP_TEXT];

	if (!top_wanted(ui->top, row))
		return false;
	return !ui->filter[0] || strcasestr(top_endpoint(text, row), ui->filter) ||
	       strcasestr(top_owner(text, row), ui->filter);
}

/* The rows that match, in whatever order; as they were, and so all but sorted, when neither the
 * listeners, nor their owners, nor the filter have changed. */
static int choose_rows(struct top_ui *ui)
{
	const struct filter *f = ui->top->filter;
	const struct rates *r = &ui->top->rates;

	if (ui->rows && ui->sets == r->sets && ui->snaps == ui->top->view->snaps &&
	    !strcmp(ui->chosen, ui->filter) && !f->failed && !f->slow_us)
		return 0;
	if (r->cnt > ui->cap || !ui->rows) {
		struct rates_row **rows = realloc(ui->rows, (r->cnt + 1) * 2 * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		ui->rows = rows;
		ui->cap = (r->cnt + 1) * 2;
	}
	ui->cnt = 0;
	for (size_t i = 0; i < r->cnt; i++)
		if (matches(ui, r->rows[i]))
			ui->rows[ui->cnt++] = r->rows[i];
	ui->sets = r->sets;
	ui->snaps = ui->top->view->snaps;
	strcpy(ui->chosen, ui->filter);
	return 0;
}

/* Chooses, sorts, and finds the selected one again wherever it went. */
static int arrange(struct top_ui *ui)
{
	bool found = false;
	int ret = choose_rows(ui);

	if (ret)
		return ret;
	top_sort(ui->rows, ui->cnt, ui->column, ui->reverse);
	for (size_t i = 0; i < ui->cnt && !found && ui->selected; i++) {
		found = ui->rows[i]->cookie == ui->selected;
		if (found)
			ui->at = i;
	}
	if (ui->at >= ui->cnt)
		ui->at = ui->cnt ? ui->cnt - 1 : 0;
	return 0;
}

/* Until a row is chosen, the first one is: the one under most pressure. */
static void choose(struct top_ui *ui, long at)
{
	ui->at = at < 0 || !ui->cnt ? 0 : (size_t)at >= ui->cnt ? ui->cnt - 1 : (size_t)at;
	ui->selected = ui->cnt ? ui->rows[ui->at]->cookie : 0;
}

static void redraw(struct top_ui *ui)
{
	switch (ui->mode) {
	case MODE_TABLE:
	case MODE_FILTER:
		draw_table(ui);
		break;
	case MODE_HELP:
		draw_help(ui);
		break;
	case MODE_DETAIL:
		detail_draw(ui);
		break;
	}
	refresh();
}

static void filter_key(struct top_ui *ui, int key)
{
	size_t len = strlen(ui->filter);

	if (key == KEY_ESC)
		ui->filter[0] = 0;
	if (key == KEY_ESC || key == '\n' || key == '\r' || key == KEY_ENTER)
		ui->mode = MODE_TABLE;
	else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && len)
		ui->filter[len - 1] = 0;
	else if (key == 21) /* Ctrl-U */
		ui->filter[0] = 0;
	else if (key >= 0x20 && key < 0x7f && len + 1 < sizeof(ui->filter))
		ui->filter[len] = key, ui->filter[len + 1] = 0;
}

static bool move_key(struct top_ui *ui, int key)
{
	switch (key) {
	case KEY_UP:
	case 'k':
		choose(ui, (long)ui->at - 1);
		return true;
	case KEY_DOWN:
	case 'j':
		choose(ui, (long)ui->at + 1);
		return true;
	case KEY_PPAGE:
		choose(ui, (long)ui->at - ui->page);
		return true;
	case KEY_NPAGE:
		choose(ui, (long)ui->at + ui->page);
		return true;
	case KEY_HOME:
	case 'g':
		choose(ui, 0);
		return true;
	case KEY_END:
	case 'G':
		choose(ui, (long)ui->cnt - 1);
		return true;
	}
	return false;
}

/* False: it is time to end. */
static bool table_key(struct top_ui *ui, int key)
{
	if (move_key(ui, key))
		return true;
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case 's':
	case '>':
		ui->column = top_column_next(ui->widths, ui->column, 1);
		break;
	case 'S':
	case '<':
		ui->column = top_column_next(ui->widths, ui->column, -1);
		break;
	case 'r':
	case 'R':
		ui->reverse = !ui->reverse;
		break;
	case '/':
		ui->mode = MODE_FILTER;
		break;
	case KEY_ESC:
		ui->filter[0] = 0;
		break;
	case ' ':
	case 'p':
		ui->paused = !ui->paused;
		break;
	case '?':
	case 'h':
		ui->mode = MODE_HELP;
		break;
	case '\n':
	case '\r':
	case KEY_ENTER:
		if (ui_selected(ui) && !detail_open(ui, ui_selected(ui)))
			ui->mode = MODE_DETAIL;
		break;
	}
	return true;
}

static bool obey(struct top_ui *ui, int key)
{
	ui->note[0] = 0;
	switch (ui->mode) {
	case MODE_TABLE:
		return table_key(ui, key);
	case MODE_FILTER:
		filter_key(ui, key);
		break;
	case MODE_HELP:
		ui->mode = MODE_TABLE;
		break;
	case MODE_DETAIL:
		if (!detail_key(ui, key)) {
			detail_close(ui);
			ui->mode = MODE_TABLE;
		}
		break;
	}
	return true;
}

/* 1: keys came; 0: none; -1: the end. */
static int take_keys(struct top_ui *ui, int *empty)
{
	int key, taken = 0;

	while ((key = getch()) != ERR) {
		taken = 1;
		*empty = 0;
		if (!obey(ui, key))
			return -1;
	}
	if (!taken && ++*empty > EMPTY_READS)
		return -1;
	return taken;
}

/* Waits until `until`, or until there is something to draw.  -1: the end. */
static int wait_for(struct top_ui *ui, uint64_t until, int *empty)
{
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = ui->top->stop->signals, .events = POLLIN},
	};
	uint64_t now = now_ms();
	int ms = until > now ? until - now : 0, n;

	if (ui->mode == MODE_DETAIL && ms > DETAIL_MS)
		ms = DETAIL_MS;
	n = poll(fds, 2, ms);
	/* A window that changed its size interrupts poll(), and curses has a key for it. */
	if (n < 0 && errno != EINTR)
		return -1;
	if (stop_wait(ui->top->stop, 0) ||
	    (n > 0 && fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)))
		return -1;
	if (n < 0 || fds[0].revents & POLLIN)
		return take_keys(ui, empty);
	return 0;
}

static uint64_t next_look(const struct top_ui *ui, uint64_t from)
{
	double interval = ui->top->opts->interval > 0 ? ui->top->opts->interval : 1;
	uint64_t ms = interval * 1000, end_ms = ui->top->stop->deadline_ns / 1000000 + 1;

	ms = from + (ms ? ms : 1);
	return ui->top->stop->deadline_ns && end_ms < ms ? end_ms : ms;
}

static int run(struct top_ui *ui)
{
	uint64_t looks = 0, at = now_ms();
	int ret = 0, keys = 1, empty = 0;

	while (keys >= 0) {
		if (now_ms() >= at) {
			at = next_look(ui, now_ms());
			keys = 1;
			if (!ui->paused)
				ret = top_read(ui->top);
			if (ret)
				break;
			if (ui->top->common->count && ++looks > ui->top->common->count)
				break;
		}
		if (ui->mode == MODE_DETAIL)
			detail_read(ui);
		if (keys) {
			ret = arrange(ui);
			if (ret)
				break;
			redraw(ui);
		}
		keys = wait_for(ui, at, &empty);
	}
	return ret;
}

static SCREEN *terminal_take(struct look *look)
{
	const char *own;
	SCREEN *screen;

	look_init(look);
	/* initscr() would end the program where TERM is not known. */
	screen = newterm(NULL, stdout, stdin);
	own = screen ? NULL : terminfo_own(getenv("TERM"));
	if (own)
		screen = newterm(own, stdout, stdin);
	if (!screen)
		return NULL;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	draw_colours(look);
	return screen;
}

int top_screen(struct top *t)
{
	struct top_ui ui = {.top = t};
	const char *term = getenv("TERM");
	SCREEN *screen = terminal_take(&ui.look);
	int ret;

	if (!screen)
		return opts_error(t->cmd,
				  "TERM=%s is not a terminal that can be drawn on; --json needs "
				  "none",
				  term ? term : "");
	ui.column = top_column_named(t->opts->sort ? t->opts->sort : "pressure");
	ret = run(&ui);
	detail_close(&ui);
	/* A terminal without a second screen keeps the picture, but not the keys, which are dead now. */
	move(LINES - 1, 0);
	clrtoeol();
	refresh();
	endwin();
	delscreen(screen);
	free(ui.rows);
	if (ret)
		return opts_error(t->cmd, "%s", strerror(-ret));
	return EXIT_YES;
}
