/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths of cgroup2 ids. */
#ifndef SOCKLINE_CGROUP_H
#define SOCKLINE_CGROUP_H

#include <stddef.h>
#include <stdint.h>

/* Path below the cgroup2 root ("/" for the root itself), cut to len.  root is kernel_cgroup2()'s.
 * 0 or -ENOENT. */
int cgroup_path(int root, uint64_t id, char *path, size_t len);

#endif
