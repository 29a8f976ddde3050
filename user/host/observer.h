/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF object that watches: loaded for events, for counts, or for both, so that whoever reads
 * them shares its programs.  Not thread-safe.
 */
#ifndef SOCKLINE_OBSERVER_H
#define SOCKLINE_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

#define OBSERVER_WHY 256

struct observer_bpf;
struct probe_state;

struct observer_conf {
	struct config config;  /* completed with what depends on the kernel */
	const uint64_t *ports; /* 65536 bits, or NULL: all */
	const char *only;      /* no other program than this one, or NULL */
	bool verbose;
};

struct observer {
	struct observer_bpf *skel;
	struct probe_state *states; /* by row of probes[] */
	bool events, counts;
	bool calls_shown; /* what a system call was called with, when it returns */
	bool attached;
};

/* Loads it.  0, or -errno and one line in why. */
int observer_open(const struct observer_conf *conf, struct observer **out, char why[OBSERVER_WHY]);
/* NULL is fine. */
void observer_close(struct observer *o);

/* Once is enough: then nothing is done.  0, or -errno and one line in why. */
int observer_attach(struct observer *o, char why[OBSERVER_WHY]);
/* With config.answers_late: as soon as a SYN has met a listener where only its answer tells. */
void observer_attach_answers(struct observer *o);
void observer_detach(struct observer *o);

/* What is not counted, for want of a hook; or NULL. */
const char *observer_uncounted(const struct observer *o);

/* What libbpf says from now on: its warnings, or nothing. */
void observer_talk(bool verbose);

#endif
