// SPDX-License-Identifier: GPL-2.0-only
/* Owns the writer's scheduling policy. */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "store_pace.h"

/* sched_setscheduler(): leaving SCHED_IDLE takes CAP_SYS_NICE or an RLIMIT_NICE of 20, which a thread
 * that has nothing to lose finds out. */
static void *try(void *works)
{
	const struct sched_param none = {0};

	*(bool *)works = sched_getscheduler(0) == SCHED_OTHER &&
			 !sched_setscheduler(0, SCHED_IDLE, &none) &&
			 !sched_setscheduler(0, SCHED_OTHER, &none);
	return NULL;
}

void store_pace_join(struct store_pace *p)
{
	bool works = false;
	pthread_t thread;

	if (pthread_create(&thread, NULL, try, &works))
		return;
	pthread_join(thread, NULL);
	if (works)
		p->tid = gettid();
}

void store_pace_set(struct store_pace *p, bool waits)
{
	const struct sched_param none = {0};

	if (!p->tid || waits == p->waits)
		return;
	if (!sched_setscheduler(p->tid, waits ? SCHED_IDLE : SCHED_OTHER, &none))
		p->waits = waits;
}
