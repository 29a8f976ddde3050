/* SPDX-License-Identifier: GPL-2.0-only */
/* Each command's entry lies in its own cmd_X.c; its row in cmds.def declares and lists it. */
#ifndef SOCKLINE_CMDS_H
#define SOCKLINE_CMDS_H

#include "opts.h"

#define CMD(name) extern const struct cmd cmd_##name;
#include "cmds.def"
#undef CMD

#endif
