// SPDX-License-Identifier: GPL-2.0-only
/* Owns the snapshot's arrays: merges what several passes saw of one socket, sorts, finds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot_build.h"

#define INDEX_START 1024

int snapshot_build_start(struct snapshot_build *b)
{
	memset(b, 0, sizeof(*b));
	b->snap = calloc(1, sizeof(*b->snap));
	b->index_len = INDEX_START;
	b->index = calloc(b->index_len, sizeof(*b->index));
	return b->snap && b->index ? 0 : -ENOMEM;
}

size_t snapshot_record_size(const struct snap_hdr *hdr, size_t len)
{
	size_t size = 0;

	if (len < sizeof(*hdr))
		return 0;
	switch ((enum snap_kind)hdr->kind) {
	case SNAP_SOCK:
		size = sizeof(struct snap_sock);
		break;
	case SNAP_OWNER:
		size = sizeof(struct snap_owner);
		break;
	case SNAP_NETNS:
		size = sizeof(struct snap_netns);
		break;
	}
	return size <= len ? size : 0;
}

static size_t slot_of(const struct snapshot_build *b, uint64_t id)
{
	/* Addresses of sockets are multiples of 64: Fibonacci hashing spreads what is above. */
	return (id * 0x9e3779b97f4a7c15ull >> 32) & (b->index_len - 1);
}

static void index_put(struct snapshot_build *b, uint32_t sock)
{
	size_t at = slot_of(b, b->snap->socks[sock].s.id);

	while (b->index[at])
		at = (at + 1) & (b->index_len - 1);
	b->index[at] = sock + 1;
}

static int index_grow(struct snapshot_build *b)
{
	uint32_t *bigger = calloc(b->index_len * 2, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	free(b->index);
	b->index = bigger;
	b->index_len *= 2;
	for (size_t i = 0; i < b->snap->sock_cnt; i++)
		index_put(b, i);
	return 0;
}

/* The address tells sockets apart while they live, the cookie also afterwards: where both have one,
 * both must agree. */
static bool same_socket(const struct snap_sock *s, uint64_t id, uint64_t cookie)
{
	return s->id == id && (!s->cookie || !cookie || s->cookie == cookie);
}

/* NULL when it is not known yet. */
static struct snapshot_sock *index_find(const struct snapshot_build *b, uint64_t id,
					uint64_t cookie)
{
	size_t at = slot_of(b, id);

	for (; b->index[at]; at = (at + 1) & (b->index_len - 1))
		if (same_socket(&b->snap->socks[b->index[at] - 1].s, id, cookie))
			return &b->snap->socks[b->index[at] - 1];
	return NULL;
}

static int grow(void **array, size_t *cap, size_t cnt, size_t size)
{
	size_t more = *cap ? *cap * 2 : 256;
	void *bigger;

	if (cnt < *cap)
		return 0;
	bigger = realloc(*array, more * size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*cap = more;
	return 0;
}

/* The later word counts, but a cookie stays known. */
static void merge(struct snap_sock *to, const struct snap_sock *from)
{
	uint64_t cookie = to->cookie;

	*to = *from;
	if (!to->cookie)
		to->cookie = cookie;
}

static int add_sock(struct snapshot_build *b, const struct snap_sock *s)
{
	struct snapshot_sock *known = index_find(b, s->id, s->cookie);
	struct snapshot *snap = b->snap;
	int err;

	if (known) {
		merge(&known->s, s);
		return 0;
	}
	err = grow((void **)&snap->socks, &b->sock_cap, snap->sock_cnt, sizeof(*snap->socks));
	if (err)
		return err;
	snap->socks[snap->sock_cnt++] = (struct snapshot_sock){.s = *s};
	if (snap->sock_cnt * 2 > b->index_len)
		return index_grow(b);
	index_put(b, snap->sock_cnt - 1);
	return 0;
}

static int add_owner(struct snapshot_build *b, const struct snap_owner *o)
{
	struct snapshot *snap = b->snap;
	int err;

	err = grow((void **)&snap->owners, &b->owner_cap, snap->owner_cnt, sizeof(*snap->owners));
	if (!err)
		snap->owners[snap->owner_cnt++] = *o;
	return err;
}

static int add_netns(struct snapshot_build *b, const struct snap_netns *n)
{
	struct netns_ref ref = {.inum = n->hdr.netns, .via = n->via, .pid = n->pid, .fd = n->fd};

	return netns_add(&b->snap->netns, &ref);
}

int snapshot_build_add(struct snapshot_build *b, const struct snap_hdr *hdr)
{
	switch ((enum snap_kind)hdr->kind) {
	case SNAP_SOCK:
		return add_sock(b, (const struct snap_sock *)hdr);
	case SNAP_OWNER:
		return add_owner(b, (const struct snap_owner *)hdr);
	case SNAP_NETNS:
		return add_netns(b, (const struct snap_netns *)hdr);
	}
	return -EPROTO;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_place(const struct snap_sock *s, uint32_t netns, uint16_t port)
{
	int c = compare_u64(s->hdr.netns, netns);

	return c ? c : compare_u64(s->lport, port);
}

static int compare_socks(const void *a, const void *b, void *arg)
{
	const struct snapshot_sock *socks = arg;
	const struct snap_sock *x = &socks[*(const uint32_t *)a].s;
	const struct snap_sock *y = &socks[*(const uint32_t *)b].s;
	int c = compare_place(x, y->hdr.netns, y->lport);

	if (!c)
		c = compare_u64(x->family, y->family);
	if (!c)
		c = memcmp(x->laddr, y->laddr, sizeof(x->laddr));
	if (!c)
		c = compare_u64(x->state == 10, y->state == 10) * -1; /* TCP_LISTEN first */
	if (!c)
		c = compare_u64(x->state, y->state);
	if (!c)
		c = compare_u64(x->cookie, y->cookie);
	return c ? c : compare_u64(x->id, y->id);
}

static int compare_owners(const void *a, const void *b)
{
	const struct snap_owner *x = a, *y = b;
	int c = compare_u64(x->pid, y->pid);

	if (!c)
		c = compare_u64(x->tid, y->tid);
	return c ? c : compare_u64((uint32_t)x->fd, (uint32_t)y->fd);
}

bool snapshot_build_complete(const struct snapshot_build *b)
{
	for (size_t i = 0; i < b->snap->owner_cnt; i++)
		if (!index_find(b, b->snap->owners[i].sock, b->snap->owners[i].cookie))
			return false;
	return true;
}

void snapshot_build_drop_owners(struct snapshot_build *b)
{
	b->snap->owner_cnt = 0;
}

static void count_owners(struct snapshot_build *b)
{
	struct snapshot *snap = b->snap;
	struct snapshot_sock *sock;

	for (size_t i = 0; i < snap->owner_cnt; i++) {
		sock = index_find(b, snap->owners[i].sock, snap->owners[i].cookie);
		if (sock)
			sock->owner_cnt++;
	}
}

/* The file of an MPTCP socket stands for its first subflow, which does not always know it. */
static void learn_from_owner(struct snap_sock *s, struct snap_owner *o)
{
	o->hdr.netns = s->hdr.netns;
	s->inode = o->inode;
	s->marks = (s->marks & ~(SNAP_M_WAITS | SNAP_M_KERNEL | SNAP_M_ORPHAN)) | o->marks;
}

/* Puts each owner behind those of the sockets before; order: new place → old place. */
static int place_owners(struct snapshot_build *b, const uint32_t *order)
{
	struct snapshot *snap = b->snap;
	struct snap_owner *owners = malloc((snap->owner_cnt + 1) * sizeof(*owners));
	struct snapshot_sock *sock;
	uint32_t cnt = 0;

	if (!owners)
		return -ENOMEM;
	for (size_t i = 0; i < snap->sock_cnt; i++) {
		sock = &snap->socks[order[i]];
		sock->owner_first = cnt;
		cnt += sock->owner_cnt;
		sock->owner_cnt = 0;
	}
	for (size_t i = 0; i < snap->owner_cnt; i++) {
		sock = index_find(b, snap->owners[i].sock, snap->owners[i].cookie);
		if (!sock)
			continue;
		learn_from_owner(&sock->s, &snap->owners[i]);
		owners[sock->owner_first + sock->owner_cnt++] = snap->owners[i];
	}
	free(snap->owners);
	snap->owners = owners;
	snap->owner_cnt = cnt;
	return 0;
}

static int place_socks(struct snapshot *snap, const uint32_t *order)
{
	struct snapshot_sock *socks = malloc((snap->sock_cnt + 1) * sizeof(*socks));

	if (!socks)
		return -ENOMEM;
	for (size_t i = 0; i < snap->sock_cnt; i++) {
		socks[i] = snap->socks[order[i]];
		if (socks[i].owner_cnt > 1)
			qsort(snap->owners + socks[i].owner_first, socks[i].owner_cnt,
			      sizeof(*snap->owners), compare_owners);
	}
	free(snap->socks);
	snap->socks = socks;
	return 0;
}

static int sort(struct snapshot_build *b)
{
	uint32_t *order = malloc((b->snap->sock_cnt + 1) * sizeof(*order));
	int err;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < b->snap->sock_cnt; i++)
		order[i] = i;
	qsort_r(order, b->snap->sock_cnt, sizeof(*order), compare_socks, b->snap->socks);
	count_owners(b);
	err = place_owners(b, order);
	if (!err)
		err = place_socks(b->snap, order);
	free(order);
	return err;
}

int snapshot_build_end(struct snapshot_build *b, int err, struct snapshot **out)
{
	if (!err)
		err = sort(b);
	free(b->index);
	if (err)
		snapshot_free(b->snap);
	else
		*out = b->snap;
	return err;
}

void snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	netns_list_free(&snapshot->netns);
	free(snapshot->socks);
	free(snapshot->owners);
	free(snapshot);
}

const struct snapshot_sock *snapshot_first(const struct snapshot *snapshot, uint32_t netns,
					   uint16_t port)
{
	size_t low = 0, high = snapshot->sock_cnt;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_place(&snapshot->socks[mid].s, netns, port) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == snapshot->sock_cnt || compare_place(&snapshot->socks[low].s, netns, port))
		return NULL;
	return &snapshot->socks[low];
}

const struct snapshot_sock *snapshot_find(const struct snapshot *snapshot, uint64_t id,
					  uint64_t cookie)
{
	for (size_t i = 0; i < snapshot->sock_cnt; i++)
		if (same_socket(&snapshot->socks[i].s, id, cookie))
			return &snapshot->socks[i];
	return NULL;
}

const struct snap_owner *snapshot_owner(const struct snapshot *snapshot,
					const struct snapshot_sock *sock)
{
	return sock->owner_cnt ? &snapshot->owners[sock->owner_first] : NULL;
}
