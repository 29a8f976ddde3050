/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a writer may use the CPUs: as long as its rows can wait, only while nothing else wants them
 * (SCHED_IDLE), so that an accept storm has them for itself; and as anybody else once they cannot.
 */
#ifndef SOCKLINE_STORE_PACE_H
#define SOCKLINE_STORE_PACE_H

#include <stdbool.h>
#include <sys/types.h>

struct store_pace {
	_Atomic pid_t tid;	/* the writer's; 0: it stays as it is */
	bool waits;		/* for an idle CPU */
};

/* Called by the writer's thread: from now on it may be made to wait, if it is allowed to end that. */
void store_pace_join(struct store_pace *p);
/* Called by the pipeline's thread alone. */
void store_pace_set(struct store_pace *p, bool waits);

#endif
