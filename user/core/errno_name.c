// SPDX-License-Identifier: GPL-2.0-only
/* glibc knows the names (strerrorname_np, since 2.32).  Pure. */
#include <string.h>

#include "errno_name.h"

const char *errno_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "errno";
}
