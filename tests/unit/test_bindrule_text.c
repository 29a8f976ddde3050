// SPDX-License-Identifier: GPL-2.0-only
/* bindrule: the sentences and the advice. */
#include <string.h>

#include "bind_rows.h"

struct words {
	const char *row;
	const char *text;
};

static const struct words conflict_words[] = {
	{"the wildcard holds it", "0.0.0.0 covers 127.0.0.1: a wildcard bind holds the port on "
				  "every address. It is listening, "
				  "so SO_REUSEADDR cannot help; SO_REUSEPORT is set on neither."},
	{"dual stack holds IPv4",
	 "[::] without IPV6_V6ONLY covers IPv4 too, so it holds 10.0.0.1. It is listening, so "
	 "SO_REUSEADDR cannot help; SO_REUSEPORT is set on neither."},
	{"reuseport of another user",
	 "It has this very address. It is listening, so SO_REUSEADDR cannot help; SO_REUSEPORT is "
	 "set "
	 "on both, but it only joins sockets of one user: uid 0 made that one, uid 1000 this one."},
	{"reuse here only",
	 "It is bound and does not listen; it holds the port all the same. It has this very "
	 "address. "
	 "SO_REUSEADDR is set here, but was not set there; SO_REUSEPORT is set on neither."},
	{"an IPv6 connection counts as IPv4 against 0.0.0.0",
	 "Its connection with [fd09::2]:7 holds the port. [fd09::1] is IPv6, but its socket never "
	 "was "
	 "IPV6_V6ONLY: against 0.0.0.0 the kernel counts it as IPv4. SO_REUSEADDR is set on "
	 "neither "
	 "side; SO_REUSEPORT is set on neither."},
	{"the same four numbers", "Its connection goes to the same place: 10.0.0.2:80."},
	{"nobody shares a picked port",
	 "It is bound and does not listen; it holds the port all the same. It has this very "
	 "address. A "
	 "port that the kernel picks is shared with nobody, whatever SO_REUSEADDR and SO_REUSEPORT "
	 "say."},
};

Test(bindrule, text_of_a_conflict)
{
	char buf[512];

	for (size_t i = 0; i < sizeof(conflict_words) / sizeof(*conflict_words); i++) {
		const struct words *w = &conflict_words[i];
		struct set s;
		int len;

		bind_row_check(bind_row(w->row), &s);
		cr_assert_eq(s.res.n_conflicts, 1, "%s", w->row);
		len = bindrule_text(&s.cand, &s.conflicts[0], " ", buf, sizeof(buf));
		cr_expect_str_eq(buf, w->text, "%s: %s", w->row, buf);
		cr_expect_eq((size_t)len, strlen(w->text), "%s", w->row);
		/* too little room */
		cr_expect_eq(bindrule_text(&s.cand, &s.conflicts[0], " ", buf, 10), len, "%s",
			     w->row);
		cr_expect_eq(strlen(buf), 9, "%s", w->row);
	}
}

static const struct words verdict_words[] = {
	{"privileged",
	 "Port 80 is below net.ipv4.ip_unprivileged_port_start (1024), and the process "
	 "lacks CAP_NET_BIND_SERVICE."},
	{"not here", "192.0.2.1 is on no interface of this network namespace."},
	{"listen() on a connection", "A socket that is established cannot listen."},
	{"same address", "Port 80 is held by another socket."},
	{"an old kernel's fastreuse: bind() passes, listen() does not",
	 "bind() would pass, but not listen(): Port 80 is held by another socket."},
	{"nobody shares a picked port",
	 "Every port that the kernel may pick (5000-5000, 1 of them) is held."},
	{"and not for the same",
	 "No port of 5000-5000 is left for a connection to 10.0.0.2:80: each one "
	 "is bound by somebody, or connected there already."},
	{"free", "Nothing is in the way."},
};

Test(bindrule, text_of_a_verdict)
{
	char buf[512];

	for (size_t i = 0; i < sizeof(verdict_words) / sizeof(*verdict_words); i++) {
		const struct words *w = &verdict_words[i];
		struct set s;

		bind_row_check(bind_row(w->row), &s);
		bindrule_reason(&s.cand, &s.env, &s.res, buf, sizeof(buf));
		cr_expect_str_eq(buf, w->text, "%s: %s", w->row, buf);
	}
}

static const struct words pass_words[] = {
	{"another address", "10.0.0.1 and 127.0.0.1 do not meet."},
	{"another namespace", "It is in another network namespace, where ports are counted apart."},
	{"v6only leaves IPv4", "With IPV6_V6ONLY the IPv6 wildcard leaves IPv4 alone."},
	{"two devices", "Each is bound to a device, and to different ones: they never meet."},
	{"reuse on both, bound", "SO_REUSEADDR is set on both and it does not listen: they share."},
	{"reuseport on both", "SO_REUSEPORT is set on both, by one user: they share."},
};

Test(bindrule, text_of_what_is_not_in_the_way)
{
	char buf[256];

	for (size_t i = 0; i < sizeof(pass_words) / sizeof(*pass_words); i++) {
		const struct words *w = &pass_words[i];
		struct bind_conflict c;
		struct set s;

		bind_row_check(bind_row(w->row), &s);
		c.sock = &s.socks[0];
		cr_expect_not(bindrule_pair(&s.cand, 0, c.sock, &c.pair), "%s", w->row);
		bindrule_text(&s.cand, &c, " ", buf, sizeof(buf));
		cr_expect_str_eq(buf, w->text, "%s: %s", w->row, buf);
	}
}

struct cured {
	const char *row;
	enum bind_cure cures[6];
	size_t n;
	const char *first;
};

static const struct cured cured[] = {
	{"the wildcard holds it",
	 {BIND_CURE_OWN_PORT, BIND_CURE_THEIR_ADDR, BIND_CURE_SHARE, BIND_CURE_STOP},
	 4,
	 "choose another port: 81 is free"},
	{"the wildcard asks",
	 {BIND_CURE_OWN_ADDR, BIND_CURE_OWN_PORT, BIND_CURE_SHARE, BIND_CURE_STOP},
	 4,
	 "bind one address instead of all: 127.0.0.6:80 is free"},
	{"dual stack asks",
	 {BIND_CURE_OWN_V6ONLY, BIND_CURE_OWN_ADDR, BIND_CURE_OWN_PORT, BIND_CURE_SHARE,
	  BIND_CURE_STOP},
	 5,
	 "set IPV6_V6ONLY before bind(): only IPv4 is taken, IPv6 is free"},
	{"TIME_WAIT without",
	 {BIND_CURE_WAIT, BIND_CURE_OWN_ADDR, BIND_CURE_OWN_PORT, BIND_CURE_THEIR_REUSEADDR},
	 0,
	 NULL},
	{"reuseport there only",
	 {BIND_CURE_OWN_PORT, BIND_CURE_OWN_REUSEPORT, BIND_CURE_STOP},
	 3,
	 "choose another port: 81 is free"},
	{"privileged",
	 {BIND_CURE_CAP, BIND_CURE_OWN_PORT, BIND_CURE_SYSCTL},
	 3,
	 "grant just that: setcap cap_net_bind_service=+ep PROGRAM, or "
	 "AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit"},
	{"not here",
	 {BIND_CURE_CALL, BIND_CURE_FREEBIND},
	 2,
	 "bind an address of this host (ip -brief address), or the wildcard"},
	{"and not for the same", {BIND_CURE_RANGE}, 1, NULL},
};

Test(bindrule, advice_safest_first)
{
	for (size_t i = 0; i < sizeof(cured) / sizeof(*cured); i++) {
		const struct cured *want = &cured[i];
		const struct row *r = bind_row(want->row);
		struct bind_advice got[20];
		struct set s;
		size_t n;

		bind_row_check(r, &s);
		s.socks[0].pid = 4242;
		s.socks[0].comm = "node";
		n = bindrule_advice(&s.cand, &s.env, s.socks, r->n, &s.bucket, &s.res, got, 20);
		for (size_t k = 1; k < n; k++)
			cr_expect_gt(got[k].cure, got[k - 1].cure, "%s", want->row);
		if (want->first)
			cr_expect_str_eq(got[0].text, want->first, "%s: %s", want->row,
					 got[0].text);
		if (!want->n)
			continue;
		cr_expect_eq(n, want->n, "%s: %zu", want->row, n);
		for (size_t k = 0; k < n && k < want->n; k++)
			cr_expect_eq(got[k].cure, want->cures[k], "%s: %s", want->row, got[k].text);
	}
}

Test(bindrule, advice_names_the_owner)
{
	const struct row *r = bind_row("the wildcard holds it");
	struct bind_advice got[20];
	struct set s;
	size_t n;

	bind_row_check(r, &s);
	s.socks[0].pid = 4242;
	s.socks[0].comm = "node";
	n = bindrule_advice(&s.cand, &s.env, s.socks, r->n, NULL, &s.res, got, 20);
	cr_assert_eq(n, 4);
	cr_expect_str_eq(got[1].text,
			 "have node[4242] bind the one address that it needs instead of "
			 "all; then 127.0.0.1:80 is free");
	cr_expect_str_eq(got[3].text, "stop node[4242]: kill 4242");
	cr_expect_eq(bindrule_advice(&s.cand, &s.env, s.socks, r->n, NULL, &s.res, got, 1), 1);
}
