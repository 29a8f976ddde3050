// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters: what happens at each listener, counted and timed where it happens, so that no
 * connection costs an event.  A second object beside the observer, with its own few programs; it
 * changes no packet, no socket and no return value.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "event.h"
#include "count.h"
#include "config.h"

#include "compat.bpf.h"
#include "sock.bpf.h"
#include "filter.bpf.h"
#include "packet.bpf.h"
#include "count_row.bpf.h"
#include "count_syn.bpf.h"
#include "count_child.bpf.h"
#include "count_accept.bpf.h"
#include "count_gauge.bpf.h"

char LICENSE[] SEC("license") = "GPL";
