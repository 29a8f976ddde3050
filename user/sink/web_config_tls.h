/* SPDX-License-Identifier: GPL-2.0-only */
/* What TLS connections are to be like.  Knows GnuTLS. */
#ifndef SOCKLINE_WEB_CONFIG_TLS_H
#define SOCKLINE_WEB_CONFIG_TLS_H

#include <gnutls/gnutls.h>

#include "web_config_read.h"

struct web_tls {
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	enum web_client_auth client_auth;
};

/* Reads the files that s names (cert and key are there).  0; or -errno and one line, which begins
 * with path and the line of it that names the file.  t is to be freed in either case. */
int web_tls_read(struct web_tls *t, const char *path, const struct web_settings *s,
		 char why[HTTP_WHY]);
void web_tls_free(struct web_tls *t);

/* For a session before its handshake, t outliving it. */
void web_tls_apply(const struct web_tls *t, gnutls_session_t session);

#endif
