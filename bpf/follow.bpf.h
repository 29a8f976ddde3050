/* SPDX-License-Identifier: GPL-2.0-only */
/* The process tree that `watch -- CMD` and `why -- CMD` follow: the reader puts in the first
 * process, its children join as they are forked. */
#ifndef SOCKLINE_FOLLOW_BPF_H
#define SOCKLINE_FOLLOW_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32); /* tgid */
	__type(value, u32);
} followed SEC(".maps");

static __always_inline bool is_followed(u32 tgid)
{
	return bpf_map_lookup_elem(&followed, &tgid) != NULL;
}

static __always_inline u8 follow_flag(void)
{
	if (!config.follow || !is_followed(bpf_get_current_pid_tgid() >> 32))
		return 0;
	return EVF_FOLLOWED;
}

/* Calls of other processes than the followed ones are nobody's business then. */
static __always_inline bool follow_wants(void)
{
	return !config.follow || is_followed(bpf_get_current_pid_tgid() >> 32);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 tgid = child->tgid, one = 1;

	if (is_followed(parent->tgid))
		bpf_map_update_elem(&followed, &tgid, &one, BPF_ANY);
	return 0;
}

#endif
