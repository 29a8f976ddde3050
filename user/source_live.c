// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel as a source: loads the observer, gives it one ring per CPU, tells what exists at the
 * start, and drains.  Names of cgroups and interfaces are looked up once, here, and put into the
 * stream, so that a replay has them too.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "event.h"
#include "kernel.h"
#include "live_misses.h"
#include "live_names.h"
#include "live_start.h"
#include "observer.skel.h"
#include "probes.h"
#include "source.h"

#define PAUSE_MS 5
#define MISSES_NS 50000000ULL /* asked so often; sooner than anything is concluded from silence */
/* A program that was interrupted between taking its time and submitting is done by then. */
#define SLACK_NS 1000000ULL

struct live {
	struct source source;
	struct observer_bpf *skel;
	struct probe_state *states;
	struct ring_buffer *rings;
	struct live_names *names;
	int *ring_fds;
	int cpus;
	uint64_t stop_ns;    /* 0: running; what happened later is left out */
	uint64_t misses;     /* told so far */
	uint64_t misses_ns;  /* when that was asked */
	uint32_t *next_seqs; /* by CPU: one more than the highest that came */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int on_event(void *ctx, void *data, size_t len)
{
	const struct ev_hdr *hdr = data;
	struct live *live = ctx;

	if (len >= sizeof(*hdr) && hdr->cpu < live->cpus && hdr->seq >= live->next_seqs[hdr->cpu])
		live->next_seqs[hdr->cpu] = hdr->seq + 1;
	if (live->stop_ns && len >= sizeof(*hdr) && hdr->time_ns > live->stop_ns)
		return 0;
	live_names_before(live->names, data, len, live->source.feed, live->source.ctx);
	live->source.feed(live->source.ctx, data, len);
	return 0;
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

static int make_rings(struct live *live, uint32_t size)
{
	int outer = bpf_map__fd(live->skel->maps.rings), ret;

	for (int cpu = 0; cpu < live->cpus; cpu++) {
		int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, size, NULL);

		if (fd < 0)
			return -errno;
		live->ring_fds[cpu] = fd;
		ret = bpf_map_update_elem(outer, &cpu, &fd, BPF_ANY);
		if (ret)
			return -errno;
		if (!live->rings)
			live->rings = ring_buffer__new(fd, on_event, live, NULL);
		else if (ring_buffer__add(live->rings, fd, on_event, live))
			return -errno;
		if (!live->rings)
			return -errno;
	}
	return 0;
}

static int follow(struct live *live, uint32_t pid)
{
	uint32_t one = 1;

	if (!pid)
		return 0;
	return bpf_map__update_elem(live->skel->maps.followed, &pid, sizeof(pid), &one, sizeof(one),
				    BPF_ANY);
}

static int load(struct live *live, const struct btf *btf, const struct live_conf *conf)
{
	struct config config = conf->config;
	int ret;

	probes_kernel_config(btf, &config);
	config.follow = conf->follow_pid != 0;
	live->skel->rodata->config = config;
	if (conf->ports)
		memcpy((void *)live->skel->rodata->config_ports, conf->ports,
		       sizeof(live->skel->rodata->config_ports));
	bpf_map__set_max_entries(live->skel->maps.rings, live->cpus);
	probes_select(btf, live->skel, live->states, &config);
	ret = observer_bpf__load(live->skel);
	if (ret)
		return ret;
	ret = make_rings(live, ring_size(conf, live->cpus));
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

static void tell_lost(struct live *live, uint64_t events, uint32_t cpu, uint64_t now_ns)
{
	struct ev_lost ev = {
		.hdr = {.time_ns = now_ns, .cpu = EV_CPU_HOST, .kind = EV_LOST},
		.events = events,
		.cpu = cpu,
	};

	if (events)
		live->source.feed(live->source.ctx, &ev, sizeof(ev));
}

static void tell_misses(struct live *live, uint64_t now_ns)
{
	uint64_t misses = live_misses(live->skel->obj);

	tell_lost(live, misses - live->misses, EV_CPU_HOST, now_ns);
	live->misses = misses;
	live->misses_ns = now_ns;
}

static int live_read(struct source *s, uint64_t *horizon_ns)
{
	struct live *live = (struct live *)s;
	uint64_t before = clock_ns(CLOCK_MONOTONIC);
	int ret = ring_buffer__consume(live->rings);

	if (before - live->misses_ns > MISSES_NS)
		tell_misses(live, before);
	*horizon_ns = before - SLACK_NS;
	return ret < 0 ? ret : 1;
}

static int live_pause_ms(const struct source *s)
{
	return PAUSE_MS;
}

/* How many events each CPU has numbered, by the kernel's own count.  0 or -errno. */
static int numbered(const struct live *live, uint32_t *seqs)
{
	const struct bpf_map *map = live->skel->maps.emit_counts;
	size_t each = (bpf_map__value_size(map) + 7) & ~7UL;
	char *values = calloc(live->cpus, each);
	uint32_t zero = 0;
	int ret = -ENOMEM;

	if (values)
		ret = bpf_map__lookup_elem(map, &zero, sizeof(zero), values, live->cpus * each, 0);
	for (int cpu = 0; !ret && cpu < live->cpus; cpu++)
		memcpy(&seqs[cpu], values + cpu * each, sizeof(*seqs)); /* struct emit_count.seq */
	free(values);
	return ret;
}

/* A gap shows only when something follows it: what is missing at the very end is told here. */
static void tell_last_losses(struct live *live)
{
	uint32_t *seqs = calloc(live->cpus, sizeof(*seqs));

	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	for (int cpu = 0; seqs && !numbered(live, seqs) && cpu < live->cpus; cpu++)
		tell_lost(live, seqs[cpu] - live->next_seqs[cpu], cpu, now_ns);
	free(seqs);
	tell_misses(live, now_ns);
}

static int live_drain(struct source *s)
{
	struct live *live = (struct live *)s;
	int ret;

	/* Probes go one by one; an end in one moment makes no half stories. */
	live->stop_ns = clock_ns(CLOCK_MONOTONIC);
	probes_detach(live->states);
	ret = ring_buffer__consume(live->rings);
	tell_last_losses(live);
	tell_host(live, EV_END);
	return ret < 0 ? ret : 0;
}

static void live_close(struct source *s)
{
	struct live *live = (struct live *)s;

	if (live->states)
		probes_detach(live->states);
	ring_buffer__free(live->rings);
	for (int i = 0; live->ring_fds && i < live->cpus; i++)
		if (live->ring_fds[i] > 0)
			close(live->ring_fds[i]);
	observer_bpf__destroy(live->skel);
	live_names_free(live->names);
	free(live->states);
	free(live->ring_fds);
	free(live->next_seqs);
	free(live);
}

static const struct source_ops live_ops = {
	.read = live_read,
	.pause_ms = live_pause_ms,
	.drain = live_drain,
	.close = live_close,
};

static int __attribute__((format(printf, 3, 4))) fail(char why[SOURCE_WHY], int ret,
						     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, SOURCE_WHY, fmt, ap);
	va_end(ap);
	return ret ? ret : -EIO;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int talk(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, fmt, ap);
}

static struct live *live_new(source_feed_fn feed, void *ctx)
{
	struct live *live = calloc(1, sizeof(*live));

	if (!live)
		return NULL;
	live->source = (struct source){&live_ops, feed, ctx};
	live->cpus = libbpf_num_possible_cpus();
	live->states = calloc(probes_cnt, sizeof(*live->states));
	live->ring_fds = calloc(live->cpus, sizeof(*live->ring_fds));
	live->next_seqs = calloc(live->cpus, sizeof(*live->next_seqs));
	live->names = live_names_new();
	if (!live->states || !live->ring_fds || !live->next_seqs || !live->names) {
		live_close(&live->source);
		return NULL;
	}
	return live;
}

static int open_all(struct live *live, const struct live_conf *conf, char why[SOURCE_WHY])
{
	struct btf *btf = btf__load_vmlinux_btf();
	size_t failed = 0;
	int ret;

	if (!btf)
		return fail(why, -ENOTSUP, "this kernel has no BTF (/sys/kernel/btf/vmlinux)");
	/* Came with 5.12, as did atomic operations that return a value (BPF_FETCH). */
	if (!kernel_has_function(btf, "bpf_get_socket_ptr_cookie")) {
		btf__free(btf);
		return fail(why, -ENOTSUP, "this kernel is too old: Linux 5.12 is the first that will do");
	}
	live->skel = observer_bpf__open();
	if (!live->skel) {
		btf__free(btf);
		return fail(why, -errno, "cannot open the BPF object: %s", strerror(errno));
	}
	ret = load(live, btf, conf);
	btf__free(btf);
	if (ret)
		return fail(why, ret, "the kernel does not load the observer: %s%s",
			    strerror(-ret), conf->verbose ? "" : " (-v tells more)");
	/* What exists is told first; what begins while it is read is told by events of later time. */
	tell_host(live, EV_HOST);
	ret = probes_attach(live->skel, live->states, &failed);
	if (ret)
		return fail(why, ret, "cannot attach %s: %s", probes[failed].hook, strerror(-ret));
	return 0;
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
	libbpf_set_print(conf->verbose ? talk : quiet);
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
		if (live->states[i].attached)
			at += snprintf(buf + at, len - at, "%s\n", probes[i].hook);
}
