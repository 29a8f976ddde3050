// SPDX-License-Identifier: GPL-2.0-only
/* Owns descriptions of the usual terminals: a static file may run where there are none. */
#include <stdlib.h>
#include <string.h>

#include "terminfo.h"

static const struct {
	const char *name;
	const char *description; /* as ncurses takes it from TERMINFO, see term(5) */
} terminals[] = {
#include "terminfo.inc"
};

static const char *take(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++) {
		if (strncmp(terminals[i].name, name, len) || terminals[i].name[len])
			continue;
		if (setenv("TERMINFO", terminals[i].description, 1))
			return NULL;
		return terminals[i].name;
	}
	return NULL;
}

const char *terminfo_own(const char *term)
{
	const char *name;

	for (size_t len = term ? strlen(term) : 0; len; len--) {
		if (term[len] && term[len] != '-')
			continue;
		name = take(term, len);
		if (name)
			return name;
	}
	return NULL;
}
