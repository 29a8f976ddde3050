// SPDX-License-Identifier: GPL-2.0-only
/* addr.c: text and bytes of addresses. */
#include <errno.h>

#include "addr.h"
#include "build.h"

Test(addr, parse_and_format)
{
	static const struct {
		const char *text;
		const char *back; /* NULL: not an address */
	} rows[] = {
		{"10.0.0.1", "10.0.0.1"}, {"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"}, {"9.10.99.100", "9.10.99.100"},
		{"109.190.200.249", "109.190.200.249"}, {"::", "::"}, {"::1", "::1"},
		{"fe80::1", "fe80::1"}, {"2001:DB8:0:0::00aB", "2001:db8::ab"},
		{"::ffff:10.0.0.1", "10.0.0.1"}, {"", NULL}, {"*", NULL}, {"10.0.0", NULL},
		{"10.0.0.256", NULL}, {"10.0.0.1 ", NULL}, {" 10.0.0.1", NULL}, {"10.0.0.01x", NULL},
		{"10.0.0.1.2", NULL}, {":::", NULL}, {"::1%lo", NULL}, {"[::1]", NULL},
		{"localhost", NULL}, {"12345::", NULL}, {"1:2:3:4:5:6:7:8:9", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t addr[16] = {0};
		char buf[ADDR_LEN];
		int ret = addr_parse(rows[i].text, addr);

		cr_expect_eq(ret, rows[i].back ? 0 : -EINVAL, "'%s': %d", rows[i].text, ret);
		if (!ret)
			cr_expect_str_eq(addr_format(buf, addr), rows[i].back);
	}
}

Test(addr, what_kind)
{
	static const struct {
		const char *text;
		bool v4, any, loopback, link_local;
	} rows[] = {
		{"0.0.0.0", true, true, false, false}, {"127.0.0.1", true, false, true, false},
		{"127.255.0.9", true, false, true, false}, {"128.0.0.1", true, false, false, false},
		{"::", false, true, false, false}, {"::1", false, false, true, false},
		{"::2", false, false, false, false}, {"1::1", false, false, false, false},
		{"fe80::1", false, false, false, true}, {"febf::1", false, false, false, true},
		{"fec0::1", false, false, false, false}, {"ff02::1", false, false, false, false},
		{"::fffe:127.0.0.1", false, false, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t addr[16];

		cr_assert_eq(addr_parse(rows[i].text, addr), 0);
		cr_expect_eq(addr_is_v4(addr), rows[i].v4, "%s", rows[i].text);
		cr_expect_eq(addr_is_any(addr), rows[i].any, "%s", rows[i].text);
		cr_expect_eq(addr_is_loopback(addr), rows[i].loopback, "%s", rows[i].text);
		cr_expect_eq(addr_is_link_local(addr), rows[i].link_local, "%s", rows[i].text);
	}
}

Test(addr, prefixes)
{
	static const struct {
		const char *prefix, *addr;
		int contains; /* -1: not a prefix */
	} rows[] = {
		{"10.0.0.0/8", "10.255.0.1", 1}, {"10.0.0.0/8", "11.0.0.1", 0},
		{"10.9.9.9/8", "10.0.0.1", 1}, /* bits outside the mask do not count */
		{"10.0.0.1", "10.0.0.1", 1}, {"10.0.0.1", "10.0.0.2", 0},
		{"10.0.0.1/32", "10.0.0.2", 0}, {"0.0.0.0/0", "1.2.3.4", 1},
		{"0.0.0.0/0", "::1", 0}, {"::/0", "1.2.3.4", 1}, {"::/0", "fe80::1", 1},
		{"fd00::/8", "fdff::1", 1}, {"fd00::/8", "fe00::1", 0},
		{"2001:db8::/33", "2001:db8:7fff::1", 1}, {"2001:db8::/33", "2001:db8:8000::1", 0},
		{"::1", "::1", 1}, {"::1/128", "::2", 0}, {"::ffff:10.0.0.0/104", "10.1.2.3", 1},
		{"10.0.0.0/31", "10.0.0.1", 1}, {"10.0.0.0/31", "10.0.0.2", 0},
		{"10.0.0.0/33", NULL, -1}, {"::/129", NULL, -1}, {"10.0.0.0/", NULL, -1},
		{"10.0.0.0/-1", NULL, -1}, {"10.0.0.0/8x", NULL, -1}, {"10.0.0.0/ 8", NULL, -1},
		{"/8", NULL, -1}, {"", NULL, -1}, {"10.0.0.0/8/8", NULL, -1},
		{"10.0.0.0/99999999999999999999", NULL, -1},
		{"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111", NULL, -1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config_prefix p;
		uint8_t addr[16];
		int ret = prefix_parse(rows[i].prefix, &p);

		cr_expect_eq(ret, rows[i].contains < 0 ? -EINVAL : 0, "'%s'", rows[i].prefix);
		if (ret)
			continue;
		cr_assert_eq(addr_parse(rows[i].addr, addr), 0);
		cr_expect_eq(prefix_contains(&p, addr), rows[i].contains, "%s in %s", rows[i].addr,
			     rows[i].prefix);
	}
}

Test(addr, endpoints)
{
	static const struct {
		const char *text;
		const char *addr; /* NULL: not an endpoint */
		bool has_addr;
		uint16_t port;
		const char *scope;
	} rows[] = {
		{"80", "::", false, 80, ""}, {":80", "::", false, 80, ""},
		{"*:80", "::", false, 80, ""}, {"0.0.0.0:80", "0.0.0.0", true, 80, ""},
		{"10.0.0.1:65535", "10.0.0.1", true, 65535, ""}, {"[::1]:0", "::1", true, 0, ""},
		{"[::]:80", "::", true, 80, ""}, {"[fe80::1%eth0]:80", "fe80::1", true, 80, "eth0"},
		{"[10.0.0.1]:80", "10.0.0.1", true, 80, ""}, {"*%eth0:80", "::", false, 80, "eth0"},
		{"", NULL}, {":", NULL}, {"10.0.0.1", NULL}, {"10.0.0.1:", NULL},
		{"10.0.0.1:65536", NULL}, {"10.0.0.1:-1", NULL}, {"10.0.0.1:8o", NULL},
		{"10.0.0.1:99999999999999999999", NULL}, {"::1:80", NULL}, {"[::1]", NULL},
		{"[::1]80", NULL}, {"[::1:80", NULL}, {"[::1]:", NULL}, {"host:80", NULL},
		{"[fe80::1%]:80", NULL}, {"[fe80::1%sixteen-letters-]:80", NULL},
		{"[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:11]:80",
		 NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t addr[16];
		char scope[16], buf[ADDR_LEN];
		uint16_t port = 0;
		bool has_addr = false;
		int ret = endpoint_parse(rows[i].text, addr, &has_addr, &port, scope);

		cr_expect_eq(ret, rows[i].addr ? 0 : -EINVAL, "'%s': %d", rows[i].text, ret);
		if (ret)
			continue;
		cr_expect_str_eq(addr_format(buf, addr), rows[i].addr, "'%s': %s", rows[i].text,
				 buf);
		cr_expect_eq(has_addr, rows[i].has_addr, "'%s'", rows[i].text);
		cr_expect_eq(port, rows[i].port, "'%s'", rows[i].text);
		cr_expect_str_eq(scope, rows[i].scope, "'%s'", rows[i].text);
	}
}

Test(addr, endpoint_format)
{
	static const struct {
		const char *addr;
		uint16_t port;
		const char *text;
	} rows[] = {
		{"10.0.0.1", 80, "10.0.0.1:80"}, {"::1", 0, "[::1]:0"},
		{"1111:2222:3333:4444:5555:6666:7777:8888", 65535,
		 "[1111:2222:3333:4444:5555:6666:7777:8888]:65535"},
		{"::fffe:255.255.255.255", 65535, "[::fffe:ffff:ffff]:65535"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buf[ENDPOINT_LEN];
		uint8_t addr[16];

		cr_assert_eq(addr_parse(rows[i].addr, addr), 0);
		cr_expect_str_eq(endpoint_format(buf, addr, rows[i].port), rows[i].text);
	}
}
