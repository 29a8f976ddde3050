// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "web_config_tls.h"

static int say(char *why, const char *path, unsigned line, const char *file, const char *what)
{
	snprintf(why, HTTP_WHY, "%s:%u: %s: %s", path, line, file, what);
	return -EINVAL;
}

static int readable(char *why, const char *path, const struct web_file *file)
{
	if (!access(file->path, R_OK))
		return 0;
	return say(why, path, file->line, file->path, strerror(errno));
}

/* The handshake's end: a client without the certificate that is wanted is told so. */
static int part(gnutls_session_t session, gnutls_alert_description_t alert)
{
	gnutls_alert_send(session, GNUTLS_AL_FATAL, alert);
	return -1;
}

static bool has_certificate(gnutls_session_t session)
{
	unsigned cnt = 0;

	return gnutls_certificate_get_peers(session, &cnt) && cnt;
}

static int require_any(gnutls_session_t session)
{
	return has_certificate(session) ? 0 : part(session, GNUTLS_A_CERTIFICATE_REQUIRED);
}

static int require_and_verify(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	unsigned status;

	if (!has_certificate(session))
		return part(session, GNUTLS_A_CERTIFICATE_REQUIRED);
	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) || status)
		return part(session, GNUTLS_A_BAD_CERTIFICATE);
	return 0;
}

static int verify_if_given(gnutls_session_t session)
{
	return has_certificate(session) ? require_and_verify(session) : 0;
}

static int request(gnutls_session_t session)
{
	return 0;
}

void web_tls_apply(const struct web_tls *t, gnutls_session_t session)
{
	static gnutls_certificate_verify_function *const verify[] = {
		[WEB_REQUEST] = request,
		[WEB_REQUIRE_ANY] = require_any,
		[WEB_VERIFY_IF_GIVEN] = verify_if_given,
		[WEB_REQUIRE_AND_VERIFY] = require_and_verify,
	};

	gnutls_priority_set(session, t->priority);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, t->credentials);
	if (t->client_auth == WEB_NO_CLIENT)
		return;
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
	gnutls_session_set_verify_function(session, verify[t->client_auth]);
}

/* min <= max. */
static int set_priority(struct web_tls *t, const struct web_settings *s)
{
	const char *versions = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

	if (s->min == WEB_TLS13)
		versions = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
	else if (s->max == WEB_TLS12)
		versions = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
	return gnutls_priority_init(&t->priority, versions, NULL);
}

int web_tls_read(struct web_tls *t, const char *path, const struct web_settings *s,
		 char why[HTTP_WHY])
{
	int ret;

	*t = (struct web_tls){.client_auth = s->client_auth};
	if (readable(why, path, &s->cert) || readable(why, path, &s->key) ||
	    (s->client_ca.path && readable(why, path, &s->client_ca)))
		return -EINVAL;
	if (gnutls_certificate_allocate_credentials(&t->credentials) || set_priority(t, s)) {
		snprintf(why, HTTP_WHY, "%s: out of memory", path);
		return -ENOMEM;
	}
	ret = gnutls_certificate_set_x509_key_file(t->credentials, s->cert.path, s->key.path,
						   GNUTLS_X509_FMT_PEM);
	if (ret < 0) {
		snprintf(why, HTTP_WHY, "%s:%u: %s with %s: %s", path, s->cert.line, s->cert.path,
			 s->key.path, gnutls_strerror(ret));
		return -EINVAL;
	}
	ret = s->client_ca.path
		      ? gnutls_certificate_set_x509_trust_file(t->credentials, s->client_ca.path,
							       GNUTLS_X509_FMT_PEM)
		      : 1;
	if (ret <= 0)
		return say(why, path, s->client_ca.line, s->client_ca.path,
			   ret ? gnutls_strerror(ret) : "no certificate in it");
	return 0;
}

void web_tls_free(struct web_tls *t)
{
	if (t->credentials)
		gnutls_certificate_free_credentials(t->credentials);
	if (t->priority)
		gnutls_priority_deinit(t->priority);
	*t = (struct web_tls){0};
}
