// SPDX-License-Identifier: GPL-2.0-only
/* metrics.c: reads of the counters in, series out. */
#include <errno.h>

#include "metrics_world.h"

Test(metrics, one_listener)
{
	struct world w = {0};
	struct counters_row *t = &w.listeners[0].total;

	world_start(&w, 100);
	world_keep(&w, 0, 1);
	*t = (struct counters_row){
		.n = {[COUNT_SYN] = 9, [COUNT_SYNACK] = 7, [COUNT_COOKIE] = 1,
		      [COUNT_SYNACK_RETRANSMIT] = 4, [COUNT_ACCEPT] = 3,
		      [COUNT_DROP_SYN_ACCEPTQ] = 2, [COUNT_DROP_ACK_ACCEPTQ] = 5},
		.synq_peak = 6,
		.acceptq_peak = 11,
		.last_accept_ns = 99 * SEC,
	};
	t->wait.bins[12] = 3;
	w.listeners[0].sock.synq = 2;
	w.listeners[0].sock.acceptq = 5;
	world_look(&w);
	cr_expect_eq(value(&w, "sockline_listeners"), 1);
	cr_expect_eq(value(&w, "sockline_listeners_omitted"), 0);
	cr_expect_eq(value(&w, "sockline_listeners_shown_max"), 100);
	cr_expect_eq(syns(&w, 8000), 9);
	cr_expect_eq(value(&w, "sockline_listener_synacks_total" LABELS, 8000), 7);
	cr_expect_eq(value(&w, "sockline_listener_syncookies_total" LABELS, 8000), 1);
	cr_expect_eq(value(&w, "sockline_listener_synack_retransmits_total" LABELS, 8000), 4);
	cr_expect_eq(value(&w, "sockline_listener_accepts_total" LABELS, 8000), 3);
	cr_expect_eq(value(&w, "sockline_listener_drops_total" DROPS, 8000, "syn",
			   "accept_queue_full"),
		     2);
	cr_expect_eq(value(&w, "sockline_listener_drops_total" DROPS, 8000, "ack",
			   "accept_queue_full"),
		     5);
	cr_expect_eq(value(&w, "sockline_listener_drops_total" DROPS, 8000, "syn",
			   "syn_queue_full"),
		     0);
	cr_expect_eq(value(&w, "sockline_listener_syn_queue_length" LABELS, 8000), 2);
	cr_expect_eq(value(&w, "sockline_listener_syn_queue_high_water" LABELS, 8000), 6);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_length" LABELS, 8000), 5);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_limit" LABELS, 8000), 10);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_high_water" LABELS, 8000), 11);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_fill_ratio" LABELS, 8000), 0.5);
	cr_expect_eq(value(&w, "sockline_listener_last_accept_age_seconds" LABELS, 8000), 2);
	cr_expect_eq(value(&w, "sockline_listener_accept_wait_seconds_count" LABELS, 8000), 3);
	cr_expect_eq(value(&w,
			   "sockline_listener_info{netns=\"7\",address=\"0.0.0.0\",port=\"8000\","
			   "comm=\"web\",cgroup=\"/x\"}"),
		     1);
	world_end(&w);
}

/* What is not known is absent, what did not happen is 0. */
Test(metrics, nothing_came)
{
	struct world w;

	world_start(&w, 100);
	world_keep(&w, 0, 1);
	w.listeners[0].owner_cnt = 0;
	world_look(&w);
	cr_expect_eq(value(&w, "sockline_listener_syns_total{netns=\"7\",address=\"0.0.0.0\","
			       "port=\"8000\"}"),
		     0);
	cr_expect_eq(value(&w, "sockline_listener_handshake_seconds_count{netns=\"7\","
			       "address=\"0.0.0.0\",port=\"8000\"}"),
		     0);
	cr_expect_null(strstr(w.text.buf, "last_accept_age_seconds{"));
	cr_expect_null(strstr(w.text.buf, "sockline_bind_failures_total"));
	cr_expect_eq(w.places, 0);
	world_end(&w);
}

/* Sockets with the same labels: counts, lengths and limits together, the rest of the extreme one. */
Test(metrics, a_reuseport_group)
{
	struct world w;

	world_start(&w, 100);
	world_keep(&w, 0, 3);
	for (int i = 0; i < 3; i++) {
		struct counters_listener *l = &w.listeners[i];

		l->sock.lport = 8000;
		l->total.n[COUNT_SYN] = 10 + i;
		l->total.wait.bins[3] = 1;
		l->total.wait.sum_ns = 10000;
		l->total.last_accept_ns = (90 + i) * SEC;
		l->total.acceptq_peak = 4 - i;
		l->sock.acceptq = i;
	}
	world_look(&w);
	cr_expect_eq(syns(&w, 8000), 33);
	cr_expect_eq(value(&w, "sockline_listeners"), 3);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_length" LABELS, 8000), 3);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_limit" LABELS, 8000), 30);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_high_water" LABELS, 8000), 4);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_fill_ratio" LABELS, 8000), 0.2);
	cr_expect_eq(value(&w, "sockline_listener_last_accept_age_seconds" LABELS, 8000), 9);
	cr_expect_eq(value(&w, "sockline_listener_accept_wait_seconds_count" LABELS, 8000), 3);
	cr_expect_float_eq(value(&w, "sockline_listener_accept_wait_seconds_sum" LABELS, 8000),
			   3e-5, 1e-12);

	/* One closes, and had counted more since; the others count on. */
	w.gone[0] = w.listeners[0];
	w.gone[0].total.n[COUNT_SYN] = 15;
	w.view.gone_cnt = 1;
	world_keep(&w, 1, 2);
	w.listeners[1].total.n[COUNT_SYN] = 20;
	world_look(&w);
	w.view.gone_cnt = 0;
	cr_expect_eq(syns(&w, 8000), 15 + 20 + 12);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_limit" LABELS, 8000), 20);
	cr_expect_eq(value(&w, "sockline_listener_accept_wait_seconds_count" LABELS, 8000), 3);
	world_end(&w);
}

/* The counts of the last socket stand for five minutes, its queues are gone; who comes back in time
 * counts on. */
Test(metrics, a_restart)
{
	struct world w;

	world_start(&w, 100);
	w.listeners[0].total.n[COUNT_SYN] = 40;
	world_look(&w);
	world_keep(&w, 1, LISTENERS - 1);
	world_look(&w);
	cr_expect_eq(syns(&w, 8000), 40);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_length" LABELS, 8000), -1);
	cr_expect_null(strstr(w.text.buf, "sockline_listener_info{netns=\"7\",address=\"0.0.0.0\","
					  "port=\"8000\""));
	cr_expect_eq(value(&w, "sockline_listeners"), LISTENERS - 1);

	/* Another socket of the same labels. */
	w.view.time_ns += 200 * SEC;
	w.listeners[7].sock.lport = 8000;
	w.listeners[7].sock.cookie = 99;
	w.listeners[7].total.n[COUNT_SYN] = 2;
	world_look(&w);
	cr_expect_eq(syns(&w, 8000), 42);
	cr_expect_eq(value(&w, "sockline_listener_accept_queue_length" LABELS, 8000), 0);

	/* 8007 never had a SYN: nothing of it stands.  8000 does, until it has been away for long. */
	cr_expect_eq(syns(&w, 8007), -1);
	world_keep(&w, 1, 3);
	world_look(&w);
	w.view.time_ns += 298 * SEC;
	world_look(&w);
	cr_expect_eq(syns(&w, 8000), 42);
	w.view.time_ns += 2 * SEC;
	world_look(&w);
	cr_expect_eq(syns(&w, 8000), -1);
	world_end(&w);
}

/* A drop that was taken back: a counter stands, and the next one makes up for it. */
Test(metrics, counters_never_go_back)
{
	struct world w;
	__u64 *n;

	world_start(&w, 100);
	n = w.listeners[0].total.n;
	n[COUNT_SYN] = 5;
	n[COUNT_DROP_SYN_RESERVED] = 1;
	for (int turn = 0; turn < 4; turn++) {
		world_look(&w);
		cr_expect_eq(value(&w, "sockline_listener_drops_total" DROPS, 8000, "syn",
				   "syn_queue_last_quarter"),
			     turn < 3 ? 1 : 2, "%d", turn);
		n[COUNT_DROP_SYN_RESERVED] = turn; /* 0, 1, 2 */
	}
	world_end(&w);
}

/* Given to another process, or execve(): the name is another, and the counts are of each its own. */
Test(metrics, another_process)
{
	struct world w;

	world_start(&w, 100);
	w.listeners[0].total.n[COUNT_SYN] = 5;
	world_look(&w);
	strcpy(w.owners[0].comm, "app");
	w.listeners[0].total.n[COUNT_SYN] = 8;
	world_look(&w);
	cr_expect_eq(syns(&w, 8000), 5);
	cr_expect_eq(value(&w, "sockline_listener_syns_total{netns=\"7\",address=\"0.0.0.0\","
			       "port=\"8000\",comm=\"app\"}"),
		     3);
	/* A process that is not known is no other one. */
	w.listeners[0].owner_cnt = 0;
	w.listeners[0].total.n[COUNT_SYN] = 9;
	world_look(&w);
	cr_expect_eq(value(&w, "sockline_listener_syns_total{netns=\"7\",address=\"0.0.0.0\","
			       "port=\"8000\",comm=\"app\"}"),
		     4);
	world_end(&w);
}

Test(metrics, the_host)
{
	struct world w;

	world_start(&w, 100);
	w.view.failed = &w.failed;
	w.view.untracked = 3;
	w.view.waits_full = 4;
	w.view.misses = 5;
	w.failed.n[CALL_BIND][EADDRINUSE] = 2;
	w.failed.n[CALL_LISTEN][EINVAL] = 1;
	w.failed.n[CALL_BIND][0] = 6;
	world_look(&w);
	cr_expect_eq(value(&w,
			   "sockline_bind_failures_total{syscall=\"bind\",errno=\"EADDRINUSE\"}"),
		     2);
	cr_expect_eq(value(&w, "sockline_bind_failures_total{syscall=\"bind\",errno=\"EACCES\"}"),
		     0);
	cr_expect_eq(value(&w, "sockline_bind_failures_total{syscall=\"listen\",errno=\"EINVAL\"}"),
		     1);
	cr_expect_eq(value(&w, "sockline_bind_failures_total{syscall=\"bind\",errno=\"other\"}"),
		     6);
	cr_expect_eq(value(&w, "sockline_bind_failures_total{syscall=\"listen\",errno=\"other\"}"),
		     -1);
	cr_expect_eq(value(&w, "sockline_events_lost_total{where=\"listener_table\"}"), 3);
	cr_expect_eq(value(&w, "sockline_events_lost_total{where=\"wait_table\"}"), 4);
	cr_expect_eq(value(&w, "sockline_events_lost_total{where=\"probe\"}"), 5);
	world_end(&w);
}

/* Where a process lives is asked when it is another one, and once a minute. */
Test(metrics, places)
{
	struct world w;

	world_start(&w, 100);
	for (int i = 0; i < 3; i++)
		world_look(&w);
	cr_expect_eq(w.places, LISTENERS);
	w.owners[3].pid = 9999;
	world_look(&w);
	cr_expect_eq(w.places, LISTENERS + 1);
	w.view.time_ns += 61 * SEC;
	world_look(&w);
	cr_expect_eq(w.places, 2 * LISTENERS + 1);
	world_end(&w);
}
