// SPDX-License-Identifier: GPL-2.0-only
/* Owns how a connection becomes a row of columns.  Pure. */
#include <string.h>

#include "report_rows.h"

uint32_t report_rows_verdict(struct report_rows *r, const struct story *s)
{
	const char *state = s->outcome == OUTCOME_OPEN ? story_state(s) : NULL;
	const char *reason = story_reason(s);
	/* Names are constants, so their addresses tell them apart. */
	const void *key[] = {(void *)(uintptr_t)s->role, outcome_name(s->outcome), reason, state};
	struct json *j = &r->verdicts.text;
	bool fresh;
	uint32_t n = report_dict_number(&r->verdicts, key, sizeof(key), &fresh);

	if (!fresh)
		return n;
	json_array(j, NULL);
	json_str(j, NULL, s->role == ROLE_ACTIVE ? "active" : "passive");
	json_str(j, NULL, outcome_name(s->outcome));
	json_str(j, NULL, reason);
	json_str(j, NULL, state);
	json_end_array(j);
	return n;
}

static uint32_t addr_number(struct report_rows *r, const uint8_t addr[16])
{
	bool fresh;
	uint32_t n = report_dict_number(&r->addrs, addr, 16, &fresh);

	if (fresh)
		json_addr(&r->addrs.text, NULL, addr);
	return n;
}

/* The number of a pair of numbers. */
static uint32_t pair_number(struct report_dict *d, uint64_t a, bool a_known, uint64_t b,
			    bool b_known)
{
	uint64_t key[] = {a, a_known, b, b_known};
	bool fresh;
	uint32_t n = report_dict_number(d, key, sizeof(key), &fresh);

	if (!fresh)
		return n;
	json_array(&d->text, NULL);
	json_u64_if(&d->text, NULL, a_known, a);
	json_u64_if(&d->text, NULL, b_known, b);
	json_end_array(&d->text);
	return n;
}

static uint32_t place_number(struct report_rows *r, const struct names *names,
			     const struct story *s)
{
	const char *ifname = s->ifindex ? names_ifname(names, s->tuple.netns, s->ifindex) : NULL;
	size_t len = ifname ? strlen(ifname) + 1 : 0;
	struct json *j = &r->places.text;
	char key[4 + EV_NAME_LEN];
	bool fresh;
	uint32_t n;

	memcpy(key, &s->tuple.netns, 4);
	memcpy(key + 4, ifname ? ifname : "", len);
	n = report_dict_number(&r->places, key, 4 + len, &fresh);
	if (!fresh)
		return n;
	json_array(j, NULL);
	json_u64(j, NULL, s->tuple.netns);
	json_str(j, NULL, ifname);
	json_end_array(j);
	return n;
}

static int64_t process_number(struct report_rows *r, const struct names *names,
			      const struct ev_process *p)
{
	struct json *j = &r->processes.text;
	bool fresh;
	uint32_t n;

	if (!p->pid)
		return REPORT_NONE;
	n = report_dict_number(&r->processes, p, sizeof(*p), &fresh);
	if (!fresh)
		return n;
	json_array(j, NULL);
	json_u64(j, NULL, p->pid);
	json_u64(j, NULL, p->tid);
	json_str(j, NULL, p->comm);
	json_str(j, NULL, names_cgroup(names, p->cgroup));
	json_end_array(j);
	return n;
}

static uint32_t shape_number(struct report_rows *r, const struct story *s)
{
	uint8_t shape[STEPS_MAX];
	bool fresh;
	uint32_t n;

	for (int i = 0; i < s->step_cnt; i++)
		shape[i] = 4 * s->steps[i].kind |
			   (s->steps[i].synq != QUEUE_UNKNOWN ? REPORT_S_SYNQ : 0) |
			   (s->steps[i].acceptq != QUEUE_UNKNOWN ? REPORT_S_ACCEPTQ : 0);
	n = report_dict_number(&r->shapes, shape, s->step_cnt, &fresh);
	if (!fresh)
		return n;
	json_array(&r->shapes.text, NULL);
	for (int i = 0; i < s->step_cnt; i++)
		json_u64(&r->shapes.text, NULL, shape[i]);
	json_end_array(&r->shapes.text);
	return n;
}

static unsigned int flags_of(const struct story *s)
{
	return (s->syncookie ? REPORT_F_SYNCOOKIE : 0) | (s->fastopen ? REPORT_F_FASTOPEN : 0) |
	       (s->mptcp ? REPORT_F_MPTCP : 0) | (s->io_uring ? REPORT_F_IOURING : 0) |
	       (s->direct ? REPORT_F_DIRECT : 0) | (s->complete ? 0 : REPORT_F_INCOMPLETE) |
	       (s->cut ? REPORT_F_CUT : 0);
}

static int64_t depth_of(const struct queue_seen *q)
{
	return q->depth == QUEUE_UNKNOWN ? REPORT_NONE : q->depth;
}

static void add_steps(struct report_rows *r, const struct story *s)
{
	for (int i = 0; i < s->step_cnt; i++) {
		const struct step *step = &s->steps[i];

		if (i)
			report_column_add(&r->columns[STEP_AT],
					  step->time_ns - s->steps[i - 1].time_ns);
		if (step->synq != QUEUE_UNKNOWN)
			report_column_add(&r->columns[STEP_SYNQ], step->synq);
		if (step->acceptq != QUEUE_UNKNOWN)
			report_column_add(&r->columns[STEP_ACCEPTQ], step->acceptq);
	}
}

void report_rows_add(struct report_rows *r, const struct names *names, const struct story *s,
		     uint32_t verdict, uint32_t listener, uint64_t offset_ns)
{
	uint64_t us = (story_start_ns(s) + offset_ns) / 1000;
	uint64_t last = s->step_cnt ? s->steps[s->step_cnt - 1].time_ns : s->ended_ns;
	const int64_t values[STEP_AT] = {
		[ROW_TIME] = us - r->last_us,
		[ROW_VERDICT] = verdict,
		[ROW_FLAGS] = flags_of(s),
		[ROW_REMOTE] = addr_number(r, s->tuple.raddr),
		[ROW_RPORT] = s->tuple.rport,
		[ROW_LOCAL] = pair_number(&r->locals, addr_number(r, s->tuple.laddr), true,
					  s->tuple.lport, s->tuple.lport),
		[ROW_LISTENER] = listener,
		[ROW_PLACE] = place_number(r, names, s),
		[ROW_PROCESS] = process_number(r, names, &s->process),
		[ROW_FD] = s->fd >= 0 && s->process.pid ? s->fd : REPORT_NONE,
		[ROW_COOKIE] = s->cookie ? (int64_t)(s->cookie - r->last_cookie) : REPORT_NONE,
		[ROW_SYNQ] = depth_of(&s->synq),
		[ROW_ACCEPTQ] = depth_of(&s->acceptq),
		[ROW_LIMITS] =
			pair_number(&r->limits, s->synq.limit, s->synq.depth != QUEUE_UNKNOWN,
				    s->acceptq.limit, s->acceptq.depth != QUEUE_UNKNOWN),
		[ROW_REPEATS] = pair_number(&r->repeats, s->syn_retransmits, true,
					    s->synack_retransmits, true),
		[ROW_SHAPE] = shape_number(r, s),
		[ROW_ENDED] = s->ended_ns - last,
	};

	for (int i = 0; i < STEP_AT; i++)
		report_column_add(&r->columns[i], values[i]);
	add_steps(r, s);
	r->last_us = us;
	if (s->cookie)
		r->last_cookie = s->cookie;
	r->cnt++;
}

void report_rows_write(struct report_rows *r, struct json *j)
{
	static const char *const names[ROW_COLUMNS] = {
		[ROW_TIME] = "time",	     [ROW_VERDICT] = "verdict",
		[ROW_FLAGS] = "flags",	     [ROW_REMOTE] = "remote",
		[ROW_RPORT] = "rport",	     [ROW_LOCAL] = "local",
		[ROW_LISTENER] = "listener", [ROW_PLACE] = "place",
		[ROW_PROCESS] = "process",   [ROW_FD] = "fd",
		[ROW_COOKIE] = "cookie",     [ROW_SYNQ] = "synq",
		[ROW_ACCEPTQ] = "acceptq",   [ROW_LIMITS] = "limits",
		[ROW_REPEATS] = "repeats",   [ROW_SHAPE] = "shape",
		[ROW_ENDED] = "ended",	     [STEP_AT] = "step_at",
		[STEP_SYNQ] = "step_synq",   [STEP_ACCEPTQ] = "step_acceptq",
	};

	report_dict_write(&r->verdicts, j, "verdicts");
	report_dict_write(&r->addrs, j, "addrs");
	report_dict_write(&r->locals, j, "locals");
	report_dict_write(&r->places, j, "places");
	report_dict_write(&r->processes, j, "processes");
	report_dict_write(&r->limits, j, "limits");
	report_dict_write(&r->repeats, j, "repeats");
	report_dict_write(&r->shapes, j, "shapes");
	json_array(j, "steps");
	for (int kind = STEP_SYN; kind <= STEP_FAILED; kind++)
		json_str(j, NULL, step_name(kind));
	json_end_array(j);
	json_object(j, "rows");
	for (int i = 0; i < ROW_COLUMNS; i++)
		report_column_write(&r->columns[i], j, names[i]);
	json_end_object(j);
}

void report_rows_free(struct report_rows *r)
{
	struct report_dict *dicts[] = {&r->verdicts,  &r->addrs,  &r->locals,  &r->places,
				       &r->processes, &r->limits, &r->repeats, &r->shapes};

	for (int i = 0; i < ROW_COLUMNS; i++)
		report_column_free(&r->columns[i]);
	for (size_t i = 0; i < sizeof(dicts) / sizeof(dicts[0]); i++)
		report_dict_free(dicts[i]);
}
