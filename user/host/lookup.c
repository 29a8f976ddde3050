// SPDX-License-Identifier: GPL-2.0-only
/* Runs lookup.bpf.c over made-up packets. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lookup.h"
#include "snap.h"
#include "lookup.skel.h"

/* An Ethernet header and room for the largest IP and TCP headers that the test run may look at. */
#define PACKET_LEN 128

struct lookup {
	struct lookup_bpf *skel;
};

struct job {
	struct lookup *lookup;
	const struct lookup_query *queries;
	struct lookup_answer *answers;
	size_t cnt;
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

int lookup_open(struct lookup **out)
{
	libbpf_print_fn_t print = libbpf_set_print(quiet);
	struct lookup *l = calloc(1, sizeof(*l));
	int err = 0;

	if (!l)
		return -ENOMEM;
	l->skel = lookup_bpf__open_and_load();
	if (!l->skel)
		err = -errno;
	libbpf_set_print(print);
	if (err) {
		lookup_close(l);
		return err;
	}
	*out = l;
	return 0;
}

void lookup_close(struct lookup *lookup)
{
	if (!lookup)
		return;
	lookup_bpf__destroy(lookup->skel);
	free(lookup);
}

static bool is_v4(const uint8_t addr[16])
{
	return !memcmp(addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
}

static int ask(struct lookup *l, const struct lookup_query *q, struct lookup_answer *a)
{
	struct snap_lookup *asked = &l->skel->bss->asked;
	uint8_t packet[PACKET_LEN] = {0}, back[PACKET_LEN];
	struct __sk_buff ctx = {.ifindex = q->ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .data_out = back, .data_size_out = sizeof(back), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);
	struct ethhdr *eth = (struct ethhdr *)packet;
	int err;

	eth->h_proto = htons(is_v4(q->local) ? ETH_P_IP : ETH_P_IPV6);
	packet[sizeof(*eth)] = is_v4(q->local) ? 0x45 : 0x60;
	memset(asked, 0, sizeof(*asked));
	memcpy(asked->laddr, q->local, 16);
	memcpy(asked->raddr, q->remote, 16);
	asked->lport = q->lport;
	asked->rport = q->rport;
	err = bpf_prog_test_run_opts(bpf_program__fd(l->skel->progs.lookup), &opts);
	if (err)
		return err;
	*a = (struct lookup_answer){.found = asked->found,
				    .state = asked->state,
				    .family = asked->family,
				    .device = asked->device,
				    .id = asked->id};
	return 0;
}

static int ask_all(void *arg)
{
	struct job *job = arg;
	int err = 0;

	for (size_t i = 0; i < job->cnt && !err; i++)
		err = ask(job->lookup, &job->queries[i], &job->answers[i]);
	return err;
}

int lookup_ask(struct lookup *lookup, int ns, const struct lookup_query *queries,
	       struct lookup_answer *answers, size_t cnt)
{
	struct job job = {lookup, queries, answers, cnt};

	return netns_run(ns, ask_all, &job);
}

const struct snapshot_sock *lookup_match(const struct snapshot *snapshot, uint32_t netns,
					 const struct lookup_answer *answer)
{
	const struct snapshot_sock *s = snapshot_find(snapshot, answer->id, 0);

	if (!answer->found || !s || s->s.hdr.netns != netns || s->s.family != answer->family ||
	    s->s.device != answer->device)
		return NULL;
	return s;
}

static int program_of_link(uint32_t link, uint32_t netns, uint32_t *id)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);
	int fd = bpf_link_get_fd_by_id(link);
	int err;

	if (fd < 0)
		return -errno;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (err || info.type != BPF_LINK_TYPE_NETNS || info.netns.netns_ino != netns ||
	    info.netns.attach_type != BPF_SK_LOOKUP)
		return -ENOENT;
	*id = info.prog_id;
	return 0;
}

int lookup_program(uint32_t netns, uint32_t *id, char name[16])
{
	struct bpf_prog_info info = {0};
	uint32_t link = 0, len = sizeof(info);
	int fd;

	while (!bpf_link_get_next_id(link, &link)) {
		if (program_of_link(link, netns, id))
			continue;
		fd = bpf_prog_get_fd_by_id(*id);
		*name = 0;
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			memcpy(name, info.name, 16);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	return -ENOENT;
}
