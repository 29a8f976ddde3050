/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events that no ring knows of.  The kernel does not run a tracing program that is already running
 * on that CPU: a softirq that interrupts it goes unseen, and is only counted.
 */
#ifndef SOCKLINE_LIVE_MISSES_H
#define SOCKLINE_LIVE_MISSES_H

#include <stdint.h>

struct bpf_object;
struct bpf_program;

/* How often the programs of this object were not run, all together, since they were loaded; but for
 * one that others stand in for, or NULL. */
uint64_t live_misses(const struct bpf_object *object, const struct bpf_program *but);

#endif
