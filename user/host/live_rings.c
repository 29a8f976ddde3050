// SPDX-License-Identifier: GPL-2.0-only
/* Owns the rings of the live source. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "event.h"
#include "live_rings.h"

/* Events, of all rings together: what is taken at once is ordered and told while the cache holds it. */
#define AT_ONCE	    1024
#define AT_ONCE_MIN 64 /* of each ring */

/* Waking up costs as much as two hundred events do: when many come, it pays to sleep longer. */
#define PAUSE_MIN_MS 10
#define PAUSE_MAX_MS 80
#define MANY_PER_MS  10

struct ring {
	struct live_rings *all;
	struct ring_buffer *buffer;
	int fd;
	bool more;	    /* it was left before it was empty */
	uint32_t taken;	    /* in this round */
	uint64_t bytes;	    /* that came since the last pause */
	uint64_t next;	    /* one more than the highest number that came, without wrapping */
	uint64_t came;	    /* events */
	uint64_t accounted; /* lost, and shown by a gap or told */
	uint64_t upto_ns;   /* time of the last that came */
};

/* bpf/emit.bpf.h, struct emit_count */
struct emit_count {
	uint32_t seq;
	uint32_t pad;
	uint64_t lost[64];
};

struct live_rings {
	struct live_rings_ops ops;
	struct ring *rings;
	struct emit_count *counts;
	int cpus;
	uint32_t at_once;
	uint32_t ring_bytes;
	int pause_ms;
	uint64_t came;	     /* at the last pause */
	uint64_t horizon_ns; /* of the last round */
};

struct live_rings *live_rings_new(int cpus, const struct live_rings_ops *ops)
{
	struct live_rings *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->ops = *ops;
	r->cpus = cpus;
	r->pause_ms = PAUSE_MIN_MS;
	r->at_once = AT_ONCE / cpus > AT_ONCE_MIN ? AT_ONCE / cpus : AT_ONCE_MIN;
	r->rings = calloc(cpus, sizeof(*r->rings));
	r->counts = calloc(cpus, sizeof(*r->counts));
	if (!r->rings || !r->counts) {
		free(r->rings);
		free(r->counts);
		free(r);
		return NULL;
	}
	for (int cpu = 0; cpu < cpus; cpu++)
		r->rings[cpu] = (struct ring){.all = r, .fd = -1};
	return r;
}

void live_rings_free(struct live_rings *r)
{
	if (!r)
		return;
	for (int cpu = 0; cpu < r->cpus; cpu++) {
		ring_buffer__free(r->rings[cpu].buffer);
		if (r->rings[cpu].fd >= 0)
			close(r->rings[cpu].fd);
	}
	free(r->rings);
	free(r->counts);
	free(r);
}

static int on_event(void *ctx, void *data, size_t len)
{
	struct ring *ring = ctx;
	const struct ev_hdr *hdr = data;
	int32_t ahead;

	ring->all->ops.event(ring->all->ops.ctx, data, len);
	ring->bytes += len;
	if (len >= sizeof(*hdr)) {
		ring->came++;
		ring->upto_ns = hdr->time_ns;
		ahead = hdr->seq + 1 - (uint32_t)ring->next;
		if (ahead > 0)
			ring->next += ahead;
	}
	/* libbpf takes this one as read, and stops. */
	return ++ring->taken < ring->all->at_once ? 0 : -EAGAIN;
}

/* Two descriptors a ring: many CPUs need more than the usual 1024. */
static void allow_descriptors(rlim_t cnt)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= cnt)
		return;
	limit.rlim_cur = cnt < limit.rlim_max ? cnt : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int live_rings_make(struct live_rings *r, const struct bpf_map *outer, uint32_t bytes)
{
	r->ring_bytes = bytes;
	allow_descriptors(2 * r->cpus + 256);
	for (int cpu = 0; cpu < r->cpus; cpu++) {
		struct ring *ring = &r->rings[cpu];

		ring->fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, bytes, NULL);
		if (ring->fd < 0)
			return -errno;
		if (bpf_map_update_elem(bpf_map__fd(outer), &cpu, &ring->fd, BPF_ANY))
			return -errno;
		ring->buffer = ring_buffer__new(ring->fd, on_event, ring, NULL);
		if (!ring->buffer)
			return -errno;
	}
	return 0;
}

/* As long as many come and no ring gets near a quarter full, twice as long as before. */
static void set_pause(struct live_rings *r)
{
	uint64_t came = 0, fullest = 0;
	bool many;

	for (int cpu = 0; cpu < r->cpus; cpu++) {
		came += r->rings[cpu].came;
		if (r->rings[cpu].bytes > fullest)
			fullest = r->rings[cpu].bytes;
		r->rings[cpu].bytes = 0;
	}
	many = came - r->came > (uint64_t)r->pause_ms * MANY_PER_MS;
	r->came = came;
	if (!many || fullest > r->ring_bytes / 4)
		r->pause_ms = PAUSE_MIN_MS;
	else if (fullest <= r->ring_bytes / 8 && r->pause_ms < PAUSE_MAX_MS)
		r->pause_ms *= 2;
}

static bool any_more(const struct live_rings *r)
{
	for (int cpu = 0; cpu < r->cpus; cpu++)
		if (r->rings[cpu].more)
			return true;
	return false;
}

int live_rings_read(struct live_rings *r, uint64_t *now_ns)
{
	for (int cpu = 0; cpu < r->cpus; cpu++) {
		struct ring *ring = &r->rings[cpu];
		int ret;

		if (!ring->more || ring->upto_ns <= r->horizon_ns) {
			ring->taken = 0;
			ret = ring_buffer__consume(ring->buffer);
			if (ret < 0 && ret != -EAGAIN)
				return ret;
			ring->more = ret == -EAGAIN;
		}
		if (ring->more && ring->upto_ns < *now_ns)
			*now_ns = ring->upto_ns;
	}
	r->horizon_ns = *now_ns;
	if (!any_more(r))
		set_pause(r);
	return 0;
}

int live_rings_pause_ms(const struct live_rings *r)
{
	return any_more(r) ? 0 : r->pause_ms;
}

static uint64_t lost_of(const struct emit_count *count)
{
	uint64_t sum = 0;

	for (int kind = 0; kind < 64; kind++)
		sum += count->lost[kind];
	return sum;
}

void live_rings_ask(struct live_rings *r, const struct bpf_map *counts)
{
	uint32_t zero = 0;

	if (bpf_map__lookup_elem(counts, &zero, sizeof(zero), r->counts,
				 r->cpus * sizeof(*r->counts), 0))
		return;
	for (int cpu = 0; cpu < r->cpus; cpu++) {
		struct ring *ring = &r->rings[cpu];
		uint64_t lost = lost_of(&r->counts[cpu]), gaps = ring->next - ring->came;

		if (ring->accounted < gaps)
			ring->accounted = gaps;
		if (ring->more || lost <= ring->accounted)
			continue; /* if there is more, it has yet to show its gaps */
		r->ops.lost(r->ops.ctx, lost - ring->accounted, cpu, ring->upto_ns);
		ring->accounted = lost;
	}
}
