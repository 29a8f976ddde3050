// SPDX-License-Identifier: GPL-2.0-only
/* Owns how things look to people. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

void look_init(struct look *look)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size;

	setlocale(LC_CTYPE, "");
	look->terminal = isatty(STDOUT_FILENO);
	look->colour = look->terminal && !(no_color && *no_color) && term && strcmp(term, "dumb");
	look->unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");
	look->columns = 0;
	if (look->terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		look->columns = size.ws_col;
}

const char *colour_on(const struct look *look, enum colour c)
{
	static const char *const codes[] = {
		[PLAIN] = "",		[RED] = "\033[31m", [YELLOW] = "\033[33m",
		[GREEN] = "\033[32m", [DIM] = "\033[2m",  [BOLD] = "\033[1m",
	};

	return look->colour ? codes[c] : "";
}

const char *colour_off(const struct look *look)
{
	return look->colour ? "\033[0m" : "";
}

const char *look_arrow(const struct look *look)
{
	return look->unicode ? "→" : "->";
}

const char *look_dash(const struct look *look)
{
	return look->unicode ? "–" : "-";
}

const char *look_dot(const struct look *look)
{
	return look->unicode ? "·" : "|";
}

const char *look_micro(const struct look *look)
{
	return look->unicode ? "µs" : "us";
}

/* Three digits tell enough; below 10 of a unit, one or two behind the point. */
static void scaled(char buf[DURATION_LEN], double value, const char *unit)
{
	snprintf(buf, DURATION_LEN,
		 value < 10    ? "%.2f %s"
		 : value < 100 ? "%.1f %s"
			       : "%.0f %s",
		 value, unit);
}

char *duration_format(char buf[DURATION_LEN], const struct look *look, int64_t ns)
{
	int64_t us = ns / 1000, s = ns / 1000000000;

	if (ns < 0)
		snprintf(buf, DURATION_LEN, "%s", look_dash(look));
	else if (us < 1000)
		snprintf(buf, DURATION_LEN, "%d %s", (int)us, look_micro(look));
	else if (s < 1)
		scaled(buf, us / 1e3, "ms");
	else if (s < 60)
		scaled(buf, us / 1e6, "s");
	else if (s < 3600)
		snprintf(buf, DURATION_LEN, "%d min %d s", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(buf, DURATION_LEN, "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(buf, DURATION_LEN, "%d d %d h", (int)(s / 86400), (int)(s / 3600 % 24));
	return buf;
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

void text_pad(const char *text, int width)
{
	int spaces = (width < 0 ? -width : width) - (int)text_width(text);

	if (width < 0 && spaces > 0)
		printf("%*s", spaces, "");
	fputs(text, stdout);
	if (width > 0 && spaces > 0)
		printf("%*s", spaces, "");
}

char *printable(char *buf, size_t len, const char *text)
{
	size_t i;

	for (i = 0; i + 1 < len && text[i]; i++)
		buf[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	buf[i] = 0;
	return buf;
}

char *process_format(char buf[PROCESS_LEN], const struct ev_process *p)
{
	char comm[EV_COMM_LEN];

	if (!p->pid)
		snprintf(buf, PROCESS_LEN, "?");
	else
		snprintf(buf, PROCESS_LEN, "%s[%u]", printable(comm, sizeof(comm), p->comm),
			 p->pid);
	return buf;
}
