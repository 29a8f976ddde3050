// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <strings.h>

#include "accept_encoding.h"

#define BLANK " \t"

/* "q=0", "q=0.", "q=0.000": not acceptable. */
static bool weight_is_zero(const char *params, size_t len)
{
	const char *end = params + len, *q = params;

	while (q < end && *q != 'q' && *q != 'Q')
		q++;
	if (end - q < 3 || q[1] != '=' || q[2] != '0')
		return false;
	for (q += 3; q < end; q++)
		if (*q >= '1' && *q <= '9')
			return false;
	return true;
}

bool accepts_gzip(const char *header)
{
	bool any = false;

	while (*header) {
		size_t len, name;

		header += strspn(header, BLANK ",");
		len = strcspn(header, ",");
		name = strcspn(header, ";," BLANK);
		if (name == 4 && !strncasecmp(header, "gzip", 4))
			return !weight_is_zero(header + name, len - name);
		if (name == 1 && *header == '*')
			any = !weight_is_zero(header + name, len - name);
		header += len;
	}
	return any;
}
