/* SPDX-License-Identifier: GPL-2.0-only */
/* What `doctor` finds out, and how it is told.  Each finding is one line, so that the part that
 * looks needs no privilege to say that it may not look. */
#ifndef SOCKLINE_CMD_DOCTOR_H
#define SOCKLINE_CMD_DOCTOR_H

#include "json.h"
#include "opts.h"
#include "text.h"

enum verdict {
	VERDICT_OK,
	VERDICT_PARTLY,	 /* something is not seen, or would be better otherwise */
	VERDICT_MISSING, /* something essential */
	VERDICT_ELSE,	 /* not for this kernel: another stands in */
};

struct finding {
	const char *group;  /* "kernel", "capability", "probe", "object" */
	const char *name;
	enum verdict verdict;
	bool essential;
	int error;	    /* -errno, 0: none */
	const char *value;  /* what was found, NULL: nothing to add */
	const char *unseen; /* what is not seen because of it, NULL: nothing */
	const char *advice; /* NULL: none */
};

struct doctor {
	const struct cmd *cmd;
	const struct common *common;
	struct look look;
	struct json json;
	const char *group; /* of the last line, for headings */
	size_t checks;
	size_t partly;
	size_t missing;
};

/* Told at once, in the order in which they are found. */
void doctor_tell(struct doctor *d, const struct finding *f);

void doctor_kernel(struct doctor *d);
void doctor_capabilities(struct doctor *d);
void doctor_probes(struct doctor *d);
/* Of every namespace with listeners, and of one's own; the snapshot is a finding of its own. */
void doctor_sysctls(struct doctor *d);

#endif
