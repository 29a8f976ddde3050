/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the two halves of the counters: loading (counters.c) and reading (counters_read.c). */
#ifndef SOCKLINE_COUNTERS_INT_H
#define SOCKLINE_COUNTERS_INT_H

#include "counters.h"

struct bpf_link;
struct counters_bpf;

struct counters {
	struct counters_bpf *skel;
	struct bpf_link **links; /* by row of probes[] */
	struct snapshot_reader *reader;
	struct snapshot *snap; /* view.snap */
	struct counters_gauge *gauges; /* the map itself, mapped */
	size_t gauges_len;
	int cpus;
	uint32_t netns;	  /* the only one that is wanted, 0: all */
	uint64_t snap_ns; /* when it was taken */
	uint64_t changes; /* host.changes at the last snapshot */
	uint64_t
		refresh_from_ns; /* not before: a snapshot is to cost half a percent of a CPU at most */
	uint64_t refresh_by_ns;
	bool stranger;	       /* a listener or a process that is not known was met */
	uint64_t *keys;	       /* one batch of rows */
	struct counters_row *values; /* by key, then CPU */
	uint32_t batch;
	struct counters_view view;
};

#endif
