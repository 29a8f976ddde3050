/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connections of a report, as columns: what is said often is said once, in a dictionary.  The
 * script of the page reads them (report/data.js): both sides know what the columns mean.
 */
#ifndef SOCKLINE_REPORT_ROWS_H
#define SOCKLINE_REPORT_ROWS_H

#include "names.h"
#include "report_column.h"
#include "report_dict.h"
#include "story.h"

enum report_row_column {
	ROW_TIME,    /* µs since 1970: the difference to the row before */
	ROW_VERDICT, /* number in verdicts */
	ROW_FLAGS,   /* REPORT_F_* */
	ROW_REMOTE,  /* number in addrs */
	ROW_RPORT,
	ROW_LOCAL,    /* number in locals */
	ROW_LISTENER, /* id in listeners */
	ROW_PLACE,    /* number in places */
	ROW_PROCESS,  /* number in processes, null: none */
	ROW_FD,
	ROW_COOKIE, /* the difference to the one before */
	ROW_SYNQ,
	ROW_ACCEPTQ,
	ROW_LIMITS,  /* number in limits */
	ROW_REPEATS, /* number in repeats */
	ROW_SHAPE,   /* number in shapes */
	ROW_ENDED,   /* ns from the last step to the end */
	/* One for each step: */
	STEP_AT,   /* ns since the step before; none for the first */
	STEP_SYNQ, /* where the shape says that it is known */
	STEP_ACCEPTQ,
	ROW_COLUMNS,
};

#define REPORT_F_SYNCOOKIE  1
#define REPORT_F_FASTOPEN   2
#define REPORT_F_MPTCP	    4
#define REPORT_F_IOURING    8
#define REPORT_F_DIRECT	    16
#define REPORT_F_INCOMPLETE 32
#define REPORT_F_CUT	    64 /* more steps than a story has room for */

/* A step of a shape: 4 * enum step_kind, and what is known at it. */
#define REPORT_S_SYNQ	 1
#define REPORT_S_ACCEPTQ 2

struct report_rows {
	struct report_column columns[ROW_COLUMNS];
	struct report_dict verdicts;  /* [role, outcome, reason, state] */
	struct report_dict addrs;     /* text */
	struct report_dict locals;    /* [number in addrs, port] */
	struct report_dict places;    /* [netns, ifname] */
	struct report_dict processes; /* [pid, tid, comm, cgroup] */
	struct report_dict limits;    /* [SYN queue, accept queue] */
	struct report_dict repeats;   /* [SYNs, SYN-ACKs] */
	struct report_dict shapes;    /* [step, …] */
	uint64_t cnt;
	uint64_t last_us;
	uint64_t last_cookie;
};

/* The number of how it ended. */
uint32_t report_rows_verdict(struct report_rows *r, const struct story *s);

/* One row more.  offset_ns makes its times nanoseconds since 1970. */
void report_rows_add(struct report_rows *r, const struct names *names, const struct story *s,
		     uint32_t verdict, uint32_t listener, uint64_t offset_ns);

/* The dictionaries, and "rows": {…}.  What was there is gone. */
void report_rows_write(struct report_rows *r, struct json *j);
void report_rows_free(struct report_rows *r);

#endif
