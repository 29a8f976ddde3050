/* SPDX-License-Identifier: GPL-2.0-only */
/* One situation from its number: sockets are made, one more wants a port, and what was said of it is
 * held against the kernel. */
#ifndef BIND_FUZZ_PLAY_H
#define BIND_FUZZ_PLAY_H

#include "gen.h"
#include "judge.h"

/* Situations per pair of namespaces: STRIDE ports each, from FIRST_PORT on. */
#define CHUNK      3000
#define FIRST_PORT 10000

#define RANGE_PATH "/proc/sys/net/ipv4/ip_local_port_range"

struct fuzz {
	struct judge judge;
	struct world world;
	struct rng rng;
	struct theme theme;
	struct situation sit;
};

/* The same seed in f->rng and the same number give the same situation. */
void play_situation(struct fuzz *f, uint32_t index);

#endif
