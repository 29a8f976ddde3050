// SPDX-License-Identifier: GPL-2.0-only
/* Runs the iterators of snapshot.bpf.c and puts their records together.  Knows no command. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
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
	char buf[READ_LEN] __attribute__((aligned(8)));
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
static int drain(struct snapshot_reader *r, struct snapshot_build *b, int fd, bool ends)
{
	int err = 0, retries = READ_RETRIES;
	ssize_t n;

	while (!err) {
		n = read(fd, r->buf, sizeof(r->buf));
		if (n > 0)
			err = take_records(b, r->buf, n);
		else if (n == 0 || (errno == EAGAIN && ends))
			break;
		else if (errno != EINTR && (errno != EAGAIN || !--retries))
			err = -errno;
	}
	close(fd);
	return err;
}

static int pass(struct snapshot_reader *r, struct snapshot_build *b, struct bpf_link *link)
{
	int fd = bpf_iter_create(bpf_link__fd(link));

	return fd < 0 ? -errno : drain(r, b, fd, false);
}

/* An iter/tcp shows the namespace in which it was made: bpf_iter_init_seq_net(). */
static int make_iter(void *arg)
{
	int fd = bpf_iter_create(bpf_link__fd(arg));

	return fd < 0 ? -errno : fd;
}

static int pass_netns(struct snapshot_reader *r, struct snapshot_build *b,
		      const struct snapshot_query *q, uint32_t inum)
{
	int ns, fd;

	if (inum == netns_self()) {
		fd = make_iter(r->tcp);
	} else {
		ns = netns_open(&b->snap->netns, inum);
		if (ns < 0)
			return ns;
		fd = netns_run(ns, make_iter, r->tcp);
		close(ns);
	}
	return fd < 0 ? fd : drain(r, b, fd, q->scope == SNAP_LISTENERS);
}

/* One iter/tcp for each namespace that is not in `done` yet, which learns of them. */
static int pass_all_netns(struct snapshot_reader *r, struct snapshot_build *b,
			  const struct snapshot_query *q, struct netns_list *done)
{
	const struct netns_list *list = &b->snap->netns;
	int err;

	for (size_t i = 0; i < list->cnt; i++) {
		struct netns_ref seen = {.inum = list->refs[i].inum};

		if ((q->netns && q->netns != seen.inum) || netns_find(done, seen.inum))
			continue;
		err = netns_add(done, &seen);
		if (err)
			return err;
		err = pass_netns(r, b, q, seen.inum);
		if (err == -ENOMEM || err == -EPROTO)
			return err;
		if (err && err != -ESTALE)
			b->snap->unread++;
	}
	return 0;
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

/*
 * The namespaces' own sockets first, then all files: what was waiting in an accept queue in the
 * first pass and is accepted meanwhile has its owner in the second.  A namespace that only a file
 * leads to is known after that.
 */
static int passes(struct snapshot_reader *r, struct snapshot_build *b,
		  const struct snapshot_query *q)
{
	struct netns_list done = {0};
	int err;

	err = netns_add_mounted(&b->snap->netns);
	if (!err)
		err = pass(r, b, r->task);
	if (!err)
		err = pass_all_netns(r, b, q, &done);
	if (!err)
		err = pass(r, b, r->task_file);
	if (!err)
		err = pass_all_netns(r, b, q, &done);
	netns_list_free(&done);
	return err;
}

int snapshot_read(struct snapshot_reader *reader, const struct snapshot_query *query,
		  struct snapshot **out)
{
	struct snap_filter *filter = &reader->skel->bss->filter;
	struct snapshot_build build;
	int err;

	filter->scope = query->scope;
	filter->netns = query->netns;
	filter->port = query->port;
	filter->hz = kernel_hz();
	forget_netns(reader);
	err = snapshot_build_start(&build);
	if (!err)
		err = passes(reader, &build, query);
	return snapshot_build_end(&build, err, out);
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
