// SPDX-License-Identifier: GPL-2.0-only
/* Owns the pages: /metrics, /healthz and /.  Runs on http's thread. */
#include <bpf/libbpf.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "self.h"
#include "serve_int.h"
#include "store.h"

#define FORGET_LOOKS 60

static const char plain[] = "text/plain; charset=utf-8";

static void __attribute__((format(printf, 4, 5)))
reply(struct http_reply *r, unsigned int status, const char *type, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&r->body, fmt, ap);
	va_end(ap);
	r->status = status;
	r->type = type;
	r->len = len;
	if (len < 0) {
		r->status = 503;
		r->body = NULL;
		r->len = 0;
	}
}

/* One line; "" if all is well.  The lock is held. */
static void trouble(const struct serve *s, char why[SERVE_WHY])
{
	uint64_t ago = serve_now_ns() - s->looked_ns;

	*why = 0;
	if (s->error)
		snprintf(why, SERVE_WHY, "the counters cannot be read: %s", strerror(-s->error));
	else if (ago > SERVE_STALE_NS)
		snprintf(why, SERVE_WHY, "the counters were read %" PRIu64 " s ago",
			 ago / 1000000000);
}

static void write_build(struct metrics_text *t)
{
	char labels[128] = "", libbpf[16];

	snprintf(libbpf, sizeof(libbpf), "%u.%u", libbpf_major_version(), libbpf_minor_version());
	metrics_label(labels, sizeof(labels), "version", SOCKLINE_VERSION);
	metrics_label(labels, sizeof(labels), "libbpf", libbpf);
	metrics_family(t, METRIC_BUILD_INFO);
	metrics_u64(t, METRIC_BUILD_INFO, labels, 1);
}

static void write_stores(const struct serve *s, struct metrics_text *t)
{
	struct store_account accounts[SERVE_STORES] = {0};
	char store[SERVE_STORES][320], labels[sizeof(store[0]) + 64], name[STORE_NAME];

	for (int i = 0; i < s->conf.store_cnt; i++) {
		accounts[i] = store_account(s->conf.stores[i]);
		*store[i] = 0;
		metrics_label(store[i], sizeof(store[i]), "store",
			      store_target_show(name, s->conf.targets[i]));
	}
	metrics_family(t, METRIC_STORE_ROWS);
	for (int i = 0; i < s->conf.store_cnt; i++)
		for (int table = 0; table < STORE_TABLES; table++) {
			memcpy(labels, store[i], sizeof(store[i]));
			metrics_label(labels, sizeof(labels), "table", store_tables[table]->name);
			metrics_u64(t, METRIC_STORE_ROWS, labels, accounts[i].rows[table]);
		}
	metrics_family(t, METRIC_STORE_ROWS_LOST);
	for (int i = 0; i < s->conf.store_cnt; i++)
		metrics_u64(t, METRIC_STORE_ROWS_LOST, store[i], accounts[i].lost);
	metrics_family(t, METRIC_STORE_SPOOLED);
	for (int i = 0; i < s->conf.store_cnt; i++)
		metrics_u64(t, METRIC_STORE_SPOOLED, store[i], accounts[i].spooled);
}

static void write_self(const struct serve *s, struct metrics_text *t)
{
	struct self self;

	self_read(&self);
	metrics_family(t, METRIC_CPU);
	metrics_seconds(t, METRIC_CPU, "", self.cpu_ns);
	if (self.memory) {
		metrics_family(t, METRIC_MEMORY);
		metrics_u64(t, METRIC_MEMORY, "", self.memory);
	}
	if (self.fds) {
		metrics_family(t, METRIC_FDS);
		metrics_u64(t, METRIC_FDS, "", self.fds);
	}
	if (s->start_ns) {
		metrics_family(t, METRIC_START_TIME);
		metrics_seconds(t, METRIC_START_TIME, "", s->start_ns);
	}
}

/* The other format, when nobody has asked for it in a while: it may be some megabytes. */
static void forget_text(struct serve *s, enum metrics_format format)
{
	struct metrics_text *t = &s->text[format];

	if (s->looks - s->text_looks[format] < FORGET_LOOKS)
		return;
	free(t->buf);
	t->buf = NULL;
	t->cap = 0;
}

/* Made once for each look, however many ask for it.  The lock is held. */
static const struct metrics_text *text_of(struct serve *s, enum metrics_format format)
{
	struct metrics_text *t = &s->text[format];

	if (t->buf && !t->failed && s->text_looks[format] == s->looks)
		return t;
	t->format = format;
	t->len = 0;
	t->failed = false;
	write_build(t);
	metrics_write(s->metrics, t);
	if (s->conf.store_cnt) {
		metrics_u64(t, METRIC_EVENTS_LOST, "where=\"ring\"", s->lost);
		write_stores(s, t);
	}
	write_self(s, t);
	metrics_end(t);
	s->text_looks[format] = s->looks;
	forget_text(s, format == METRICS_OPEN ? METRICS_TEXT : METRICS_OPEN);
	return t;
}

static void answer_metrics(struct serve *s, const char *accept, struct http_reply *r)
{
	enum metrics_format format = metrics_format_wanted(accept);
	const struct metrics_text *t = text_of(s, format);

	s->scrapes++;
	r->body = t->failed ? NULL : malloc(t->len);
	if (!r->body) {
		reply(r, 503, plain, "out of memory\n");
		return;
	}
	memcpy(r->body, t->buf, t->len);
	r->len = t->len;
	r->type = metrics_content_type(format);
	r->status = 200;
}

static const char page[] =
	"<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<title>sockline</title>\n"
	"<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;"
	"padding:0 1em;color-scheme:light dark}</style>\n"
	"<h1>sockline %s</h1>\n"
	"<p>Watches how TCP connections to this host come about: %" PRIu64
	" listening socket%s in %s%s.</p>\n"
	"%s"
	"<ul>\n<li><a href=\"metrics\">Metrics</a>, for Prometheus\n"
	"<li><a href=\"healthz\">Health</a>\n</ul>\n</html>\n";

static void answer_page(struct serve *s, struct http_reply *r)
{
	const struct filter *f = s->conf.filter;
	bool filtered =
		f->ports_on || f->v4 || f->v6 || f->pid || f->comm || f->cgroup || f->local.on;
	uint64_t sockets, omitted;
	char note[128] = "";

	metrics_sockets(s->metrics, &sockets, &omitted);
	if (omitted)
		snprintf(note, sizeof(note),
			 "<p>%" PRIu64
			 " of them are left out of the metrics: see --max-listeners.</p>\n",
			 omitted);
	reply(r, 200, "text/html; charset=utf-8", page, SOCKLINE_VERSION, sockets,
	      sockets == 1 ? "" : "s",
	      f->netns ? "one network namespace" : "all network namespaces",
	      filtered ? ", as its options choose them" : "", note);
}

void serve_answer(void *ctx, const char *path, const char *accept, struct http_reply *r)
{
	struct serve *s = ctx;
	char why[SERVE_WHY];

	pthread_mutex_lock(&s->lock);
	trouble(s, why);
	if (!strcmp(path, "/"))
		answer_page(s, r);
	else if (!strcmp(path, "/healthz"))
		reply(r, *why ? 503 : 200, plain, "%s\n", *why ? why : "ok");
	else if (strcmp(path, "/metrics") != 0)
		reply(r, 404, plain, "there are /, /metrics and /healthz\n");
	else if (*why)
		reply(r, 503, plain, "%s\n", why);
	else
		answer_metrics(s, accept, r);
	pthread_mutex_unlock(&s->lock);
}
