// SPDX-License-Identifier: GPL-2.0-only
/* Owns the sinks of the fuzz targets, and the judgement of what they print. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz_run.h"
#include "sink_json.h"
#include "sink_text.h"

#define CONNECTIONS 64 /* few, so that eviction happens */

static struct sink_json json;
static struct sink_text text;
static struct filter filter;
static FILE *real_stdout;
static char *printed;
static size_t printed_len;
static int json_fd = -1;

static void die(const char *what, size_t at, const char *why)
{
	dprintf(STDERR_FILENO, "%s, byte %zu: %s\n", what, at, why);
	abort();
}

/* Length of the UTF-8 sequence at s, 0 if it is none or a C1 control (U+0080 to U+009F). */
static size_t sequence(const unsigned char *s, size_t left)
{
	size_t len = *s >= 0xf0 && *s < 0xf5 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 0;

	if (*s >= 0xf5 || !len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return s[0] == 0xc2 && s[1] < 0xa0 ? 0 : len;
}

void fuzz_check_text(const char *what, const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;

	for (size_t i = 0; i < len;) {
		size_t step = 1;

		if ((s[i] < 0x20 && s[i] != '\n') || s[i] == 0x7f)
			die(what, i, "a control character");
		if (s[i] >= 0x80)
			step = sequence(s + i, len - i);
		if (!step)
			die(what, i, "not UTF-8, or a C1 control");
		i += step;
	}
}

static void check_json(void)
{
	off_t len = lseek(json_fd, 0, SEEK_CUR);
	char *lines;

	if (len <= 0)
		return;
	lines = mmap(NULL, len, PROT_READ, MAP_PRIVATE, json_fd, 0);
	if (lines == MAP_FAILED)
		abort();
	fuzz_check_text("JSON", lines, len);
	for (const char *at = lines; at < lines + len;) {
		const char *end = memchr(at, '\n', lines + len - at);

		if (!end || *at != '{' || end[-1] != '}')
			die("JSON", at - lines, "not an object a line");
		at = end + 1;
	}
	munmap(lines, len);
}

struct pipeline *fuzz_begin(uint8_t choice)
{
	struct sink_text_conf look = {
		.steps = choice & 1,
		.explain = choice & 2,
		.binds = choice & 4,
		.wall_clock = choice & 8,
		.since_start = choice & 16,
		.wide = choice & 32,
		.replay = choice & 64,
	};
	struct pipeline_conf conf = {&filter, CONNECTIONS, 0, choice & 128};
	struct pipeline *p = pipeline_new(&conf);

	if (!p)
		abort();
	real_stdout = stdout;
	stdout = open_memstream(&printed, &printed_len);
	stderr = stdout;
	if (json_fd < 0) {
		json_fd = memfd_create("json", 0);
		setenv("LC_ALL", "C.UTF-8", 1);
	}
	if (!stdout || json_fd < 0 || ftruncate(json_fd, 0) || lseek(json_fd, 0, SEEK_SET))
		abort();
	sink_text_init(&text, &look);
	sink_json_init(&json, json_fd, true);
	pipeline_add_sink(p, &text.sink);
	pipeline_add_sink(p, &json.sink);
	return p;
}

void fuzz_feed(struct pipeline *p, const void *bytes, size_t len)
{
	union {
		struct ev_hdr hdr;
		struct ev_lost lost;
		uint8_t bytes[256];
	} ev;

	if (len > sizeof(ev))
		abort();
	memset(&ev, 0, sizeof(ev));
	memcpy(&ev, bytes, len);
	if (ev.hdr.cpu != EV_CPU_HOST)
		ev.hdr.cpu %= CPUS;
	if (ev.hdr.kind == EV_LOST && ev.lost.cpu != EV_CPU_HOST)
		ev.lost.cpu %= CPUS;
	pipeline_feed(p, &ev, len);
}

void fuzz_end(struct pipeline *p)
{
	pipeline_finish(p);
	text.sink.ops->close(&text.sink);
	json.sink.ops->close(&json.sink);
	pipeline_free(p);
	fclose(stdout);
	stdout = real_stdout;
	fuzz_check_text("text", printed, printed_len);
	free(printed);
	check_json();
}
