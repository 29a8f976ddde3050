// SPDX-License-Identifier: GPL-2.0-only
/* bindrule: the verdicts. */
#include <errno.h>
#include <string.h>

#include "bind_rows.h"

#define V4   .family = AF_INET
#define BIND .op = BIND_OP_BIND, .state = TCP_CLOSE, .cap_bind = true

Test(bindrule, verdicts)
{
	for (size_t i = 0; i < bind_n_rows; i++) {
		const struct row *r = &bind_rows[i];
		enum bind_verdict want = r->unknown ? BIND_UNKNOWN : r->err ? BIND_FAILS : BIND_OK;
		struct set s;

		bind_row_check(r, &s);
		cr_expect_eq(s.res.verdict, want, "%s: verdict %d, rule %s", r->name, s.res.verdict,
			     bindrule_key(s.res.rule));
		cr_expect_eq(s.res.err, r->err, "%s: errno %d", r->name, s.res.err);
		if (r->rule)
			cr_expect_eq(s.res.rule, r->rule, "%s: rule %s", r->name,
				     bindrule_key(s.res.rule));
		if (want == BIND_OK)
			cr_expect_eq(s.res.n_conflicts, 0, "%s: %zu in the way", r->name,
				     s.res.n_conflicts);
	}
}

Test(bindrule, the_step_that_fails)
{
	struct set s;

	bind_row_check(bind_row("an old kernel's fastreuse: bind() passes, listen() does not"), &s);
	cr_expect_eq(s.res.fails_at, BIND_OP_LISTEN);
	bind_row_check(bind_row("TIME_WAIT without"), &s);
	cr_expect_eq(s.res.fails_at, BIND_OP_BIND);
	bind_row_check(bind_row("the bucket lets [::] pass an IPv4 listener of another user"), &s);
	cr_expect(s.res.skipped);
}

/* The room for conflicts may be smaller than their number. */
Test(bindrule, more_conflicts_than_room)
{
	struct bind_sock socks[40];
	struct bind_conflict room[3];
	struct bind_result res = {.conflicts = room, .cap = 3};
	struct bind_cand c = {BIND, V4, .port = 80};
	struct bind_env env;

	bind_row_env(&env);
	bind_row_addr("0.0.0.0", c.addr);
	for (int i = 0; i < 40; i++) {
		socks[i] = (struct bind_sock){V4, .port = i % 2 ? 80 : 81, .state = TCP_LISTEN};
		bind_row_addr("10.0.0.1", socks[i].addr);
	}
	bindrule_check(&c, &env, socks, 40, NULL, &res);
	cr_expect_eq(res.n_conflicts, 20);
	cr_expect_eq(room[2].sock, &socks[5]);
	cr_expect_eq(res.cap, 3);
}

Test(bindrule, a_reserved_port_is_not_picked)
{
	struct bind_result res = {.cap = 0};
	struct bind_cand c = {BIND, V4};
	uint8_t reserved[8192] = {0};
	struct bind_env env;

	bind_row_env(&env);
	bind_row_addr("0.0.0.0", c.addr);
	env.range_lo = 5000;
	env.range_hi = 5001;
	env.reserved = reserved;
	reserved[5000 / 8] |= 1 << 5000 % 8;
	bindrule_check(&c, &env, NULL, 0, NULL, &res);
	cr_expect_eq(res.verdict, BIND_OK);
	cr_expect_eq(res.ports_total, 1);
	reserved[5001 / 8] |= 1 << 5001 % 8;
	bindrule_check(&c, &env, NULL, 0, NULL, &res);
	cr_expect_eq(res.err, EADDRINUSE);
	cr_expect_eq(res.ports_total, 0);
}

/* What the caller knows of the address is stronger than the list of addresses. */
Test(bindrule, the_route_knows_better)
{
	struct bind_result res = {.cap = 0};
	struct bind_cand c = {BIND, V4, .port = 80};
	struct bind_env env;

	bind_row_env(&env);
	bind_row_addr("192.0.2.1", c.addr);
	env.addr_local = BIND_YES;
	bindrule_check(&c, &env, NULL, 0, NULL, &res);
	cr_expect_eq(res.verdict, BIND_OK);
	bind_row_addr("10.0.0.1", c.addr);
	env.addr_local = BIND_NO;
	bindrule_check(&c, &env, NULL, 0, NULL, &res);
	cr_expect_eq(res.rule, BIND_RULE_ADDR_NOT_HERE);
}

Test(bindrule, every_rule_has_words)
{
	for (int rule = 0; rule <= BIND_REUSEPORT_PORT0; rule++) {
		cr_assert_not_null(bindrule_key(rule), "rule %d", rule);
		cr_assert_not_null(bindrule_kernel(rule), "rule %d", rule);
		cr_expect_eq(strcspn(bindrule_key(rule), " -.{"), strlen(bindrule_key(rule)), "%s",
			     bindrule_key(rule));
	}
}
