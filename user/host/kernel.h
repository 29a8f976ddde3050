/* SPDX-License-Identifier: GPL-2.0-only */
/* What the running kernel offers: BTF, tracefs, cgroup2, capabilities.  Nothing is mounted: where a
 * file system is missing it is opened without being attached anywhere (fsopen, fsmount). */
#ifndef SOCKLINE_KERNEL_H
#define SOCKLINE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;

/* Number of arguments of a tracepoint, without the context; -ENOENT if it does not exist. */
int kernel_tracepoint_args(const struct btf *btf, const char *name);

/* The kernel's types, which the caller frees; NULL, and why in one line, if they cannot be read or
 * the kernel is too old to be observed. */
struct btf *kernel_btf(const char **why);

/* The value of an enumerator, -1 if there is none of that name. */
long kernel_enum_value(const struct btf *btf, const char *type, const char *name);

/* A directory fd of the file system, wherever it is mounted, or of an instance of its own; -errno.
 * The caller closes it. */
int kernel_cgroup2(void);
int kernel_tracefs(void);

/* Is it the root of all cgroups, not that of a container? */
bool kernel_cgroup2_whole(int fd);

/* The id of a classic tracepoint, "syscalls/sys_exit_accept4", or -errno. */
int kernel_tracepoint_id(const char *event);

/* The first capability that sockline needs and this process lacks, "CAP_BPF"; NULL if none. */
const char *kernel_missing_capability(void);

bool kernel_has_btf(void);

#endif
