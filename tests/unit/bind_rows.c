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

const struct row bind_rows[] = {
	/* addresses */
	{"free", {BIND, V4, .port = 80}, "0.0.0.0", .n = 0},
	{"same address", {BIND, V4, .port = 80}, "127.0.0.1",
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE, .rule = BIND_RULE_PORT_HELD},
	{"another address", {BIND, V4, .port = 80}, "127.0.0.1",
	 .socks = {{"10.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1},
	{"another port", {BIND, V4, .port = 80}, "127.0.0.1",
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 81, .state = TCP_LISTEN}}}, .n = 1},
	{"another namespace", {BIND, V4, .port = 80}, "127.0.0.1",
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN, .netns = 2}}}, .n = 1},
	{"the wildcard holds it", {BIND, V4, .port = 80}, "127.0.0.1",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{"the wildcard asks", {BIND, V4, .port = 80}, "0.0.0.0",
	 .socks = {{"10.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{"dual stack holds IPv4", {BIND, V4, .port = 80}, "10.0.0.1",
	 .socks = {{"::", NULL, {V6, .port = 80, .state = TCP_LISTEN}}}, .n = 1, .err = EADDRINUSE},
	{"v6only leaves IPv4", {BIND, V4, .port = 80}, "0.0.0.0",
	 .socks = {{"::", NULL, {V6, .port = 80, .state = TCP_LISTEN, .v6only = true}}}, .n = 1},
	{"v6only leaves one IPv4 address", {BIND, V4, .port = 80}, "10.0.0.1",
	 .socks = {{"::", NULL, {V6, .port = 80, .state = TCP_LISTEN, .v6only = true}}}, .n = 1},
	{"dual stack asks", {BIND, V6, .port = 80}, "::",
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{"v6only asks", {BIND, V6, .port = 80, .v6only = true}, "::",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1},
	{"v6only on both", {BIND, V6, .port = 80, .v6only = true}, "::",
	 .socks = {{"::", NULL, {V6, .port = 80, .state = TCP_LISTEN, .v6only = true}}}, .n = 1,
	 .err = EADDRINUSE},
	{"one IPv6 address, IPv4 wildcard", {BIND, V6, .port = 80}, "::1",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1},
	{"mapped against IPv4", {BIND, V6, .port = 80}, "::ffff:127.0.0.1",
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{"IPv4 against the mapped wildcard", {BIND, V4, .port = 80}, "10.0.0.1",
	 .socks = {{"::ffff:0.0.0.0", NULL, {V6, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{"one IPv6 address against the mapped wildcard", {BIND, V6, .port = 80}, "::1",
	 .socks = {{"::ffff:0.0.0.0", NULL, {V6, .port = 80, .state = TCP_LISTEN}}}, .n = 1},
	{"an IPv6 connection counts as IPv4 against 0.0.0.0", {BIND, V4, .port = 80}, "0.0.0.0",
	 .socks = {{"fd09::1", "fd09::2", {V6, .port = 80, .rport = 7, .state = TCP_ESTABLISHED,
					   .from = BIND_PORT_CONNECT}}}, .n = 1, .err = EADDRINUSE},
	{"but not against the mapped wildcard", {BIND, V6, .port = 80}, "::ffff:0.0.0.0",
	 .socks = {{"fd09::1", "fd09::2", {V6, .port = 80, .rport = 7, .state = TCP_ESTABLISHED,
					   .from = BIND_PORT_CONNECT}}}, .n = 1},
	{"nor against one IPv4 address", {BIND, V4, .port = 80}, "127.0.0.6",
	 .socks = {{"fd09::1", "fd09::2", {V6, .port = 80, .rport = 7, .state = TCP_ESTABLISHED,
					   .from = BIND_PORT_CONNECT}}}, .n = 1},

	/* devices */
	{"two devices", {BIND, V4, .port = 80, .bound_dev_if = 2}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .bound_dev_if = 3}}},
	 .n = 1},
	{"a device and none", {BIND, V4, .port = 80, .bound_dev_if = 2}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{"the scope is the device", {BIND, V6, .port = 80, .bound_dev_if = 3, .scope_id = 2}, "fe80::1",
	 .socks = {{"fe80::1", NULL, {V6, .port = 80, .state = TCP_LISTEN, .bound_dev_if = 3,
				      .v6only = true}}}, .n = 1},

	{"none and a device", {BIND, V4, .port = 80}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .bound_dev_if = 2}}},
	 .n = 1, .err = EADDRINUSE},
	{"one device", {BIND, V4, .port = 80, .bound_dev_if = 2}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .bound_dev_if = 2}}},
	 .n = 1, .err = EADDRINUSE},

	/* SO_REUSEADDR */
	{"reuse on both, bound", {BIND, V4, .port = 80, .reuse = 1}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_CLOSE, .reuse = 1}}}, .n = 1},
	{"reuse on both, listening", {BIND, V4, .port = 80, .reuse = 1}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuse = 1}}}, .n = 1,
	 .err = EADDRINUSE},
	{"reuse here only", {BIND, V4, .port = 80, .reuse = 1}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_CLOSE}}}, .n = 1,
	 .err = EADDRINUSE},
	{"TIME_WAIT with reuse", {BIND_LISTEN, V4, .port = 80, .reuse = 1}, "0.0.0.0",
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 80, .rport = 9, .state = TCP_TIME_WAIT,
					     .reuse = 1, .from = BIND_PORT_OTHER}}}, .n = 1},
	{"TIME_WAIT without", {BIND_LISTEN, V4, .port = 80, .reuse = 1}, "0.0.0.0",
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 80, .rport = 9, .state = TCP_TIME_WAIT,
					     .from = BIND_PORT_OTHER}}}, .n = 1, .err = EADDRINUSE},
	{"listen() when another listens by now", {LISTEN, V4, .port = 80, .reuse = 1}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuse = 1}}}, .n = 1,
	 .err = EADDRINUSE, .rule = BIND_RULE_PORT_HELD},
	{"TCP_REPAIR", {BIND, V4, .port = 80, .reuse = 2}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1},

	/* SO_REUSEPORT */
	{"reuseport on both", {BIND_LISTEN, V4, .port = 80, .reuseport = true}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuseport = true}}},
	 .n = 1},
	{"reuseport of another user", {BIND, V4, .port = 80, .reuseport = true, .uid = 1000}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuseport = true}}},
	 .n = 1, .err = EADDRINUSE},
	{"reuseport there only", {BIND, V4, .port = 80}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuseport = true}}},
	 .n = 1, .err = EADDRINUSE},
	{"nobody asks a TIME_WAIT for its user", {BIND, V4, .port = 80, .reuseport = true, .uid = 1},
	 "0.0.0.0", .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 80, .rport = 9, .state =
	 TCP_TIME_WAIT, .reuseport = true, .from = BIND_PORT_OTHER}}}, .n = 1},
	{"a program attached before bind()",
	 {BIND, V4, .port = 80, .reuseport = true, .reuseport_prog = true}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN, .reuseport = true}}},
	 .n = 1, .err = EADDRINUSE},

	/* what the bucket remembers */
	{"the bucket lets [::] pass an IPv4 listener of another user",
	 {BIND, V6, .port = 80, .reuseport = true}, "::",
	 .socks = {{"127.0.0.6", NULL, {V4, .port = 80, .state = TCP_LISTEN, .uid = 1000,
					.reuseport = true}}}, .n = 1,
	 .bucket = {.known = true, .fastreuseport = 2, .fast_family = AF_INET6, .fast_v6only = true},
	 .bucket_addr = "::"},
	{"but not for another user", {BIND, V6, .port = 80, .reuseport = true, .uid = 7}, "::",
	 .socks = {{"127.0.0.6", NULL, {V4, .port = 80, .state = TCP_LISTEN, .uid = 1000,
					.reuseport = true}}}, .n = 1,
	 .bucket = {.known = true, .fastreuseport = 2, .fast_family = AF_INET6, .fast_v6only = true},
	 .bucket_addr = "::", .err = EADDRINUSE},
	{"without the bucket it is not known", {BIND, V6, .port = 80, .reuseport = true}, "::",
	 .socks = {{"127.0.0.6", NULL, {V4, .port = 80, .state = TCP_LISTEN, .uid = 1000,
					.reuseport = true}}}, .n = 1, .err = EADDRINUSE,
	 .unknown = true, .rule = BIND_RULE_HISTORY},
	{"known, where no history could help", {BIND, V4, .port = 80, .reuseport = true}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_LISTEN}}}, .n = 1,
	 .err = EADDRINUSE},
	{"an old kernel's fastreuse: bind() passes, listen() does not",
	 {BIND_LISTEN, V4, .port = 80, .reuse = 1}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 80, .state = TCP_CLOSE}}}, .n = 1,
	 .bucket = {.known = true, .fastreuse = 1}, .err = EADDRINUSE},

	/* the call as such */
	{"privileged", {.op = BIND_OP_BIND, V4, .port = 80, .state = TCP_CLOSE}, "0.0.0.0",
	 .err = EACCES, .rule = BIND_RULE_PORT_PRIVILEGED},
	{"1024 is not", {.op = BIND_OP_BIND, V4, .port = 1024, .state = TCP_CLOSE}, "0.0.0.0"},
	{"not here", {BIND, V4, .port = 80}, "192.0.2.1", .err = EADDRNOTAVAIL,
	 .rule = BIND_RULE_ADDR_NOT_HERE},
	{"IPv4: the address comes before the privilege",
	 {.op = BIND_OP_BIND, V4, .port = 80, .state = TCP_CLOSE}, "192.0.2.1", .err = EADDRNOTAVAIL},
	{"IPv6: after it", {.op = BIND_OP_BIND, V6, .port = 80, .state = TCP_CLOSE}, "2001:db8::1",
	 .err = EACCES},
	{"freebind", {BIND, V4, .port = 80, .freebind = true}, "192.0.2.1"},
	{"transparent", {BIND, V6, .port = 80, .transparent = true}, "2001:db8::1"},
	{"all of 127/8", {BIND, V4, .port = 80}, "127.3.4.5"},
	{"a broadcast", {BIND, V4, .port = 80}, "10.0.0.255"},
	{"the network itself", {BIND, V4, .port = 80}, "10.0.0.0", .err = EADDRNOTAVAIL},
	{"IPv4 multicast", {BIND, V4, .port = 80}, "224.0.0.5"},
	{"IPv6 multicast", {BIND, V6, .port = 80}, "ff02::1", .err = EINVAL,
	 .rule = BIND_RULE_MULTICAST6},
	{"mapped on v6only", {BIND, V6, .port = 80, .v6only = true}, "::ffff:127.0.0.1",
	 .err = EINVAL, .rule = BIND_RULE_MAPPED_V6ONLY},
	{"link-local without a device", {BIND, V6, .port = 80}, "fe80::1", .err = EINVAL,
	 .rule = BIND_RULE_SCOPE_MISSING},
	{"link-local of another device", {BIND, V6, .port = 80, .scope_id = 3}, "fe80::1",
	 .err = EADDRNOTAVAIL, .rule = BIND_RULE_ADDR_OTHER_DEVICE},
	{"a global address of another device", {BIND, V6, .port = 80, .bound_dev_if = 3}, "fd09::1"},
	{"tentative", {BIND, V6, .port = 80}, "fd09::7", .err = EADDRNOTAVAIL,
	 .rule = BIND_RULE_ADDR_NOT_READY},
	{"bound already", {BIND, V4, .port = 80, .bound = true}, "0.0.0.0", .err = EINVAL,
	 .rule = BIND_RULE_ALREADY_BOUND},
	{"listen() on a connection",
	 {.op = BIND_OP_LISTEN, V4, .port = 80, .state = TCP_ESTABLISHED}, "10.0.0.1", .err = EINVAL,
	 .rule = BIND_RULE_NOT_CLOSED},
	{"listen() again", {.op = BIND_OP_LISTEN, V4, .port = 80, .state = TCP_LISTEN}, "10.0.0.1"},

	/* a port that the kernel picks */
	{"nobody shares a picked port", {BIND, V4, .reuse = 1, .reuseport = true}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE, .reuse = 1,
				      .reuseport = true}}}, .n = 1, .range = {5000, 5000},
	 .err = EADDRINUSE, .rule = BIND_RULE_RANGE_USED_UP},
	{"one is left", {BIND, V4}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}}}, .n = 1,
	 .range = {5000, 5001}},
	{"of three ports the last is never picked", {BIND, V4}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5001, .state = TCP_CLOSE}}}, .n = 2,
	 .range = {5000, 5002}, .err = EADDRINUSE},
	{"of five an end by chance", {BIND, V4}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5001, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5002, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5003, .state = TCP_CLOSE}}}, .n = 4,
	 .range = {5000, 5004}, .err = EADDRINUSE, .unknown = true, .rule = BIND_RULE_SCAN},
	{"of five, in halves, the last is never picked", {BIND, V4, .reuse = 1}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5001, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5002, .state = TCP_CLOSE}},
		   {"0.0.0.0", NULL, {V4, .port = 5003, .state = TCP_CLOSE}}}, .n = 4,
	 .range = {5000, 5004}, .err = EADDRINUSE, .rule = BIND_RULE_RANGE_USED_UP},
	{"ip_autobind_reuse", {BIND, V4, .reuse = 1}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE, .reuse = 1}}}, .n = 1,
	 .range = {5000, 5000}, .autobind_reuse = true},
	{"ip_autobind_reuse, but one listens", {BIND, V4, .reuse = 1}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_LISTEN, .reuse = 1}}}, .n = 1,
	 .range = {5000, 5000}, .autobind_reuse = true, .err = EADDRINUSE},
	{"bind() that leaves the port to connect()", {BIND, V4, .no_port = true}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}}}, .n = 1,
	 .range = {5000, 5000}},
	{"listen() without bind()", {LISTEN, V4}, "0.0.0.0",
	 .socks = {{"0.0.0.0", NULL, {V4, .port = 5000, .state = TCP_CLOSE}}}, .n = 1,
	 .range = {5000, 5000}, .err = EADDRINUSE},

	/* connect() */
	{"the same four numbers", {CONNECT, V4, .port = 5000, .rport = 80}, "10.0.0.1", "10.0.0.2",
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80, .state = TCP_ESTABLISHED,
					     HELD}}}, .n = 1, .err = EADDRNOTAVAIL,
	 .rule = BIND_RULE_CONNECT_DUPLICATE},
	{"another remote port", {CONNECT, V4, .port = 5000, .rport = 81}, "10.0.0.1", "10.0.0.2",
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80, .state = TCP_ESTABLISHED,
					     HELD}}}, .n = 1},
	{"the same four numbers on another device", {CONNECT, V4, .port = 5000, .rport = 80},
	 "10.0.0.1", "10.0.0.2", .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80,
	 .state = TCP_ESTABLISHED, .bound_dev_if = 2, HELD}}}, .n = 1},
	{"a port whose bucket may be forgotten", {CONNECT, V4, .rport = 80}, "10.0.0.1", "10.0.0.2",
	 .socks = {{"127.0.0.1", "127.0.0.1", {V4, .port = 5000, .rport = 9, .state = TCP_ESTABLISHED,
					       HELD}}}, .n = 1, .range = {5000, 5000},
	 .err = EADDRNOTAVAIL, .unknown = true, .rule = BIND_RULE_HISTORY},
	{"a TIME_WAIT may be taken over", {CONNECT, V4, .port = 5000, .rport = 80}, "10.0.0.1",
	 "10.0.0.2", .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80,
	 .state = TCP_TIME_WAIT, HELD}}}, .n = 1, .err = EADDRNOTAVAIL, .unknown = true,
	 .rule = BIND_RULE_TIME_WAIT},
	{"no source yet", {CONNECT, V4, .port = 5000, .rport = 80}, "0.0.0.0", "10.0.0.2",
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80, .state = TCP_ESTABLISHED,
					     HELD}}}, .n = 1, .err = EADDRNOTAVAIL, .unknown = true,
	 .rule = BIND_RULE_SOURCE},
	{"a port that is bound is not picked", {CONNECT, V4, .rport = 80}, "10.0.0.1", "10.0.0.2",
	 .socks = {{"127.0.0.1", NULL, {V4, .port = 5000, .state = TCP_LISTEN, HELD}}}, .n = 1,
	 .range = {5000, 5000}, .err = EADDRNOTAVAIL, .rule = BIND_RULE_CONNECT_USED_UP},
	{"a port that connect() picked is, for somewhere else", {CONNECT, V4, .rport = 80}, "10.0.0.1",
	 "10.0.0.3", .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80,
	 .state = TCP_ESTABLISHED, .from = BIND_PORT_CONNECT}}}, .n = 1, .range = {5000, 5000}},
	{"and not for the same", {CONNECT, V4, .rport = 80}, "10.0.0.1", "10.0.0.2",
	 .socks = {{"10.0.0.1", "10.0.0.2", {V4, .port = 5000, .rport = 80, .state = TCP_ESTABLISHED,
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

