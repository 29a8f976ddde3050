// SPDX-License-Identifier: GPL-2.0-only
/* sockline audit: what can be reached from where, and was it meant to be? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "addr.h"
#include "allow.h"
#include "cmds.h"
#include "kernel.h"
#include "snapshot_json.h"
#include "snapshot_rows.h"
#include "text_table.h"

struct audit_opts {
	struct allow allow;
};

static int set_allow(void *to, const char *arg)
{
	return allow_add(to, arg);
}

static const struct opt audit_opts[] = {
	{'a', "allow", "LIST", "meant to be reached: 443,10.0.0.2:22,[::]:80,nginx:8080", set_allow,
	 offsetof(struct audit_opts, allow),
	 "a list of ports, addr:port and comm:port, such as 443,10.0.0.2:22,nginx:8080"},
	{0},
};
static const struct opt_group audit_group = {"Auditing", audit_opts};

struct audit {
	const struct cmd *cmd;
	const struct allow *allow;
	const struct filter *filter;
	const struct common *common;
	struct look look;
	struct rows rows;
	size_t reached[REACH_LOOPBACK + 1];
	size_t not_allowed;
};

static bool allowed(const struct audit *a, const struct row *row)
{
	const struct snapshot_sock *sock = row->sock;

	return row->reach == REACH_LOOPBACK ||
	       allow_has(a->allow, &sock->s, snapshot_owner(a->rows.snapshot, sock),
			 sock->owner_cnt);
}

static int by_reach(const void *x, const void *y)
{
	const struct row *a = x, *b = y;

	if (a->reach != b->reach)
		return a->reach < b->reach ? -1 : 1;
	return a->sock < b->sock ? -1 : a->sock > b->sock;
}

static bool reachable(const struct snap_sock *s, const struct netns_addr *a, bool v4)
{
	return addr_is_v4(a->addr) == v4 && exposure_covers(s, a) && !(a->flags & IFF_LOOPBACK) &&
	       !addr_is_link_local(a->addr);
}

/* The address that others would most likely use, of the socket's own family if there is one. */
static const struct netns_addr *best_address(const struct audit *a, const struct snap_sock *s)
{
	const struct netns_addr *addrs;
	bool v4 = addr_is_v4(s->laddr);
	size_t cnt;

	addrs = host_addrs(a->rows.host, s->hdr.netns, &cnt);
	for (int other = 0; other < 2; other++)
		for (size_t i = 0; i < cnt; i++)
			if (reachable(s, &addrs[i], v4 ^ other))
				return &addrs[i];
	return NULL;
}

static const char *loopback_of(const struct snap_sock *s)
{
	return addr_is_v4(s->laddr) ? "127.0.0.1" : "[::1]";
}

#define ADVICE_LEN 400

static void advise_wildcard(const struct audit *a, const struct snap_sock *s, char *buf)
{
	const struct netns_addr *best = best_address(a, s);
	char addr[ADDR_LEN], endpoint[ENDPOINT_LEN], ifname[IF_NAMESIZE];
	int n;

	addr_format(addr, s->laddr);
	n = snprintf(buf, ADVICE_LEN,
		     "%s answers on every interface, also on those that come later%s; ", addr,
		     exposure_dual_stack(s) ? ", and for IPv4 too (IPV6_V6ONLY is off)" : "");
	if (best)
		n += snprintf(buf + n, ADVICE_LEN - n,
			      "listen on %s to be reached through %s alone, or ",
			      endpoint_format(endpoint, best->addr, s->lport),
			      printable(ifname, sizeof(ifname), best->ifname));
	snprintf(buf + n, ADVICE_LEN - n, "%son %s:%u for this host alone.", best ? "" : "listen ",
		 loopback_of(s), s->lport);
}

/* "" where nothing is to be said. */
static char *advise(const struct audit *a, const struct row *row, char buf[ADVICE_LEN])
{
	const struct snap_sock *s = &row->sock->s;

	*buf = 0;
	switch (row->reach) {
	case REACH_EVERYWHERE:
		if (row->device)
			snprintf(buf, ADVICE_LEN,
				 "whatever arrives on its device reaches it, by any address of "
				 "this host; listen on %s:%u for this host alone.",
				 loopback_of(s), s->lport);
		else
			advise_wildcard(a, s, buf);
		break;
	case REACH_ADDRESS:
		snprintf(buf, ADVICE_LEN,
			 "whoever can route to this address reaches it; listen on %s:%u for this "
			 "host alone.",
			 loopback_of(s), s->lport);
		break;
	case REACH_LOOPBACK:
		break;
	}
	return buf;
}

static bool shown(const struct audit *a, const struct row *row)
{
	return !a->filter->failed || !allowed(a, row);
}

static void judge(struct audit *a)
{
	for (size_t i = 0; i < a->rows.cnt; i++) {
		a->reached[a->rows.rows[i].reach]++;
		a->not_allowed += !allowed(a, &a->rows.rows[i]);
	}
}

/* Members of a reuseport group lie one behind the other: one advice is enough. */
static bool same_place(const struct row *a, const struct row *b)
{
	const struct snap_sock *x = &a->sock->s, *y = &b->sock->s;

	return x->hdr.netns == y->hdr.netns && x->lport == y->lport && x->family == y->family &&
	       !memcmp(x->laddr, y->laddr, sizeof(x->laddr));
}

static void line(const struct audit *a, struct text_table *t, const struct row *row)
{
	static const char *const reaches[] = {
		[REACH_EVERYWHERE] = "everywhere",
		[REACH_ADDRESS] = "one address",
		[REACH_LOOPBACK] = "loopback only",
	};
	bool good = allowed(a, row);
	enum colour c = row->reach == REACH_LOOPBACK ? DIM : good ? PLAIN : RED;
	char text[ROW_WORDS], advice[ADVICE_LEN];
	const char *yes = row->reach == REACH_LOOPBACK ? look_dash(&a->look) : "yes";

	text_table_cell(t, c, reaches[row->reach]);
	text_table_cell(t, c, good ? yes : "NO");
	if (a->rows.netns_cnt > 1) {
		row_netns(&a->rows, row, &a->look, text, sizeof(text));
		text_table_cell(t, DIM, text);
	}
	row_address(row, text, sizeof(text));
	text_table_cell(t, c == DIM ? DIM : BOLD, text);
	row_owners(&a->rows, row, &a->look, a->common->wide, text, sizeof(text));
	text_table_cell(t, c == DIM ? DIM : PLAIN, text);
	row_covers(&a->rows, row, text, sizeof(text));
	text_table_cell(t, DIM, text);
	if (row + 1 < a->rows.rows + a->rows.cnt && same_place(row, row + 1))
		return;
	if (!good || (a->common->wide && row->reach != REACH_LOOPBACK))
		text_table_note(t, DIM, advise(a, row, advice));
}

static int print_text(const struct audit *a)
{
	static const struct text_column with_netns[] = {
		{"REACH", false, 0, 0},	   {"ALLOWED", false, 0, 0}, {"NETNS", false, 6, 0},
		{"LISTENER", false, 0, 0}, {"OWNER", false, 14, 0},  {"COVERS", false, 10, 1},
	};
	static const struct text_column one_netns[] = {
		{"REACH", false, 0, 0},	 {"ALLOWED", false, 0, 0}, {"LISTENER", false, 0, 0},
		{"OWNER", false, 14, 0}, {"COVERS", false, 10, 1},
	};
	bool several = a->rows.netns_cnt > 1;
	struct text_table *t = text_table_new(&a->look, several ? with_netns : one_netns,
					      several ? 6 : 5, a->common->wide);
	int ret = -ENOMEM;

	for (size_t i = 0; t && i < a->rows.cnt; i++)
		if (shown(a, &a->rows.rows[i]))
			line(a, t, &a->rows.rows[i]);
	if (t)
		ret = text_table_print(t, !a->common->no_header);
	text_table_free(t);
	return ret;
}

static int print_json(const struct audit *a)
{
	struct timespec ts;
	struct json j = {0};
	char advice[ADVICE_LEN];
	int ret;

	clock_gettime(CLOCK_REALTIME, &ts);
	for (size_t i = 0; i < a->rows.cnt; i++) {
		const struct row *row = &a->rows.rows[i];

		if (!shown(a, row))
			continue;
		json_object(&j, NULL);
		json_str(&j, "type", "listener");
		json_time(&j, "time", ts.tv_sec * 1000000000ULL + ts.tv_nsec);
		snapshot_json_listener(&j, a->rows.host, a->rows.snapshot, row->sock, NULL, 0);
		json_bool(&j, "allowed", allowed(a, row));
		advise(a, row, advice);
		json_str(&j, "advice", *advice ? advice : NULL);
		json_end_object(&j);
		json_newline(&j);
	}
	fwrite(j.buf, 1, j.len, stdout);
	ret = j.failed ? -ENOMEM : 0;
	json_free(&j);
	return ret;
}

static void last_word(const struct audit *a)
{
	fprintf(stderr,
		"%zu listener%s: %zu everywhere, %zu on one address, %zu on loopback only; ",
		a->rows.cnt, a->rows.cnt == 1 ? "" : "s", a->reached[REACH_EVERYWHERE],
		a->reached[REACH_ADDRESS], a->reached[REACH_LOOPBACK]);
	if (a->not_allowed)
		fprintf(stderr, "%zu can be reached and %s not allowed\n", a->not_allowed,
			a->not_allowed == 1 ? "is" : "are");
	else
		fprintf(stderr, "nothing that can be reached is not allowed\n");
}

static int audit(struct audit *a, const struct snapshot *snapshot)
{
	int ret = rows_make(&a->rows, snapshot, a->filter);

	if (ret)
		return opts_error(a->cmd, "%s", strerror(-ret));
	qsort(a->rows.rows, a->rows.cnt, sizeof(*a->rows.rows), by_reach);
	judge(a);
	ret = a->common->json ? print_json(a) : print_text(a);
	if (!ret && (fflush(stdout) || ferror(stdout)))
		ret = -EIO;
	last_word(a);
	rows_free(&a->rows);
	if (ret)
		return opts_error(a->cmd, "writing: %s", strerror(-ret));
	if (snapshot->unread)
		opts_error(a->cmd, "%u namespaces could not be entered (CAP_SYS_ADMIN is needed)",
			   snapshot->unread);
	return a->not_allowed ? EXIT_NO : snapshot->unread ? EXIT_UNABLE : EXIT_YES;
}

static int take_and_audit(struct audit *a)
{
	struct snapshot_query query = {.scope = SNAP_LISTENERS, .netns = a->filter->netns};
	const char *missing = kernel_missing_capability();
	struct snapshot *snapshot;
	int ret;

	if (missing)
		return opts_error(a->cmd, "%s is missing: run it as root", missing);
	ret = snapshot_take(&query, &snapshot);
	if (ret)
		return opts_error(a->cmd, "reading the sockets: %s", strerror(-ret));
	look_init(&a->look);
	ret = audit(a, snapshot);
	snapshot_free(snapshot);
	return ret;
}

static int audit_run(const struct cmd *cmd, int argc, char **argv)
{
	struct audit_opts o = {0};
	struct filter f = {0};
	struct common c = {0};
	int first = opts_parse(cmd, argc, argv, (void *[]){&o, &f, &c});
	struct audit a = {.cmd = cmd, .allow = &o.allow, .filter = &f, .common = &c};
	char why[160];
	int ret;

	if (first < 0)
		ret = opts_exit(first);
	else if (first < argc)
		ret = opts_error(cmd, "'%s' is no option; see sockline audit --help", argv[first]);
	else if (f.netns_arg && netns_parse(f.netns_arg, &f.netns, why, sizeof(why)))
		ret = opts_error(cmd, "--netns: %s", why);
	else
		ret = take_and_audit(&a);
	allow_free(&o.allow);
	return ret;
}

const struct cmd cmd_audit = {
	.name = "audit",
	.summary = "which listeners can be reached from where, and was it meant?",
	.help = "Widest reach first: every address, one address, loopback only.  Exit status 1 if\n"
		"one that is not on loopback alone is not on the list of --allow.\n"
		"443 allows a port, 10.0.0.2:22 one address, nginx:8080 a process; 0.0.0.0:80 any\n"
		"IPv4 address, [::]:80 all.  --failed shows only what is not allowed.\n",
	.groups = {&audit_group, &filter_sockets, &common_oneshot},
	.run = audit_run,
};
