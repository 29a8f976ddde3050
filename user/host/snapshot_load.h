/* SPDX-License-Identifier: GPL-2.0-only */
/* The iterators of snapshot.bpf.c and listeners.bpf.c in the kernel.  For snapshot.c alone. */
#ifndef SOCKLINE_SNAPSHOT_LOAD_H
#define SOCKLINE_SNAPSHOT_LOAD_H

#include <stdbool.h>

#include "snapshot.h"

struct listeners_bpf;
struct snapshot_bpf;

/* What is loaded together: the iterator over tasks, for the namespaces, and that over files or over
 * the sockets of a namespace; for listeners alone, or for any socket. */
struct snapshot_part {
	struct snapshot_bpf *skel;
	struct listeners_bpf *light; /* in its stead, where the kernel can */
	int task; /* fds of their links, 0: none */
	int main;
	bool files;
	bool listeners;
	int err;
};

/* Loads those of the two that are not yet; files may be NULL.  0 or -errno. */
int snapshot_load(struct snapshot_part *files, struct snapshot_part *tcp);
void snapshot_unload(struct snapshot_part *part);
/* What the next pass is to show. */
void snapshot_ask(struct snapshot_part *part, const struct snapshot_query *query);

#endif
