// SPDX-License-Identifier: GPL-2.0-only
/* Owns the BPF object that watches: loading, attaching, and what it has missed. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "count.h"
#include "kernel.h"
#include "observer.h"
#include "observer.skel.h"
#include "observer_cast.skel.h"
#include "probes.h"

static int __attribute__((format(printf, 3, 4)))
fail(char why[OBSERVER_WHY], int ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, OBSERVER_WHY, fmt, ap);
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

void observer_talk(bool verbose)
{
	libbpf_set_print(verbose ? talk : quiet);
}

/* Programs and maps that are not wanted are not made: what is off costs no memory either. */
static void select_parts(struct observer *o, const struct btf *btf,
			 const struct observer_conf *conf, const struct config *c)
{
	struct observer_bpf *skel = o->skel;
	struct bpf_map *const of_events[] = {
		skel->maps.rings,	 skel->maps.emit_counts, skel->maps.calls,
		skel->maps.call_scratch, skel->maps.faulted,	 skel->maps.timers,
	};
	struct bpf_map *const of_counts[] = {
		skel->maps.rows,
		skel->maps.waits,
		skel->maps.syns,
		skel->maps.gauges,
	};
	struct bpf_program *program;

	for (size_t i = 0; i < sizeof(of_events) / sizeof(*of_events); i++)
		bpf_map__set_autocreate(of_events[i], c->events);
	for (size_t i = 0; i < sizeof(of_counts) / sizeof(*of_counts); i++)
		bpf_map__set_autocreate(of_counts[i], c->counts);
	bpf_map__set_autocreate(skel->maps.followed, c->follow);
	bpf_map__set_max_entries(skel->maps.rings, libbpf_num_possible_cpus());

	probes_select(btf, skel->obj, o->states, c);
	bpf_program__set_autoload(skel->progs.read_gauges, c->counts);
	bpf_object__for_each_program(program, skel->obj)
		if (conf->only && strcmp(bpf_program__name(program), conf->only))
			bpf_program__set_autoload(program, false);
}

static int load(struct observer *o, const struct btf *btf, const struct observer_conf *conf)
{
	struct config config = conf->config;

	probes_kernel_config(btf, &config);
	o->calls_shown = probes_calls_shown(btf);
	o->skel->rodata->config = config;
	if (conf->ports)
		memcpy((void *)o->skel->rodata->config_ports, conf->ports,
		       sizeof(o->skel->rodata->config_ports));
	select_parts(o, btf, conf, &config);
	return observer_bpf__load(o->skel);
}

/* Two objects of the same source: programs, maps and variables are the same. */
static struct observer_bpf *open_skeleton(const struct btf *btf)
{
	struct observer_bpf *skel = calloc(1, sizeof(*skel));

	if (!skel)
		return NULL;
	if (observer_bpf__create_skeleton(skel)) {
		observer_bpf__destroy(skel);
		return NULL;
	}
	if (btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0)
		skel->skeleton->data =
			(void *)observer_cast_bpf__elf_bytes(&skel->skeleton->data_sz);
	if (bpf_object__open_skeleton(skel->skeleton, NULL)) {
		observer_bpf__destroy(skel);
		return NULL;
	}
	return skel;
}

static int open_all(struct observer *o, const struct observer_conf *conf, char why[OBSERVER_WHY])
{
	const char *unfit;
	struct btf *btf = kernel_btf(&unfit);
	int ret;

	if (!btf)
		return fail(why, -ENOTSUP, "%s", unfit);
	o->skel = open_skeleton(btf);
	ret = o->skel ? load(o, btf, conf) : -errno;
	btf__free(btf);
	if (ret)
		fail(why, ret, "the kernel does not load the observer: %s%s", strerror(-ret),
		     conf->verbose ? "" : " (-v tells more)");
	return ret;
}

int observer_open(const struct observer_conf *conf, struct observer **out, char why[OBSERVER_WHY])
{
	struct observer *o = calloc(1, sizeof(*o));
	int ret;

	observer_talk(conf->verbose);
	if (o)
		o->states = calloc(probes_cnt, sizeof(*o->states));
	if (!o || !o->states) {
		observer_close(o);
		return fail(why, -ENOMEM, "out of memory");
	}
	o->events = conf->config.events;
	o->counts = conf->config.counts;
	ret = open_all(o, conf, why);
	if (ret) {
		observer_close(o);
		return ret;
	}
	*out = o;
	return 0;
}

void observer_close(struct observer *o)
{
	if (!o)
		return;
	if (o->states)
		probes_detach(o->states);
	observer_bpf__destroy(o->skel);
	free(o->states);
	free(o);
}

int observer_attach(struct observer *o, char why[OBSERVER_WHY])
{
	size_t failed = 0;
	int ret;

	if (o->attached)
		return 0;
	ret = probes_attach(o->skel->obj, o->states, &failed);
	if (ret)
		return fail(why, ret, "cannot attach %s: %s", probes[failed].hook, strerror(-ret));
	o->attached = true;
	return 0;
}

void observer_attach_answers(struct observer *o)
{
	struct observer_bpf__bss *bss = o->skel->bss;

	if (bss->host.unsure && !bss->answers_seen)
		bss->answers_seen = !probes_attach_late(o->skel->obj, o->states);
}

void observer_detach(struct observer *o)
{
	probes_detach(o->states);
}

const char *observer_uncounted(const struct observer *o)
{
	const char *unseen = NULL;

	for (size_t i = 0; i < probes_cnt; i++)
		if (probes[i].counts && o->states[i].error)
			unseen = probes[i].unseen;
	return unseen;
}
