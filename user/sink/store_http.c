// SPDX-License-Identifier: GPL-2.0-only
/* Owns libcurl. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_http.h"

#define POLL_MS	    200
#define CONNECT_SEC 5
#define SILENCE_SEC 60 /* a transfer that does not move for so long has failed */

struct store_http {
	CURLU *url;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
};

/* What comes is kept as far as there is room. */
struct answer {
	char *buf;
	size_t len;
};

static size_t take(char *bytes, size_t size, size_t n, void *ctx)
{
	struct answer *a = ctx;
	size_t len = size * n, room = HTTP_ANSWER - 1 - a->len;

	memcpy(a->buf + a->len, bytes, len < room ? len : room);
	a->len += len < room ? len : room;
	a->buf[a->len] = 0;
	return len;
}

void store_http_close(struct store_http *h)
{
	if (!h)
		return;
	curl_slist_free_all(h->headers);
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	curl_url_cleanup(h->url);
	curl_global_cleanup();
	free(h);
}

static void set_user(struct store_http *h)
{
	const char *user = getenv("CLICKHOUSE_USER"), *password = getenv("CLICKHOUSE_PASSWORD");
	char *named = NULL;

	if (!curl_url_get(h->url, CURLUPART_USER, &named, 0)) {
		curl_free(named);
		return;
	}
	if (user)
		curl_easy_setopt(h->easy, CURLOPT_USERNAME, user);
	if (password)
		curl_easy_setopt(h->easy, CURLOPT_PASSWORD, password);
}

/* Whom TLS trusts lies elsewhere on each kind of host, and libcurl knows but one place. */
static void set_trust(struct store_http *h)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
		"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
		"/etc/ssl/ca-bundle.pem",	      /* SUSE */
	};
	const char *file = getenv("SSL_CERT_FILE");

	for (size_t i = 0; !file && i < sizeof(places) / sizeof(places[0]); i++)
		if (!access(places[i], R_OK))
			file = places[i];
	if (file)
		curl_easy_setopt(h->easy, CURLOPT_CAINFO, file);
}

int store_http_open(const char *url, struct store_http **out)
{
	struct store_http *h = calloc(1, sizeof(*h));

	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(h);
		return -ENOMEM;
	}
	h->url = curl_url();
	h->multi = curl_multi_init();
	h->easy = curl_easy_init();
	/* No "100 Continue" is waited for. */
	h->headers = curl_slist_append(NULL, "Expect:");
	if (!h->url || !h->multi || !h->easy || !h->headers) {
		store_http_close(h);
		return -ENOMEM;
	}
	if ((strncmp(url, "http://", 7) && strncmp(url, "https://", 8)) ||
	    curl_url_set(h->url, CURLUPART_URL, url, 0)) {
		store_http_close(h);
		return -EINVAL;
	}
	curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SEC);
	curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_SEC);
	/* libcurl sends a request again by itself when a kept connection turns out to be dead: what
	 * the server has done by then is not known, so there is none to keep. */
	curl_easy_setopt(h->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, take);
	set_user(h);
	set_trust(h);
	*out = h;
	return 0;
}

/* Adds "name=value" to the query of a URL, escaped. */
static int add_param(CURLU *url, const char *name, const char *value)
{
	char *pair = NULL;
	int ret;

	if (!value)
		return 0;
	if (asprintf(&pair, "%s=%s", name, value) < 0)
		return -ENOMEM;
	ret = curl_url_set(url, CURLUPART_QUERY, pair, CURLU_APPENDQUERY | CURLU_URLENCODE);
	free(pair);
	return ret ? -ENOMEM : 0;
}

static int add_settings(CURLU *url, const char *settings)
{
	char *copy = settings ? strdup(settings) : NULL, *save = NULL, *pair;
	int ret = settings && !copy ? -ENOMEM : 0;

	for (pair = copy ? strtok_r(copy, "&", &save) : NULL; pair && !ret;
	     pair = strtok_r(NULL, "&", &save))
		if (curl_url_set(url, CURLUPART_QUERY, pair, CURLU_APPENDQUERY | CURLU_URLENCODE))
			ret = -ENOMEM;
	free(copy);
	return ret;
}

/* Runs the transfer that is set up to its end. */
static CURLcode transfer(struct store_http *h, const struct http_query *q)
{
	CURLcode result = CURLE_OK;
	int running = 1, left;
	CURLMsg *msg;

	if (curl_multi_add_handle(h->multi, h->easy))
		return CURLE_OUT_OF_MEMORY;
	while (!curl_multi_perform(h->multi, &running) && running) {
		curl_multi_poll(h->multi, NULL, 0, POLL_MS, NULL);
		if (!q->meanwhile(q->ctx)) {
			result = CURLE_OPERATION_TIMEDOUT;
			break;
		}
	}
	while ((msg = curl_multi_info_read(h->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			result = msg->data.result;
	curl_multi_remove_handle(h->multi, h->easy);
	return running && !result ? CURLE_RECV_ERROR : result;
}

/* "Code: 60, e.displayText() = DB::Exception: Table x doesn't exist., e.what() = …", or
 * "Code: 60. DB::Exception: Table x doesn't exist. (UNKNOWN_TABLE) (version …)" */
static void shorten(char *answer, int *code)
{
	char *text = strstr(answer, "DB::Exception: "), *end;

	if (sscanf(answer, "Code: %d", code) != 1)
		*code = 0;
	if (text)
		memmove(answer, text + 15, strlen(text + 15) + 1);
	end = strstr(answer, ", e.what()");
	if (end)
		*end = 0;
	answer[strcspn(answer, "\n")] = 0;
	answer[strlen(answer) > 160 ? 160 : strlen(answer)] = 0;
}

static int outcome(struct store_http *h, CURLcode result, char answer[HTTP_ANSWER], int *code)
{
	long status = 0;

	*code = 0;
	if (result) {
		snprintf(answer, HTTP_ANSWER, "%s", curl_easy_strerror(result));
		return -ECONNABORTED;
	}
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return 0;
	shorten(answer, code);
	if (!*answer)
		snprintf(answer, HTTP_ANSWER, "HTTP status %ld", status);
	return -EPROTO;
}

int store_http_ask(struct store_http *h, const struct http_query *q, char answer[HTTP_ANSWER],
		   int *code)
{
	struct answer a = {.buf = answer};
	CURLU *url = curl_url_dup(h->url);
	int ret;

	answer[0] = 0;
	*code = 0;
	ret = !url || add_param(url, "query_id", q->id) || add_settings(url, q->settings) ||
	      (q->body && add_param(url, "query", q->sql));
	if (ret) {
		snprintf(answer, HTTP_ANSWER, "out of memory");
		curl_url_cleanup(url);
		return -ENOMEM;
	}
	curl_easy_setopt(h->easy, CURLOPT_CURLU, url);
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, q->body ? q->body : q->sql);
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)(q->body ? q->len : strlen(q->sql)));
	curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, &a);
	ret = outcome(h, transfer(h, q), answer, code);
	curl_easy_setopt(h->easy, CURLOPT_CURLU, NULL);
	curl_url_cleanup(url);
	return ret;
}
