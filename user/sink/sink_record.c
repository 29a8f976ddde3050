// SPDX-License-Identifier: GPL-2.0-only
/* Owns when blocks, parts and marks begin and end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "sink_record.h"

#define FLUSH_NS	   1000000000ULL
#define LISTENERS_CAPACITY 16384
/* What the end of a part takes; kept free below max_size. */
#define END_LEN (sizeof(struct record_block) + sizeof(struct record_end))

/* Writes it, or sees to it that the loss is known. */
static int store(struct sink_record *s, const void *bytes, size_t len, uint32_t events)
{
	int ret = record_disk_write(s->disk, bytes, len, END_LEN);

	if (!ret) {
		s->part_events += events;
		s->events += events;
		return 0;
	}
	if (ret == -EFBIG || ret == -EPIPE)
		s->sink.error = ret;
	else if (!s->write_error)
		s->write_error = ret;
	s->gap = true;
	return ret;
}

static void count_unwritten(struct sink_record *s, uint32_t events)
{
	/* At max_size the recording ends: what comes then is behind its end. */
	if (s->sink.error == -EFBIG)
		return;
	s->part_unwritten += events;
	s->unwritten += events;
}

static void tell_probes(struct sink_record *s)
{
	const void *bytes;
	size_t len;

	if (s->probes_told || !s->probes)
		return;
	if (!record_write_plain(s->writer, RECORD_PROBES, s->probes, strlen(s->probes), &bytes,
				&len))
		s->probes_told = !store(s, bytes, len, 0);
}

static int begin_part(struct sink_record *s)
{
	int ret;

	if (s->begun)
		return 0;
	record_header_seal(&s->header);
	ret = store(s, &s->header, sizeof(s->header), 0);
	if (ret)
		return ret;
	s->begun = true;
	s->probes_told = false;
	return 0;
}

static void flush(struct sink_record *s, enum record_block_kind kind)
{
	uint32_t events = record_write_pending(s->writer);
	const void *bytes;
	size_t len = 0;
	int ret = s->sink.error;

	s->flushed_ns = s->horizon_ns;
	if (!ret)
		ret = begin_part(s);
	if (!ret)
		ret = record_write_block(s->writer, kind, &bytes, &len);
	if (!ret && len)
		ret = store(s, bytes, len, kind == RECORD_DATA ? events : 0);
	if (ret && kind == RECORD_DATA)
		count_unwritten(s, events);
	record_write_drop(s->writer);
}

static void put(struct sink_record *s, const void *bytes, size_t len, enum record_block_kind kind)
{
	if (record_write_event(s->writer, bytes, len)) {
		flush(s, kind);
		record_write_event(s->writer, bytes, len);
	}
}

/* Before whatever comes next: the live pipeline has settled up to here. */
static void mark(struct sink_record *s)
{
	if (s->marked_ns == s->horizon_ns)
		return;
	if (record_write_mark(s->writer, s->horizon_ns)) {
		flush(s, RECORD_DATA);
		record_write_mark(s->writer, s->horizon_ns);
	}
	s->marked_ns = s->horizon_ns;
}

static void learn(struct sink_record *s, const union event *ev)
{
	switch ((enum event_kind)ev->hdr.kind) {
	case EV_HOST:
		if (s->header.start_ns)
			return;
		s->header.start_ns = s->part_ns = ev->hdr.time_ns;
		s->header.realtime_offset_ns = ev->host.realtime_offset_ns;
		s->header.cpus = ev->host.cpus;
		return;
	case EV_LISTENER:
	case EV_LISTEN:
	case EV_UNLISTEN:
		listeners_feed(s->listeners, &ev->listen);
		return;
	case EV_OWNER:
		listeners_feed_owner(s->listeners, &ev->owner);
		return;
	case EV_CGROUP:
	case EV_IFNAME:
		names_feed(s->names, &ev->name);
		return;
	case EV_SYN:
	case EV_SYNACK:
	case EV_SYNACK_RETRANSMIT:
	case EV_QUEUED:
	case EV_ACCEPTED:
	case EV_DROP:
	case EV_REQUEST_GONE:
	case EV_CHILD_STATE:
	case EV_REFUSED:
	case EV_CONNECT:
	case EV_CONNECT_STATE:
	case EV_SYN_RETRANSMIT:
	case EV_CALL:
	case EV_LOST:
	case EV_END:
		return;
	}
}

static void on_raw(struct sink *sink, const void *bytes, size_t len)
{
	struct sink_record *s = (struct sink_record *)sink;
	union event ev;

	mark(s);
	put(s, bytes, len, RECORD_DATA);
	if (!decode_event(bytes, len, &ev))
		learn(s, &ev);
}

static void put_name(void *ctx, const struct ev_name *name)
{
	struct sink_record *s = ctx;
	struct ev_name ev = *name;

	ev.hdr.time_ns = s->horizon_ns;
	put(s, &ev, sizeof(ev), s->telling);
}

static void put_owner(struct sink_record *s, uint64_t cookie, const struct listener_owner *o)
{
	struct ev_owner ev = {
		.hdr = {.time_ns = s->horizon_ns, .cpu = EV_CPU_HOST, .kind = EV_OWNER},
		.cookie = cookie,
		.process = o->process,
		.fd = o->fd,
	};

	put(s, &ev, sizeof(ev), s->telling);
}

static void put_listener(void *ctx, const struct listener *l)
{
	struct sink_record *s = ctx;
	struct ev_listen ev = {
		.hdr = {.time_ns = s->horizon_ns,
			.cpu = EV_CPU_HOST,
			.kind = EV_LISTENER,
			.flags = l->followed ? EVF_FOLLOWED : 0},
		.queues = {.cookie = l->cookie, .limit = l->limit},
		.port = l->port,
		.family = l->family,
		.netns = l->netns,
		.options = l->options,
		.device = l->device,
		.fd = -1,
		.backlog = l->backlog,
	};

	if (l->closed)
		return;
	memcpy(ev.addr, l->addr, sizeof(ev.addr));
	put(s, &ev, sizeof(ev), s->telling);
	for (uint32_t i = 0; i < l->owner_cnt && i < LISTENER_OWNERS; i++)
		put_owner(s, l->cookie, &l->owners[i]);
}

/* All names and listeners that were told so far. */
static void tell_again(struct sink_record *s, enum record_block_kind kind)
{
	s->telling = kind;
	names_each(s->names, put_name, s);
	listeners_each(s->listeners, put_listener, s);
	flush(s, kind);
}

/* A part that can be read alone. */
static void tell_start(struct sink_record *s)
{
	struct ev_host host = {
		.hdr = {.time_ns = s->horizon_ns, .cpu = EV_CPU_HOST, .kind = EV_HOST},
		.realtime_offset_ns = s->header.realtime_offset_ns,
		.cpus = s->header.cpus,
	};

	put(s, &host, sizeof(host), RECORD_TOLD);
	tell_again(s, RECORD_TOLD);
}

static void end_part(struct sink_record *s)
{
	struct record_end end = {s->part_events, s->part_unwritten, s->horizon_ns};
	const void *bytes;
	size_t len;
	int ret;

	if (!s->begun || record_write_plain(s->writer, RECORD_END, &end, sizeof(end), &bytes, &len))
		return;
	ret = record_disk_write(s->disk, bytes, len, 0);
	if (ret && !s->write_error)
		s->write_error = ret;
	s->begun = false;
	s->part_events = s->part_unwritten = 0;
}

/* If the next cannot be opened, the next part lies behind this one in the same file. */
static void rotate(struct sink_record *s)
{
	int ret;

	end_part(s);
	ret = record_disk_next(s->disk);
	if (ret && !s->write_error)
		s->write_error = ret;
	s->header.part++;
	s->header.start_ns = s->part_ns = s->horizon_ns;
	tell_start(s);
	tell_probes(s);
}

static bool part_is_done(const struct sink_record *s)
{
	if (!s->begun)
		return false;
	if (s->conf.rotate_bytes && record_disk_size(s->disk) >= s->conf.rotate_bytes)
		return true;
	return s->conf.rotate_ns && s->horizon_ns > s->part_ns + s->conf.rotate_ns;
}

static void on_tick(struct sink *sink, uint64_t now_ns, const struct account *a)
{
	struct sink_record *s = (struct sink_record *)sink;
	bool done;

	s->horizon_ns = now_ns;
	done = part_is_done(s);
	if (!done && s->flushed_ns && now_ns < s->flushed_ns + FLUSH_NS)
		return;
	if (record_write_pending(s->writer)) {
		mark(s);
		flush(s, RECORD_DATA);
		tell_probes(s);
	}
	s->flushed_ns = now_ns;
	if (done)
		rotate(s);
	else if (s->gap && !s->sink.error) {
		s->gap = false;
		tell_again(s, RECORD_DATA);
	}
}

static void on_summary(struct sink *sink, const struct account *a, uint64_t now_ns)
{
	struct sink_record *s = (struct sink_record *)sink;

	flush(s, RECORD_DATA);
	tell_probes(s);
	s->horizon_ns = now_ns;
	end_part(s);
}

static void on_close(struct sink *sink)
{
	struct sink_record *s = (struct sink_record *)sink;

	record_disk_close(s->disk);
	record_writer_free(s->writer);
	listeners_free(s->listeners);
	names_free(s->names);
}

static const struct sink_ops ops = {
	.name = "record",
	.raw = on_raw,
	.tick = on_tick,
	.summary = on_summary,
	.close = on_close,
};

int sink_record_open(struct sink_record *s, const struct sink_record_conf *conf)
{
	struct utsname u;
	int ret;

	memset(s, 0, sizeof(*s));
	s->sink.ops = &ops;
	s->conf = *conf;
	s->header.flags = conf->flags;
	s->writer = record_writer_new();
	s->listeners = listeners_new(LISTENERS_CAPACITY);
	s->names = names_new();
	ret = s->writer && s->listeners && s->names ? 0 : -ENOMEM;
	if (!ret && getrandom(&s->header.stream, sizeof(s->header.stream), 0) < 0)
		ret = -errno;
	if (!ret && !uname(&u))
		snprintf(s->header.release, sizeof(s->header.release), "%.63s", u.release);
	if (!ret)
		ret = record_disk_open(&conf->disk, &s->disk);
	if (ret)
		on_close(&s->sink);
	return ret;
}
