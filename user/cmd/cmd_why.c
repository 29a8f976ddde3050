// SPDX-License-Identifier: GPL-2.0-only
/* sockline why: would a bind fail, and why; or, why did that one fail. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "cmds.h"
#include "filter.h"
#include "flow.h"
#include "kernel.h"
#include "sink_why.h"
#include "why_show.h"

struct args {
	bool reuseaddr, reuseport, v6only, freebind, transparent, listen;
	uint32_t family; /* 4, 6, or 0 */
	uint32_t uid;
	bool uid_given;
	const char *device;
};

#define A(field) offsetof(struct args, field)

static int set_family(void *to, const char *arg)
{
	if (strcmp(arg, "4") && strcmp(arg, "6"))
		return -EINVAL;
	return opt_set_u32(to, arg);
}

/* Into the whole struct: 0 is a uid like any other. */
static int set_uid(void *to, const char *arg)
{
	struct args *a = to;

	a->uid_given = true;
	return opt_set_u32(&a->uid, arg);
}

static const struct opt why_opts[] = {
	{0, "reuseaddr", NULL, "with SO_REUSEADDR", opt_set_bool, A(reuseaddr), NULL},
	{0, "reuseport", NULL, "with SO_REUSEPORT", opt_set_bool, A(reuseport), NULL},
	{0, "v6only", NULL, "with IPV6_V6ONLY", opt_set_bool, A(v6only), NULL},
	{0, "freebind", NULL, "with IP_FREEBIND", opt_set_bool, A(freebind), NULL},
	{0, "transparent", NULL, "with IP_TRANSPARENT", opt_set_bool, A(transparent), NULL},
	{0, "family", "4|6", "of the socket (default: the address's; without one, 6)", set_family,
	 A(family), "4 or 6"},
	{0, "uid", "UID", "whose socket it would be (default: one's own)", set_uid, 0,
	 "a numeric user id"},
	{0, "device", "IF", "with SO_BINDTODEVICE", opt_set_str, A(device),
	 "the name of an interface"},
	{0, "listen", NULL, "and listen() at once", opt_set_bool, A(listen), NULL},
	{0},
};
static const struct opt_group why_group = {"The socket that would bind", why_opts};

/* 0, or an exit status after one line on stderr. */
static int fill_address(const struct cmd *cmd, const char *text, const struct args *a,
			struct bind_cand *cand, char scope[16])
{
	static const uint8_t any4[16] = {[10] = 0xff, [11] = 0xff};
	bool has_addr;
	uint16_t port;

	if (endpoint_parse(text, cand->addr, &has_addr, &port, scope))
		return opts_error(cmd,
				  "'%s' is not [ADDR]:PORT, such as 8080, 127.0.0.1:8080, "
				  "[::1]:80 or *:80",
				  text);
	if (!port)
		return opts_error(cmd, "port 0 lets the kernel choose; name one from 1 to 65535");
	cand->port = port;
	cand->family = AF_INET6;
	if (a->family == 4 ||
	    (has_addr && addr_is_v4(cand->addr) && !a->family && !strstr(text, "::")))
		cand->family = AF_INET;
	if (!has_addr && cand->family == AF_INET)
		memcpy(cand->addr, any4, 16);
	if (cand->family == AF_INET && !addr_is_v4(cand->addr))
		return opts_error(cmd, "--family: %s is no IPv4 address", text);
	return 0;
}

static int ifindex_of(const struct cmd *cmd, uint32_t netns, const char *name, uint32_t *index)
{
	struct netns_list list = {0};
	int fd, ret;

	netns_add_mounted(&list);
	if (!netns_find(&list, netns))
		netns_add_procs(&list);
	fd = netns_open(&list, netns);
	ret = fd < 0 ? fd : netns_ifindex(fd, name, index);
	if (fd >= 0)
		close(fd);
	netns_list_free(&list);
	return ret ? opts_error(cmd, "there is no interface '%s' in that namespace", name) : 0;
}

static int fill_question(const struct cmd *cmd, const char *text, const struct args *a,
			 struct why_question *q)
{
	struct bind_cand *cand = &q->cand;
	char scope[16];
	int ret = fill_address(cmd, text, a, cand, scope);

	if (ret)
		return ret;
	cand->op = a->listen ? BIND_OP_BIND_LISTEN : BIND_OP_BIND;
	cand->state = 7; /* TCP_CLOSE */
	cand->reuse = a->reuseaddr;
	cand->reuseport = a->reuseport;
	cand->v6only = a->v6only;
	cand->freebind = a->freebind;
	cand->transparent = a->transparent;
	cand->uid = a->uid_given ? a->uid : geteuid();
	cand->cap_bind = !cand->uid;
	if (*scope && (ret = ifindex_of(cmd, q->netns, scope, &cand->scope_id)))
		return ret;
	return a->device ? ifindex_of(cmd, q->netns, a->device, &cand->bound_dev_if) : 0;
}

static int no_snapshot(const struct cmd *cmd, int error)
{
	const char *missing = kernel_missing_capability();

	if (missing)
		return opts_error(cmd, "%s is missing: run it as root", missing);
	return opts_error(cmd, "cannot read the host's sockets: %s", strerror(-error));
}

static int check(const struct cmd *cmd, const char *text, const struct args *a,
		 const struct filter *f, const struct common *c)
{
	struct why_question question = {.netns = f->netns ? f->netns : netns_self()};
	struct snapshot_reader *reader;
	struct json j = {0};
	struct look look;
	struct why w;
	int ret = fill_question(cmd, text, a, &question);

	if (ret)
		return ret;
	ret = snapshot_open(&reader);
	if (ret)
		return no_snapshot(cmd, ret);
	ret = why_ask(&w, reader, &question);
	snapshot_close(reader);
	if (ret) {
		why_free(&w);
		return opts_error(cmd, "cannot look into that namespace: %s", strerror(-ret));
	}
	if (c->json) {
		why_json_check(&j, &w);
		fwrite(j.buf, 1, j.len, stdout);
		json_free(&j);
	} else {
		look_init(&look);
		why_text(&look, &w, c->wide);
	}
	ret = w.result.verdict == BIND_OK ? EXIT_YES : EXIT_NO;
	why_free(&w);
	return fflush(stdout) ? opts_error(cmd, "writing: %s", strerror(errno)) : ret;
}

static int observe(const struct cmd *cmd, struct pipeline *p, const struct filter *f,
		   const struct common *c, struct stop *stop, int hold_fd)
{
	struct live_conf conf = {.follow_pid = stop->child, .verbose = c->verbose};
	char why[SOURCE_WHY];
	struct source *source;
	int ret;

	conf.config.netns = f->netns;
	conf.config.active = conf.config.binds = conf.config.calls_only = true;
	ret = source_live_open(&conf, flow_feed, p, &source, why);
	if (ret)
		return opts_error(cmd, "%s", why);
	stop_restart(stop, c->duration);
	ret = hold_fd >= 0 ? stop_release(hold_fd) : 0;
	if (!ret)
		ret = flow_run(p, source, stop);
	else
		opts_error(cmd, "cannot run the command: %s", strerror(-ret));
	source->ops->close(source);
	return ret ? EXIT_UNABLE : EXIT_YES;
}

static int follow(const struct cmd *cmd, char **argv, struct filter *f, const struct common *c)
{
	struct pipeline_conf conf = {.filter = f};
	struct pipeline *p;
	struct sink_why sink;
	struct stop stop;
	int hold_fd = -1, ret;

	ret = stop_init(&stop, c->duration);
	if (ret)
		return opts_error(cmd, "signals: %s", strerror(-ret));
	if (argv) {
		f->followed = true;
		ret = stop_start_child(&stop, argv, &hold_fd);
		if (ret < 0)
			return opts_error(cmd, "fork: %s", strerror(-ret));
	}
	ret = sink_why_init(&sink, c);
	if (ret)
		return no_snapshot(cmd, ret);
	p = pipeline_new(&conf);
	if (!p)
		return opts_error(cmd, "out of memory");
	pipeline_add_sink(p, &sink.sink);
	ret = observe(cmd, p, f, c, &stop, hold_fd);
	if (!ret && pipeline_error(p) && pipeline_error(p) != -EPIPE)
		ret = opts_error(cmd, "writing: %s", strerror(-pipeline_error(p)));
	if (!ret)
		ret = argv ? stop_child_exit(&stop) : sink.failures ? EXIT_NO : EXIT_YES;
	sink.sink.ops->close(&sink.sink);
	pipeline_free(p);
	stop_close(&stop);
	return ret;
}

static int why_run(const struct cmd *cmd, int argc, char **argv)
{
	struct args a = {0};
	struct filter f = {0};
	struct common c = {0};
	int first = opts_parse(cmd, argc, argv, (void *[]){&a, &f, &c});
	char why[160];

	if (first < 0)
		return opts_exit(first);
	if (f.netns_arg && netns_parse(f.netns_arg, &f.netns, why, sizeof(why)))
		return opts_error(cmd, "--netns: %s", why);
	if (first == argc)
		return follow(cmd, NULL, &f, &c);
	if (opts_after_dashes(first, argv))
		return follow(cmd, argv + first, &f, &c);
	if (first + 1 < argc)
		return opts_error(cmd, "'%s': one address at a time; a command goes behind --",
				  argv[first + 1]);
	return check(cmd, argv[first], &a, &f, &c);
}

const struct cmd cmd_why = {
	.name = "why",
	.args = "[[ADDR]:PORT | -- CMD [ARG]...]",
	.summary = "why an address is in use: would a bind fail, or why did it",
	.help = "With an address or port: would a bind to it fail now?  Exit status 1 if it would.\n"
		"PORT alone means [::]:PORT, IPv4 too, as most servers bind; --family 4 means 0.0.0.0.\n"
		"With -- CMD: runs CMD and explains each bind, listen and connect of it that fails;\n"
		"exits as CMD does.  With neither: the same for the whole host, until Ctrl-C.\n",
	.groups = {&why_group, &filter_group, &common_group},
	.run = why_run,
};
