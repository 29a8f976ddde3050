// SPDX-License-Identifier: GPL-2.0-only
/* Serves a page over user/sink/http.c until a byte, or the end, comes on stdin; prints the port.
 *
 *   do_http LISTEN [WEB_CONFIG]     /metrics: 100 000 lines; /small: "hello"; else 404
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"

#define LINES 100000

static void many(struct http_reply *r)
{
	FILE *out = open_memstream(&r->body, &r->len);

	if (!out)
		exit(2);
	for (int i = 0; i < LINES; i++)
		fprintf(out, "line %d\n", i);
	fclose(out);
}

static void answer(void *ctx, const char *path, const char *accept, struct http_reply *r)
{
	r->status = 200;
	r->type = "text/plain; charset=utf-8";
	if (!strcmp(path, "/metrics")) {
		many(r);
		return;
	}
	if (strcmp(path, "/small"))
		r->status = 404;
	r->body = strdup(r->status == 200 ? "hello\n" : "not here\n");
	r->len = strlen(r->body);
}

int main(int argc, char **argv)
{
	struct http_conf conf = {.listen = argc > 1 ? argv[1] : HTTP_LISTEN, .answer = answer};
	struct http *http;
	char why[HTTP_WHY], byte;

	conf.web_config = argc > 2 ? argv[2] : NULL;
	if (http_open(&conf, &http, why)) {
		fprintf(stderr, "do_http: %s\n", why);
		return 2;
	}
	printf("%u\n", http_port(http));
	fflush(stdout);
	if (read(STDIN_FILENO, &byte, 1) < 0)
		return 1;
	http_close(http);
	return 0;
}
