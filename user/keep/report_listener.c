// SPDX-License-Identifier: GPL-2.0-only
/* Owns the listeners of a report.  Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report_column.h"
#include "report_listener.h"

int report_listeners_init(struct report_listeners *l)
{
	memset(l, 0, sizeof(*l));
	report_clock_init(&l->clock);
	l->rows = calloc(REPORT_LISTENERS, sizeof(*l->rows));
	return l->rows ? 0 : -ENOMEM;
}

void report_listeners_free(struct report_listeners *l)
{
	for (uint32_t i = 0; l->rows && i < REPORT_LISTENERS; i++) {
		free(l->rows[i].series);
		free(l->rows[i].by_verdict);
	}
	free(l->rows);
	report_dict_free(&l->numbers);
}

uint32_t report_listener_number(struct report_listeners *l, uint64_t cookie)
{
	struct {
		uint64_t cookie, stream;
	} key = {cookie, l->stream};
	uint32_t number;
	bool fresh;

	if (!cookie)
		return 0;
	number = 1 + report_dict_number(&l->numbers, &key, sizeof(key), &fresh);
	return number < REPORT_LISTENERS && !l->numbers.failed ? number : 0;
}

static struct report_bin *bin_at(struct report_listeners *l, struct report_listener *row,
				 uint64_t time_ns)
{
	if (!row->series)
		row->series = calloc(1, sizeof(*row->series));
	if (!row->series) {
		l->failed = true;
		return NULL;
	}
	return report_series_at(row->series, &l->clock, time_ns);
}

static void tell_queues(struct report_listeners *l, struct report_listener *row, uint64_t time_ns)
{
	struct report_bin *bin = bin_at(l, row, time_ns);

	if (bin)
		report_bin_depth(bin, row->synq, row->acceptq, row->known.limit);
	row->told_ns = time_ns;
}

void report_listener_queues(struct report_listeners *l, const struct ev_queues *q, uint64_t time_ns)
{
	uint32_t number = report_listener_number(l, q->cookie);
	struct report_listener *row = &l->rows[number];

	if (!number)
		return;
	row->synq = q->synq;
	row->acceptq = q->acceptq;
	row->known.limit = q->limit;
	if (q->synq > row->synq_peak)
		row->synq_peak = q->synq;
	if (q->acceptq > row->acceptq_peak)
		row->acceptq_peak = q->acceptq;
	tell_queues(l, row, time_ns);
}

/* Bucket i is from 2^i to 2^(i+1) µs, the first from 0. */
static void hist_add(struct counters_hist *h, int64_t ns)
{
	uint64_t us = ns / 1000;
	int bin = us < 2 ? 0 : 63 - __builtin_clzll(us);

	if (ns < 0)
		return;
	h->bins[bin < COUNTERS_BINS ? bin : COUNTERS_BINS - 1]++;
	h->sum_ns += ns;
}

/* accept() says nothing of the queue: one less than it was told. */
static void taken(struct report_listeners *l, struct report_listener *row, uint64_t time_ns)
{
	if (!row->told_ns || time_ns < row->told_ns || !row->acceptq)
		return;
	row->acceptq--;
	tell_queues(l, row, time_ns);
}

static void count_step(struct report_listeners *l, struct report_listener *row,
		       const struct step *step, uint64_t time_ns)
{
	bool syn = step->kind == STEP_SYN || step->kind == STEP_SYN_REPEATED;
	struct report_bin *bin;

	if (!syn && step->kind != STEP_ACCEPTED)
		return;
	bin = bin_at(l, row, time_ns);
	if (!bin)
		return;
	if (syn) {
		bin->syns++;
		return;
	}
	bin->accepts++;
	taken(l, row, time_ns);
}

static void count_verdict(struct report_listeners *l, struct report_listener *row, uint32_t verdict)
{
	if (verdict >= row->verdict_room) {
		uint32_t room = verdict + 16;
		uint64_t *grown = realloc(row->by_verdict, room * sizeof(*grown));

		if (!grown) {
			l->failed = true;
			return;
		}
		memset(grown + row->verdict_room, 0, (room - row->verdict_room) * sizeof(*grown));
		row->by_verdict = grown;
		row->verdict_room = room;
	}
	row->by_verdict[verdict]++;
}

void report_listener_story(struct report_listeners *l, uint32_t number, const struct story *s,
			   uint32_t verdict, uint64_t offset_ns)
{
	struct report_listener *row = &l->rows[number];
	struct report_bin *bin;

	row->connections++;
	row->accepted += s->outcome == OUTCOME_ACCEPTED;
	count_verdict(l, row, verdict);
	if (s->role == ROLE_PASSIVE) {
		hist_add(&row->handshake, story_handshake_ns(s));
		hist_add(&row->wait, story_queued_ns(s));
	}
	for (int i = 0; i < s->step_cnt; i++)
		count_step(l, row, &s->steps[i], s->steps[i].time_ns + offset_ns);
	if (!number)
		l->overflow += s->listener != 0;
	if (!story_failed(s))
		return;
	row->failed++;
	bin = bin_at(l, row, s->ended_ns + offset_ns);
	if (bin)
		bin->failures++;
}

void report_listener_known(struct report_listeners *l, const struct listener *known)
{
	uint32_t number = report_listener_number(l, known->cookie);
	struct report_listener *row = &l->rows[number];
	uint32_t limit = row->known.limit;

	if (!number || (row->known.cookie && row->known.owner_cnt >= known->owner_cnt &&
			row->known.backlog == known->backlog))
		return;
	row->known = *known;
	if (row->told_ns)
		row->known.limit = limit;
}

static void hist_write(const struct counters_hist *h, struct json *j, const char *key)
{
	struct report_column bins = {0};

	for (int i = 0; i < COUNTERS_BINS; i++)
		report_column_add(&bins, h->bins[i]);
	report_column_write(&bins, j, key);
}

static void owners_write(const struct listener *l, const struct names *names, struct json *j)
{
	uint32_t cnt = l->owner_cnt < LISTENER_OWNERS ? l->owner_cnt : LISTENER_OWNERS;

	json_u64(j, "owner_cnt", l->owner_cnt);
	json_array(j, "owners");
	for (uint32_t i = 0; i < cnt; i++) {
		json_object(j, NULL);
		json_u64(j, "pid", l->owners[i].process.pid);
		json_str(j, "comm", l->owners[i].process.comm);
		json_str(j, "cgroup", names_cgroup(names, l->owners[i].process.cgroup));
		json_end_object(j);
	}
	json_end_array(j);
}

static void known_write(const struct listener *l, const struct names *names, struct json *j)
{
	json_u64(j, "cookie", l->cookie);
	json_u64(j, "netns", l->netns);
	json_addr(j, "addr", l->addr);
	json_u64(j, "port", l->port);
	json_u64(j, "limit", l->limit);
	json_u64_if(j, "backlog", l->backlog >= 0, l->backlog);
	owners_write(l, names, j);
}

static void row_write(struct report_listeners *l, uint32_t number, const struct names *names,
		      struct json *j)
{
	struct report_listener *row = &l->rows[number];

	json_object(j, NULL);
	json_u64(j, "id", number);
	if (row->known.cookie)
		known_write(&row->known, names, j);
	json_u64(j, "connections", row->connections);
	json_u64(j, "accepted", row->accepted);
	json_u64(j, "failed", row->failed);
	json_u64_if(j, "synq_peak", row->told_ns, row->synq_peak);
	json_u64_if(j, "acceptq_peak", row->told_ns, row->acceptq_peak);
	json_array(j, "verdicts");
	for (uint32_t i = 0; i < row->verdict_room; i++) {
		if (!row->by_verdict[i])
			continue;
		json_u64(j, NULL, i);
		json_u64(j, NULL, row->by_verdict[i]);
	}
	json_end_array(j);
	hist_write(&row->handshake, j, "handshake");
	hist_write(&row->wait, j, "wait");
	if (row->series)
		report_series_write(row->series, &l->clock, j, "series");
	json_end_object(j);
}

void report_listeners_write(struct report_listeners *l, const struct names *names, struct json *j)
{
	uint32_t cnt = l->numbers.cnt + 1;

	json_array(j, "listeners");
	for (uint32_t i = 0; i < cnt && i < REPORT_LISTENERS; i++)
		/* Its events went by, and nothing of it was asked for. */
		if (l->rows[i].connections)
			row_write(l, i, names, j);
	json_end_array(j);
	json_object(j, "clock");
	json_u64(j, "first_us", l->clock.first * l->clock.width_ns / 1000);
	json_u64(j, "bin_us", l->clock.width_ns / 1000);
	json_u64(j, "bins", l->clock.used);
	json_end_object(j);
	j->failed |= l->failed;
}
