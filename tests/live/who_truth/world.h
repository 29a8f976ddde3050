/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A server's and a client's network namespace, joined by two links: va and vb of the server have
 * 10.88.{1,2}.1 and fd88:{1,2}::1, their other ends .2 and ::2. */
#ifndef WHO_TRUTH_WORLD_H
#define WHO_TRUTH_WORLD_H

#include <stdint.h>

struct world {
	int server_fd, client_fd;
	uint32_t server_inum;
	char path[96]; /* to the server's */
};

/* Makes both, and enters the server's.  They go at exit(). */
void world_make(struct world *w);

/* Says what failed, and why (errno), and ends with status 1. */
void die(const char *what);

#endif
