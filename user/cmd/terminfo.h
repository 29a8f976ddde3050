/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SOCKLINE_TERMINFO_H
#define SOCKLINE_TERMINFO_H

/* For a terminal that the host does not describe: has ncurses take its description from here.  The
 * name under which it does, static, which for "xterm-kitty" is "xterm"; NULL: there is none. */
const char *terminfo_own(const char *term);

#endif
