// SPDX-License-Identifier: GPL-2.0-only
/* Runs holders.bpf.c: hands it the addresses of files, and takes what it found. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snapshot_holders.h"
#include "holders.skel.h"

#define HELD_LEN (SNAP_HELD_CNT * sizeof(struct snap_held)) /* of whole pages */

struct snapshot_holders {
	struct holders_bpf *skel;
	struct snap_held *held; /* mapped; HELD_LEN */
	int link;		/* fd of the iterator */
	struct ring_buffer *ring;
	struct snapshot_build *build; /* of the read under way */
	bool hidden;		      /* a namespace that is not in its list */
};

static int take(void *ctx, void *record, size_t len)
{
	struct snapshot_holders *h = ctx;
	const struct snap_hdr *hdr = record;

	if (!snapshot_record_size(hdr, len))
		return -EPROTO;
	if (hdr->kind != SNAP_NETNS)
		return snapshot_build_add(h->build, hdr);
	if (!netns_find(&h->build->snap->netns, hdr->netns))
		h->hidden = true;
	return 0;
}

/* A light skeleton: the kernel itself fits the program to its types, 5.17 on, in a third of the time
 * that libbpf takes. */
static int load(struct snapshot_holders *h)
{
	int err;

	h->skel = holders_bpf__open();
	err = h->skel ? holders_bpf__load(h->skel) : -ENOMEM;
	if (err)
		return err < 0 ? err : -EINVAL;
	h->held = mmap(NULL, HELD_LEN, PROT_READ | PROT_WRITE, MAP_SHARED,
		       h->skel->maps.held.map_fd, 0);
	if (h->held == MAP_FAILED)
		return -errno;
	h->link =
		bpf_link_create(h->skel->progs.iter_task_holders.prog_fd, 0, BPF_TRACE_ITER, NULL);
	if (h->link < 0)
		return -errno;
	h->ring = ring_buffer__new(h->skel->maps.found.map_fd, take, h, NULL);
	return h->ring ? 0 : -errno;
}

int snapshot_holders_load(struct snapshot_holders **out)
{
	struct snapshot_holders *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->held = MAP_FAILED;
	h->link = -1;
	err = load(h);
	if (err)
		snapshot_holders_free(h);
	else
		*out = h;
	return err;
}

void snapshot_holders_free(struct snapshot_holders *h)
{
	if (!h)
		return;
	ring_buffer__free(h->ring);
	if (h->link >= 0)
		close(h->link);
	if (h->held != MAP_FAILED)
		munmap(h->held, HELD_LEN);
	if (h->skel)
		holders_bpf__destroy(h->skel);
	free(h);
}

/* The iterator itself writes nothing. */
static int walk(struct snapshot_holders *h)
{
	int fd = bpf_iter_create(h->link);
	ssize_t n;
	char c;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, &c, sizeof(c));
	while (n < 0 && (errno == EINTR || errno == EAGAIN));
	n = n < 0 ? -errno : 0;
	close(fd);
	return n;
}

/* Before some 6.x an MPTCP listener's subflow had a socket of its own, without a file. */
static bool file_unknown(const struct snap_sock *s)
{
	return s->marks & SNAP_M_KERNEL && s->options & SO_F_MPTCP;
}

static int hold(struct snap_held *table, const struct snap_sock *s)
{
	for (uint32_t i = 0; i < SNAP_HELD_PROBES; i++) {
		struct snap_held *h = &table[snap_held_slot(s->file, i)];

		if (h->file)
			continue;
		*h = (struct snap_held){s->file, s->id, s->cookie};
		return 0;
	}
	return -EAGAIN;
}

static uint32_t listening(const struct snapshot *snap)
{
	uint32_t cnt = 0;

	for (size_t i = 0; i < snap->sock_cnt; i++)
		cnt += snap->socks[i].s.state == 10; /* TCP_LISTEN */
	return cnt;
}

/* A namespace that is hidden does not matter while every listener of the host is known: connections
 * that their process has closed keep it for minutes. */
int snapshot_holders_read(struct snapshot_holders *h, struct snapshot_build *b)
{
	const struct snapshot *snap = b->snap;
	int err = 0;

	memset(h->held, 0, HELD_LEN);
	h->skel->bss->lost = 0;
	h->skel->bss->listening = UINT32_MAX;
	h->hidden = false;
	h->build = b;
	for (size_t i = 0; i < snap->sock_cnt && !err; i++) {
		const struct snap_sock *s = &snap->socks[i].s;

		if (file_unknown(s))
			err = -EAGAIN;
		else if (s->file)
			err = hold(h->held, s);
	}
	if (!err)
		err = walk(h);
	if (!err)
		err = ring_buffer__consume(h->ring);
	if (err < 0)
		return err;
	if (h->hidden && listening(snap) == h->skel->bss->listening)
		h->hidden = false;
	return h->skel->bss->lost || h->hidden ? -EAGAIN : 0;
}
