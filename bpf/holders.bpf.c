// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds these files?  Walks the descriptor table of every task, and tells of each entry that is
 * one of the files in `held`.
 *
 * Only addresses are compared: where most of a hundred thousand files are not wanted,
 * iter/task_file would touch each of them.  Tells also which network namespaces exist, whether anything leads to
 * them or not.  Needs bpf_loop(), of Linux 5.17.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "event.h"
#include "snap.h"

#define CHUNK	   16
#define CHUNKS_MAX (1 << 22) /* of a table of sysctl_nr_open_max descriptors */
#define NETS_MAX   (1 << 16)
#define LISTENERS_MAX (1 << 20) /* in one chain */

/* A map, not a variable: a light skeleton carries every byte of a variable, twice. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SNAP_HELD_CNT);
	__type(key, u32);
	__type(value, struct snap_held);
} held SEC(".maps");

/* struct snap_owner and struct snap_netns; the reader takes them when the walk is over. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} found SEC(".maps");

__u32 lost; /* records that found no room */
__u32 listening; /* listeners of the host; left as it is where they cannot be counted */

struct walk {
	struct snap_owner owner; /* what is the same for all descriptors of the task */
	struct file **fds;
};

static __always_inline void tell_owner(struct walk *w, struct file *file, const struct snap_held *h,
				       u32 fd)
{
	struct snap_owner *o = bpf_ringbuf_reserve(&found, sizeof(*o), 0);

	if (!o) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	__builtin_memcpy(o, &w->owner, sizeof(*o));
	o->sock = h->id;
	o->cookie = h->cookie;
	o->inode = BPF_CORE_READ(file, f_inode, i_ino);
	o->fd = fd;
	bpf_ringbuf_submit(o, BPF_RB_NO_WAKEUP);
}

/* The slot of a file, or -1.  Global: the verifier looks at it once, not at each call. */
__attribute__((noinline)) int find(u64 file)
{
	struct snap_held *h;
	u32 slot;

	for (u32 i = 0; i < SNAP_HELD_PROBES; i++) {
		slot = snap_held_slot(file, i);
		h = bpf_map_lookup_elem(&held, &slot);
		if (!h || !h->file)
			break;
		if (h->file == file)
			return slot;
	}
	return -1;
}

/* alloc_fdtable() makes tables of a multiple of 64 descriptors. */
static long walk_fds(u32 chunk, struct walk *w)
{
	struct file *files[CHUNK];
	struct snap_held *h;
	int slot;

	if (bpf_probe_read_kernel(files, sizeof(files), w->fds + chunk * CHUNK))
		return 1;
	for (int i = 0; i < CHUNK; i++) {
		slot = files[i] ? find((u64)files[i]) : -1;
		h = slot < 0 ? NULL : bpf_map_lookup_elem(&held, &slot);
		if (h)
			tell_owner(w, files[i], h, chunk * CHUNK + i);
	}
	return 0;
}

struct nets {
	struct net *start;
	struct net *at;
	const void *ops;
};

/* Nobody is in it any more, cleanup_net() has not come to it yet. */
static __always_inline bool net_dying(struct net *net)
{
	struct net___ref *n = (void *)net;

	if (bpf_core_field_exists(n->ns.__ns_ref))
		return !BPF_CORE_READ(n, ns.__ns_ref.refs.counter);
	return bpf_core_field_exists(n->ns.count) && !BPF_CORE_READ(n, ns.count.refs.counter);
}

/* All struct net are in one ring, net_namespace_list; its head, alone, is in none: no ops. */
static long walk_nets(u32 index, struct nets *n)
{
	struct net *net = n->at;
	struct snap_netns *r;

	net = (void *)BPF_CORE_READ(net, list.next) - bpf_core_field_offset(struct net, list);
	n->at = net;
	if (net == n->start)
		return 1;
	if (BPF_CORE_READ(net, ns.ops) != n->ops || net_dying(net))
		return 0;
	r = bpf_ringbuf_reserve(&found, sizeof(*r), 0);
	if (!r) {
		__sync_fetch_and_add(&lost, 1);
		return 1;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->hdr.kind = SNAP_NETNS;
	r->hdr.netns = BPF_CORE_READ(net, ns.inum);
	r->fd = -1;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

struct chains {
	void *buckets;
	u32 size;
	struct hlist_nulls_node *node;
	u32 cnt;
};

/* A chain ends with an odd pointer, or with NULL where it is no hlist_nulls yet. */
static long walk_chain(u32 index, struct chains *c)
{
	struct hlist_nulls_node *node = c->node;

	if (!node || (u64)node & 1)
		return 1;
	c->cnt++;
	c->node = BPF_CORE_READ(node, next);
	return 0;
}

static long walk_bucket(u32 index, struct chains *c)
{
	struct inet_listen_hashbucket *b = c->buckets + (u64)index * c->size;

	c->node = BPF_CORE_READ(b, nulls_head.first);
	bpf_loop(LISTENERS_MAX, walk_chain, c, 0);
	return 0;
}

/* All namespaces share one hash of listeners, inet_hashinfo.lhash2. */
static __always_inline void count_listeners(struct task_struct *task)
{
	struct net *net = BPF_CORE_READ(task, nsproxy, net_ns);
	struct inet_hashinfo *info;
	struct chains c = {};

	if (!net || !bpf_core_field_exists(net->ipv4.tcp_death_row.hashinfo))
		return;
	info = BPF_CORE_READ(net, ipv4.tcp_death_row.hashinfo);
	c.buckets = BPF_CORE_READ(info, lhash2);
	c.size = bpf_core_type_size(struct inet_listen_hashbucket);
	bpf_loop(BPF_CORE_READ(info, lhash2_mask) + 1, walk_bucket, &c, 0);
	listening = c.cnt;
}

static __always_inline void tell_nets(struct task_struct *task)
{
	struct net *net = BPF_CORE_READ(task, nsproxy, net_ns);
	struct nets n = {net, net, NULL};

	if (!net)
		return;
	n.ops = BPF_CORE_READ(net, ns.ops);
	bpf_loop(NETS_MAX, walk_nets, &n, 0);
}

static __always_inline void describe(struct snap_owner *o, struct task_struct *task)
{
	o->hdr.kind = SNAP_OWNER;
	o->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	o->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	o->pid = task->tgid;
	o->tid = task->pid;
	o->uid = BPF_CORE_READ(task, cred, euid.val);
	o->marks = SNAP_M_FILE;
	BPF_CORE_READ_STR_INTO(&o->comm, task, group_leader, comm);
}

/* A thread that shares its leader's table is passed over, as iter/task_file does. */
SEC("iter/task")
int iter_task_holders(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct files_struct *files;
	struct fdtable *fdt;
	struct walk w = {};
	u32 chunks;

	if (!task)
		return 0;
	if (!ctx->meta->seq_num) {
		tell_nets(task);
		count_listeners(task);
	}
	files = BPF_CORE_READ(task, files);
	if (!files ||
	    (task->pid != task->tgid && files == BPF_CORE_READ(task, group_leader, files)))
		return 0;
	fdt = BPF_CORE_READ(files, fdt);
	w.fds = BPF_CORE_READ(fdt, fd);
	chunks = BPF_CORE_READ(fdt, max_fds) / CHUNK;
	describe(&w.owner, task);
	bpf_loop(chunks < CHUNKS_MAX ? chunks : CHUNKS_MAX, walk_fds, &w, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
