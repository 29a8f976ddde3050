/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the paths of container runtimes and of the kubelet tell: which container a cgroup is, of which
 * pod, and what the pod is called.  Pure; what is written is checked, never only copied.
 */
#ifndef SOCKLINE_POD_PATH_H
#define SOCKLINE_POD_PATH_H

#include <stdbool.h>

struct pod_id {
	char uid[40];	    /* of the pod, "" if it is none; as the API writes it, a static pod's is a hash */
	char container[72]; /* 64 hexadecimal digits, or "" */
};

struct pod_name {
	char namespace[64];
	char name[256];
};

/* From the path of a cgroup, of either version and under either driver, also one that begins with
 * "/../".  Of containers inside containers the outermost: this host's own.  true if either was found;
 * what was not is "". */
bool pod_path_parse(const char *cgroup, struct pod_id *id);

/* From the name of a directory in /var/log/pods, NAMESPACE_NAME_UID.  false: it is not one, and nothing
 * is written. */
bool pod_path_log(const char *entry, char uid[40], struct pod_name *name);

#endif
