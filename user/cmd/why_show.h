/* SPDX-License-Identifier: GPL-2.0-only */
/* An answer of why, for people and as JSON. */
#ifndef SOCKLINE_WHY_SHOW_H
#define SOCKLINE_WHY_SHOW_H

#include "json.h"
#include "text.h"
#include "why.h"

/* "bind 127.0.0.1:8080 would fail: …", the sockets in the way, what to do.  To stdout. */
void why_text(const struct look *look, const struct why *w, bool wide);

/* A call that has failed. */
struct why_failure {
	uint64_t unix_ns;
	const char *syscall; /* "bind", "listen", "connect" */
	int error;	     /* positive errno */
	int fd;		     /* -1: unknown */
	bool io_uring;
	struct ev_process process;
	const char *cgroup;  /* or NULL */
};

/* w is NULL where no facts could be had. */
void why_failure_text(const struct look *look, const struct why_failure *f, const struct why *w,
		      const struct bind_cand *cand, bool wide);

/* One line each, with the newline. */
void why_json_check(struct json *j, const struct why *w);
void why_json_failure(struct json *j, const struct why_failure *f, const struct why *w,
		      const struct bind_cand *cand);

/* Is what happened what the rules say of the facts as they are now? */
bool why_explains(const struct why *w, int error);

#endif
