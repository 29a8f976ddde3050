// SPDX-License-Identifier: GPL-2.0-only
/* sockline who: which socket and process would get a connection. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "cmds.h"
#include "exposure.h"
#include "json.h"
#include "kernel.h"
#include "netns.h"
#include "snapshot_json.h"
#include "text.h"
#include "who.h"

struct args {
	const char *from;
	const char *device;
	const char *netns;
};

#define A(field) offsetof(struct args, field)

static const struct opt who_opts[] = {
	{0, "from", "ADDR[:PORT]", "where the connection comes from", opt_set_str, A(from),
	 "an address"},
	{0, "device", "IF", "the interface on which it comes in", opt_set_str, A(device),
	 "the name of an interface"},
	{0, "netns", "PID|PATH|INODE", "the network namespace; a name of ip netns too",
	 opt_set_str, A(netns), "a pid, a path, a name or an inode number"},
	{0},
};
static const struct opt_group who_group = {"The connection", who_opts};

static void write_text(const struct who *w, const struct look *look)
{
	char asked[ENDPOINT_LEN], name[WHO_NAME_LEN], end[ENDPOINT_LEN], age[DURATION_LEN];
	const struct snap_owner *o;
	struct who_text text;

	endpoint_format(asked, w->query.local, w->query.lport);
	if (w->listener) {
		o = snapshot_owner(w->snapshot, w->listener);
		endpoint_format(end, w->listener->s.laddr, w->listener->s.lport);
		printf("%s%s%s answers", colour_on(look, BOLD),
		       who_holder(w->snapshot, w->listener, name), colour_off(look));
		if (w->member_cnt > 1)
			printf(", or %zu other%s", w->member_cnt - 1, w->member_cnt > 2 ? "s" : "");
		printf(", through %s", end);
		if (o)
			printf(" %s(uid %u, running for %s)%s", colour_on(look, DIM), o->uid,
			       duration_format(age, look, host_age_ns(w->host, o)),
			       colour_off(look));
		putchar('\n');
	} else {
		printf("%snobody answers %s%s\n", colour_on(look, RED), asked, colour_off(look));
	}
	who_explain(w, &text);
	for (int i = 0; i < text.cnt; i++)
		printf("  %s\n", text.lines[i]);
	if (w->listener)
		printf("  %sSYN queue %u, accept queue %u, limit of both %u.%s\n",
		       colour_on(look, DIM), w->listener->s.synq, w->listener->s.acceptq,
		       w->listener->s.limit, colour_off(look));
}

static void json_asked(struct json *j, const struct who *w)
{
	json_object(j, "local");
	json_addr(j, "addr", w->query.local);
	json_u64(j, "port", w->query.lport);
	json_end_object(j);
	if (w->query.from) {
		json_object(j, "remote");
		json_addr(j, "addr", w->query.remote);
		json_u64_if(j, "port", w->query.rport, w->query.rport);
		json_end_object(j);
	} else {
		json_null(j, "remote");
	}
	json_str(j, "device", w->ifname);
}

static void json_members(struct json *j, const struct who *w)
{
	json_array(j, "members");
	for (size_t i = 0; i < w->member_cnt; i++) {
		const struct snapshot_sock *sock = w->members[i].sock;

		json_object(j, NULL);
		json_u64_if(j, "cookie", sock->s.cookie, sock->s.cookie);
		snapshot_json_process(j, "process", w->host, snapshot_owner(w->snapshot, sock));
		json_u64(j, "answers", w->members[i].answers);
		json_end_object(j);
	}
	json_end_array(j);
	json_u64(j, "tried", w->tried);
}

/* "rule": the sentences, as one string. */
static void json_rule(struct json *j, const struct who *w)
{
	char rule[WHO_LINES * WHO_LINE_LEN];
	struct who_text text;
	size_t len = 0;

	who_explain(w, &text);
	*rule = 0;
	for (int i = 0; i < text.cnt; i++)
		if (*text.lines[i] != ' ') /* the list of members is an array of its own */
			len += snprintf(rule + len, sizeof(rule) - len, "%s%s", len ? " " : "",
					text.lines[i]);
	json_str(j, "rule_key", who_key(w));
	json_str(j, "rule", rule);
}

static void write_json(const struct who *w)
{
	struct json j = {0};

	json_object(&j, NULL);
	json_str(&j, "type", "who");
	json_u64(&j, "netns", w->netns);
	json_bool(&j, "found", w->listener);
	json_asked(&j, w);
	if (w->listener) {
		json_object(&j, "listener");
		snapshot_json_listener(&j, w->host, w->snapshot, w->listener, NULL, 0);
		json_end_object(&j);
		snapshot_json_process(&j, "process", w->host,
				      snapshot_owner(w->snapshot, w->listener));
	} else {
		json_null(&j, "listener");
		json_null(&j, "process");
	}
	json_rule(&j, w);
	json_members(&j, w);
	json_end_object(&j);
	json_newline(&j);
	fwrite(j.buf, 1, j.len, stdout);
	json_free(&j);
}

/* "ADDR:PORT".  0, or an exit status after one line on stderr. */
static int parse_target(const struct cmd *cmd, const char *text, struct who_query *q,
			char scope[16])
{
	bool has_addr;

	if (endpoint_parse(text, q->local, &has_addr, &q->lport, scope))
		return opts_error(cmd,
				  "'%s' is not ADDR:PORT, such as 127.0.0.1:8080 or [::1]:8080",
				  text);
	if (!has_addr)
		return opts_error(cmd,
				  "'%s' names no address: which one would the client connect to? "
				  "such as 127.0.0.1:%u",
				  text, q->lport ? q->lport : 8080);
	if (!q->lport)
		return opts_error(cmd,
				  "'%s': nobody can connect to port 0; a port is from 1 to 65535",
				  text);
	if (addr_is_any(q->local))
		return opts_error(
			cmd,
			"'%s': that address is for binding; name one of this host, such as "
			"%s:%u",
			text, addr_is_v4(q->local) ? "127.0.0.1" : "[::1]", q->lport);
	return 0;
}

static int parse_from(const struct cmd *cmd, const char *text, struct who_query *q)
{
	char scope[16];
	bool has_addr;

	if (!text) {
		if (addr_is_v4(q->local))
			addr_parse("0.0.0.0", q->remote);
		return 0;
	}
	q->from = true;
	if (!addr_parse(text, q->remote))
		has_addr = true;
	else if (endpoint_parse(text, q->remote, &has_addr, &q->rport, scope) || !q->rport)
		return opts_error(cmd, "--from: '%s' is not ADDR or ADDR:PORT", text);
	if (!has_addr || addr_is_any(q->remote))
		return opts_error(cmd, "--from: '%s' names no address to come from", text);
	if (addr_is_v4(q->remote) != addr_is_v4(q->local))
		return opts_error(
			cmd, "--from: '%s' and the address asked for are of different families",
			text);
	return 0;
}

static int parse(const struct cmd *cmd, const struct args *args, const char *target,
		 struct who_query *q, char scope[16])
{
	char why[WHO_WHY];
	int ret;

	ret = parse_target(cmd, target, q, scope);
	if (!ret)
		ret = parse_from(cmd, args->from, q);
	if (ret)
		return ret;
	q->device = args->device ? args->device : *scope ? scope : NULL;
	if (args->netns && netns_parse(args->netns, &q->netns, why, sizeof(why)))
		return opts_error(cmd, "--netns: %s", why);
	if (args->netns && !q->netns)
		return opts_error(cmd, "--netns: a connection comes to one namespace; name it");
	return 0;
}

/* Options may stand on both sides of ADDR:PORT.  *target NULL: over, the exit status is returned */
static int operand(const struct cmd *cmd, int argc, char **argv, void *const to[],
		   const char **target)
{
	const char *found = NULL;
	int first;

	for (; argc > 1; argc -= first, argv += first) {
		first = opts_parse(cmd, argc, argv, to);
		if (first < 0)
			return opts_exit(first);
		if (first == argc)
			break;
		if (found)
			return opts_error(cmd, "one ADDR:PORT is enough: '%s'", argv[first]);
		found = argv[first];
	}
	if (!found)
		return opts_error(cmd, "ADDR:PORT is wanted; see sockline who --help");
	*target = found;
	return EXIT_YES;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct common common = {0};
	struct args args = {0};
	struct who_query query = {0};
	char why[WHO_WHY], scope[16] = "";
	const char *target = NULL;
	struct look look;
	struct who who;
	int ret;

	ret = operand(cmd, argc, argv, (void *[]){&args, &common}, &target);
	if (!target)
		return ret;
	ret = parse(cmd, &args, target, &query, scope);
	if (ret)
		return ret;
	if (kernel_missing_capability())
		return opts_error(cmd, "%s is missing; run it as root",
				  kernel_missing_capability());
	ret = who_ask(&query, &who, why);
	if (ret) {
		who_free(&who);
		return opts_error(cmd, "%s", why);
	}
	look_init(&look);
	if (common.json)
		write_json(&who);
	else
		write_text(&who, &look);
	ret = who.listener ? EXIT_YES : EXIT_NO;
	who_free(&who);
	return ret;
}

const struct cmd cmd_who = {
	.name = "who",
	.args = "ADDR:PORT",
	.summary = "which socket and process would get a connection to this address",
	.help = "The kernel itself is asked, in the namespace and on the device of the "
		"connection.\n"
		"Exit status: 0 somebody answers, 1 nobody does, 2 the question was wrong.\n",
	.groups = {&who_group, &common_oneshot},
	.run = run,
};
