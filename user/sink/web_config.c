// SPDX-License-Identifier: GPL-2.0-only
/* Owns what is in force, and sees when the files have changed. */
#include <errno.h>
#include <gnutls/abstract.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "web_config.h"
#include "web_config_auth.h"
#include "web_config_tls.h"

#define FILES 4

/* Tells one state of a file from another; zero if there is none. */
struct mark {
	ino_t ino;
	off_t size;
	time_t sec;
	long nsec;
};

struct web_rules {
	struct web_settings settings;
	struct web_tls tls;
	unsigned uses; /* being in force, and each connection that began under them */
};

struct web_config {
	char *path;
	struct web_rules *rules;
	struct mark marks[FILES];
	time_t looked;
	struct web_auth *auth;
	struct MHD_OptionItem options[2];
};

static void drop(struct web_rules *rules)
{
	if (!rules || --rules->uses)
		return;
	web_tls_free(&rules->tls);
	web_settings_free(&rules->settings);
	free(rules);
}

static int read_rules(const char *path, struct web_rules **out, char why[HTTP_WHY])
{
	struct web_rules *rules = calloc(1, sizeof(*rules));
	int ret;

	if (!rules) {
		snprintf(why, HTTP_WHY, "%s: out of memory", path);
		return -ENOMEM;
	}
	rules->uses = 1;
	ret = web_settings_read(path, &rules->settings, why);
	if (!ret && rules->settings.cert.path)
		ret = web_tls_read(&rules->tls, path, &rules->settings, why);
	if (ret)
		drop(rules);
	else
		*out = rules;
	return ret;
}

static void look_at(const struct web_config *w, struct mark marks[FILES])
{
	const struct web_settings *s = &w->rules->settings;
	const char *paths[FILES] = {w->path, s->cert.path, s->key.path, s->client_ca.path};
	struct stat st;

	memset(marks, 0, FILES * sizeof(*marks));
	for (int i = 0; i < FILES; i++)
		if (paths[i] && !stat(paths[i], &st))
			marks[i] = (struct mark){st.st_ino, st.st_size, st.st_mtim.tv_sec,
						 st.st_mtim.tv_nsec};
}

/* At most once a second. */
static void refresh(struct web_config *w)
{
	struct mark marks[FILES];
	struct web_rules *rules;
	struct timespec now;
	char why[HTTP_WHY];

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec == w->looked)
		return;
	w->looked = now.tv_sec;
	look_at(w, marks);
	if (!memcmp(marks, w->marks, sizeof(marks)))
		return;
	memcpy(w->marks, marks, sizeof(marks));
	if (read_rules(w->path, &rules, why)) {
		fprintf(stderr, "sockline: --web-config %s; what was before stays in force\n", why);
		return;
	}
	if (!rules->settings.cert.path != !w->rules->settings.cert.path) {
		fprintf(stderr,
			"sockline: --web-config %s: TLS comes or goes with a restart; what was "
			"before stays in force\n",
			w->path);
		drop(rules);
		return;
	}
	drop(w->rules);
	w->rules = rules;
	look_at(w, w->marks);
}

/* Every session has its own credentials; these, of none that we know, open nothing. */
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *ca, int ca_cnt,
			  const gnutls_pk_algorithm_t *algorithms, int algorithm_cnt,
			  gnutls_pcert_st **pcert, unsigned *pcert_cnt, gnutls_privkey_t *key)
{
	return -1;
}

int web_config_open(const char *path, int wake, struct web_config **out, char why[HTTP_WHY])
{
	struct web_config *w;
	char reason[HTTP_WHY];
	int ret;

	*out = NULL;
	if (!path)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w || !(w->path = strdup(path))) {
		snprintf(why, HTTP_WHY, "--web-config: out of memory");
		free(w);
		return -ENOMEM;
	}
	ret = read_rules(path, &w->rules, reason);
	if (!ret) {
		snprintf(reason, sizeof(reason), "%s: starting a thread", path);
		ret = web_auth_start(wake, &w->auth);
	}
	if (ret) {
		snprintf(why, HTTP_WHY, "--web-config %.480s", reason);
		web_config_close(w);
		return ret;
	}
	look_at(w, w->marks);
	w->options[0].option = MHD_OPTION_END;
	if (w->rules->settings.cert.path) {
		w->options[0].option = MHD_OPTION_HTTPS_CERT_CALLBACK;
		w->options[0].ptr_value = (void *)no_certificate;
		w->options[1].option = MHD_OPTION_END;
	}
	*out = w;
	return 0;
}

void web_config_stop(struct web_config *w)
{
	if (w)
		web_auth_stop(w->auth);
}

void web_config_close(struct web_config *w)
{
	if (!w)
		return;
	if (w->auth)
		web_auth_free(w->auth);
	drop(w->rules);
	free(w->path);
	free(w);
}

unsigned web_config_flags(const struct web_config *w)
{
	if (!w)
		return 0;
	return MHD_ALLOW_SUSPEND_RESUME | (w->rules->settings.cert.path ? MHD_USE_TLS : 0);
}

const struct MHD_OptionItem *web_config_options(const struct web_config *w)
{
	static const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

	return w ? w->options : none;
}

struct web_rules *web_config_connection(struct web_config *w, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *tls;

	if (!w)
		return NULL;
	refresh(w);
	tls = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (tls && tls->tls_session)
		web_tls_apply(&w->rules->tls, tls->tls_session);
	w->rules->uses++;
	return w->rules;
}

void web_config_connection_over(struct web_rules *rules)
{
	drop(rules);
}

enum web_answer web_config_ask(struct web_config *w, struct MHD_Connection *connection,
			       struct web_check **check)
{
	if (!w)
		return WEB_WELCOME;
	refresh(w);
	if (!w->rules->settings.user_cnt)
		return WEB_WELCOME;
	return web_auth_ask(w->auth, &w->rules->settings, connection, check);
}

void web_config_resume(struct web_config *w)
{
	if (w)
		web_auth_resume(w->auth);
}
