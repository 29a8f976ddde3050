// SPDX-License-Identifier: GPL-2.0-only
/* Owns the counters of an export, and when they are read. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "self.h"
#include "serve_int.h"
#include "wanted.h"

#define LOOK_NS 1000000000ULL

uint64_t serve_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static bool wanted(void *ctx, const struct counters_listener *l)
{
	const struct serve *s = ctx;

	return wanted_listener(s->conf.filter, l, s->host);
}

static void place(void *ctx, const struct snap_owner *owner, char labels[METRICS_LABELS])
{
	const struct serve *s = ctx;
	const char *cgroup = s->host ? host_cgroup(s->host, owner->cgroup) : NULL;
	struct pod pod;

	metrics_label(labels, METRICS_LABELS, "cgroup", cgroup);
	if (!pod_find(s->pods, cgroup, owner->pid, &pod))
		return;
	metrics_label(labels, METRICS_LABELS, "pod", pod.name.name);
	metrics_label(labels, METRICS_LABELS, "pod_namespace", pod.name.namespace);
	metrics_label(labels, METRICS_LABELS, "pod_uid", pod.id.uid);
	metrics_label(labels, METRICS_LABELS, "container", pod.id.container);
}

/* Names of cgroups are asked anew with each snapshot. */
static void renew_host(struct serve *s, const struct counters_view *v)
{
	if (s->host && s->host_snaps == v->snaps)
		return;
	host_free(s->host);
	s->host = host_new(v->snap);
	s->host_snaps = v->snaps;
}

void serve_look(struct serve *s)
{
	const struct counters_view *v;
	int ret;

	s->tried_ns = serve_now_ns();
	ret = counters_read(s->counters, &v);
	if (!ret)
		renew_host(s, v);
	pthread_mutex_lock(&s->lock);
	if (!ret)
		ret = metrics_feed(s->metrics, v);
	s->error = ret;
	if (!ret) {
		s->looks++;
		s->looked_ns = serve_now_ns();
	}
	pthread_mutex_unlock(&s->lock);
}

static void on_tick(struct sink *sink, uint64_t now_ns, const struct account *a)
{
	struct serve *s = (struct serve *)sink;

	if (serve_now_ns() - s->tried_ns < LOOK_NS)
		return;
	serve_look(s);
	pthread_mutex_lock(&s->lock);
	s->lost = a->lost;
	pthread_mutex_unlock(&s->lock);
}

struct sink *serve_sink(struct serve *s)
{
	static const struct sink_ops ops = {.name = "metrics", .tick = on_tick};

	s->sink.ops = &ops;
	return &s->sink;
}

uint16_t serve_port(const struct serve *s)
{
	return http_port(s->http);
}

struct serve_account serve_account(struct serve *s)
{
	struct serve_account a;

	pthread_mutex_lock(&s->lock);
	a.scrapes = s->scrapes;
	metrics_sockets(s->metrics, &a.sockets, &a.omitted);
	pthread_mutex_unlock(&s->lock);
	return a;
}

static int prepare(struct serve *s, char why[SERVE_WHY])
{
	const struct metrics_ops ops = {wanted, place, s};
	struct counters_conf conf = {
		.ports = s->conf.filter->ports_on ? s->conf.filter->ports : NULL,
		.observer = s->conf.observer,
		.verbose = s->conf.verbose,
	};
	char cause[COUNTERS_WHY];
	int ret;

	s->start_ns = self_start_ns();
	s->metrics = metrics_new(s->conf.listeners_max, &ops);
	s->pods = pod_names_new(NULL);
	if (!s->metrics || !s->pods) {
		snprintf(why, SERVE_WHY, "out of memory");
		return -ENOMEM;
	}
	filter_to_config(s->conf.filter, &conf.config);
	ret = counters_open(&conf, &s->counters, cause);
	if (ret) {
		snprintf(why, SERVE_WHY, "%s", cause);
		return ret;
	}
	serve_look(s);
	if (s->error)
		snprintf(why, SERVE_WHY, "cannot read the counters: %s", strerror(-s->error));
	return s->error;
}

int serve_open(const struct serve_conf *conf, struct serve **out, char why[SERVE_WHY])
{
	struct http_conf http = {conf->listen, conf->web_config, serve_answer, NULL};
	struct serve *s = calloc(1, sizeof(*s));
	int ret;

	if (!s) {
		snprintf(why, SERVE_WHY, "out of memory");
		return -ENOMEM;
	}
	/* glibc raises it with each large free(), and then keeps what a look has needed. */
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	s->conf = *conf;
	pthread_mutex_init(&s->lock, NULL);
	http.ctx = s;
	ret = prepare(s, why);
	if (!ret)
		ret = http_open(&http, &s->http, why);
	if (ret) {
		serve_close(s);
		return ret;
	}
	*out = s;
	return 0;
}

void serve_close(struct serve *s)
{
	if (!s)
		return;
	http_close(s->http);
	host_free(s->host);
	pod_names_free(s->pods);
	metrics_free(s->metrics);
	counters_close(s->counters);
	for (size_t i = 0; i < sizeof(s->text) / sizeof(s->text[0]); i++)
		free(s->text[i].buf);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
