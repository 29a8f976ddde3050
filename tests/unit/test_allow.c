// SPDX-License-Identifier: GPL-2.0-only
/* The list of `audit --allow`, and how far a bind reaches. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "allow.h"
#include "exposure.h"

static struct snap_sock sock(const char *addr, uint16_t port, bool v6only)
{
	struct snap_sock s = {.lport = port, .state = 10, .options = v6only ? SO_F_V6ONLY : 0};

	cr_assert_eq(addr_parse(addr, s.laddr), 0);
	s.family = addr_is_v4(s.laddr) ? AF_INET : AF_INET6;
	return s;
}

static const struct {
	const char *list;
	const char *addr;
	uint16_t port;
	bool v6only;
	bool has;
} rows[] = {
	{"80", "0.0.0.0", 80, false, true},
	{"80", "0.0.0.0", 81, false, false},
	{"70-90", "0.0.0.0", 81, false, true},
	{"22,70-90", "0.0.0.0", 22, false, true},
	{"*:80", "::", 80, false, true},
	{":80", "::", 80, false, true},
	{"0.0.0.0:80", "0.0.0.0", 80, false, true},
	{"0.0.0.0:80", "10.0.0.1", 80, false, true},
	{"0.0.0.0:80", "::", 80, false, false},
	{"0.0.0.0:80", "fd00::1", 80, false, false},
	{"[::]:80", "::", 80, false, true},
	{"[::]:80", "::", 80, true, true},
	{"[::]:80", "0.0.0.0", 80, false, true},
	{"[::]:80", "fd00::1", 80, false, true},
	{"10.0.0.1:80", "10.0.0.1", 80, false, true},
	{"10.0.0.1:80", "10.0.0.2", 80, false, false},
	{"10.0.0.1:80", "0.0.0.0", 80, false, false},
	{"[fd00::1]:80", "fd00::1", 80, false, true},
	{"nginx:80", "0.0.0.0", 80, false, true},
	{"nginx:*", "0.0.0.0", 4711, false, true},
	{"apache:80", "0.0.0.0", 80, false, false},
	{"ngin:80", "0.0.0.0", 80, false, false},
	{"apache:80,nginx:70-80", "0.0.0.0", 80, false, true},
};

Test(allow, rows)
{
	struct snap_owner owner = {.comm = "nginx"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct snap_sock s = sock(rows[i].addr, rows[i].port, rows[i].v6only);
		struct allow a = {0};

		cr_assert_eq(allow_add(&a, rows[i].list), 0, "row %zu", i);
		cr_assert_eq(allow_has(&a, &s, &owner, 1), rows[i].has, "row %zu", i);
		allow_free(&a);
	}
}

Test(allow, a_name_is_every_owners)
{
	struct snap_owner owners[] = {{.comm = "nginx"}, {.comm = "nginx"}, {.comm = "sh"}};
	struct snap_sock s = sock("0.0.0.0", 80, false);
	struct allow a = {0};

	cr_assert_eq(allow_add(&a, "nginx:80"), 0);
	cr_assert(allow_has(&a, &s, owners, 2));
	cr_assert(!allow_has(&a, &s, owners, 3));
	cr_assert(!allow_has(&a, &s, NULL, 0), "nobody is not nginx");
	allow_free(&a);
}

Test(allow, bad_lists)
{
	static const char *const bad[] = {
		"",	   ",",		 "80,",	      ",80",	   "x",		"0",
		"65536",   "1-",	 "9-8",	      "-9",	   "80:",	":",
		"::1:80",  "[::1:80",	 "::1]:80",   "[]:80",	   "10.0.0:80", "a/b:80",
		"1:2:3",   "256.1.1.1:1", "0123456789abcdef:80", "80 ",	   "nginx: 80", "10-20-30",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct allow a = {0};

		cr_assert_eq(allow_add(&a, bad[i]), -EINVAL, "'%s'", bad[i]);
		allow_free(&a);
	}
}

static const struct {
	const char *addr;
	const char *device;
	enum reach reach;
} reaches[] = {
	{"0.0.0.0", NULL, REACH_EVERYWHERE},  {"::", NULL, REACH_EVERYWHERE},
	{"0.0.0.0", "eth0", REACH_EVERYWHERE}, {"0.0.0.0", "lo", REACH_LOOPBACK},
	{"10.0.0.1", NULL, REACH_ADDRESS},    {"fe80::1", NULL, REACH_ADDRESS},
	{"127.0.0.1", NULL, REACH_LOOPBACK},  {"127.255.0.9", NULL, REACH_LOOPBACK},
	{"::1", NULL, REACH_LOOPBACK},	      {"128.0.0.1", NULL, REACH_ADDRESS},
};

Test(exposure, reach)
{
	for (size_t i = 0; i < sizeof(reaches) / sizeof(reaches[0]); i++) {
		struct snap_sock s = sock(reaches[i].addr, 80, false);

		cr_assert_eq(exposure_reach(&s, reaches[i].device), reaches[i].reach, "row %zu", i);
	}
}
