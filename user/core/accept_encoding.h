/* SPDX-License-Identifier: GPL-2.0-only */
/* The Accept-Encoding header of HTTP (RFC 9110, 12.5.3). */
#ifndef SOCKLINE_ACCEPT_ENCODING_H
#define SOCKLINE_ACCEPT_ENCODING_H

#include <stdbool.h>

/* "" is what a client sends that says nothing: no. */
bool accepts_gzip(const char *header);

#endif
