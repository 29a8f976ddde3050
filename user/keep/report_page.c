// SPDX-License-Identifier: GPL-2.0-only
/* Owns the bytes of the page, and how JSON is put into them so that it stays JSON. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "report_page.h"

#define CHUNK 65536

static const unsigned char head[] = {
#include "report_head.inc"
};
static const unsigned char tail[] = {
#include "report_tail.inc"
};

static int put(int fd, const void *from, size_t len)
{
	const char *bytes = from;

	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			len -= n;
		}
	}
	return 0;
}

/* In JSON a '<' stands in strings only, where this means the same; without one no tag ends the
 * script element, or begins a comment in it. */
static int put_json(int fd, const char *json, size_t len)
{
	static const char escaped[] = "\\u003c";
	char out[CHUNK];
	size_t at = 0;
	int ret = 0;

	for (size_t i = 0; i < len && !ret; i++) {
		if (at + sizeof(escaped) > sizeof(out)) {
			ret = put(fd, out, at);
			at = 0;
		}
		if (json[i] == '<') {
			memcpy(out + at, escaped, sizeof(escaped) - 1);
			at += sizeof(escaped) - 1;
		} else {
			out[at++] = json[i];
		}
	}
	return ret ? ret : put(fd, out, at);
}

int report_page_write(int fd, const char *json, size_t len)
{
	int ret = put(fd, head, sizeof(head));

	if (!ret)
		ret = put_json(fd, json, len);
	return ret ? ret : put(fd, tail, sizeof(tail));
}
