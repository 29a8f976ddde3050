// SPDX-License-Identifier: GPL-2.0-only
/*
 * do_recording FILE COUNT COMM IFNAME CGROUP
 *
 * Makes a recording of COUNT connections that never were, 100 µs apart, to one listener whose queues
 * fill and empty; each name in it is as given.  Of every 50 one SYN meets a full queue.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "record_file.h"
#include "record_write.h"

#define LISTENER 4106
#define LIMIT	 128
#define START_NS 1000000000000ULL
#define GAP_NS	 100000ULL
#define CGROUP	 77
#define IFINDEX	 3

struct maker {
	FILE *file;
	struct record_writer *writer;
	const char *comm;
	uint64_t events;
	uint32_t seq;
};

static void flush(struct maker *m)
{
	const void *bytes;
	size_t len = 0;

	if (record_write_block(m->writer, RECORD_DATA, &bytes, &len) ||
	    fwrite(bytes, 1, len, m->file) != len)
		exit(1);
}

static void put(struct maker *m, void *event, size_t len, uint8_t kind, uint64_t time_ns)
{
	struct ev_hdr *hdr = event;
	bool host = kind >= EV_HOST;

	hdr->kind = kind;
	hdr->time_ns = time_ns;
	hdr->cpu = host ? EV_CPU_HOST : 0;
	hdr->seq = host ? 0 : m->seq++;
	if (record_write_event(m->writer, event, len) == -28) { /* ENOSPC */
		flush(m);
		record_write_event(m->writer, event, len);
	}
	m->events++;
}

static struct ev_process process(const struct maker *m)
{
	struct ev_process p = {.pid = 812, .tid = 812, .cgroup = CGROUP};

	strncpy(p.comm, m->comm, sizeof(p.comm) - 1);
	return p;
}

static struct ev_tuple tuple(uint32_t i)
{
	struct ev_tuple t = {
		.laddr = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1},
		.raddr = {[10] = 0xff,
			  [11] = 0xff,
			  [12] = 10,
			  [13] = 1,
			  [14] = i % 4,
			  [15] = i % 250},
		.lport = 8080,
		.rport = 1024 + i % 60000,
		.netns = 4026531840,
	};

	return t;
}

static struct ev_queues queues(uint32_t synq, uint32_t acceptq)
{
	return (struct ev_queues){LISTENER, synq, acceptq, LIMIT, 0};
}

static void put_name(struct maker *m, uint8_t kind, uint64_t id, const char *name)
{
	struct ev_name ev = {.id = id, .netns = 4026531840};

	strncpy(ev.name, name, sizeof(ev.name) - 1);
	put(m, &ev, sizeof(ev), kind, START_NS);
}

static void put_start(struct maker *m, const char *ifname, const char *cgroup)
{
	struct ev_host host = {.hdr.flags = EVF_FRESH,
			       .realtime_offset_ns = 1767319445000000000ULL,
			       .cpus = 1};
	struct ev_listen listen = {.queues = queues(0, 0),
				   .port = 8080,
				   .family = 2,
				   .netns = 4026531840,
				   .fd = 6,
				   .addr = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1},
				   .process = process(m),
				   .backlog = LIMIT};
	struct ev_owner owner = {.cookie = LISTENER, .process = process(m), .fd = 6};

	put(m, &host, sizeof(host), EV_HOST, START_NS);
	put_name(m, EV_CGROUP, CGROUP, cgroup);
	put_name(m, EV_IFNAME, IFINDEX, ifname);
	put(m, &listen, sizeof(listen), EV_LISTENER, START_NS);
	put(m, &owner, sizeof(owner), EV_OWNER, START_NS);
}

static void put_connection(struct maker *m, uint32_t i)
{
	/* Up and down once in 4000 connections. */
	uint32_t wave = i % 4000 < 2000 ? i % 2000 : 2000 - i % 2000, depth = wave * LIMIT / 2000;
	uint64_t at = START_NS + GAP_NS * (i + 1), wait = 2000 + 7919ULL * (i % 37);
	bool full = i % 50 == 49;
	struct ev_syn syn = {.tuple = tuple(i),
			     .queues = queues(i % 3, full ? LIMIT + 1 : depth),
			     .tcp_seq = i,
			     .ifindex = IFINDEX,
			     .max_syn_backlog = 4096,
			     .syncookies = 1};
	struct ev_synack synack = {.tuple = tuple(i), .queues = queues(i % 3 + 1, depth)};
	struct ev_queued queued = {.tuple = tuple(i),
				   .queues = queues(i % 3, depth + 1),
				   .cookie = 5000 + i};
	struct ev_accepted accepted = {.tuple = tuple(i),
				       .cookie = 5000 + i,
				       .process = process(m),
				       .fd = 8 + i % 100};

	put(m, &syn, sizeof(syn), EV_SYN, at);
	if (full)
		return;
	put(m, &synack, sizeof(synack), EV_SYNACK, at + 3000 + i % 11 * 100);
	put(m, &queued, sizeof(queued), EV_QUEUED, at + 20000 + i % 700 * 10);
	put(m, &accepted, sizeof(accepted), EV_ACCEPTED, at + 30000 + wait / 8);
}

int main(int argc, char **argv)
{
	struct record_header header = {.realtime_offset_ns = 1767319445000000000ULL,
				       .start_ns = START_NS,
				       .stream = 1,
				       .cpus = 1,
				       .block_max = RECORD_BLOCK_MAX,
				       .release = "6.18.0-made-up"};
	struct maker m = {.writer = record_writer_new()};
	uint32_t count = argc == 6 ? strtoul(argv[2], NULL, 10) : 0;
	struct record_end end = {0};
	const void *bytes;
	size_t len;

	if (!count || !m.writer)
		return 2;
	m.file = fopen(argv[1], "wb");
	if (!m.file)
		return 1;
	m.comm = argv[3];
	record_header_seal(&header);
	fwrite(&header, sizeof(header), 1, m.file);
	put_start(&m, argv[4], argv[5]);
	for (uint32_t i = 0; i < count; i++) {
		put_connection(&m, i);
		if (i % 100 == 99)
			record_write_mark(m.writer, START_NS + GAP_NS * i);
	}
	flush(&m);
	end.events = m.events;
	end.end_ns = START_NS + GAP_NS * (count + 10);
	if (!record_write_plain(m.writer, RECORD_END, &end, sizeof(end), &bytes, &len))
		fwrite(bytes, 1, len, m.file);
	record_writer_free(m.writer);
	return fclose(m.file) ? 1 : 0;
}
