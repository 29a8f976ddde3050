/* SPDX-License-Identifier: GPL-2.0-only */
/* The page around the data of a report: report/ of the sources, made one file by the build. */
#ifndef SOCKLINE_REPORT_PAGE_H
#define SOCKLINE_REPORT_PAGE_H

#include <stddef.h>

/*
 * Writes the page with this JSON in it to fd.  Names in the JSON are not trusted: it cannot leave the
 * element it stands in.  0 or -errno.
 */
int report_page_write(int fd, const char *json, size_t len);

#endif
