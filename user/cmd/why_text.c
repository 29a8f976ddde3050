// SPDX-License-Identifier: GPL-2.0-only
/* An answer of why for people: the verdict, who is in the way and by which rule, the way out. */
#include <stdio.h>
#include <string.h>

#include "errno_name.h"
#include "why_show.h"

#define SHOWN 8 /* sockets in the way, without --wide */
#define TEXT  640
#define NAME  72

static const char *op_name(enum bind_op op)
{
	switch (op) {
	case BIND_OP_BIND:
		return "bind";
	case BIND_OP_BIND_LISTEN:
		return "bind and listen";
	case BIND_OP_LISTEN:
		return "listen";
	case BIND_OP_CONNECT:
		return "connect";
	}
	return "bind";
}

static void print_target(const struct bind_cand *cand)
{
	char name[NAME];

	if (cand->op == BIND_OP_CONNECT)
		bindrule_addr(cand->family, cand->raddr, cand->rport, name, sizeof(name));
	else
		bindrule_addr(cand->family, cand->addr, cand->port, name, sizeof(name));
	fputs(name, stdout);
}

static void print_owners(const struct look *look, const struct why *w,
			 const struct snapshot_sock *sock)
{
	const struct snap_owner *o = snapshot_owner(w->snapshot, sock);
	char comm[EV_COMM_LEN], age[DURATION_LEN];

	if (!o) {
		fputs(sock->s.marks & SNAP_M_WAITS ? "in an accept queue" : "no process holds it",
		      stdout);
		return;
	}
	printf("%s%s[%u]%s fd %d, uid %u, running for %s", colour_on(look, BOLD),
	       printable(comm, sizeof(comm), o->comm), o->pid, colour_off(look), o->fd, o->uid,
	       duration_format(age, look, host_age_ns(w->host, o)));
	if (sock->owner_cnt > 1)
		printf(", and %u more hold it", sock->owner_cnt - 1);
}

static void print_conflict(const struct look *look, const struct why *w,
			   const struct bind_conflict *c)
{
	const struct snapshot_sock *sock = why_sock(c);
	char name[NAME], text[TEXT];

	bindrule_addr(sock->s.family, sock->s.laddr, sock->s.lport, name, sizeof(name));
	printf("\n  %s%s%s  %s  ", colour_on(look, RED), name, colour_off(look),
	       bindrule_state(c->sock));
	print_owners(look, w, sock);
	bindrule_text(&w->question.cand, c, "\n    ", text, sizeof(text));
	printf("\n    %s\n", text);
}

static void print_conflicts(const struct look *look, const struct why *w, bool wide)
{
	size_t kept = w->result.n_conflicts < WHY_CONFLICTS ? w->result.n_conflicts : WHY_CONFLICTS;
	size_t shown = wide || kept < SHOWN ? kept : SHOWN;

	for (size_t i = 0; i < shown; i++)
		print_conflict(look, w, &w->conflicts[i]);
	if (w->result.n_conflicts > shown)
		printf("\n  and %zu more%s\n", w->result.n_conflicts - shown,
		       wide ? "" : " (-w shows them)");
}

static void print_advice(const struct look *look, const struct why *w)
{
	if (!w->advice_cnt)
		return;
	printf("\n%sWhat to do, safest first%s\n", colour_on(look, BOLD), colour_off(look));
	for (size_t i = 0; i < w->advice_cnt; i++)
		printf("  %zu. %s\n", i + 1, w->advice[i].text);
}

static void print_reason(const struct why *w)
{
	char text[TEXT];

	bindrule_reason(&w->question.cand, &w->env, &w->result, text, sizeof(text));
	if (*text)
		printf("  %s\n", text);
}

void why_text(const struct look *look, const struct why *w, bool wide)
{
	const struct bind_result *r = &w->result;

	printf("%s ", op_name(w->question.cand.op));
	print_target(&w->question.cand);
	switch (r->verdict) {
	case BIND_OK:
		printf(" %swould succeed%s\n", colour_on(look, GREEN), colour_off(look));
		return;
	case BIND_FAILS:
		printf(" %swould fail: %s%s, %s", colour_on(look, RED), errno_name(r->err),
		       colour_off(look), strerror(r->err));
		if (r->fails_at == BIND_OP_LISTEN)
			fputs(" (the bind succeeds, the listen does not)", stdout);
		putchar('\n');
		break;
	case BIND_UNKNOWN:
		printf(" %smay fail with %s%s: it cannot be told for certain\n",
		       colour_on(look, YELLOW), errno_name(r->err), colour_off(look));
		break;
	}
	print_reason(w);
	print_conflicts(look, w, wide);
	print_advice(look, w);
}

bool why_explains(const struct why *w, int error)
{
	return w->result.verdict != BIND_OK && w->result.err == error;
}

void why_failure_text(const struct look *look, const struct why_failure *f, const struct why *w,
		      const struct bind_cand *cand, bool wide)
{
	char who[PROCESS_LEN];

	printf("%s%s%s: %s ", colour_on(look, BOLD), process_format(who, &f->process),
	       colour_off(look), f->syscall);
	print_target(cand);
	if (f->fd >= 0)
		printf(" on fd %d", f->fd);
	printf(" %sfailed: %s%s, %s%s\n", colour_on(look, RED), errno_name(f->error),
	       colour_off(look), strerror(f->error), f->io_uring ? " (by io_uring)" : "");
	if (!w) {
		puts("  The namespace of that socket could not be looked at.\n");
		return;
	}
	if (why_explains(w, f->error)) {
		print_reason(w);
		print_conflicts(look, w, wide);
		print_advice(look, w);
	} else if (cand->op == BIND_OP_CONNECT) {
		printf("  %s\n", why_outside(f->error));
	} else {
		puts("  Nothing that is there now explains it: what was in the way has gone since.");
	}
	putchar('\n');
}
