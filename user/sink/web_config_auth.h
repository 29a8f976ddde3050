/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Passwords.  bcrypt is slow by intention, so it is computed on a thread of its own while the
 * request waits; what was right is remembered, and answered at once the next time.  An unknown
 * user costs the time that a known one does.
 */
#ifndef SOCKLINE_WEB_CONFIG_AUTH_H
#define SOCKLINE_WEB_CONFIG_AUTH_H

#include "web_config.h"
#include "web_config_read.h"

struct web_auth;

/* 0 or -errno.  wake: an eventfd, written when web_auth_resume() has something to do. */
int web_auth_start(int wake, struct web_auth **out);
/* Nothing is checked any more; what waits has failed and is resumed. */
void web_auth_stop(struct web_auth *a);
void web_auth_free(struct web_auth *a);

/* See web_config.h.  s has users. */
enum web_answer web_auth_ask(struct web_auth *a, struct web_settings *s,
			     struct MHD_Connection *connection, struct web_check **check);
void web_auth_resume(struct web_auth *a);

#endif
