// SPDX-License-Identifier: GPL-2.0-only
/*
 * The words: each rule's short name, the kernel function it comes from, and a sentence.
 *
 * One table for all of it.  Knows what the rules mean, not how they are decided.
 */
#include "bindrule_int.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* In a sentence: {here} and {there} the two addresses, {port} and {sport} their ports, {uid} and
 * {suid} their users, {peer} whom the existing one is connected to, {to} where connect() goes,
 * {start} {lo} {hi} {total} of the environment, {state} of the one that asks. */
struct rule_words {
	const char *key;
	const char *kernel;
	const char *text;
};

static const struct rule_words words[] = {
	[BIND_RULE_NONE] = {"free", "inet_csk_get_port", "Nothing is in the way."},
	[BIND_RULE_PORT_PRIVILEGED] = {"privileged_port", "inet_port_requires_bind_service",
				       "Port {port} is below net.ipv4.ip_unprivileged_port_start "
				       "({start}), and the process "
				       "lacks CAP_NET_BIND_SERVICE."},
	[BIND_RULE_ADDR_NOT_HERE] = {"no_such_address", "inet_addr_valid_or_nonlocal",
				     "{here} is on no interface of this network namespace."},
	[BIND_RULE_ADDR_OTHER_DEVICE] =
		{"address_on_other_device", "ipv6_chk_addr",
		 "{here} is not on the device that the socket is bound to."},
	[BIND_RULE_ADDR_NOT_READY] =
		{"address_tentative", "ipv6_chk_addr",
		 "{here} is still tentative: duplicate address detection takes a second or two."},
	[BIND_RULE_MULTICAST6] = {"multicast", "__inet6_bind",
				  "{here} is a multicast address, which TCP cannot bind."},
	[BIND_RULE_MAPPED_V6ONLY] =
		{"mapped_on_v6only", "__inet6_bind",
		 "{here} is an IPv4 address in IPv6 form, and the socket has IPV6_V6ONLY."},
	[BIND_RULE_SCOPE_MISSING] =
		{"scope_missing", "__inet6_bind",
		 "{here} is link-local: every interface may have it, so a device must be named."},
	[BIND_RULE_DEVICE_GONE] = {"no_such_device", "__inet6_bind",
				   "The device that the socket is bound to does not exist here."},
	[BIND_RULE_ALREADY_BOUND] =
		{"already_bound", "__inet_bind",
		 "The socket is bound or connected already: bind() works once."},
	[BIND_RULE_NOT_CLOSED] = {"not_closed", "__inet_listen_sk",
				  "A socket that is {state} cannot listen."},
	[BIND_RULE_PORT_HELD] = {"port_held", "inet_csk_bind_conflict",
				 "Port {port} is held by another socket."},
	[BIND_RULE_RANGE_USED_UP] =
		{"range_used_up", "inet_csk_find_open_port",
		 "Every port that the kernel may pick ({lo}-{hi}, {total} of them) is held."},
	[BIND_RULE_CONNECT_DUPLICATE] = {"connection_exists", "__inet_check_established",
					 "Port {port} has a connection to {to} already, and a "
					 "second one needs another port."},
	[BIND_RULE_CONNECT_USED_UP] =
		{"ports_used_up", "__inet_hash_connect",
		 "No port of {lo}-{hi} is left for a connection to {to}: each one is bound by "
		 "somebody, or connected there already."},
	[BIND_RULE_HISTORY] = {"depends_on_history", "sk_reuseport_match",
			       "It depends on who had the port before: the kernel remembers that, "
			       "and the sockets "
			       "do not show it. Going by the sockets it would fail."},
	[BIND_RULE_SCAN] =
		{"depends_on_chance", "inet_csk_find_open_port",
		 "{lo}-{hi} is an odd number of ports, and the kernel's random search leaves "
		 "one end out; the only free port is there."},
	[BIND_RULE_TIME_WAIT] =
		{"depends_on_time_wait", "tcp_twsk_unique",
		 "A closed connection to {to} is still in TIME_WAIT; its timestamps and "
		 "net.ipv4.tcp_tw_reuse decide whether a new one may take its port."},
	[BIND_RULE_SOURCE] = {"depends_on_source", "__inet_check_established",
			      "It depends on the source address that the route gives."},
	[BIND_RULE_UNEXPLAINED] = {"unexplained", "BPF_CGROUP_RUN_PROG_INET4_BIND",
				   "TCP's own rules allow it: a BPF program on the cgroup or a "
				   "security module refused, "
				   "or the socket in the way is gone already."},

	[BIND_MEET_SAME] = {"same_address", "inet_rcv_saddr_equal", "It has this very address."},
	[BIND_MEET_WILDCARD_HOLDS] =
		{"wildcard_covers", "inet_bhash2_addr_any_conflict",
		 "{there} covers {here}: a wildcard bind holds the port on every address."},
	[BIND_MEET_WILDCARD_ASKS] =
		{"wildcard_wants_all", "inet_rcv_saddr_equal",
		 "{here} would cover {there}: a wildcard bind needs the port on every address."},
	[BIND_MEET_DUAL_HOLDS] =
		{"dual_stack_covers", "ipv6_rcv_saddr_equal",
		 "{there} without IPV6_V6ONLY covers IPv4 too, so it holds {here}."},
	[BIND_MEET_DUAL_ASKS] =
		{"dual_stack_wants_all", "ipv6_rcv_saddr_equal",
		 "{here} without IPV6_V6ONLY wants IPv4 too, and {there} has the port there."},
	[BIND_MEET_V6_AS_V4] =
		{"ipv6_counts_as_ipv4", "ipv4_rcv_saddr_equal",
		 "{there} is IPv6, but its socket never was IPV6_V6ONLY: against {here} the kernel "
		 "counts it as IPv4."},
	[BIND_MEET_TUPLE] = {"same_connection", "__inet_check_established",
			     "Its connection goes to the same place: {peer}."},
	[BIND_MEET_RANGE] = {"port_bound", "__inet_hash_connect",
			     "Port {sport} was bound, so connect() does not pick it."},

	[BIND_PASS_NETNS] = {"other_netns", "inet_bind_bucket_match",
			     "It is in another network namespace, where ports are counted apart."},
	[BIND_PASS_PORT] = {"other_port", "inet_bind_bucket_match", "It has another port."},
	[BIND_PASS_DEVICE] = {"other_device", "inet_bind_conflict",
			      "Each is bound to a device, and to different ones: they never meet."},
	[BIND_PASS_ADDR] = {"other_address", "inet_rcv_saddr_equal",
			    "{there} and {here} do not meet."},
	[BIND_PASS_V6ONLY] = {"v6only", "ipv6_rcv_saddr_equal",
			      "With IPV6_V6ONLY the IPv6 wildcard leaves IPv4 alone."},
	[BIND_PASS_REUSEADDR] = {"both_reuseaddr", "inet_bind_conflict",
				 "SO_REUSEADDR is set on both and it does not listen: they share."},
	[BIND_PASS_REUSEPORT] = {"both_reuseport", "inet_bind_conflict",
				 "SO_REUSEPORT is set on both, by one user: they share."},

	[BIND_REUSEADDR_LISTENING] = {"listening", "inet_bind_conflict",
				      "It is listening, so SO_REUSEADDR cannot help"},
	[BIND_REUSEADDR_NEITHER] = {"no_reuseaddr", "inet_bind_conflict",
				    "SO_REUSEADDR is set on neither side"},
	[BIND_REUSEADDR_HERE_ONLY] = {"reuseaddr_here_only", "inet_bind_conflict",
				      "SO_REUSEADDR is set here, but was not set there"},
	[BIND_REUSEADDR_THERE_ONLY] = {"reuseaddr_there_only", "inet_bind_conflict",
				       "SO_REUSEADDR is set there, but not here; both would do"},
	[BIND_REUSEADDR_PORT0] = {"picked_ports_are_not_shared", "inet_csk_find_open_port",
				  "A port that the kernel picks is shared with nobody"},

	[BIND_REUSEPORT_NEITHER] = {"no_reuseport", "inet_bind_conflict",
				    "SO_REUSEPORT is set on neither"},
	[BIND_REUSEPORT_HERE_ONLY] = {"reuseport_here_only", "inet_bind_conflict",
				      "SO_REUSEPORT is not set on it"},
	[BIND_REUSEPORT_THERE_ONLY] = {"reuseport_there_only", "inet_bind_conflict",
				       "SO_REUSEPORT is set on it, but not here"},
	[BIND_REUSEPORT_OTHER_USER] = {"reuseport_other_user", "inet_bind_conflict",
				       "SO_REUSEPORT is set on both, but it only joins sockets of "
				       "one user: uid {suid} made "
				       "that one, uid {uid} this one"},
	[BIND_REUSEPORT_PROGRAM] = {"reuseport_program", "inet_csk_bind_conflict",
				    "SO_REUSEPORT is set on both, but here a program was attached "
				    "before bind(), and then "
				    "the kernel joins nobody"},
	[BIND_REUSEPORT_PORT0] = {"picked_ports_are_not_shared", "inet_csk_find_open_port",
				  "whatever SO_REUSEADDR and SO_REUSEPORT say"},
};

const char *bindrule_key(enum bind_rule rule)
{
	return words[rule].key;
}

const char *bindrule_kernel(enum bind_rule rule)
{
	return words[rule].kernel;
}

const char *bindrule_state(const struct bind_sock *sock)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "established",
		[TCP_SYN_SENT] = "SYN_SENT",
		[TCP_SYN_RECV] = "SYN_RECV",
		[TCP_FIN_WAIT1] = "FIN_WAIT1",
		[TCP_FIN_WAIT2] = "FIN_WAIT2",
		[TCP_TIME_WAIT] = "TIME_WAIT",
		[TCP_CLOSE] = "bound, not listening",
		[TCP_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCP_LAST_ACK] = "LAST_ACK",
		[TCP_LISTEN] = "listening",
		[TCP_CLOSING] = "CLOSING",
	};

	if (sock->state >= sizeof(names) / sizeof(*names) || !names[sock->state])
		return "unknown";
	return names[sock->state];
}

static int host(uint16_t family, const uint8_t addr[16], char *buf, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(family, addr + (family == AF_INET ? 12 : 0), text, sizeof(text));
	return snprintf(buf, len, family == AF_INET ? "%s" : "[%s]", text);
}

int bindrule_addr(uint16_t family, const uint8_t addr[16], uint16_t port, char *buf, size_t len)
{
	char text[INET6_ADDRSTRLEN + 2];

	host(family, addr, text, sizeof(text));
	return snprintf(buf, len, "%s:%u", text, port);
}

int rule_put(char *buf, size_t len, int at, const char *fmt, ...)
{
	va_list args;
	size_t room = (size_t)at < len ? len - at : 0;
	int n;

	va_start(args, fmt);
	n = vsnprintf(room ? buf + at : NULL, room, fmt, args);
	va_end(args);
	return n < 0 ? at : at + n;
}

/* Where the names in braces get their values; sock, env and res may be missing. */
struct rule_fill {
	const struct bind_cand *cand;
	const struct bind_sock *sock;
	const struct bind_env *env;
	const struct bind_result *res;
	const char *sep; /* between sentences */
};

static void fill_here(const struct rule_fill *f, char *out, size_t len)
{
	host(f->cand->family, f->cand->addr, out, len);
}

static void fill_there(const struct rule_fill *f, char *out, size_t len)
{
	host(f->sock->family, f->sock->addr, out, len);
}

static void fill_peer(const struct rule_fill *f, char *out, size_t len)
{
	bindrule_addr(f->sock->family, f->sock->raddr, f->sock->rport, out, len);
}

static void fill_to(const struct rule_fill *f, char *out, size_t len)
{
	bindrule_addr(f->cand->family, f->cand->raddr, f->cand->rport, out, len);
}

static void fill_state(const struct rule_fill *f, char *out, size_t len)
{
	snprintf(out, len, "%s", bindrule_state(&(struct bind_sock){.state = f->cand->state}));
}

static uint32_t number(const struct rule_fill *f, char which)
{
	switch (which) {
	case 'p':
		return f->cand->port;
	case 'P':
		return f->sock ? f->sock->port : 0;
	case 'u':
		return f->cand->uid;
	case 'U':
		return f->sock ? f->sock->uid : 0;
	case 's':
		return f->env->unpriv_port_start;
	case 'l':
		return f->env->range_lo;
	case 'h':
		return f->env->range_hi;
	}
	return f->res->ports_total;
}

static const struct {
	const char *name;
	void (*put)(const struct rule_fill *f, char *out, size_t len);
	char which; /* of number(), where put is NULL */
} fills[] = {
	{"{here}", fill_here, 0}, {"{there}", fill_there, 0}, {"{peer}", fill_peer, 0},
	{"{to}", fill_to, 0},     {"{state}", fill_state, 0}, {"{port}", NULL, 'p'},
	{"{sport}", NULL, 'P'},   {"{uid}", NULL, 'u'},       {"{suid}", NULL, 'U'},
	{"{start}", NULL, 's'},   {"{lo}", NULL, 'l'},        {"{hi}", NULL, 'h'},
	{"{total}", NULL, 't'},
};

/* One name; returns how much of the text it was. */
static size_t fill(const struct rule_fill *f, const char *text, char *out, size_t len)
{
	for (size_t i = 0; i < sizeof(fills) / sizeof(*fills); i++) {
		size_t n = strlen(fills[i].name);

		if (strncmp(text, fills[i].name, n))
			continue;
		if (fills[i].put)
			fills[i].put(f, out, len);
		else
			snprintf(out, len, "%u", number(f, fills[i].which));
		return n;
	}
	return 0;
}

static int expand(const struct rule_fill *f, const char *text, char *buf, size_t len, int at)
{
	while (*text) {
		char value[80] = "";
		size_t plain = strcspn(text, "{");

		at = rule_put(buf, len, at, "%.*s", (int)plain, text);
		text += plain;
		text += fill(f, text, value, sizeof(value));
		at = rule_put(buf, len, at, "%s", value);
	}
	return at;
}

/* A socket that holds a port without listening surprises: say why it does. */
static int held_by(const struct rule_fill *f, char *buf, size_t len)
{
	const struct bind_sock *s = f->sock;
	int at;

	if (s->state == TCP_LISTEN)
		return 0;
	if (s->state == TCP_CLOSE)
		at = rule_put(buf, len, 0,
			      "It is bound and does not listen; it holds the port all the same.");
	else if (s->state != TCP_TIME_WAIT)
		at = expand(f, "Its connection with {peer} holds the port.", buf, len, 0);
	else if (s->tw_left_s > 0)
		at = rule_put(
			buf, len, 0,
			"Nobody owns it: the connection is closed, and the kernel keeps its port "
			"for %d s more.",
			s->tw_left_s);
	else
		at = rule_put(
			buf, len, 0,
			"Nobody owns it: the connection is closed, and the kernel keeps its port "
			"for a minute.");
	return rule_put(buf, len, at, "%s", f->sep);
}

int bindrule_text(const struct bind_cand *cand, const struct bind_conflict *c, const char *sep,
		  char *buf, size_t len)
{
	struct rule_fill f = {.cand = cand, .sock = c->sock, .sep = sep};
	int at;

	if (len)
		*buf = '\0';
	if (!c->pair.in_way)
		return expand(&f, words[c->pair.pass].text, buf, len, 0);
	at = c->pair.meet == BIND_MEET_TUPLE ? 0 : held_by(&f, buf, len);
	at = expand(&f, words[c->pair.meet].text, buf, len, at);
	if (!c->pair.reuseaddr)
		return at;
	at = rule_put(buf, len, at, "%s", sep);
	at = expand(&f, words[c->pair.reuseaddr].text, buf, len, at);
	at = rule_put(buf, len, at, c->pair.reuseport == BIND_REUSEPORT_PORT0 ? ", " : "; ");
	at = expand(&f, words[c->pair.reuseport].text, buf, len, at);
	return rule_put(buf, len, at, ".");
}

int bindrule_reason(const struct bind_cand *cand, const struct bind_env *env,
		    const struct bind_result *res, char *buf, size_t len)
{
	struct rule_fill f = {.cand = cand, .env = env, .res = res};
	int at = 0;

	if (len)
		*buf = '\0';
	if (res->verdict != BIND_OK && cand->op == BIND_OP_BIND_LISTEN &&
	    res->fails_at == BIND_OP_LISTEN)
		at = rule_put(buf, len, at, "bind() would pass, but not listen(): ");
	return expand(&f, words[res->rule].text, buf, len, at);
}
