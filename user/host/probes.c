// SPDX-License-Identifier: GPL-2.0-only
/* Owns the table of probes, and their attachment. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "event.h"
#include "kernel.h"
#include "probes.h"

static bool has(const struct btf *btf, const char *tracepoint, int args)
{
	return kernel_tracepoint_args(btf, tracepoint) >= args;
}

static bool kfree_has_reason(const struct btf *btf)
{
	return has(btf, "kfree_skb", 3);
}

static bool kfree_no_reason(const struct btf *btf)
{
	return !kfree_has_reason(btf);
}

static bool uring_fields(const struct btf *btf)
{
	return has(btf, "io_uring_complete", 4);
}

static bool uring_cqe(const struct btf *btf)
{
	return has(btf, "io_uring_complete", 3) && !uring_fields(btf);
}

/* Since 6.3. */
static bool has_data_ready(const struct btf *btf)
{
	return has(btf, "sk_data_ready", 1);
}

static bool has_timer_exit(const struct btf *btf)
{
	return has(btf, "timer_expire_exit", 1);
}

/* Attached in this order: whatever answers a SYN before what sees it, so that no answer is missed
 * by a story that begins meanwhile. */
const struct probe probes[] = {
	{"net_dev_queue", "tp_btf/net_dev_queue", PROBE_ESSENTIAL, "SYN-ACKs", true, COUNTS_ANSWERS, NULL},
	{"tcp_retransmit_synack", "tp_btf/tcp_retransmit_synack", PROBE_ESSENTIAL,
	 "SYN-ACKs sent again", true, COUNTS_NEED, NULL},
	{"inet_sock_set_state", "tp_btf/inet_sock_set_state", PROBE_ESSENTIAL,
	 "the end of handshakes, and listeners that come and go", false, COUNTS_STATES, NULL},
	{"sk_data_ready", "tp_btf/sk_data_ready", PROBE_WANTED,
	 "counts of children, and those whose change of state was skipped", true, COUNTS_READY, has_data_ready},
	{"tcp_receive_reset", "tp_btf/tcp_receive_reset", PROBE_WANTED,
	 "children whose reset was skipped", true, COUNTS_WITHOUT, NULL},
	{"sys_exit_accept", "syscalls/sys_exit_accept", PROBE_ESSENTIAL, "accept()", true, COUNTS_NEED, NULL},
	{"sys_exit_accept4", "syscalls/sys_exit_accept4", PROBE_ESSENTIAL, "accept4()", true, COUNTS_NEED, NULL},
	{"io_uring_complete", "tp_btf/io_uring_complete", PROBE_WANTED, "accept by io_uring", false, COUNTS_NEED,
	 uring_cqe},
	{"io_uring_complete_fields", "tp_btf/io_uring_complete", PROBE_WANTED,
	 "accept by io_uring", false, COUNTS_NEED, uring_fields},
	{"kfree_skb", "tp_btf/kfree_skb", PROBE_WANTED,
	 "dropped ACKs, resets in the SYN queue, and connections to closed ports", true, COUNTS_NEED,
	 kfree_has_reason},
	{"kfree_skb_no_reason", "tp_btf/kfree_skb", PROBE_WANTED,
	 "dropped ACKs and resets in the SYN queue", true, COUNTS_NEED, kfree_no_reason},
	{"timer_expire_entry", "tp_btf/timer_expire_entry", PROBE_WANTED,
	 "SYN-queue entries that expire", true, COUNTS_WITHOUT, has_timer_exit},
	{"timer_expire_exit", "tp_btf/timer_expire_exit", PROBE_WANTED,
	 "SYN-queue entries that expire", true, COUNTS_WITHOUT, has_timer_exit},
	{"sys_enter_listen", "syscalls/sys_enter_listen", PROBE_LISTEN,
	 "the backlog that listen() asks for", false, COUNTS_WITHOUT, NULL},
	{"sys_exit_listen", "syscalls/sys_exit_listen", PROBE_WANTED,
	 "the backlog that listen() asks for", false, COUNTS_NEED, NULL},
	{"tcp_retransmit_skb", "tp_btf/tcp_retransmit_skb", PROBE_ACTIVE,
	 "SYNs that this host sends again", false, COUNTS_WITHOUT, NULL},
	{"sys_enter_connect", "syscalls/sys_enter_connect", PROBE_ACTIVE,
	 "connects that fail before a SYN is sent", false, COUNTS_WITHOUT, NULL},
	{"sys_exit_connect", "syscalls/sys_exit_connect", PROBE_ACTIVE,
	 "connects that fail before a SYN is sent", false, COUNTS_WITHOUT, NULL},
	{"sys_enter_bind", "syscalls/sys_enter_bind", PROBE_CALLS, "bind()", false, COUNTS_WITHOUT, NULL},
	{"sys_exit_bind", "syscalls/sys_exit_bind", PROBE_CALLS, "bind()", false, COUNTS_NEED, NULL},
	{"sched_process_fork", "tp_btf/sched_process_fork", PROBE_FOLLOW,
	 "children of the followed process", false, COUNTS_WITHOUT, NULL},
	{"cgroup_skb_ingress", "cgroup_skb/ingress", PROBE_ESSENTIAL,
	 "SYNs at their listener, and the queues that they meet", true, COUNTS_NEED, NULL},
};
const size_t probes_cnt = sizeof(probes) / sizeof(probes[0]);

static bool wanted_for_events(const struct probe *p, const struct config *c)
{
	if (p->passive && c->calls_only)
		return false;
	/* The entry of a call is hooked only where its exit does not tell enough. */
	if (!strncmp(p->program, "sys_enter_", 10) && c->calls_at_exit && !c->active)
		return false;
	switch (p->need) {
	case PROBE_ESSENTIAL:
	case PROBE_WANTED:
		return true;
	case PROBE_ACTIVE:
		return c->active || c->binds;
	case PROBE_CALLS:
		return c->binds;
	case PROBE_LISTEN:
		return !c->calls_at_exit;
	case PROBE_FOLLOW:
		return c->follow;
	}
	return false;
}

static bool wanted_for_counts(const struct probe *p, const struct config *c)
{
	switch (p->counts) {
	case COUNTS_WITHOUT:
		return false;
	case COUNTS_NEED:
	case COUNTS_ANSWERS:
		return true;
	case COUNTS_READY:
		return c->ready_told;
	case COUNTS_STATES:
		return !c->ready_told;
	}
	return false;
}

static bool wanted(const struct probe *p, const struct config *c)
{
	return (c->events && wanted_for_events(p, c)) || (c->counts && wanted_for_counts(p, c));
}

static struct bpf_program *program_of(const struct bpf_object *object, const char *name)
{
	return bpf_object__find_program_by_name(object, name);
}

void probes_select(const struct btf *btf, struct bpf_object *object, struct probe_state *states,
		   const struct config *c)
{
	for (size_t i = 0; i < probes_cnt; i++) {
		const struct probe *p = &probes[i];
		struct probe_state *s = &states[i];

		memset(s, 0, sizeof(*s));
		s->suits = !p->suits || p->suits(btf);
		s->wanted = wanted(p, c);
		s->late = p->counts == COUNTS_ANSWERS && c->answers_late;
		bpf_program__set_autoload(program_of(object, p->program), s->suits && s->wanted);
	}
}

static struct bpf_link *attach_cgroup(struct bpf_program *program)
{
	int fd = kernel_cgroup2();
	struct bpf_link *link;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	/* A link never replaces another's program: it is added to those of the root (ALLOW_MULTI). */
	link = bpf_program__attach_cgroup(program, fd);
	close(fd);
	return link;
}

/* As libbpf does it, but tracefs need not be mounted. */
static struct bpf_link *attach_classic(struct bpf_program *program, const char *event)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	int id = kernel_tracepoint_id(event), fd;
	struct bpf_link *link;

	if (id < 0) {
		errno = -id;
		return NULL;
	}
	attr.config = id;
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return NULL;
	link = bpf_program__attach_perf_event(program, fd);
	if (!link)
		close(fd);
	return link;
}

struct bpf_link *probe_attach(struct bpf_program *program, const char *hook)
{
	if (!strncmp(hook, "cgroup_skb/", 11))
		return attach_cgroup(program);
	if (!strncmp(hook, "syscalls/", 9))
		return attach_classic(program, hook);
	return bpf_program__attach(program);
}

static int attach_one(struct bpf_object *object, struct probe_state *s, const struct probe *p)
{
	s->link = probe_attach(program_of(object, p->program), p->hook);
	s->attached = s->link != NULL;
	s->error = s->attached ? 0 : -errno;
	return s->error;
}

int probes_attach(struct bpf_object *object, struct probe_state *states, size_t *failed)
{
	for (size_t i = 0; i < probes_cnt; i++) {
		struct probe_state *s = &states[i];

		if (!s->suits || !s->wanted || s->late)
			continue;
		if (attach_one(object, s, &probes[i]) && probes[i].need == PROBE_ESSENTIAL) {
			*failed = i;
			return s->error;
		}
	}
	return 0;
}

int probes_attach_late(struct bpf_object *object, struct probe_state *states)
{
	int ret = 0;

	for (size_t i = 0; i < probes_cnt && !ret; i++)
		if (states[i].late && !states[i].attached)
			ret = attach_one(object, &states[i], &probes[i]);
	return ret;
}

static void *detach_one(void *link)
{
	bpf_link__destroy(link);
	return NULL;
}

/* Each waits for an RCU grace period or two; side by side they wait together. */
void probes_detach(struct probe_state *states)
{
	pthread_t threads[64];
	size_t cnt = 0;

	for (size_t i = 0; i < probes_cnt; i++) {
		struct bpf_link *link = states[i].link;

		states[i].link = NULL;
		if (!link)
			continue;
		if (cnt == 64 || pthread_create(&threads[cnt], NULL, detach_one, link))
			detach_one(link);
		else
			cnt++;
	}
	while (cnt)
		pthread_join(threads[--cnt], NULL);
}

/* include/net/dropreason-core.h; the numbers move between kernels, the names do not. */
static const struct {
	enum drop_reason reason;
	const char *name;
} reasons[] = {
	{DROP_NOT_SPECIFIED, "SKB_DROP_REASON_NOT_SPECIFIED"},
	{DROP_LISTEN_OVERFLOW, "SKB_DROP_REASON_TCP_LISTEN_OVERFLOW"},
	{DROP_NO_SOCKET, "SKB_DROP_REASON_NO_SOCKET"},
	{DROP_TCP_FLAGS, "SKB_DROP_REASON_TCP_FLAGS"},
	{DROP_AUTH, "SKB_DROP_REASON_TCP_MD5UNEXPECTED"},
	{DROP_FILTER, "SKB_DROP_REASON_SOCKET_FILTER"},
};

/* bpf/call.bpf.h */
bool probes_calls_shown(const struct btf *btf)
{
#if defined(__x86_64__) || defined(__aarch64__)
	return kernel_enum_value(btf, "bpf_func_id", "BPF_FUNC_task_pt_regs") >= 0;
#else
	return false;
#endif
}

void probes_kernel_config(const struct btf *btf, struct config *c)
{
	c->ready_told = has_data_ready(btf);
	c->calls_at_exit =
		probes_calls_shown(btf) && (!c->binds || (c->failed_calls && !c->active));
	memset(c->drop_reason, 0xff, sizeof(c->drop_reason));
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		c->drop_reason[reasons[i].reason] =
			kernel_enum_value(btf, "skb_drop_reason", reasons[i].name);
}
