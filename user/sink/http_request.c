// SPDX-License-Identifier: GPL-2.0-only
/* One request: what may be asked, and how the answer is packed.  Knows nothing of connections. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "accept_encoding.h"
#include "http_int.h"

#define WORTH_IT   1024 /* bytes; smaller ones are sent as they are */
#define GZIP_LEVEL 1	/* metrics shrink to a tenth even so */

#define PLAIN_TEXT "text/plain; charset=utf-8"

struct refusal {
	unsigned status;
	const char *text;
	const char *header, *value;
};

static const struct refusal
	not_allowed = {MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n",
		       MHD_HTTP_HEADER_ALLOW, "GET, HEAD"},
	no_body = {MHD_HTTP_BAD_REQUEST, "no body is taken\n", NULL, NULL},
	unauthorized = {MHD_HTTP_UNAUTHORIZED, "who are you?\n",
			MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"sockline\""},
	busy = {MHD_HTTP_SERVICE_UNAVAILABLE, "too many passwords to check\n",
		MHD_HTTP_HEADER_RETRY_AFTER, "5"};

static struct http_client *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

	return value ? value : "";
}

/* Replaces the body by its gzip; false: it stays as it is. */
static bool compress_body(struct http_reply *r)
{
	z_stream z = {.next_in = (Bytef *)r->body, .avail_in = r->len};
	char *packed;

	if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY))
		return false;
	z.avail_out = deflateBound(&z, r->len);
	packed = malloc(z.avail_out);
	z.next_out = (Bytef *)packed;
	if (!packed || deflate(&z, Z_FINISH) != Z_STREAM_END) {
		deflateEnd(&z);
		free(packed);
		return false;
	}
	free(r->body);
	r->body = packed;
	r->len = z.total_out;
	deflateEnd(&z);
	return true;
}

static enum MHD_Result reply(struct http *h, struct MHD_Connection *connection,
			     struct http_reply *r, bool gzip, const struct refusal *refusal)
{
	struct http_client *c = client_of(connection);
	bool packs = r->body && r->len >= WORTH_IT;
	bool packed = packs && gzip && compress_body(r);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(r->len, r->body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result ret;

	if (!response) {
		free(r->body);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->type);
	if (packed)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	if (packs)
		MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
	if (refusal && refusal->header)
		MHD_add_response_header(response, refusal->header, refusal->value);
	http_client_is(h, c, HTTP_REPLYING);
	http_hold(h, c, r->len);
	ret = MHD_queue_response(connection, r->status, response);
	MHD_destroy_response(response);
	return ret;
}

static enum MHD_Result refuse(struct http *h, struct MHD_Connection *connection,
			      const struct refusal *refusal)
{
	struct http_reply r = {.status = refusal->status, .type = PLAIN_TEXT};

	r.body = strdup(refusal->text);
	if (!r.body)
		return MHD_NO;
	r.len = strlen(refusal->text);
	return reply(h, connection, &r, false, refusal);
}

static bool has_body(struct MHD_Connection *connection)
{
	const char *len = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (*len && strcmp(len, "0")) || *header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static enum MHD_Result answer(struct http *h, struct MHD_Connection *connection, const char *path)
{
	struct http_reply r = {.status = MHD_HTTP_OK, .type = PLAIN_TEXT};

	h->conf.answer(h->conf.ctx, path, header(connection, MHD_HTTP_HEADER_ACCEPT), &r);
	return reply(h, connection, &r,
		     accepts_gzip(header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING)), NULL);
}

/* Called with a request's headers, and again once it is whole.  A reply to the first call ends the
 * connection, because a body may follow; so none is ever read. */
enum MHD_Result http_request(void *cls, struct MHD_Connection *connection, const char *path,
			     const char *method, const char *version, const char *body,
			     size_t *body_len, void **request)
{
	struct http *h = cls;
	struct http_client *c = client_of(connection);

	if (!c)
		return MHD_NO;
	if (!*request) {
		*request = c;
		if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
			return refuse(h, connection, &not_allowed);
		return has_body(connection) ? refuse(h, connection, &no_body) : MHD_YES;
	}
	switch (web_config_ask(h->web, connection, &c->check)) {
	case WEB_WELCOME:
		return answer(h, connection, path);
	case WEB_UNAUTHORIZED:
		return refuse(h, connection, &unauthorized);
	case WEB_BUSY:
		return refuse(h, connection, &busy);
	case WEB_WAIT:
		return MHD_YES;
	}
	return MHD_NO;
}
