/* SPDX-License-Identifier: GPL-2.0-only */
/* What this process itself costs. */
#ifndef SOCKLINE_SELF_H
#define SOCKLINE_SELF_H

#include <stdint.h>

struct self {
	uint64_t cpu_ns;    /* user and kernel */
	uint64_t memory;    /* resident, in bytes; 0: not known */
	uint64_t fds;	    /* 0: not known */
};

void self_read(struct self *s);

/* When it was started: nanoseconds since 1970, 0: not known. */
uint64_t self_start_ns(void);

#endif
