// SPDX-License-Identifier: GPL-2.0-only
/* Owns what `top --json` writes: at each look an object for each listener, and a summary. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hist.h"
#include "snapshot_json.h"
#include "top.h"

#define SECOND 1000000000ULL

static const struct {
	enum counter counter;
	const char *key;
} counts[] = {
	{COUNT_SYN, "syns"},
	{COUNT_SYNACK, "synacks"},
	{COUNT_COOKIE, "syncookies"},
	{COUNT_SYNACK_RETRANSMIT, "synack_retransmits"},
	{COUNT_QUEUED, "queued"},
	{COUNT_ACCEPT, "accepts"},
	{COUNT_UNTIMED_HANDSHAKE, "handshakes_not_timed"},
	{COUNT_UNTIMED_WAIT, "waits_not_timed"},
}, drops[] = {
	{COUNT_DROP_SYN_ACCEPTQ, "accept_queue_full"},
	{COUNT_DROP_SYN_SYNQ, "syn_queue_full"},
	{COUNT_DROP_SYN_RESERVED, "syn_queue_last_quarter"},
	{COUNT_DROP_ACK_ACCEPTQ, "ack_overflow"},
	{COUNT_DROP_OTHER, "other"},
};

static uint64_t unix_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static void counters(struct json *j, const struct counters_row *t)
{
	json_object(j, "counters");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_u64(j, counts[i].key, t->n[counts[i].counter]);
	json_object(j, "dropped");
	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++)
		json_u64(j, drops[i].key, t->n[drops[i].counter]);
	json_end_object(j);
	json_end_object(j);
}

static void rates(struct json *j, const struct rates_row *row)
{
	json_object(j, "per_second");
	json_double(j, "syns", row->per_s[COUNT_SYN]);
	json_double(j, "accepts", row->per_s[COUNT_ACCEPT]);
	json_double(j, "drops", row->drops_per_s);
	json_double(j, "synack_retransmits", row->per_s[COUNT_SYNACK_RETRANSMIT]);
	json_double(j, "syncookies", row->per_s[COUNT_COOKIE]);
	json_end_object(j);
}

/* All of it since the start, and the two quantiles of the last seconds. */
static void durations(struct json *j, const char *key, const struct counters_hist *h, int64_t p50,
		      int64_t p99)
{
	json_object(j, key);
	json_u64_if(j, "p50_us", p50 >= 0, p50 / 1000);
	json_u64_if(j, "p99_us", p99 >= 0, p99 / 1000);
	json_u64(j, "count", hist_count(h));
	json_u64(j, "sum_us", h->sum_ns / 1000);
	json_u64_if(j, "max_us", h->max_ns, h->max_ns / 1000);
	json_array(j, "log2_us");
	for (int i = 0; i < COUNTERS_BINS; i++)
		json_u64(j, NULL, h->bins[i]);
	json_end_array(j);
	json_end_object(j);
}

static void last_accept(struct json *j, const struct top *t, const struct rates_row *row)
{
	const struct ev_process *p = &row->l->total.last_accept_by;
	int64_t ago = rates_idle_ns(&t->rates, row);

	if (ago < 0) {
		json_null(j, "last_accept");
		return;
	}
	json_object(j, "last_accept");
	json_i64(j, "ago_us", ago / 1000);
	json_u64(j, "pid", p->pid);
	json_u64(j, "tid", p->tid);
	json_str(j, "comm", p->comm);
	json_end_object(j);
}

/* What seen.h asks of events, as far as the counters know it. */
static struct seen seen_of(const struct counters_listener *l)
{
	return (struct seen){
		.asked = -1,
		.synq = {.peak = l->total.synq_peak, .pressed_ns = SEEN_UNKNOWN},
		.acceptq = {.peak = l->total.acceptq_peak, .pressed_ns = SEEN_UNKNOWN},
	};
}

static void listener(struct json *j, struct top *t, struct host *host, const struct rates_row *row,
		     uint64_t time)
{
	const struct counters_listener *l = row->l;
	struct snapshot_sock sock = {
		.s = l->sock,
		.owner_first = l->owners - t->view->snap->owners,
		.owner_cnt = l->owner_cnt,
	};
	struct rates_group group = rates_group(&t->rates, row);
	struct seen seen = seen_of(l);

	json_object(j, NULL);
	json_str(j, "type", "listener");
	json_time(j, "time", time);
	snapshot_json_listener(j, host, t->view->snap, &sock, &seen, t->view->time_ns);
	counters(j, &l->total);
	rates(j, row);
	durations(j, "handshake", &l->total.handshake, row->handshake_p50, row->handshake_p99);
	durations(j, "accept_wait", &l->total.wait, row->wait_p50, row->wait_p99);
	last_accept(j, t, row);
	json_u64(j, "reuseport_idle", group.idle);
	json_end_object(j);
	json_newline(j);
}

static int flush(struct json *j)
{
	size_t at = 0;
	ssize_t n;

	if (j->failed)
		return -ENOMEM;
	while (at < j->len) {
		n = write(STDOUT_FILENO, j->buf + at, j->len - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? n : 0;
	}
	j->len = 0;
	return 0;
}

static int look(struct top *t, struct json *j)
{
	struct host *host;
	int ret = top_read(t);

	if (ret)
		return ret;
	host = top_host(t);
	if (!host)
		return -ENOMEM;
	for (size_t i = 0; i < t->rates.cnt && !ret; i++) {
		if (!top_wanted(t, t->rates.rows[i]))
			continue;
		listener(j, t, host, t->rates.rows[i], unix_ns());
		if (j->len > 64 * 1024)
			ret = flush(j);
	}
	return ret ? ret : flush(j);
}

static void summary(struct json *j, const struct top *t, uint64_t looks)
{
	json_object(j, NULL);
	json_str(j, "type", "summary");
	json_u64(j, "looks", looks);
	json_u64(j, "listeners", t->rates.cnt);
	json_u64(j, "lost", t->view ? t->view->untracked + t->view->waits_full : 0);
	json_str(j, "unseen", t->view ? t->view->unseen : NULL);
	json_end_object(j);
	json_newline(j);
}

int top_json(struct top *t)
{
	double interval = t->opts->interval > 0 ? t->opts->interval : 1;
	struct json j = {0};
	uint64_t looks = 0;
	bool over = false;
	int ret;

	/* Rates need two reads: the first is not shown.  The last look is at the end, however short
	 * its interval, so that the counts are whole. */
	ret = top_read(t);
	while (!ret && !over) {
		over = stop_wait(t->stop, interval * 1000);
		ret = look(t, &j);
		looks += !ret;
		over = over || (t->common->count && looks >= t->common->count);
	}
	if (!ret) {
		summary(&j, t, looks);
		ret = flush(&j);
	}
	json_free(&j);
	if (ret && ret != -EPIPE)
		return opts_error(t->cmd, "%s", strerror(-ret));
	return EXIT_YES;
}
