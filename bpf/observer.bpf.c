// SPDX-License-Identifier: GPL-2.0-only
/*
 * The observer: one object, one skeleton.  Maps and records live beside the hooks that use them;
 * every hook is a SEC() wrapper of a few lines over record_*(), whose records go out through
 * emit.bpf.h, and over count_*(), which counts in maps.  Nothing here changes a packet, a socket or a return value.
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
#include "emit.bpf.h"
#include "sock.bpf.h"
#include "filter.bpf.h"
#include "follow.bpf.h"
#include "packet.bpf.h"
#include "met.bpf.h"

/* Fast Open's SYN-ACK is a matter of the accept queue: accept.bpf.h */
static __always_inline void record_fastopen(struct sock *child);

#include "bind.bpf.h"
#include "syn.bpf.h"
#include "accept.bpf.h"
#include "iouring.bpf.h"
#include "drop.bpf.h"
#include "state.bpf.h"
#include "count_row.bpf.h"
#include "count_slots.bpf.h"
#include "count_syn.bpf.h"
#include "count_child.bpf.h"
#include "count_accept.bpf.h"
#include "count_gauge.bpf.h"
#include "hooks.bpf.h"

char LICENSE[] SEC("license") = "GPL";
