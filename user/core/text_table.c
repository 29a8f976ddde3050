// SPDX-License-Identifier: GPL-2.0-only
/* Owns the layout of columns.  Tens of thousands of rows are printed: stdout without its lock. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text_table.h"

#define COLUMNS_MAX 16
#define GAP	    2
#define NOTE_INDENT 4

struct cell {
	uint32_t at; /* of its text, ended by 0 */
	uint16_t width;
	uint8_t colour;
	bool note;
};

struct text_table {
	const struct look *look;
	const struct text_column *columns;
	int cnt;
	bool whole;
	bool failed;
	int next; /* column of the next cell */
	int natural[COLUMNS_MAX];
	struct cell *cells;
	size_t cell_cnt;
	size_t cell_cap;
	char *text;
	size_t text_len;
	size_t text_cap;
};

struct text_table *text_table_new(const struct look *look, const struct text_column *columns,
				  int cnt, bool whole)
{
	struct text_table *t = cnt > COLUMNS_MAX ? NULL : calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->look = look;
	t->columns = columns;
	t->cnt = cnt;
	t->whole = whole || !look->columns;
	for (int i = 0; i < cnt; i++)
		t->natural[i] = text_width(columns[i].title);
	return t;
}

void text_table_free(struct text_table *t)
{
	if (!t)
		return;
	free(t->cells);
	free(t->text);
	free(t);
}

static bool grow(void **array, size_t *cap, size_t want, size_t size)
{
	size_t more = *cap ? *cap : 1024;
	void *bigger;

	if (want <= *cap)
		return true;
	while (more < want)
		more *= 2;
	bigger = realloc(*array, more * size);
	if (!bigger)
		return false;
	*array = bigger;
	*cap = more;
	return true;
}

static struct cell *add(struct text_table *t, enum colour colour, const char *text)
{
	size_t len = strlen(text) + 1;
	struct cell *c;

	if (!grow((void **)&t->cells, &t->cell_cap, t->cell_cnt + 1, sizeof(*t->cells)) ||
	    !grow((void **)&t->text, &t->text_cap, t->text_len + len, 1)) {
		t->failed = true;
		return NULL;
	}
	c = &t->cells[t->cell_cnt++];
	*c = (struct cell){.at = t->text_len, .width = text_width(text), .colour = colour};
	memcpy(t->text + t->text_len, text, len);
	t->text_len += len;
	return c;
}

void text_table_cell(struct text_table *t, enum colour colour, const char *text)
{
	const struct cell *c = add(t, colour, text);

	if (c && c->width > t->natural[t->next])
		t->natural[t->next] = c->width;
	t->next = (t->next + 1) % t->cnt;
}

void text_table_note(struct text_table *t, enum colour colour, const char *text)
{
	struct cell *c = add(t, colour, text);

	if (c)
		c->note = true;
}

static int total(const int *widths, int cnt)
{
	int sum = -GAP;

	for (int i = 0; i < cnt; i++)
		sum += widths[i] ? widths[i] + GAP : 0;
	return sum;
}

/* The column that goes next, -1: none. */
static int expendable(const struct text_table *t, const int *widths)
{
	int victim = -1;

	for (int i = 0; i < t->cnt; i++)
		if (widths[i] && t->columns[i].drop &&
		    (victim < 0 || t->columns[i].drop > t->columns[victim].drop))
			victim = i;
	return victim;
}

/* Width 0: the column is not shown. */
static void fit(const struct text_table *t, int *widths)
{
	int over, give, victim;

	memcpy(widths, t->natural, sizeof(t->natural));
	for (;;) {
		over = t->whole ? 0 : total(widths, t->cnt) - t->look->columns;
		for (int i = t->cnt - 1; i >= 0 && over > 0; i--) {
			give = widths[i] && t->columns[i].min ? widths[i] - t->columns[i].min : 0;
			give = give < 0 ? 0 : give < over ? give : over;
			widths[i] -= give;
			over -= give;
		}
		victim = over > 0 ? expendable(t, widths) : -1;
		if (victim < 0)
			return;
		memcpy(widths, t->natural, sizeof(t->natural));
		for (int i = 0; i < t->cnt; i++)
			if (t->columns[i].drop >= t->columns[victim].drop)
				widths[i] = 0;
	}
}

static void spaces(int n)
{
	static const char blank[] = "                                ";
	const int most = sizeof(blank) - 1;

	for (; n > 0; n -= most)
		fwrite_unlocked(blank, 1, n < most ? n : most, stdout);
}

/* The first `width` columns of text, the last of them saying that there is more. */
static void cut(const struct text_table *t, const char *text, int width)
{
	size_t len = 0;

	for (int i = 0; i < width - 1; i++) {
		len++;
		while ((text[len] & 0xc0) == 0x80)
			len++;
	}
	fwrite_unlocked(text, 1, len, stdout);
	fputs_unlocked(t->look->unicode ? "…" : "~", stdout);
}

static void print_cell(const struct text_table *t, int column, const char *text, int width,
		       enum colour colour, int room, bool last)
{
	const char *on = colour_on(t->look, colour);

	if (t->columns[column].right)
		spaces(room - width);
	if (*on)
		fputs_unlocked(on, stdout);
	if (width > room)
		cut(t, text, room);
	else
		fputs_unlocked(text, stdout);
	if (*on)
		fputs_unlocked(colour_off(t->look), stdout);
	if (!last)
		spaces((t->columns[column].right || width > room ? 0 : room - width) + GAP);
}

static void print_header(const struct text_table *t, const int *widths, int last)
{
	for (int i = 0; i < t->cnt; i++)
		if (widths[i])
			print_cell(t, i, t->columns[i].title, text_width(t->columns[i].title), BOLD,
				   widths[i], i == last);
	putchar_unlocked('\n');
}

int text_table_print(const struct text_table *t, bool header)
{
	int widths[COLUMNS_MAX], last = t->cnt - 1, column = 0;

	if (t->failed)
		return -ENOMEM;
	fit(t, widths);
	while (last > 0 && !widths[last])
		last--;
	if (header)
		print_header(t, widths, last);
	for (size_t i = 0; i < t->cell_cnt; i++) {
		const struct cell *c = &t->cells[i];

		if (c->note) {
			fputs_unlocked(colour_on(t->look, c->colour), stdout);
			text_wrap(t->look, NOTE_INDENT, t->text + c->at);
			fputs_unlocked(colour_off(t->look), stdout);
			continue;
		}
		if (widths[column])
			print_cell(t, column, t->text + c->at, c->width, c->colour, widths[column],
				   column == last);
		column = (column + 1) % t->cnt;
		if (!column)
			putchar_unlocked('\n');
	}
	return 0;
}

char *text_bar(char buf[BAR_LEN], const struct look *look, uint64_t depth, uint64_t limit,
	       int width)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	uint64_t whole = width * 8ULL, parts = depth ? whole : 0;
	int full, used;
	char *to = buf;

	if (depth < limit)
		parts = (depth * whole + limit - 1) / limit;
	full = parts / 8;
	used = full;
	for (int i = 0; i < full; i++)
		to = stpcpy(to, look->unicode ? "█" : "#");
	if (parts % 8) {
		to = stpcpy(to, look->unicode ? eighths[parts % 8] : ".");
		used++;
	}
	for (; used < width; used++)
		*to++ = ' ';
	*to = 0;
	return buf;
}

void text_wrap(const struct look *look, int indent, const char *text)
{
	int room = look->columns > indent + 20 ? look->columns - indent : INT32_MAX, at = 0;

	spaces(indent);
	while (*text) {
		size_t len = strcspn(text, " ");
		int width = 0;

		for (size_t i = 0; i < len; i++)
			width += (text[i] & 0xc0) != 0x80;
		if (at && at + 1 + width > room) {
			putchar_unlocked('\n');
			spaces(indent);
			at = 0;
		} else if (at) {
			putchar_unlocked(' ');
			at++;
		}
		fwrite_unlocked(text, 1, len, stdout);
		at += width;
		text += len + strspn(text + len, " ");
	}
	putchar_unlocked('\n');
}
