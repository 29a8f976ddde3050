/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pod and container a process is of.  The ids are in its cgroup's path; what the pod is called
 * is told by the kubelet's directory of logs, so that no API server is asked.
 */
#ifndef SOCKLINE_POD_H
#define SOCKLINE_POD_H

#include <stdbool.h>
#include <stdint.h>

#include "pod_path.h"

struct pod {
	struct pod_id id;
	struct pod_name name; /* both "" where the directory does not tell */
};

struct pod_names;

/* logs: NULL is /var/log/pods.  It need not exist: then pods have no names.  It is read when a pod is
 * not known, and only if it has changed; at most 4096 pods are kept.  NULL: out of memory. */
struct pod_names *pod_names_new(const char *logs);
void pod_names_free(struct pod_names *names);

/* cgroup: the process's path in cgroup2, or NULL; pid: asked for where the path does not tell (cgroup
 * v1), 0: not known.  false: it is in no container, and out is all "". */
bool pod_find(struct pod_names *names, const char *cgroup, uint32_t pid, struct pod *out);

#endif
