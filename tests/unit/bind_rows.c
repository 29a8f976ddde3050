// SPDX-License-Identifier: GPL-2.0-only
#include "bind_rows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define V4 .family = AF_INET
#define V6 .family = AF_INET6
#define BIND .op = BIND_OP_BIND, .state = TCP_CLOSE, .cap_bind = true
#define BIND_LISTEN .op = BIND_OP_BIND_LISTEN, .state = TCP_CLOSE, .cap_bind = true
#define LISTEN .op = BIND_OP_LISTEN, .state = TCP_CLOSE
#define CONNECT .op = BIND_OP_CONNECT, .state = TCP_CLOSE
#define HELD .from = BIND_PORT_EXPLICIT
#define ROW(name_, addr_, ...) .name = name_, .cand_addr = addr_, .cand = {__VA_ARGS__}

const struct row bind_rows[] = {
	/* addresses */
	{ROW("free", "0.0.0.0", BIND, V4, .port = 80), .n = 0},
	{ROW("same address", "127.0.0.1", BIND, V4, .port = 80),
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE, .rule = BIND_RULE_PORT_HELD},
	{ROW("another address", "127.0.0.1", BIND, V4, .port = 80),
	 .socks = {{"10.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1},
	{ROW("another port", "127.0.0.1", BIND, V4, .port = 80),
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 81, .state = TCP_LISTEN}}}, .n = 1},
	{ROW("another namespace", "127.0.0.1", BIND, V4, .port = 80),
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN, .netns = 2}}}, .n = 1},
	{ROW("the wildcard holds it", "127.0.0.1", BIND, V4, .port = 80),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{ROW("the wildcard asks", "0.0.0.0", BIND, V4, .port = 80),
	 .socks = {{"10.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{ROW("dual stack holds IPv4", "10.0.0.1", BIND, V4, .port = 80),
	 .socks = {{"::", NULL, {V6, .port = 80, .state = TCP_LISTEN}}}, .n = 1, .err = EADDRINUSE},
	{ROW("v6only leaves IPv4", "0.0.0.0", BIND, V4, .port = 80),
	 .socks = {{"::", NULL, {V6, .port = 80, .state = TCP_LISTEN, .v6only = true}}}, .n = 1},
	{ROW("v6only leaves one IPv4 address", "10.0.0.1", BIND, V4, .port = 80),
	 .socks = {{"::", NULL, {V6, .port = 80, .state = TCP_LISTEN, .v6only = true}}}, .n = 1},
	{ROW("dual stack asks", "::", BIND, V6, .port = 80),
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{ROW("v6only asks", "::", BIND, V6, .port = 80, .v6only = true),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1},
	{ROW("v6only on both", "::", BIND, V6, .port = 80, .v6only = true),
	 .socks = {{"::", NULL, {V6, .port = 80, .state = TCP_LISTEN, .v6only = true}}}, .n = 1,
	 .err = EADDRINUSE},
	{ROW("one IPv6 address, IPv4 wildcard", "::1", BIND, V6, .port = 80),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1},
	{ROW("mapped against IPv4", "::ffff:127.0.0.1", BIND, V6, .port = 80),
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{ROW("IPv4 against the mapped wildcard", "10.0.0.1", BIND, V4, .port = 80),
	 .socks = {{"::ffff:0.0.0.0", NULL, {V6, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{ROW("one IPv6 address against the mapped wildcard", "::1", BIND, V6, .port = 80),
	 .socks = {{"::ffff:0.0.0.0", NULL, {V6, .port = 80, .state = TCP_LISTEN}}}, .n = 1},
	{ROW("an IPv6 connection counts as IPv4 against 0.0.0.0", "0.0.0.0", BIND, V4, .port = 80),
	 .socks = {{"fd09::1", "fd09::2", {V6, .port = 80, .rport = 7, .state = TCP_ESTABLISHED,
					   .from = BIND_PORT_CONNECT}}}, .n = 1, .err = EADDRINUSE},
	{ROW("but not against the mapped wildcard", "::ffff:0.0.0.0", BIND, V6, .port = 80),
	 .socks = {{"fd09::1", "fd09::2", {V6, .port = 80, .rport = 7, .state = TCP_ESTABLISHED,
					   .from = BIND_PORT_CONNECT}}}, .n = 1},
	{ROW("nor against one IPv4 address", "127.0.0.6", BIND, V4, .port = 80),
	 .socks = {{"fd09::1", "fd09::2", {V6, .port = 80, .rport = 7, .state = TCP_ESTABLISHED,
					   .from = BIND_PORT_CONNECT}}}, .n = 1},

	/* devices */
	{ROW("two devices", "0.0.0.0", BIND, V4, .port = 80, .bound_dev_if = 2),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .bound_dev_if = 3}}},
	 .n = 1},
	{ROW("a device and none", "0.0.0.0", BIND, V4, .port = 80, .bound_dev_if = 2),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{ROW("the scope is the device", "fe80::1", BIND, V6, .port = 80, .bound_dev_if = 3,
	  .scope_id = 2),
	 .socks = {{"fe80::1", NULL, {V6, .port = 80, .state = TCP_LISTEN, .bound_dev_if = 3,
				      .v6only = true}}}, .n = 1},

	{ROW("none and a device", "0.0.0.0", BIND, V4, .port = 80),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .bound_dev_if = 2}}},
	 .n = 1, .err = EADDRINUSE},
	{ROW("one device", "0.0.0.0", BIND, V4, .port = 80, .bound_dev_if = 2),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .bound_dev_if = 2}}},
	 .n = 1, .err = EADDRINUSE},

	/* SO_REUSEADDR */
	{ROW("reuse on both, bound", "0.0.0.0", BIND, V4, .port = 80, .reuse = 1),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_CLOSE, .reuse = 1}}}, .n = 1},
	{ROW("reuse on both, listening", "0.0.0.0", BIND, V4, .port = 80, .reuse = 1),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuse = 1}}}, .n = 1,
	 .err = EADDRINUSE},
	{ROW("reuse here only", "0.0.0.0", BIND, V4, .port = 80, .reuse = 1),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_CLOSE}}}, .n = 1,
	 .err = EADDRINUSE},
	{ROW("TIME_WAIT with reuse", "0.0.0.0", BIND_LISTEN, V4, .port = 80, .reuse = 1),
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 80, .rport = 9, .state = TCP_TIME_WAIT,
					     .reuse = 1, .from = BIND_PORT_OTHER}}}, .n = 1},
	{ROW("TIME_WAIT without", "0.0.0.0", BIND_LISTEN, V4, .port = 80, .reuse = 1),
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 80, .rport = 9, .state = TCP_TIME_WAIT,
					     .from = BIND_PORT_OTHER}}}, .n = 1, .err = EADDRINUSE},
	{ROW("listen() when another listens by now", "0.0.0.0", LISTEN, V4, .port = 80, .reuse = 1),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuse = 1}}}, .n = 1,
	 .err = EADDRINUSE, .rule = BIND_RULE_PORT_HELD},
	{ROW("TCP_REPAIR", "0.0.0.0", BIND, V4, .port = 80, .reuse = 2),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1},

	/* SO_REUSEPORT */
	{ROW("reuseport on both", "0.0.0.0", BIND_LISTEN, V4, .port = 80, .reuseport = true),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuseport = true}}},
	 .n = 1},
	{ROW("reuseport of another user", "0.0.0.0", BIND, V4, .port = 80, .reuseport = true,
	  .uid = 1000),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuseport = true}}},
	 .n = 1, .err = EADDRINUSE},
	{ROW("reuseport there only", "0.0.0.0", BIND, V4, .port = 80),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuseport = true}}},
	 .n = 1, .err = EADDRINUSE},
	{ROW("nobody asks a TIME_WAIT for its user", "0.0.0.0", BIND, V4, .port = 80,
	  .reuseport = true, .uid = 1), .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 80,
	  .rport = 9, .state =
	 TCP_TIME_WAIT, .reuseport = true, .from = BIND_PORT_OTHER}}}, .n = 1},
	{ROW("a program attached before bind()", "0.0.0.0", BIND, V4, .port = 80, .reuseport = true,
	  .reuseport_prog = true),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuseport = true}}},
	 .n = 1, .err = EADDRINUSE},

	/* what the bucket remembers */
	{ROW("the bucket lets [::] pass an IPv4 listener of another user", "::", BIND, V6,
	  .port = 80, .reuseport = true),
	 .socks = {{"127.0.0.6", NULL, {V4, .port = 80, .state = TCP_LISTEN, .uid = 1000,
					.reuseport = true}}}, .n = 1,
	 .bucket = {.known = true, .fastreuseport = 2, .fast_family = AF_INET6,
	  .fast_v6only = true},
	 .bucket_addr = "::"},
	{ROW("but not for another user", "::", BIND, V6, .port = 80, .reuseport = true, .uid = 7),
	 .socks = {{"127.0.0.6", NULL, {V4, .port = 80, .state = TCP_LISTEN, .uid = 1000,
					.reuseport = true}}}, .n = 1,
	 .bucket = {.known = true, .fastreuseport = 2, .fast_family = AF_INET6,
	  .fast_v6only = true},
	 .bucket_addr = "::", .err = EADDRINUSE},
	{ROW("without the bucket it is not known", "::", BIND, V6, .port = 80, .reuseport = true),
	 .socks = {{"127.0.0.6", NULL, {V4, .port = 80, .state = TCP_LISTEN, .uid = 1000,
					.reuseport = true}}}, .n = 1, .err = EADDRINUSE,
	 .unknown = true, .rule = BIND_RULE_HISTORY},
	{ROW("known, where no history could help", "0.0.0.0", BIND, V4, .port = 80,
	  .reuseport = true),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{ROW("an old kernel's fastreuse: bind() passes, listen() does not", "0.0.0.0", BIND_LISTEN,
	  V4, .port = 80, .reuse = 1),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_CLOSE}}}, .n = 1,
	 .bucket = {.known = true, .fastreuse = 1}, .err = EADDRINUSE},

	/* the call as such */
	{ROW("privileged", "0.0.0.0", .op = BIND_OP_BIND, V4, .port = 80, .state = TCP_CLOSE),
	 .err = EACCES, .rule = BIND_RULE_PORT_PRIVILEGED},
	{ROW("1024 is not", "0.0.0.0", .op = BIND_OP_BIND, V4, .port = 1024, .state = TCP_CLOSE)},
	{ROW("not here", "192.0.2.1", BIND, V4, .port = 80), .err = EADDRNOTAVAIL,
	 .rule = BIND_RULE_ADDR_NOT_HERE},
	{ROW("IPv4: the address comes before the privilege", "192.0.2.1", .op = BIND_OP_BIND, V4,
	  .port = 80, .state = TCP_CLOSE), .err = EADDRNOTAVAIL},
	{ROW("IPv6: after it", "2001:db8::1", .op = BIND_OP_BIND, V6, .port = 80,
	  .state = TCP_CLOSE),
	 .err = EACCES},
	{ROW("freebind", "192.0.2.1", BIND, V4, .port = 80, .freebind = true)},
	{ROW("transparent", "2001:db8::1", BIND, V6, .port = 80, .transparent = true)},
	{ROW("all of 127/8", "127.3.4.5", BIND, V4, .port = 80)},
	{ROW("a broadcast", "10.0.0.255", BIND, V4, .port = 80)},
	{ROW("the network itself", "10.0.0.0", BIND, V4, .port = 80), .err = EADDRNOTAVAIL},
	{ROW("IPv4 multicast", "224.0.0.5", BIND, V4, .port = 80)},
	{ROW("IPv6 multicast", "ff02::1", BIND, V6, .port = 80), .err = EINVAL,
	 .rule = BIND_RULE_MULTICAST6},
	{ROW("mapped on v6only", "::ffff:127.0.0.1", BIND, V6, .port = 80, .v6only = true),
	 .err = EINVAL, .rule = BIND_RULE_MAPPED_V6ONLY},
	{ROW("link-local without a device", "fe80::1", BIND, V6, .port = 80), .err = EINVAL,
	 .rule = BIND_RULE_SCOPE_MISSING},
	{ROW("link-local of another device", "fe80::1", BIND, V6, .port = 80, .scope_id = 3),
	 .err = EADDRNOTAVAIL, .rule = BIND_RULE_ADDR_OTHER_DEVICE},
	{ROW("a global address of another device", "fd09::1", BIND, V6, .port = 80,
	  .bound_dev_if = 3)},
	{ROW("tentative", "fd09::7", BIND, V6, .port = 80), .err = EADDRNOTAVAIL,
	 .rule = BIND_RULE_ADDR_NOT_READY},
	{ROW("bound already", "0.0.0.0", BIND, V4, .port = 80, .bound = true), .err = EINVAL,
	 .rule = BIND_RULE_ALREADY_BOUND},
	{ROW("listen() on a connection", "10.0.0.1", .op = BIND_OP_LISTEN, V4, .port = 80,
	  .state = TCP_ESTABLISHED), .err = EINVAL,
	 .rule = BIND_RULE_NOT_CLOSED},
	{ROW("listen() again", "10.0.0.1", .op = BIND_OP_LISTEN, V4, .port = 80,
	  .state = TCP_LISTEN)},

	/* a port that the kernel picks */
	{ROW("nobody shares a picked port", "0.0.0.0", BIND, V4, .reuse = 1, .reuseport = true),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE, .reuse = 1,
				      .reuseport = true}}}, .n = 1, .range = {5000, 5000},
	 .err = EADDRINUSE, .rule = BIND_RULE_RANGE_USED_UP},
	{ROW("one is left", "0.0.0.0", BIND, V4),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}}}, .n = 1,
	 .range = {5000, 5001}},
	{ROW("of three ports the last is never picked", "0.0.0.0", BIND, V4),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5001, .state = TCP_CLOSE}}}, .n = 2,
	 .range = {5000, 5002}, .err = EADDRINUSE},
	{ROW("of five an end by chance", "0.0.0.0", BIND, V4),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5001, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5002, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5003, .state = TCP_CLOSE}}}, .n = 4,
	 .range = {5000, 5004}, .err = EADDRINUSE, .unknown = true, .rule = BIND_RULE_SCAN},
	{ROW("of five, in halves, the last is never picked", "0.0.0.0", BIND, V4, .reuse = 1),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5001, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5002, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5003, .state = TCP_CLOSE}}}, .n = 4,
	 .range = {5000, 5004}, .err = EADDRINUSE, .rule = BIND_RULE_RANGE_USED_UP},
	{ROW("ip_autobind_reuse", "0.0.0.0", BIND, V4, .reuse = 1),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE, .reuse = 1}}}, .n = 1,
	 .range = {5000, 5000}, .autobind_reuse = true},
	{ROW("ip_autobind_reuse, but one listens", "0.0.0.0", BIND, V4, .reuse = 1),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_LISTEN, .reuse = 1}}}, .n = 1,
	 .range = {5000, 5000}, .autobind_reuse = true, .err = EADDRINUSE},
	{ROW("bind() that leaves the port to connect()", "0.0.0.0", BIND, V4, .no_port = true),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}}}, .n = 1,
	 .range = {5000, 5000}},
	{ROW("listen() without bind()", "0.0.0.0", LISTEN, V4),
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}}}, .n = 1,
	 .range = {5000, 5000}, .err = EADDRINUSE},

	/* connect() */
	{ROW("the same four numbers", "10.0.0.1", CONNECT, V4, .port = 5000, .rport = 80),
	  .cand_raddr = "10.0.0.2",
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80,
	  .state = TCP_ESTABLISHED,
					     HELD}}}, .n = 1, .err = EADDRNOTAVAIL,
	 .rule = BIND_RULE_CONNECT_DUPLICATE},
	{ROW("another remote port", "10.0.0.1", CONNECT, V4, .port = 5000, .rport = 81),
	  .cand_raddr = "10.0.0.2",
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80,
	  .state = TCP_ESTABLISHED,
					     HELD}}}, .n = 1},
	{ROW("the same four numbers on another device", "10.0.0.1", CONNECT, V4, .port = 5000,
	  .rport = 80), .cand_raddr = "10.0.0.2", .socks = {{"10.0.0.1", "10.0.0.2", {V4,
	  .port = 5000, .rport = 80,
	 .state = TCP_ESTABLISHED, .bound_dev_if = 2, HELD}}}, .n = 1},
	{ROW("a port whose bucket may be forgotten", "10.0.0.1", CONNECT, V4, .rport = 80),
	  .cand_raddr = "10.0.0.2",
	 .socks = {{"127.0.0.1", "127.0.0.1", {V4, .port = 5000, .rport = 9,
	  .state = TCP_ESTABLISHED,
					       HELD}}}, .n = 1, .range = {5000, 5000},
	 .err = EADDRNOTAVAIL, .unknown = true, .rule = BIND_RULE_HISTORY},
	{ROW("a TIME_WAIT may be taken over", "10.0.0.1", CONNECT, V4, .port = 5000, .rport = 80),
	  .cand_raddr = "10.0.0.2", .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000,
	  .rport = 80,
	 .state = TCP_TIME_WAIT, HELD}}}, .n = 1, .err = EADDRNOTAVAIL, .unknown = true,
	 .rule = BIND_RULE_TIME_WAIT},
	{ROW("no source yet", "0.0.0.0", CONNECT, V4, .port = 5000, .rport = 80),
	  .cand_raddr = "10.0.0.2",
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80,
	  .state = TCP_ESTABLISHED,
					     HELD}}}, .n = 1, .err = EADDRNOTAVAIL, .unknown = true,
	 .rule = BIND_RULE_SOURCE},
	{ROW("a port that is bound is not picked", "10.0.0.1", CONNECT, V4, .rport = 80),
	  .cand_raddr = "10.0.0.2",
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 5000, .state = TCP_LISTEN, HELD}}}, .n = 1,
	 .range = {5000, 5000}, .err = EADDRNOTAVAIL, .rule = BIND_RULE_CONNECT_USED_UP},
	{ROW("a port that connect() picked is, for somewhere else", "10.0.0.1", CONNECT, V4,
	  .rport = 80), .cand_raddr = "10.0.0.3", .socks = {{"10.0.0.1", "10.0.0.2", {V4,
	  .port = 5000, .rport = 80,
	 .state = TCP_ESTABLISHED, .from = BIND_PORT_CONNECT}}}, .n = 1, .range = {5000, 5000}},
	{ROW("and not for the same", "10.0.0.1", CONNECT, V4, .rport = 80),
	  .cand_raddr = "10.0.0.2",
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80,
	  .state = TCP_ESTABLISHED,
					     .from = BIND_PORT_CONNECT}}}, .n = 1,
	 .range = {5000, 5000}, .err = EADDRNOTAVAIL, .rule = BIND_RULE_CONNECT_USED_UP},
};

const size_t bind_n_rows = sizeof(bind_rows) / sizeof(*bind_rows);

static struct bind_ifaddr ifaddrs[] = {
	{.family = AF_INET, .prefix_len = 8, .ifindex = 1, .up = true, .loopback = true},
	{.family = AF_INET6, .ifindex = 1, .up = true, .loopback = true},
	{.family = AF_INET, .prefix_len = 24, .ifindex = 2, .up = true},
	{.family = AF_INET6, .ifindex = 2, .up = true},
	{.family = AF_INET6, .ifindex = 2, .up = true},
	{.family = AF_INET6, .ifindex = 2, .up = true, .tentative = true},
	{.family = AF_INET, .prefix_len = 24, .ifindex = 2, .up = true},
};

#define N_IFADDRS (sizeof(ifaddrs) / sizeof(*ifaddrs))

void bind_row_addr(const char *text, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (!text || inet_pton(AF_INET6, text, addr) == 1)
		return;
	addr[10] = addr[11] = 0xff;
	cr_assert_eq(inet_pton(AF_INET, text, addr + 12), 1, "%s", text);
}

void bind_row_env(struct bind_env *env)
{
	static const char *const texts[N_IFADDRS] = {"127.0.0.1", "::1",     "10.0.0.1", "fd09::1",
						     "fe80::1",	  "fd09::7", "127.0.0.6"};

	for (size_t i = 0; i < N_IFADDRS; i++)
		bind_row_addr(texts[i], ifaddrs[i].addr);
	*env = (struct bind_env){.unpriv_port_start = 1024, .range_lo = 32768, .range_hi = 60999,
				 .addrs = ifaddrs, .n_addrs = N_IFADDRS, .addr_local = BIND_MAYBE};
}

void bind_row_check(const struct row *r, struct set *s)
{
	memset(s, 0, sizeof(*s));
	bind_row_env(&s->env);
	s->cand = r->cand;
	bind_row_addr(r->cand_addr, s->cand.addr);
	bind_row_addr(r->cand_raddr, s->cand.raddr);
	for (size_t i = 0; i < r->n; i++) {
		s->socks[i] = r->socks[i].sock;
		bind_row_addr(r->socks[i].addr, s->socks[i].addr);
		bind_row_addr(r->socks[i].raddr, s->socks[i].raddr);
	}
	s->bucket = r->bucket;
	bind_row_addr(r->bucket_addr, s->bucket.fast_addr);
	if (r->range.hi) {
		s->env.range_lo = r->range.lo;
		s->env.range_hi = r->range.hi;
	}
	s->env.autobind_reuse = r->autobind_reuse;
	s->res.conflicts = s->conflicts;
	s->res.cap = 6;
	bindrule_check(&s->cand, &s->env, s->socks, r->n, &s->bucket, &s->res);
}

const struct row *bind_row(const char *name)
{
	for (size_t i = 0; i < bind_n_rows; i++)
		if (!strcmp(bind_rows[i].name, name))
			return &bind_rows[i];
	cr_assert_fail("no row %s", name);
	return NULL;
}
