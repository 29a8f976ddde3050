/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbolic names of errnos: "EADDRINUSE". */
#ifndef SOCKLINE_ERRNO_NAME_H
#define SOCKLINE_ERRNO_NAME_H

/* Never NULL: "errno" for a number without a name. */
const char *errno_name(int error);

#endif
