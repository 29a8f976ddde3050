/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may ask, and over what: Prometheus's web configuration file, as its exporters take it.  TLS,
 * YAML and password hashes are behind these functions and nowhere else.
 *
 * The file, and the files that it names, are looked at again when a connection or a request comes;
 * what has changed holds from then on.  If what is there now is wrong, that is said once on stderr,
 * and what was right before stays in force.
 *
 * NULL is a configuration: plain HTTP, everybody may ask.  Everything is for http's thread alone.
 */
#ifndef SOCKLINE_WEB_CONFIG_H
#define SOCKLINE_WEB_CONFIG_H

#include <microhttpd.h>

#include "http.h"

struct web_config;
struct web_rules; /* what one state of the files says */
struct web_check; /* a password being checked */

/* wake: an eventfd, written when web_config_resume() is wanted.  0; or -errno and one line. */
int web_config_open(const char *path, int wake, struct web_config **out, char why[HTTP_WHY]);
/* Ends the checks that are under way; to be called before the daemon is stopped. */
void web_config_stop(struct web_config *w);
void web_config_close(struct web_config *w);

/* What MHD_start_daemon() is to be told besides. */
unsigned web_config_flags(const struct web_config *w);
const struct MHD_OptionItem *web_config_options(const struct web_config *w);

/* A connection has come, and no byte of it has been read yet; what holds for it is to be given back
 * once it is closed. */
struct web_rules *web_config_connection(struct web_config *w, struct MHD_Connection *connection);
void web_config_connection_over(struct web_rules *rules);

enum web_answer {
	WEB_WELCOME,
	WEB_UNAUTHORIZED,
	WEB_BUSY, /* too many checks under way */
	WEB_WAIT, /* the connection is suspended: ask again when the request is told of again */
};

/* *check: NULL at a request's first question; web_config_forget() it when the request is over. */
enum web_answer web_config_ask(struct web_config *w, struct MHD_Connection *connection,
			       struct web_check **check);
void web_config_forget(struct web_check *check);
void web_config_resume(struct web_config *w);

#endif
