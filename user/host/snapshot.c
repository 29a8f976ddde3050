// SPDX-License-Identifier: GPL-2.0-only
/* Runs the iterators of snapshot.bpf.c and puts their records together.  Knows no command. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot.h"
#include "snapshot_build.h"
#include "snapshot_holders.h"
#include "snapshot_load.h"

/* bpf_seq_read() fills at most PAGE_SIZE << 3 a time, and never splits a record. */
#define READ_LEN (64 * 1024)
/* It gives up with EAGAIN after MAX_ITER_OBJECTS (a million) objects that wrote nothing. */
#define READ_RETRIES 1000

struct snapshot_reader {
	struct snapshot_part parts[2][2]; /* [files][listeners] */
	struct snapshot_holders *holders;
	bool no_holders; /* the kernel does not have what they need */
};

/* One snapshot under way.  The lock is for build and done: the passes over files and over
 * namespaces run side by side, and spend their time in read(). */
struct run {
	struct snapshot_part *files;
	struct snapshot_part *tcp;
	const struct snapshot_query *query;
	pthread_mutex_t lock;
	struct snapshot_build build;
	struct netns_list done; /* namespaces that had their iter/tcp */
	int err;                /* of pass_all_netns() */
};

int snapshot_open(struct snapshot_reader **out)
{
	struct snapshot_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	for (int files = 0; files < 2; files++) {
		for (int listeners = 0; listeners < 2; listeners++) {
			r->parts[files][listeners].files = files;
			r->parts[files][listeners].listeners = listeners;
		}
	}
	*out = r;
	return 0;
}

void snapshot_close(struct snapshot_reader *reader)
{
	if (!reader)
		return;
	for (int i = 0; i < 4; i++)
		snapshot_unload(&reader->parts[i / 2][i % 2]);
	snapshot_holders_free(reader->holders);
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

static int pass(struct run *run, int link)
{
	int fd = bpf_iter_create(link);

	return fd < 0 ? -errno : drain(run, fd, false);
}

/* Sockets of the namespace that listen or are connected, sock_prot_inuse_get(), and those in
 * TIME_WAIT; -1: not known. */
static int sockets_inside(bool listeners)
{
	static const char *const files[] = {"sockstat", "sockstat6"};
	int sum = -1, n, tw;
	char path[48], line[96];

	for (int i = 0; i < 2; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/thread-self/net/%s", files[i]);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f)) {
			tw = 0;
			if (sscanf(line, "TCP: inuse %d orphan %*d tw %d", &n, &tw) == 2 ||
			    sscanf(line, "TCP6: inuse %d", &n) == 1)
				sum = (sum < 0 ? 0 : sum) + n + (listeners ? 0 : tw);
		}
		if (f)
			fclose(f);
	}
	return sum;
}

/*
 * An iter/tcp shows the namespace in which it was made, bpf_iter_init_seq_net().  It walks the
 * host's whole hash table of connections, which is long: a namespace without any is told by its
 * counts.
 */
static int make_iter(void *arg)
{
	const struct run *run = arg;
	int fd;

	if (!sockets_inside(run->query->scope == SNAP_LISTENERS))
		return -ENODATA;
	fd = bpf_iter_create(run->tcp->main);
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

/* All namespaces in one thread, all files in this one; then what only a file led to. */
static int pass_everything(struct run *run)
{
	pthread_t thread;
	int err;

	err = -pthread_create(&thread, NULL, pass_all_netns, run);
	if (err)
		return err;
	err = pass(run, run->files->main);
	pthread_join(thread, NULL);
	if (!err && !run->err)
		pass_all_netns(run);
	return err ? err : run->err;
}

/* An owner without its socket: that began to listen just now, or its namespace could not be
 * entered.  The files tell everything when they are asked for it. */
static int pass_again(struct run *run, struct snapshot_reader *reader)
{
	int err;

	run->files = &reader->parts[true][false];
	err = snapshot_load(run->files, run->tcp);
	if (err)
		return err;
	snapshot_ask(run->files, run->query);
	snapshot_build_drop_owners(&run->build);
	return pass(run, run->files->main);
}

static int passes(struct run *run, struct snapshot_reader *reader)
{
	int err;

	err = snapshot_load(run->files, run->tcp);
	if (err)
		return err;
	snapshot_ask(run->files, run->query);
	snapshot_ask(run->tcp, run->query);
	err = netns_add_mounted(&run->build.snap->netns);
	if (!err)
		err = pass(run, run->files->task);
	if (!err)
		err = pass_everything(run);
	if (!err && !snapshot_build_complete(&run->build))
		err = pass_again(run, reader);
	return err;
}

static void *load_holders(void *arg)
{
	struct snapshot_reader *reader = arg;

	if (!reader->holders && snapshot_holders_load(&reader->holders))
		reader->no_holders = true;
	return NULL;
}

static int pass_listeners(struct run *run)
{
	int err = snapshot_load(NULL, run->tcp);

	if (err)
		return err;
	snapshot_ask(run->tcp, run->query);
	err = netns_add_mounted(&run->build.snap->netns);
	if (!err)
		err = pass(run, run->tcp->task);
	if (err)
		return err;
	pass_all_netns(run);
	return run->err;
}

/* Listeners are few among many files: first the sockets, then who has their files.  -EAGAIN: that
 * is not all, all files must be looked at. */
static int passes_short(struct run *run, struct snapshot_reader *reader)
{
	pthread_t thread;
	int err;

	if (reader->no_holders)
		return -EAGAIN;
	err = -pthread_create(&thread, NULL, load_holders, reader);
	if (err)
		return err;
	err = pass_listeners(run);
	pthread_join(thread, NULL);
	if (!err)
		err = reader->no_holders ? -EAGAIN
					 : snapshot_holders_read(reader->holders, &run->build);
	if (err == -EAGAIN)
		snapshot_build_drop_owners(&run->build);
	return err;
}

int snapshot_read(struct snapshot_reader *reader, const struct snapshot_query *query,
		  struct snapshot **out)
{
	bool listeners = query->scope == SNAP_LISTENERS;
	struct run run = {.files = &reader->parts[true][listeners],
			  .tcp = &reader->parts[false][listeners],
			  .query = query};
	int err;

	pthread_mutex_init(&run.lock, NULL);
	err = snapshot_build_start(&run.build);
	if (!err)
		err = listeners ? passes_short(&run, reader) : -EAGAIN;
	if (err == -EAGAIN)
		err = passes(&run, reader);
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
