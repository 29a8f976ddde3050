/* SPDX-License-Identifier: GPL-2.0-only */
/* Which sockets and stories are wanted.  What a tuple can decide is also decided in the kernel
 * (config.h); the rest here. */
#ifndef SOCKLINE_FILTER_H
#define SOCKLINE_FILTER_H

#include "config.h"
#include "listener.h"
#include "names.h"
#include "opts.h"
#include "story.h"

struct filter {
	uint64_t ports[65536 / 64]; /* local ports, a bitmap */
	bool ports_on;
	bool v4, v6;
	bool failed;		    /* only what went wrong */
	bool followed;		    /* only what the followed process tree has to do with */
	uint32_t pid;
	uint32_t netns;		    /* inode number, 0: all */
	uint32_t slow_us;
	const char *netns_arg;	    /* as given; the command resolves it */
	const char *comm;
	const char *cgroup;	    /* path below the cgroup2 root */
	struct config_prefix local;
	struct config_prefix remote;
};

extern const struct opt_group filter_group;   /* all of struct filter */
extern const struct opt_group filter_sockets; /* what a socket without a peer can be asked */

/* The part that is on a tuple or a socket. */
bool filter_port(const struct filter *f, uint16_t port);
bool filter_family(const struct filter *f, const uint8_t addr[16]);

/* The listener may be NULL. */
bool filter_story(const struct filter *f, const struct story *s, const struct listener *l,
		  const struct names *names);
/* Is this process, of a cgroup whose path may be NULL, wanted? */
bool filter_process(const struct filter *f, const struct ev_process *p, const char *cgroup);

/* Fills what the kernel side can apply. */
void filter_to_config(const struct filter *f, struct config *c);

#endif
