// SPDX-License-Identifier: GPL-2.0-only
/* Runs the iterators of snapshot.bpf.c and puts their records together.  Knows no command. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "snapshot.h"
#include "snapshot_build.h"
#include "snapshot.skel.h"

/* bpf_seq_read() fills at most PAGE_SIZE << 3 a time, and never splits a record. */
#define READ_LEN (64 * 1024)
/* It gives up with EAGAIN after MAX_ITER_OBJECTS (a million) objects that wrote nothing. */
#define READ_RETRIES 1000

struct snapshot_reader {
	struct snapshot_bpf *skel;
	struct bpf_link *task;
	struct bpf_link *task_file;
	struct bpf_link *tcp;
};

/* One snapshot under way.  The lock is for build and done: the passes over files and over
 * namespaces run side by side, and spend their time in read(). */
struct run {
	struct snapshot_reader *reader;
	const struct snapshot_query *query;
	pthread_mutex_t lock;
	struct snapshot_build build;
	struct netns_list done; /* namespaces that had their iter/tcp */
	int err;		/* of pass_all_netns() */
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int attach(struct bpf_program *prog, struct bpf_link **link)
{
	*link = bpf_program__attach_iter(prog, NULL);
	return *link ? 0 : -errno;
}

int snapshot_open(struct snapshot_reader **out)
{
	libbpf_print_fn_t print = libbpf_set_print(quiet);
	struct snapshot_reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->skel = snapshot_bpf__open_and_load();
	err = r->skel ? 0 : -errno;
	if (!err)
		err = attach(r->skel->progs.iter_task, &r->task);
	if (!err)
		err = attach(r->skel->progs.iter_task_file, &r->task_file);
	if (!err)
		err = attach(r->skel->progs.iter_tcp, &r->tcp);
	libbpf_set_print(print);
	if (err) {
		snapshot_close(r);
		return err;
	}
	*out = r;
	return 0;
}

void snapshot_close(struct snapshot_reader *reader)
{
	if (!reader)
		return;
	bpf_link__destroy(reader->task);
	bpf_link__destroy(reader->task_file);
	bpf_link__destroy(reader->tcp);
	snapshot_bpf__destroy(reader->skel);
	free(reader);
}

static int take_records(struct snapshot_build *b, const char *buf, size_t len)
{
	size_t size;
	int err;

	for (size_t at = 0; at < len; at += size) {
		const struct snap_hdr *hdr = (const void *)(buf + at);

		size = snapshot_record_size(hdr, len - at);
		if (!size)
			return -EPROTO;
		err = snapshot_build_add(b, hdr);
		if (err)
			return err;
	}
	return 0;
}

/* Reads an iterator to its end and closes it.  ends: an EAGAIN is the end, not a pause. */
static int drain(struct run *run, int fd, bool ends)
{
	char buf[READ_LEN] __attribute__((aligned(8)));
	int err = 0, retries = READ_RETRIES;
	ssize_t n;

	while (!err) {
		n = read(fd, buf, sizeof(buf));
		if (n > 0) {
			pthread_mutex_lock(&run->lock);
			err = take_records(&run->build, buf, n);
			pthread_mutex_unlock(&run->lock);
		} else if (n == 0 || (errno == EAGAIN && ends)) {
			break;
		} else if (errno != EINTR && (errno != EAGAIN || !--retries)) {
			err = -errno;
		}
	}
	close(fd);
	return err;
}

static int pass(struct run *run, struct bpf_link *link)
{
	int fd = bpf_iter_create(bpf_link__fd(link));

	return fd < 0 ? -errno : drain(run, fd, false);
}

/* Sockets of the namespace that listen or are connected, sock_prot_inuse_get(); -1: not known. */
static int sockets_inside(void)
{
	static const char *const files[] = {"sockstat", "sockstat6"};
	int sum = -1, n;
	char path[48], line[64];

	for (int i = 0; i < 2; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/thread-self/net/%s", files[i]);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "TCP: inuse %d", &n) == 1 ||
			    sscanf(line, "TCP6: inuse %d", &n) == 1)
				sum = (sum < 0 ? 0 : sum) + n;
		if (f)
			fclose(f);
	}
	return sum;
}

/*
 * An iter/tcp shows the namespace in which it was made, bpf_iter_init_seq_net().  It walks the
 * host's whole hash table of connections, which is long: a namespace without any listener is told
 * by its count of sockets.
 */
static int make_iter(void *arg)
{
	const struct run *run = arg;
	int fd;

	if (run->query->scope == SNAP_LISTENERS && !sockets_inside())
		return -ENODATA;
	fd = bpf_iter_create(bpf_link__fd(run->reader->tcp));
	return fd < 0 ? -errno : fd;
}

/* The next namespace that is wanted and not done: 1 and its file descriptor (-1: one's own), or 0
 * when there is no more, or -errno. */
static int next_netns(struct run *run, int *ns)
{
	const struct netns_list *list = &run->build.snap->netns;
	struct netns_ref seen = {0};
	int ret = 0;

	pthread_mutex_lock(&run->lock);
	for (size_t i = 0; i < list->cnt && !seen.inum; i++)
		if ((!run->query->netns || run->query->netns == list->refs[i].inum) &&
		    !netns_find(&run->done, list->refs[i].inum))
			seen.inum = list->refs[i].inum;
	if (seen.inum) {
		ret = netns_add(&run->done, &seen) ? -ENOMEM : 1;
		*ns = seen.inum == netns_self() ? -1 : netns_open(list, seen.inum);
	}
	pthread_mutex_unlock(&run->lock);
	return ret;
}

static int pass_netns(struct run *run, int ns)
{
	int fd = netns_run(ns, make_iter, run);

	if (ns >= 0)
		close(ns);
	return fd < 0 ? fd : drain(run, fd, run->query->scope == SNAP_LISTENERS);
}

static void *pass_all_netns(void *arg)
{
	struct run *run = arg;
	int err, ns, more;

	while ((more = next_netns(run, &ns)) > 0) {
		err = ns < -1 ? ns : pass_netns(run, ns);
		if (err == -ENOMEM || err == -EPROTO)
			more = err;
		else if (err && err != -ESTALE && err != -ENODATA)
			run->build.snap->unread++;
		if (more < 0)
			break;
	}
	run->err = more;
	return NULL;
}

/* The map only keeps the iterators from writing a namespace twice. */
static void forget_netns(struct snapshot_reader *r)
{
	int fd = bpf_map__fd(r->skel->maps.netns_seen);
	uint32_t key;

	while (!bpf_map_get_next_key(fd, NULL, &key) && !bpf_map_delete_elem(fd, &key))
		;
	r->skel->bss->netns_last = 0;
}

/* CLOCK_MONOTONIC_COARSE advances once a tick: clock_getres() tells the kernel's HZ. */
static uint16_t kernel_hz(void)
{
	struct timespec res;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &res) || res.tv_sec || res.tv_nsec < 100000)
		return 250;
	return (1000000000 + res.tv_nsec / 2) / res.tv_nsec;
}

/* All namespaces in one thread, all files in this one; then the namespaces that only a file led to. */
static int pass_everything(struct run *run)
{
	pthread_t thread;
	int err;

	err = -pthread_create(&thread, NULL, pass_all_netns, run);
	if (err)
		return err;
	err = pass(run, run->reader->task_file);
	pthread_join(thread, NULL);
	if (!err && !run->err)
		pass_all_netns(run);
	return err ? err : run->err;
}

/* An owner without its socket: that began to listen just now, or its namespace could not be
 * entered.  The files tell everything when they are asked for it. */
static int passes(struct run *run)
{
	struct snap_filter *filter = &run->reader->skel->bss->filter;
	int err;

	err = netns_add_mounted(&run->build.snap->netns);
	if (!err)
		err = pass(run, run->reader->task);
	if (!err)
		err = pass_everything(run);
	if (err || snapshot_build_complete(&run->build))
		return err;
	filter->brief = 0;
	snapshot_build_drop_owners(&run->build);
	return pass(run, run->reader->task_file);
}

int snapshot_read(struct snapshot_reader *reader, const struct snapshot_query *query,
		  struct snapshot **out)
{
	struct snap_filter *filter = &reader->skel->bss->filter;
	struct run run = {.reader = reader, .query = query};
	int err;

	filter->scope = query->scope;
	filter->netns = query->netns;
	filter->port = query->scope == SNAP_ALL ? 0 : query->port;
	filter->hz = kernel_hz();
	filter->brief = query->scope == SNAP_LISTENERS;
	forget_netns(reader);
	pthread_mutex_init(&run.lock, NULL);
	err = snapshot_build_start(&run.build);
	if (!err)
		err = passes(&run);
	pthread_mutex_destroy(&run.lock);
	netns_list_free(&run.done);
	return snapshot_build_end(&run.build, err, out);
}

int snapshot_take(const struct snapshot_query *query, struct snapshot **out)
{
	struct snapshot_reader *reader;
	int err;

	err = snapshot_open(&reader);
	if (err)
		return err;
	err = snapshot_read(reader, query, out);
	snapshot_close(reader);
	return err;
}
