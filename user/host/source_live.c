// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel as a source: has an observer, gives it one ring per CPU, tells what exists at the
 * start, and drains.  Names of cgroups and interfaces are looked up once, here, and put into the
 * stream, so that a replay has them too.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "count.h"
#include "event.h"
#include "kernel.h"
#include "live_misses.h"
#include "live_names.h"
#include "live_rings.h"
#include "live_start.h"
#include "observer.h"
#include "observer.skel.h"
#include "probes.h"
#include "source.h"

#define LOSSES_NS 30000000ULL /* asked so often; what is younger than the answer waits */
/* A program that was interrupted between taking its time and submitting is done by then. */
#define SLACK_NS 1000000ULL

struct live {
	struct source source;
	struct observer *observer;
	bool own; /* the observer */
	struct live_rings *rings;
	struct live_names *names;
	int cpus;
	uint64_t stop_ns;    /* 0: running; what happened later is left out */
	uint64_t misses;     /* told so far */
	uint64_t losses_ns;  /* all that was lost until then has been told */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void on_event(void *ctx, const void *data, size_t len)
{
	const struct ev_hdr *hdr = data;
	struct live *live = ctx;

	if (live->stop_ns && len >= sizeof(*hdr) && hdr->time_ns > live->stop_ns)
		return;
	live_names_before(live->names, data, len, live->source.feed, live->source.ctx);
	live->source.feed(live->source.ctx, data, len);
}

/* Together 32 MiB where there are few CPUs; each between 128 KiB and 4 MiB. */
static uint32_t ring_size(const struct live_conf *conf, int cpus)
{
	uint32_t size = 4 << 20;

	if (conf->ring_bytes)
		return conf->ring_bytes;
	while (size > 128 << 10 && (uint64_t)size * cpus > 32 << 20)
		size /= 2;
	return size;
}

static int follow(struct live *live, uint32_t pid)
{
	uint32_t one = 1;

	if (!pid)
		return 0;
	return bpf_map__update_elem(live->observer->skel->maps.followed, &pid, sizeof(pid), &one,
				    sizeof(one), BPF_ANY);
}

static int load(struct live *live, const struct live_conf *conf, char why[SOURCE_WHY])
{
	struct observer_conf own = {conf->config, conf->ports, NULL, conf->verbose};

	live->own = !conf->observer;
	live->observer = conf->observer;
	own.config.events = 1;
	own.config.follow = conf->follow_pid != 0;
	return live->own ? observer_open(&own, &live->observer, why) : 0;
}

static int prepare(struct live *live, const struct live_conf *conf)
{
	int ret = live_rings_make(live->rings, live->observer->skel->maps.rings,
				  ring_size(conf, live->cpus));

	return ret ? ret : follow(live, conf->follow_pid);
}

static void tell_host(struct live *live, uint8_t kind)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	struct ev_host ev = {
		.hdr = {.time_ns = now, .cpu = EV_CPU_HOST, .kind = kind, .flags = EVF_FRESH},
		.realtime_offset_ns = clock_ns(CLOCK_REALTIME) - now,
		.cpus = live->cpus,
	};

	live->source.feed(live->source.ctx, &ev, sizeof(ev));
}

/* Not before all that was told: that has gone on already. */
static void tell_lost(void *ctx, uint64_t events, uint32_t cpu, uint64_t from_ns)
{
	struct live *live = ctx;
	uint64_t from = from_ns > live->losses_ns ? from_ns : live->losses_ns, span_us;
	struct ev_lost ev = {
		.hdr = {.time_ns = from, .cpu = EV_CPU_HOST, .kind = EV_LOST},
		.events = events,
		.cpu = cpu,
	};

	span_us = (clock_ns(CLOCK_MONOTONIC) - from) / 1000 + 1;
	ev.span_us = span_us < UINT32_MAX ? span_us : UINT32_MAX;
	live->source.feed(live->source.ctx, &ev, sizeof(ev));
}

static bool is_attached(const struct live *live, const char *name)
{
	for (size_t i = 0; i < probes_cnt; i++)
		if (!strcmp(probes[i].program, name))
			return live->observer->states[i].attached;
	return false;
}

/* What a skipped state change means to a child that waits, others tell too (bpf/state.bpf.h); to a
 * connect they do not. */
static const struct bpf_program *stood_in_for(const struct live *live)
{
	if (live->observer->skel->rodata->config.active || !is_attached(live, "sk_data_ready") ||
	    !is_attached(live, "tcp_receive_reset"))
		return NULL;
	return live->observer->skel->progs.inet_sock_set_state;
}

/* What no gap in the numbers shows: nothing followed it, or no probe ran. */
static void tell_losses(struct live *live)
{
	uint64_t before = clock_ns(CLOCK_MONOTONIC);
	uint64_t misses = live_misses(live->observer->skel->obj, stood_in_for(live)) +
			  live->observer->skel->bss->unseen;

	live_rings_ask(live->rings, live->observer->skel->maps.emit_counts);
	if (misses != live->misses)
		tell_lost(live, misses - live->misses, EV_CPU_HOST, 0);
	live->misses = misses;
	live->losses_ns = before;
}

static int live_read(struct source *s, uint64_t *horizon_ns)
{
	struct live *live = (struct live *)s;
	uint64_t upto = clock_ns(CLOCK_MONOTONIC);
	bool due = upto - live->losses_ns > LOSSES_NS;
	int ret = live_rings_read(live->rings, &upto);

	if (due)
		tell_losses(live);
	*horizon_ns = (upto < live->losses_ns ? upto : live->losses_ns) - SLACK_NS;
	return ret < 0 ? ret : 1;
}

static int live_pause_ms(const struct source *s)
{
	return live_rings_pause_ms(((const struct live *)s)->rings);
}

static int live_drain(struct source *s)
{
	struct live *live = (struct live *)s;
	uint64_t upto;
	int ret;

	/* Probes go one by one; an end in one moment makes no half stories. */
	live->stop_ns = clock_ns(CLOCK_MONOTONIC);
	observer_detach(live->observer);
	do {
		upto = clock_ns(CLOCK_MONOTONIC);
		ret = live_rings_read(live->rings, &upto);
	} while (!ret && !live_rings_pause_ms(live->rings));
	tell_losses(live);
	tell_host(live, EV_END);
	return ret;
}

static void live_close(struct source *s)
{
	struct live *live = (struct live *)s;

	if (live->own)
		observer_close(live->observer);
	live_rings_free(live->rings);
	live_names_free(live->names);
	free(live);
}

static const struct source_ops live_ops = {
	.read = live_read,
	.pause_ms = live_pause_ms,
	.drain = live_drain,
	.close = live_close,
};

static int __attribute__((format(printf, 3, 4)))
fail(char why[SOURCE_WHY], int ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, SOURCE_WHY, fmt, ap);
	va_end(ap);
	return ret ? ret : -EIO;
}

static struct live *live_new(source_feed_fn feed, void *ctx)
{
	struct live *live = calloc(1, sizeof(*live));

	if (!live)
		return NULL;
	live->source = (struct source){&live_ops, feed, ctx};
	live->cpus = libbpf_num_possible_cpus();
	live->rings =
		live_rings_new(live->cpus, &(struct live_rings_ops){on_event, tell_lost, live});
	live->names = live_names_new();
	if (!live->rings || !live->names) {
		live_close(&live->source);
		return NULL;
	}
	return live;
}

static int open_all(struct live *live, const struct live_conf *conf, char why[SOURCE_WHY])
{
	int ret = load(live, conf, why);

	if (ret)
		return ret;
	ret = prepare(live, conf);
	if (ret)
		return fail(why, ret, "cannot make ring buffers: %s", strerror(-ret));
	/* What exists is told first; what begins while it is read is told by events of later time. */
	tell_host(live, EV_HOST);
	live->losses_ns = clock_ns(CLOCK_MONOTONIC);
	return observer_attach(live->observer, why);
}

int source_live_open(const struct live_conf *conf, source_feed_fn feed, void *ctx,
		     struct source **out, char why[SOURCE_WHY])
{
	const char *missing = kernel_missing_capability();
	struct live *live;
	int ret;

	if (missing)
		return fail(why, -EPERM, "%s is missing: run it as root", missing);
	if (!kernel_has_btf())
		return fail(why, -ENOTSUP, "this kernel has no BTF (/sys/kernel/btf/vmlinux)");
	live = live_new(feed, ctx);
	if (!live)
		return fail(why, -ENOMEM, "out of memory");
	ret = open_all(live, conf, why);
	if (!ret) {
		live_start(live->names, conf->config.netns, conf->ports, feed, ctx);
		*out = &live->source;
		return 0;
	}
	live_close(&live->source);
	return ret;
}

void source_live_probes(const struct source *s, char *buf, size_t len)
{
	const struct live *live = (const struct live *)s;
	size_t at = 0;

	*buf = 0;
	for (size_t i = 0; i < probes_cnt && at < len; i++)
		if (live->observer->states[i].attached)
			at += snprintf(buf + at, len - at, "%s\n", probes[i].hook);
}
