// SPDX-License-Identifier: GPL-2.0-only
/* Loads and attaches the counters.  Its programs have the names of the observer's, so that the
 * table of probes tells of both how they are attached and whether this kernel has them. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
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
#include "counters.skel.h"
#include "kernel.h"
#include "probes.h"

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

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int talk(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, fmt, ap);
}

static struct bpf_program *program_of(struct counters *c, size_t probe)
{
	return bpf_object__find_program_by_name(c->skel->obj, probes[probe].program);
}

static int load(struct counters *c, const struct btf *btf, const struct counters_conf *conf)
{
	c->skel->rodata->config = conf->config;
	probes_kernel_config(btf, (struct config *)&c->skel->rodata->config);
	if (conf->ports)
		memcpy((void *)c->skel->rodata->config_ports, conf->ports,
		       sizeof(c->skel->rodata->config_ports));
	for (size_t i = 0; i < probes_cnt; i++) {
		struct bpf_program *program = program_of(c, i);

		if (program)
			bpf_program__set_autoload(program,
						  !probes[i].suits || probes[i].suits(btf));
	}
	return counters_bpf__load(c->skel);
}

static int attach(struct counters *c, char why[COUNTERS_WHY])
{
	for (size_t i = 0; i < probes_cnt; i++) {
		struct bpf_program *program = program_of(c, i);

		if (!program || !bpf_program__autoload(program))
			continue;
		c->links[i] = probe_attach(program, probes[i].hook);
		if (c->links[i])
			continue;
		if (probes[i].need == PROBE_ESSENTIAL)
			return fail(why, -errno, "cannot attach %s: %s", probes[i].hook,
				    strerror(errno));
		c->view.unseen = probes[i].unseen;
	}
	return 0;
}

static int map_gauges(struct counters *c)
{
	const struct bpf_map *map = c->skel->maps.gauges;
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
	const char *unfit;
	struct btf *btf = kernel_btf(&unfit);
	int ret;

	if (!btf)
		return fail(why, -ENOTSUP, "%s", unfit);
	c->skel = counters_bpf__open();
	ret = c->skel ? load(c, btf, conf) : -errno;
	if (!ret && kernel_enum_value(btf, "bpf_func_id", "BPF_FUNC_task_pt_regs") >= 0)
		c->view.failed = (const struct counters_calls *)&c->skel->bss->calls_failed;
	btf__free(btf);
	if (ret)
		return fail(why, ret, "the kernel does not load the counters: %s%s", strerror(-ret),
			    conf->verbose ? "" : " (-v tells more)");
	ret = prepare(c);
	if (!ret)
		ret = give_cookies(c);
	if (ret)
		return fail(why, ret, "cannot read sockets: %s", strerror(-ret));
	return attach(c, why);
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
	if (c)
		c->links = calloc(probes_cnt, sizeof(*c->links));
	if (!c || !c->links) {
		counters_close(c);
		return fail(why, -ENOMEM, "out of memory");
	}
	libbpf_set_print(conf->verbose ? talk : quiet);
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
	for (size_t i = 0; c->links && i < probes_cnt; i++)
		bpf_link__destroy(c->links[i]);
	if (c->gauges)
		munmap(c->gauges, c->gauges_len);
	counters_bpf__destroy(c->skel);
	snapshot_close(c->reader);
	snapshot_free(c->snap);
	free(c->view.listeners);
	free(c->gone);
	free(c->values);
	free(c->keys);
	free(c->links);
	free(c);
}
