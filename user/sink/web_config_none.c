// SPDX-License-Identifier: GPL-2.0-only
/* In place of web_config.c where there is neither TLS nor YAML: plain HTTP alone. */
#include <errno.h>
#include <stdio.h>

#include "web_config.h"

int web_config_open(const char *path, int wake, struct web_config **out, char why[HTTP_WHY])
{
	*out = NULL;
	if (!path)
		return 0;
	snprintf(why, HTTP_WHY,
		 "--web-config: this sockline is built without TLS and passwords; let a proxy do "
		 "it, or take the packaged one");
	return -ENOTSUP;
}

void web_config_stop(struct web_config *w)
{
}

void web_config_close(struct web_config *w)
{
}

unsigned web_config_flags(const struct web_config *w)
{
	return 0;
}

const struct MHD_OptionItem *web_config_options(const struct web_config *w)
{
	static const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

	return none;
}

struct web_rules *web_config_connection(struct web_config *w, struct MHD_Connection *connection)
{
	return NULL;
}

void web_config_connection_over(struct web_rules *rules)
{
}

enum web_answer web_config_ask(struct web_config *w, struct MHD_Connection *connection,
			       struct web_check **check)
{
	return WEB_WELCOME;
}

void web_config_forget(struct web_check *check)
{
}

void web_config_resume(struct web_config *w)
{
}
