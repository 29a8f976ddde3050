/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one read-only struct that the reader hands to the BPF side, before it loads.
 * The verifier knows its values, so what is off costs nothing.
 */
#ifndef SOCKLINE_CONFIG_H
#define SOCKLINE_CONFIG_H

#ifndef __bpf__
#include <linux/types.h>
#endif

struct config_prefix {
	__u8 addr[16]; /* v4-mapped; the bits outside mask are 0 */
	__u8 mask[16];
	__u32 on;
	__u32 pad;
};

struct config {
	struct config_prefix local;
	struct config_prefix remote;
	__u32 netns;	 /* inode number, 0: all */
	__u16 family;	 /* AF_INET, AF_INET6, or 0: both.  v4-mapped counts as AF_INET */
	__u8 events;	 /* report what happens, event by event */
	__u8 counts;	 /* count it, per listener */
	__u8 answers_late; /* counts: SYN-ACKs are seen only from where the rule may not apply */
	__u8 ready_told; /* this kernel shows when a listener is told of a child: 6.3 */
	__u8 ports_on;	 /* local ports are limited to those in the port bitmap */
	__u8 active;	 /* report this host's own connects */
	__u8 binds;	 /* report bind, listen and connect calls */
	__u8 calls_only; /* nothing of connections that come */
	__u8 follow;	 /* mark what the followed process tree does */
	__u8 failed_calls; /* of bind and listen calls only those that failed, and unless `active` of
			    * connect calls only those that found no address of their own */
	__u8 calls_at_exit; /* what bind and listen were given, and unless `active` connect, is read
			     * when they return */
	__s32 drop_reason[8]; /* enum drop_reason → this kernel's SKB_DROP_REASON_*, -1: has none */
};

#endif
