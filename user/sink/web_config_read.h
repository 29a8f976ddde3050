/* SPDX-License-Identifier: GPL-2.0-only */
/* The web configuration file as a struct.  Knows libyaml; opens no other file. */
#ifndef SOCKLINE_WEB_CONFIG_READ_H
#define SOCKLINE_WEB_CONFIG_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "http.h"

#define WEB_HASH 61 /* "$2y$10$", 53 characters, 0 */

enum web_client_auth { /* Go's names without the last word */
		       WEB_NO_CLIENT,
		       WEB_REQUEST,
		       WEB_REQUIRE_ANY,
		       WEB_VERIFY_IF_GIVEN,
		       WEB_REQUIRE_AND_VERIFY,
};

enum web_tls_version { WEB_TLS12, WEB_TLS13 };

struct web_file {
	char *path;    /* NULL: not named */
	unsigned line; /* where it is named */
};

struct web_user {
	char *name;
	char hash[WEB_HASH];
	bool has_mac; /* of the password that was right last, see web_config_auth.c */
	unsigned char mac[32];
};

struct web_settings {
	struct web_file cert, key, client_ca;
	enum web_client_auth client_auth;
	unsigned client_auth_line; /* 0: not named */
	enum web_tls_version min, max;
	struct web_user *users;
	size_t user_cnt;
};

/* 0; or -errno, and "FILE:LINE: …" in one line.  s is to be freed in either case. */
int web_settings_read(const char *path, struct web_settings *s, char why[HTTP_WHY]);
void web_settings_free(struct web_settings *s);

#endif
