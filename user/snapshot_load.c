// SPDX-License-Identifier: GPL-2.0-only
/* Loads the snapshot's iterators, each only when a question needs it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "snapshot_load.h"
#include "snapshot.skel.h"

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int attach(struct bpf_program *prog, struct bpf_link **link)
{
	*link = bpf_program__attach_iter(prog, NULL);
	return *link ? 0 : -errno;
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

	bpf_object__for_each_program(prog, p->skel->obj) bpf_program__set_autoload(prog, false);
	bpf_program__set_autoload(p->skel->progs.iter_task, true);
	bpf_program__set_autoload(main_program(p), true);
	err = snapshot_bpf__load(p->skel);
	if (!err)
		err = attach(p->skel->progs.iter_task, &p->task);
	return err ? err : attach(main_program(p), &p->main);
}

void snapshot_unload(struct snapshot_part *part)
{
	bpf_link__destroy(part->task);
	bpf_link__destroy(part->main);
	snapshot_bpf__destroy(part->skel);
	part->task = part->main = NULL;
	part->skel = NULL;
}

static void *load_part(void *arg)
{
	struct snapshot_part *p = arg;

	p->err = 0;
	if (p->skel)
		return NULL;
	p->skel = snapshot_bpf__open();
	p->err = p->skel ? load(p) : -errno;
	if (p->err)
		snapshot_unload(p);
	return NULL;
}

/* Most of a load is libbpf's work on the kernel's types: both at once. */
int snapshot_load(struct snapshot_part *files, struct snapshot_part *tcp)
{
	bool beside = files && !files->skel;
	libbpf_print_fn_t print;
	pthread_t thread;
	int err;

	if (!beside && tcp->skel)
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
static void forget_netns(struct snapshot_part *p)
{
	int fd = bpf_map__fd(p->skel->maps.netns_seen);
	uint32_t key;

	while (!bpf_map_get_next_key(fd, NULL, &key) && !bpf_map_delete_elem(fd, &key))
		;
	p->skel->bss->netns_last = 0;
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
	struct snap_filter *filter = &part->skel->bss->filter;

	filter->scope = query->scope;
	filter->netns = query->netns;
	filter->port = query->scope == SNAP_ALL ? 0 : query->port;
	filter->hz = kernel_hz();
	forget_netns(part);
}
