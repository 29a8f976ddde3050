// SPDX-License-Identifier: GPL-2.0-only
/* Loads the snapshot's iterators, each only when a question needs it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "snapshot_load.h"
#include "listeners.skel.h"
#include "snapshot.skel.h"

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int attach(int prog, int *link)
{
	int fd = bpf_link_create(prog, 0, BPF_TRACE_ITER, NULL);

	if (fd < 0)
		return -errno;
	*link = fd;
	return 0;
}

static struct bpf_program *main_program(const struct snapshot_part *p)
{
	struct snapshot_bpf *skel = p->skel;

	if (p->files)
		return p->listeners ? skel->progs.iter_task_file_brief : skel->progs.iter_task_file;
	return p->listeners ? skel->progs.iter_tcp_listeners : skel->progs.iter_tcp;
}

static int load(struct snapshot_part *p)
{
	struct bpf_program *prog;
	int err;

	bpf_object__for_each_program(prog, p->skel->obj)
		bpf_program__set_autoload(prog, false);
	bpf_program__set_autoload(p->skel->progs.iter_task, true);
	bpf_program__set_autoload(main_program(p), true);
	err = snapshot_bpf__load(p->skel);
	if (!err)
		err = attach(bpf_program__fd(p->skel->progs.iter_task), &p->task);
	return err ? err : attach(bpf_program__fd(main_program(p)), &p->main);
}

/* The kernel itself fits the programs to its types, from 5.17 on. */
static int load_light(struct snapshot_part *p)
{
	int err;

	p->light = listeners_bpf__open();
	err = p->light ? listeners_bpf__load(p->light) : -ENOMEM;
	if (!err)
		err = attach(p->light->progs.iter_task.prog_fd, &p->task);
	return err ? err : attach(p->light->progs.iter_tcp_listeners.prog_fd, &p->main);
}

void snapshot_unload(struct snapshot_part *part)
{
	if (part->task)
		close(part->task);
	if (part->main)
		close(part->main);
	snapshot_bpf__destroy(part->skel);
	if (part->light)
		listeners_bpf__destroy(part->light);
	part->task = part->main = 0;
	part->skel = NULL;
	part->light = NULL;
}

static bool loaded(const struct snapshot_part *p)
{
	return p->skel || p->light;
}

static void *load_part(void *arg)
{
	struct snapshot_part *p = arg;

	p->err = 0;
	if (loaded(p))
		return NULL;
	if (p->listeners && !p->files) {
		if (!load_light(p))
			return NULL;
		snapshot_unload(p);
	}
	p->skel = snapshot_bpf__open();
	p->err = p->skel ? load(p) : -errno;
	if (p->err)
		snapshot_unload(p);
	return NULL;
}

/* Most of a load is libbpf's work on the kernel's types: both at once. */
int snapshot_load(struct snapshot_part *files, struct snapshot_part *tcp)
{
	bool beside = files && !loaded(files);
	libbpf_print_fn_t print;
	pthread_t thread;
	int err;

	if (!beside && loaded(tcp))
		return 0;
	print = libbpf_set_print(quiet);
	if (beside && pthread_create(&thread, NULL, load_part, files)) {
		beside = false;
		load_part(files);
	}
	load_part(tcp);
	if (beside)
		pthread_join(thread, NULL);
	err = files && files->err ? files->err : tcp->err;
	libbpf_set_print(print);
	return err;
}

/* The map only keeps the iterators from writing a namespace twice. */
static void forget_netns(int map)
{
	uint32_t key;

	while (!bpf_map_get_next_key(map, NULL, &key) && !bpf_map_delete_elem(map, &key))
		;
}

/* CLOCK_MONOTONIC_COARSE advances once a tick: clock_getres() tells the kernel's HZ. */
static uint16_t kernel_hz(void)
{
	struct timespec res;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &res) || res.tv_sec || res.tv_nsec < 100000)
		return 250;
	return (1000000000 + res.tv_nsec / 2) / res.tv_nsec;
}

void snapshot_ask(struct snapshot_part *part, const struct snapshot_query *query)
{
	struct snap_filter *filter;

	if (part->light) {
		filter = &part->light->bss->filter;
		part->light->bss->netns_last = 0;
		forget_netns(part->light->maps.netns_seen.map_fd);
	} else {
		filter = &part->skel->bss->filter;
		part->skel->bss->netns_last = 0;
		forget_netns(bpf_map__fd(part->skel->maps.netns_seen));
	}
	filter->scope = query->scope;
	filter->netns = query->netns;
	filter->port = query->scope == SNAP_ALL ? 0 : query->port;
	filter->hz = kernel_hz();
}
