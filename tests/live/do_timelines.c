// SPDX-License-Identifier: GPL-2.0-only
/* Makes up a recording, always the same one: do_timelines FILE CONNECTIONS [PER_SECOND].  One
 * connection in 50 meets a full queue, one bind in 1000 connections fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record_write.h"

#define CPUS	  4
#define LISTENERS 8
#define START_NS  1000000000000ULL
#define OFFSET_NS 1767225600000000000ULL /* START_NS is 2026-01-01 00:16:40 UTC */
#define MARK_NS	  5000000ULL

struct maker {
	FILE *f;
	struct record_writer *w;
	uint32_t seqs[CPUS];
	uint64_t events;
	uint64_t mark_ns;
	uint64_t random;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t any(struct maker *m)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return m->random;
}

static void write_all(struct maker *m, const void *bytes, size_t len)
{
	if (fwrite(bytes, 1, len, m->f) != len)
		die("write");
}

static void flush(struct maker *m)
{
	const void *bytes;
	size_t len;

	if (record_write_block(m->w, RECORD_DATA, &bytes, &len))
		die("block");
	write_all(m, bytes, len);
}

static void put(struct maker *m, void *event, size_t len, uint8_t kind, uint64_t time_ns, int cpu)
{
	struct ev_hdr *h = event;

	h->kind = kind;
	h->time_ns = time_ns;
	h->cpu = cpu < 0 ? EV_CPU_HOST : cpu;
	h->seq = cpu < 0 ? 0 : m->seqs[cpu]++;
	if (record_write_event(m->w, event, len)) {
		flush(m);
		record_write_event(m->w, event, len);
	}
	m->events++;
}

static void mark(struct maker *m, uint64_t now_ns)
{
	if (now_ns < m->mark_ns + MARK_NS)
		return;
	m->mark_ns = now_ns;
	if (record_write_mark(m->w, now_ns)) {
		flush(m);
		record_write_mark(m->w, now_ns);
	}
}

static void v4(uint8_t addr[16], uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};

	memcpy(addr, mapped, sizeof(mapped));
}

static struct ev_process process(int i)
{
	struct ev_process p = {.pid = 1000 + i, .tid = 1000 + i, .cgroup = 100 + i};

	snprintf(p.comm, sizeof(p.comm), i % 2 ? "nginx" : "it's \"q\\\t\xc3\xa9");
	return p;
}

static void beginning(struct maker *m)
{
	struct ev_host host = {.hdr.flags = EVF_FRESH,
			       .realtime_offset_ns = OFFSET_NS,
			       .cpus = CPUS};
	struct ev_name ifname = {.id = 2, .netns = 4026531840, .name = "eth0"};

	put(m, &host, sizeof(host), EV_HOST, START_NS, -1);
	put(m, &ifname, sizeof(ifname), EV_IFNAME, START_NS, -1);
	for (int i = 0; i < LISTENERS; i++) {
		struct ev_listen l = {.queues = {.cookie = 1 + i, .limit = 16 << i},
				      .port = 8000 + i,
				      .family = 2,
				      .netns = 4026531840,
				      .fd = -1,
				      .backlog = -1};
		struct ev_owner o = {.cookie = 1 + i, .process = process(i), .fd = 5};
		struct ev_name cgroup = {.id = 100 + i};

		v4(l.addr, 0, 0, 0, 0);
		snprintf(cgroup.name, sizeof(cgroup.name), "/system.slice/app%d.service", i);
		if (i < LISTENERS - 1) /* one has no name */
			put(m, &cgroup, sizeof(cgroup), EV_CGROUP, START_NS, -1);
		put(m, &l, sizeof(l), EV_LISTENER, START_NS, -1);
		put(m, &o, sizeof(o), EV_OWNER, START_NS, -1);
	}
}

static void bind_fails(struct maker *m, uint64_t t, int cpu, int i)
{
	struct ev_call c = {.process = process(i),
			    .port = 8000 + i,
			    .family = 2,
			    .netns = 4026531840,
			    .result = i % 3 ? -98 : -13,
			    .fd = 3,
			    .call = CALL_BIND,
			    .addr_family = 2,
			    .uid = 33};

	v4(c.addr, 127, 0, 0, 1);
	put(m, &c, sizeof(c), EV_CALL, t, cpu);
}

static void connection(struct maker *m, uint64_t n, uint64_t t)
{
	int cpu = n % CPUS, listener = any(m) % LISTENERS;
	bool drop = any(m) % 50 == 0;
	uint32_t limit = 16 << listener, depth = drop ? limit + 1 : any(m) % limit;
	uint64_t handshake = 50000 + any(m) % 400000, queued = 1000 + any(m) % 9000000;
	struct ev_queues q = {.cookie = 1 + listener,
			      .acceptq = depth,
			      .limit = limit,
			      .drops = drop};
	struct ev_tuple tuple = {.lport = 8000 + listener,
				 .rport = 1024 + n % 60000,
				 .netns = 4026531840};
	struct ev_syn syn = {.tuple = tuple,
			     .queues = q,
			     .tcp_seq = n,
			     .ifindex = 2,
			     .max_syn_backlog = 4096,
			     .syncookies = 1};
	struct ev_synack synack = {.queues = q};
	struct ev_queued child = {.queues = q, .cookie = 1000 + n};
	struct ev_accepted accepted = {.cookie = 1000 + n,
				       .process = process(listener),
				       .fd = 10 + n % 100};

	v4(syn.tuple.laddr, 192, 0, 2, 1);
	v4(syn.tuple.raddr, 198, 51, n / 60000 / 250 % 250, n / 60000 % 250);
	synack.tuple = child.tuple = accepted.tuple = syn.tuple;
	put(m, &syn, sizeof(syn), EV_SYN, t, cpu);
	if (drop)
		return;
	synack.queues.synq = 1;
	child.queues.acceptq++;
	put(m, &synack, sizeof(synack), EV_SYNACK, t + 5000, cpu);
	put(m, &child, sizeof(child), EV_QUEUED, t + handshake, cpu);
	put(m, &accepted, sizeof(accepted), EV_ACCEPTED, t + handshake + queued, cpu);
}

static void ending(struct maker *m, uint64_t t)
{
	struct ev_host end = {.realtime_offset_ns = OFFSET_NS, .cpus = CPUS};
	struct record_end e = {.end_ns = t};
	const void *bytes;
	size_t len;

	put(m, &end, sizeof(end), EV_END, t, -1);
	flush(m);
	e.events = m->events;
	if (record_write_plain(m->w, RECORD_END, &e, sizeof(e), &bytes, &len))
		die("end");
	write_all(m, bytes, len);
}

int main(int argc, char **argv)
{
	uint64_t cnt = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t gap_ns = 1e9 / (argc > 3 ? strtod(argv[3], NULL) : 100000);
	struct maker m = {.w = record_writer_new(), .random = 88172645463325252ULL};
	struct record_header h = {.realtime_offset_ns = OFFSET_NS,
				  .start_ns = START_NS,
				  .stream = 1,
				  .cpus = CPUS,
				  .release = "6.1.0"};
	uint64_t t = START_NS;

	if (argc < 3 || !m.w) {
		fputs("usage: do_timelines FILE CONNECTIONS [PER_SECOND]\n", stderr);
		return 2;
	}
	m.f = fopen(argv[1], "w");
	if (!m.f)
		die(argv[1]);
	record_header_seal(&h);
	write_all(&m, &h, sizeof(h));
	beginning(&m);
	for (uint64_t n = 0; n < cnt; n++) {
		t += gap_ns;
		connection(&m, n, t);
		if (n % 1000 == 999)
			bind_fails(&m, t, n % CPUS, n / 1000 % LISTENERS);
		/* What follows the SYN lies up to 10 ms ahead of the next one. */
		mark(&m, t);
	}
	ending(&m, t + 20000000);
	if (fclose(m.f))
		die(argv[1]);
	record_writer_free(m.w);
	return 0;
}
