/* SPDX-License-Identifier: GPL-2.0-only */
/* The system call that the current task is in: what it was called with is still in the task's
 * registers when it returns, which bpf_task_pt_regs() shows from 5.15 on. */
#ifndef SOCKLINE_CALL_BPF_H
#define SOCKLINE_CALL_BPF_H

struct call_regs {
	bool is_listen;
	s32 fd;
	u64 second;
};

/* __NR_listen, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h */
#define X86_NR_LISTEN	  50
#define GENERIC_NR_LISTEN 201

/* False: this kernel does not show them. */
static __always_inline bool call_regs_read(struct call_regs *c)
{
	struct pt_regs *regs;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return false;
	regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	if (bpf_core_field_exists(regs->orig_ax)) {
		c->is_listen = BPF_CORE_READ(regs, orig_ax) == X86_NR_LISTEN;
		c->fd = BPF_CORE_READ(regs, di);
		c->second = BPF_CORE_READ(regs, si);
		return true;
	}
	if (bpf_core_field_exists(regs->orig_x0)) {
		c->is_listen = BPF_CORE_READ(regs, syscallno) == GENERIC_NR_LISTEN;
		c->fd = BPF_CORE_READ(regs, orig_x0);
		c->second = BPF_CORE_READ(regs, regs[1]);
		return true;
	}
	return false;
}

#endif
