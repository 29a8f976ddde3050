// SPDX-License-Identifier: GPL-2.0-only
/* Opens the counters: an observer that counts, and what it takes to read them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "counters_int.h"
#include "kernel.h"
#include "observer.h"
#include "observer.skel.h"

/* Rows that one system call brings. */
#define BATCH 256

static int __attribute__((format(printf, 3, 4)))
fail(char why[COUNTERS_WHY], int ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, COUNTERS_WHY, fmt, ap);
	va_end(ap);
	return ret ? ret : -EIO;
}

static int map_gauges(struct counters *c)
{
	const struct bpf_map *map = c->observer->skel->maps.gauges;
	size_t page = sysconf(_SC_PAGESIZE);
	size_t len = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);

	c->gauges_len = (len + page - 1) & ~(page - 1);
	c->gauges =
		mmap(NULL, c->gauges_len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (c->gauges != MAP_FAILED)
		return 0;
	c->gauges = NULL;
	return -errno;
}

static int prepare(struct counters *c)
{
	int ret;

	c->batch = BATCH;
	c->keys = calloc(BATCH, sizeof(*c->keys));
	c->values = calloc((size_t)BATCH * c->cpus, sizeof(*c->values));
	if (!c->keys || !c->values)
		return -ENOMEM;
	ret = map_gauges(c);
	return ret ? ret : snapshot_open(&c->reader);
}

/* A listener that was never asked for its cookie has none; the snapshot asks all of them, so that
 * the first accept finds its row. */
static int give_cookies(struct counters *c)
{
	struct snapshot_query query = {.scope = SNAP_LISTENERS, .netns = c->netns};
	struct snapshot *snap;
	int ret = snapshot_read(c->reader, &query, &snap);

	if (!ret)
		snapshot_free(snap);
	return ret;
}

static int open_all(struct counters *c, const struct counters_conf *conf, char why[COUNTERS_WHY])
{
	struct observer_conf own = {conf->config, conf->ports, NULL, conf->verbose};
	int ret;

	c->own = !conf->observer;
	c->observer = conf->observer;
	own.config.counts = 1;
	ret = c->own ? observer_open(&own, &c->observer, why) : 0;
	if (ret)
		return ret;
	if (c->observer->calls_shown)
		c->view.failed =
			(const struct counters_calls *)&c->observer->skel->bss->calls_failed;
	ret = prepare(c);
	if (!ret)
		ret = give_cookies(c);
	if (ret)
		return fail(why, ret, "cannot read sockets: %s", strerror(-ret));
	return c->own ? observer_attach(c->observer, why) : 0;
}

int counters_open(const struct counters_conf *conf, struct counters **out, char why[COUNTERS_WHY])
{
	const char *missing = kernel_missing_capability();
	struct counters *c;
	struct timespec ts;
	int ret;

	if (missing)
		return fail(why, -EPERM, "%s is missing: run it as root", missing);
	c = calloc(1, sizeof(*c));
	if (!c)
		return fail(why, -ENOMEM, "out of memory");
	c->cpus = libbpf_num_possible_cpus();
	c->netns = conf->config.netns;
	ret = open_all(c, conf, why);
	if (ret) {
		counters_close(c);
		return ret;
	}
	clock_gettime(CLOCK_MONOTONIC, &ts);
	c->view.start_ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	*out = c;
	return 0;
}

void counters_close(struct counters *c)
{
	if (!c)
		return;
	if (c->gauges)
		munmap(c->gauges, c->gauges_len);
	if (c->own)
		observer_close(c->observer);
	snapshot_close(c->reader);
	snapshot_free(c->snap);
	free(c->view.listeners);
	free(c->gone);
	free(c->values);
	free(c->keys);
	free(c);
}
