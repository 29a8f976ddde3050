// SPDX-License-Identifier: GPL-2.0-only
/* doctor: the sysctls of the queues in each namespace, and the listeners that each holds back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "cmd_doctor.h"
#include "filter.h"
#include "queue.h"
#include "snapshot_json.h"
#include "snapshot_rows.h"
#include "text_table.h"

#define ADVICE_LEN 320
#define HELD_SHOWN 3

/* The listeners of one namespace, neighbours in rows. */
struct space {
	uint32_t inum;
	char label[64];
	const struct row *rows;
	size_t cnt;
	bool unknown; /* the listeners could not be read */
	struct netns_sysctls sysctls;
	int error;
};

struct sysctl {
	const char *name;
	const char *title;
	size_t at; /* in struct netns_sysctls */
	/* Is this listener held back by it? */
	bool (*holds)(const struct snap_sock *s);
	/* A sentence; true: it should be looked at. */
	bool (*advise)(int64_t value, size_t held, char *buf);
};

static bool held_by_somaxconn(const struct snap_sock *s)
{
	return queue_limit_by(s, -1) == LIMIT_SOMAXCONN;
}

static bool held_by_max_syn_backlog(const struct snap_sock *s)
{
	return queue_limit_by(s, -1) == LIMIT_MAX_SYN_BACKLOG;
}

static bool advise_somaxconn(int64_t value, size_t held, char *buf)
{
	if (held)
		snprintf(
			buf, ADVICE_LEN,
			"their accept queue is as long as somaxconn allows, they may have asked "
			"for more; if one fills, sysctl -w net.core.somaxconn=%lld and restart its "
			"owner (the limit is fixed by listen())",
			(long long)(value < 4096 ? 4096 : value * 4));
	else
		snprintf(buf, ADVICE_LEN, "it holds no listener back: each asked for less");
	return held && value < 4096;
}

static bool advise_max_syn_backlog(int64_t value, size_t held, char *buf)
{
	if (held)
		snprintf(
			buf, ADVICE_LEN,
			"syncookies are off, so new peers get three quarters of it, less than these "
			"listeners' own limit; sysctl -w net.ipv4.tcp_max_syn_backlog=%lld, or turn "
			"syncookies on",
			(long long)value * 4);
	else
		snprintf(buf, ADVICE_LEN,
			 "it holds no listener back: it only counts while syncookies are off");
	return held;
}

static bool advise_syncookies(int64_t value, size_t held, char *buf)
{
	if (!value)
		snprintf(buf, ADVICE_LEN,
			 "a SYN flood shuts real clients out; sysctl -w net.ipv4.tcp_syncookies=1");
	else if (value == 1)
		snprintf(buf, ADVICE_LEN, "good: cookies are sent only while a SYN queue is full");
	else
		snprintf(
			buf, ADVICE_LEN,
			"every SYN is answered by a cookie, without window scaling where the client "
			"has no timestamps: for tests; sysctl -w net.ipv4.tcp_syncookies=1");
	return value != 1;
}

static bool advise_abort(int64_t value, size_t held, char *buf)
{
	snprintf(
		buf, ADVICE_LEN,
		value ? "a client that meets a full accept queue is reset at once and does not try "
			"again; sysctl -w net.ipv4.tcp_abort_on_overflow=0 lets it wait for room"
		      : "good: a client that meets a full accept queue tries again");
	return value;
}

static bool advise_synack_retries(int64_t value, size_t held, char *buf)
{
	/* reqsk_timer_handler(): each wait is twice the one before, the first is 1 s. */
	double seconds = value < 0 || value > 30 ? 0 : (1ULL << (value + 1)) - 1;
	const char *verdict = "a good measure";

	if (value > 6)
		verdict = "dead ones stay long; sysctl -w net.ipv4.tcp_synack_retries=5";
	else if (value < 2)
		verdict = "too short for a lossy path; sysctl -w net.ipv4.tcp_synack_retries=5";
	snprintf(buf, ADVICE_LEN,
		 "a half-open connection stays in the SYN queue for up to %.0f s: %s", seconds,
		 verdict);
	return value > 6 || value < 2;
}

#define AT(field) offsetof(struct netns_sysctls, field)

static const struct sysctl sysctls[] = {
	{"net.core.somaxconn", "SOMAXCONN", AT(somaxconn), held_by_somaxconn, advise_somaxconn},
	{"net.ipv4.tcp_max_syn_backlog", "MAX_SYN_BACKLOG", AT(tcp_max_syn_backlog),
	 held_by_max_syn_backlog, advise_max_syn_backlog},
	{"net.ipv4.tcp_syncookies", "SYNCOOKIES", AT(tcp_syncookies), NULL, advise_syncookies},
	{"net.ipv4.tcp_abort_on_overflow", "ABORT", AT(tcp_abort_on_overflow), NULL, advise_abort},
	{"net.ipv4.tcp_synack_retries", "SYNACK_RETRIES", AT(tcp_synack_retries), NULL,
	 advise_synack_retries},
};
#define SYSCTLS_CNT (sizeof(sysctls) / sizeof(sysctls[0]))

static int64_t value_of(const struct space *sp, const struct sysctl *c)
{
	int64_t value;

	memcpy(&value, (const char *)&sp->sysctls + c->at, sizeof(value));
	return sp->error ? -1 : value;
}

static bool holds(const struct sysctl *c, const struct row *row)
{
	return c->holds && c->holds(&row->sock->s);
}

static size_t held_by(const struct space *sp, const struct sysctl *c)
{
	size_t held = 0;

	for (size_t i = 0; i < sp->cnt; i++)
		held += holds(c, &sp->rows[i]);
	return held;
}

static bool advise(const struct space *sp, const struct sysctl *c, char buf[ADVICE_LEN])
{
	int64_t value = value_of(sp, c);

	if (value >= 0)
		return c->advise(value, held_by(sp, c), buf);
	snprintf(buf, ADVICE_LEN, "it could not be read (%s)",
		 sp->error ? strerror(-sp->error) : "no such sysctl here");
	return true;
}

static void json_held(struct json *j, const struct rows *r, const struct space *sp,
		      const struct sysctl *c)
{
	if (sp->unknown) {
		json_null(j, "holds_back");
		return;
	}
	json_array(j, "holds_back");
	for (size_t i = 0; i < sp->cnt; i++) {
		const struct snapshot_sock *sock = sp->rows[i].sock;

		if (!holds(c, &sp->rows[i]))
			continue;
		json_object(j, NULL);
		json_addr(j, "addr", sock->s.laddr);
		json_u64(j, "port", sock->s.lport);
		json_u64(j, "limit", sock->s.limit);
		snapshot_json_process(j, "process", r->host, snapshot_owner(r->snapshot, sock));
		json_end_object(j);
	}
	json_end_array(j);
}

static void space_json(struct doctor *d, const struct rows *r, const struct space *sp)
{
	struct json *j = &d->json;
	char advice[ADVICE_LEN];

	for (size_t i = 0; i < SYSCTLS_CNT; i++) {
		int64_t value = value_of(sp, &sysctls[i]);
		bool look_at = advise(sp, &sysctls[i], advice);

		json_object(j, NULL);
		json_str(j, "type", "sysctl");
		json_str(j, "name", sysctls[i].name);
		json_u64(j, "netns", sp->inum);
		json_str(j, "label", sp->label);
		json_u64_if(j, "value", value >= 0, value);
		json_bool(j, "good", !look_at);
		json_u64_if(j, "listeners", !sp->unknown, sp->cnt);
		json_held(j, r, sp, &sysctls[i]);
		json_str(j, "advice", advice);
		json_end_object(j);
		json_newline(j);
		fwrite(j->buf, 1, j->len, stdout);
		j->len = 0;
	}
}

/* "[::]:9100 node_exporter[700], 0.0.0.0:80 nginx[812], 4 more" */
static void held_words(const struct rows *r, const struct space *sp, const struct sysctl *c,
		       const struct look *look, char *buf, size_t len)
{
	char address[80], owners[ROW_WORDS / 4];
	size_t held = held_by(sp, c), shown = 0, at;

	*buf = 0;
	for (size_t i = 0; i < sp->cnt && shown < HELD_SHOWN; i++) {
		if (!holds(c, &sp->rows[i]))
			continue;
		row_address(&sp->rows[i], address, sizeof(address));
		row_owners(r, &sp->rows[i], look, false, owners, sizeof(owners));
		at = strlen(buf);
		snprintf(buf + at, len - at, "%s%s %s", shown ? ", " : "", address, owners);
		shown++;
	}
	at = strlen(buf);
	if (held > shown)
		snprintf(buf + at, len - at, ", and %zu more", held - shown);
}

static void space_notes(struct doctor *d, struct text_table *t, const struct rows *r,
			const struct space *sp)
{
	char advice[ADVICE_LEN], held[ROW_WORDS], note[ADVICE_LEN + ROW_WORDS + 64];

	for (size_t i = 0; i < SYSCTLS_CNT; i++) {
		const struct sysctl *c = &sysctls[i];
		size_t held_cnt = held_by(sp, c);
		bool look_at = advise(sp, c, advice);

		if (!look_at && !held_cnt && !d->common->wide)
			continue;
		held_words(r, sp, c, &d->look, held, sizeof(held));
		snprintf(note, sizeof(note), "%s%s%s: %s", strrchr(c->name, '.') + 1,
			 held_cnt ? " holds back " : "", held, advice);
		text_table_note(t, look_at ? YELLOW : DIM, note);
	}
}

static void space_text(struct doctor *d, struct text_table *t, const struct rows *r,
		       const struct space *sp)
{
	char text[32], advice[ADVICE_LEN];

	text_table_cell(t, PLAIN, sp->label);
	snprintf(text, sizeof(text), "%zu", sp->cnt);
	text_table_cell(t, PLAIN, sp->unknown ? "?" : text);
	for (size_t i = 0; i < SYSCTLS_CNT; i++) {
		int64_t value = value_of(sp, &sysctls[i]);

		snprintf(text, sizeof(text), "%lld", (long long)value);
		text_table_cell(t, advise(sp, &sysctls[i], advice) ? YELLOW : PLAIN,
				value < 0 ? "?" : text);
	}
	space_notes(d, t, r, sp);
}

static void space_fill(const struct rows *r, uint32_t inum, const struct row *first, size_t cnt,
		       struct space *sp)
{
	char buf[32];
	const char *label = netns_label(netns_find(&r->snapshot->netns, inum), buf, sizeof(buf));
	int fd = inum == r->own_netns ? -1 : netns_open(&r->snapshot->netns, inum);

	*sp = (struct space){.inum = inum, .rows = first, .cnt = cnt};
	sp->unknown = !r->snapshot->netns.cnt; /* a snapshot has one's own at least */
	if (inum == r->own_netns)
		label = "this one";
	if (label)
		printable(sp->label, sizeof(sp->label), label);
	else
		snprintf(sp->label, sizeof(sp->label), "%u", inum);
	sp->error = fd < -1 ? fd : netns_sysctls(fd, &sp->sysctls);
	if (fd >= 0)
		close(fd);
}

/* One's own namespace, and each that has listeners. */
static void each_space(struct doctor *d, struct text_table *t, const struct rows *r)
{
	struct space sp;
	bool own = false;
	size_t next;

	for (size_t i = 0; i < r->cnt; i = next) {
		uint32_t inum = r->rows[i].sock->s.hdr.netns;

		for (next = i + 1; next < r->cnt && r->rows[next].sock->s.hdr.netns == inum;)
			next++;
		own |= inum == r->own_netns;
		space_fill(r, inum, &r->rows[i], next - i, &sp);
		if (t)
			space_text(d, t, r, &sp);
		else
			space_json(d, r, &sp);
	}
	if (own)
		return;
	space_fill(r, r->own_netns, NULL, 0, &sp);
	if (t)
		space_text(d, t, r, &sp);
	else
		space_json(d, r, &sp);
}

static void show(struct doctor *d, const struct rows *r)
{
	struct text_column columns[2 + SYSCTLS_CNT] = {
		{"NETNS", false, 6, 0},
		{"LISTENERS", true, 0, 0},
	};
	struct text_table *t;

	for (size_t i = 0; i < SYSCTLS_CNT; i++)
		columns[2 + i] = (struct text_column){sysctls[i].title, true, 0, 0};
	if (d->common->json) {
		each_space(d, NULL, r);
		return;
	}
	t = text_table_new(&d->look, columns, 2 + SYSCTLS_CNT, false);
	if (!t)
		return;
	each_space(d, t, r);
	printf("\n%sSYSCTLS OF THE QUEUES%s\n", colour_on(&d->look, BOLD), colour_off(&d->look));
	text_table_print(t, !d->common->no_header);
	text_table_free(t);
}

void doctor_sysctls(struct doctor *d)
{
	struct snapshot_query query = {.scope = SNAP_LISTENERS};
	struct snapshot nothing = {0}, *taken = NULL;
	struct filter all = {0};
	struct rows rows;

	/* Without the privilege to look at sockets the sysctls are still worth a line. */
	if (snapshot_take(&query, &taken))
		taken = NULL;
	if (!rows_make(&rows, taken ? taken : &nothing, &all)) {
		show(d, &rows);
		rows_free(&rows);
	}
	snapshot_free(taken);
}
