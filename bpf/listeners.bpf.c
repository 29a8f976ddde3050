// SPDX-License-Identifier: GPL-2.0-only
/* The listeners of a namespace, and the namespaces of tasks: for a light skeleton, 5.17 on. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "event.h"
#include "snap.h"

#include "compat.bpf.h"
#include "sock.bpf.h"
#include "snap_iter.bpf.h"

char LICENSE[] SEC("license") = "GPL";
