// SPDX-License-Identifier: GPL-2.0-only
/* Owns the sentences on an accept queue that fills. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "queue.h"
#include "snapshot_blame.h"

bool blame_due(const struct row *row)
{
	return queue_pressed(row->sock->s.acceptq, row->sock->s.limit);
}

static void __attribute__((format(printf, 2, 3))) put(char buf[BLAME_LEN], const char *fmt, ...)
{
	size_t at = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + at, BLAME_LEN - at, fmt, ap);
	va_end(ap);
}

/* The state letter of /proc/PID/stat, 0 if it is not readable.  The name before it may hold
 * anything, but ends at the last parenthesis. */
static char process_state(uint32_t pid)
{
	char path[32], line[256] = "", *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f))
		*line = 0;
	fclose(f);
	end = strrchr(line, ')');
	return end && end[1] == ' ' ? end[2] : 0;
}

static const char *state_words(char state)
{
	switch (state) {
	case 'T':
		return "is stopped by a signal";
	case 't':
		return "is stopped by a debugger";
	case 'D':
		return "hangs in the kernel (uninterruptible)";
	case 'R':
		return "is busy on a CPU";
	case 'S':
		return "sleeps";
	}
	return NULL;
}

static void put_rates(char buf[BLAME_LEN], const char *who, const struct seen *seen,
		      uint64_t now_ns)
{
	struct seen_rates rates = seen_rates(seen, now_ns);

	put(buf, "%s accepts too slowly: %.0f/s, while %.0f/s arrive", who, rates.accepts,
	    rates.syns);
}

static void put_last_accept(char buf[BLAME_LEN], const struct look *look, const struct seen *seen,
			    uint64_t start_ns, uint64_t now_ns)
{
	char span[DURATION_LEN], who[PROCESS_LEN];

	if (!seen)
		return;
	if (seen->last_accept_ns)
		put(buf, ", last accept by %s %s ago", process_format(who, &seen->last_accept_by),
		    duration_format(span, look, now_ns - seen->last_accept_ns));
	else
		put(buf, ", no accept seen in %s", duration_format(span, look, now_ns - start_ns));
}

static void put_process(const struct rows *r, const struct row *row, const struct look *look,
			const struct seen *seen, uint64_t start_ns, uint64_t now_ns,
			char buf[BLAME_LEN])
{
	const struct snap_owner *o = snapshot_owner(r->snapshot, row->sock);
	char who[PROCESS_LEN * 4];
	const char *state;

	if (!o) {
		put(buf, "no process that can be seen holds it");
		return;
	}
	row_owners(r, row, look, false, who, sizeof(who));
	if (seen && seen->accepts > seen->marked_accepts) {
		put_rates(buf, who, seen, now_ns);
		return;
	}
	put(buf, "%s%s accepting", who, row->sock->owner_cnt > 1 ? ": none is" : " is not");
	state = row->sock->owner_cnt == 1 ? state_words(process_state(o->pid)) : NULL;
	if (state)
		put(buf, ", it %s", state);
	put_last_accept(buf, look, seen, start_ns, now_ns);
}

/* Members lie beside each other: they share namespace and port. */
static void put_group(const struct rows *r, const struct row *row, char buf[BLAME_LEN])
{
	const struct snap_sock *s = &row->sock->s;
	const struct snapshot *snap = r->snapshot;
	const struct snapshot_sock *other = snapshot_first(snap, s->hdr.netns, s->lport);
	uint32_t idle = 0, others = 0;

	if (s->reuseport_cnt < 2)
		return;
	for (; other && other < snap->socks + snap->sock_cnt &&
	       other->s.hdr.netns == s->hdr.netns && other->s.lport == s->lport;
	     other++) {
		if (other == row->sock || !other->s.reuseport_cnt ||
		    other->s.reuseport_id != s->reuseport_id)
			continue;
		others++;
		idle += !other->s.acceptq;
	}
	if (others)
		put(buf, "; of the %u other%s in its SO_REUSEPORT group %u %s idle", others,
		    others == 1 ? "" : "s", idle, idle == 1 ? "is" : "are");
}

void blame_text(const struct rows *r, const struct row *row, const struct look *look,
		const struct seen *seen, uint64_t start_ns, uint64_t now_ns, char buf[BLAME_LEN])
{
	const struct snap_sock *s = &row->sock->s;

	*buf = 0;
	if (!blame_due(row))
		return;
	put(buf, "accept queue %s, %u of %u: ", s->acceptq > s->limit ? "full" : "nearly full",
	    s->acceptq, s->limit);
	put_process(r, row, look, seen, start_ns, now_ns, buf);
	put_group(r, row, buf);
}
