/* SPDX-License-Identifier: GPL-2.0-only */
/* The owners of sockets whose files are known: the short way.  For snapshot.c alone. */
#ifndef SOCKLINE_SNAPSHOT_HOLDERS_H
#define SOCKLINE_SNAPSHOT_HOLDERS_H

#include "snapshot_build.h"

struct snapshot_holders;

/* 0 or -errno: EINVAL before Linux 5.17. */
int snapshot_holders_load(struct snapshot_holders **out);
void snapshot_holders_free(struct snapshot_holders *h);

/*
 * Adds the owners of all sockets of the build.  0, or -errno; -EAGAIN when that cannot be all: a
 * namespace exists that nothing leads to but a file, there were too many, or a socket's file is not
 * known.
 */
int snapshot_holders_read(struct snapshot_holders *h, struct snapshot_build *b);

#endif
