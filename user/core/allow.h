/* SPDX-License-Identifier: GPL-2.0-only */
/* The list of what is meant to be reached: ports, addresses and processes.  Pure. */
#ifndef SOCKLINE_ALLOW_H
#define SOCKLINE_ALLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snap.h"

struct allow_item {
	uint16_t port_low;
	uint16_t port_high;
	bool has_addr;
	uint8_t addr[16];
	char comm[EV_COMM_LEN]; /* "": any */
};

struct allow {
	struct allow_item *items;
	size_t cnt;
};

/*
 * Adds "PORT", "LOW-HIGH", "ADDR:PORT", "[ADDR]:PORT", "*:PORT" or "COMM:PORT", several with commas
 * between.  0, -EINVAL or -ENOMEM.
 */
int allow_add(struct allow *a, const char *list);
void allow_free(struct allow *a);

/*
 * Is this listener, held by these owners, on the list?  An address allows itself, and 0.0.0.0 and
 * [::] what is narrower: one address of their family, for [::] all of IPv4 too.  A name must be
 * that of every owner.
 */
bool allow_has(const struct allow *a, const struct snap_sock *s, const struct snap_owner *owners,
	       uint32_t owner_cnt);

#endif
