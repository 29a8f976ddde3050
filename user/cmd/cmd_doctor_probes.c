// SPDX-License-Identifier: GPL-2.0-only
/* doctor: every program of the observer is loaded and attached, if only for a moment. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_doctor.h"
#include "config.h"
#include "counters.h"
#include "event.h"
#include "lookup.h"
#include "observer.skel.h"
#include "probes.h"

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int talk(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, fmt, ap);
}

/* Everything is wanted here: what watch would leave out can fail as well. */
static const struct config everything = {.active = 1, .binds = 1, .follow = 1};

/* The observer with all programs that suit this kernel, or with this one alone (NULL: all). */
static struct observer_bpf *load(const struct btf *btf, struct probe_state *states,
				 const char *only)
{
	struct config config = everything;
	struct observer_bpf *skel = observer_bpf__open();
	struct bpf_program *program;
	int ret;

	if (!skel)
		return NULL;
	probes_kernel_config(btf, &config);
	skel->rodata->config = config;
	bpf_map__set_max_entries(skel->maps.rings, libbpf_num_possible_cpus());
	probes_select(btf, skel, states, &config);
	bpf_object__for_each_program(program, skel->obj)
		if (only && strcmp(bpf_program__name(program), only))
			bpf_program__set_autoload(program, false);
	ret = observer_bpf__load(skel);
	if (!ret)
		return skel;
	observer_bpf__destroy(skel);
	errno = -ret;
	return NULL;
}

static int attach(struct observer_bpf *skel, const struct probe *p)
{
	struct bpf_program *program = bpf_object__find_program_by_name(skel->obj, p->program);
	struct bpf_link *link = program ? probe_attach(program, p->hook) : NULL;
	int ret = link ? 0 : -errno;

	bpf_link__destroy(link);
	return ret;
}

/* Alone, so that another's failure does not hide it. */
static int try_alone(const struct btf *btf, struct probe_state *states, const struct probe *p)
{
	struct observer_bpf *skel = load(btf, states, p->program);
	int ret;

	if (!skel)
		return -errno;
	ret = attach(skel, p);
	observer_bpf__destroy(skel);
	return ret;
}

static void tell(struct doctor *d, const struct probe *p, bool suits, int error)
{
	struct finding f = {
		.group = "probe",
		.name = p->program,
		.essential = p->need == PROBE_ESSENTIAL,
		.error = error,
		.value = p->hook,
		.unseen = p->unseen,
	};

	if (!suits) {
		f.verdict = VERDICT_ELSE;
		f.value = "not for this kernel: another row stands in for it";
	} else if (error) {
		f.verdict = f.essential ? VERDICT_MISSING : VERDICT_PARTLY;
		f.advice = error == -EPERM || error == -EACCES
				   ? "a capability is missing, or the kernel is locked down"
				   : "sockline doctor -v shows what the kernel says";
	}
	doctor_tell(d, &f);
}

static void tell_object(struct doctor *d, const char *name, const char *value, bool essential,
			int error, const char *unseen)
{
	struct finding f = {
		.group = "object",
		.name = name,
		.verdict = !error ? VERDICT_OK : essential ? VERDICT_MISSING : VERDICT_PARTLY,
		.essential = essential,
		.error = error,
		.value = value,
		.unseen = unseen,
	};

	doctor_tell(d, &f);
}

static void try_objects(struct doctor *d)
{
	struct snapshot_query query = {.scope = SNAP_LISTENERS};
	struct counters_conf conf = {.verbose = d->common->verbose};
	struct counters *counters = NULL;
	struct snapshot *snapshot = NULL;
	struct lookup *lookup = NULL;
	char why[COUNTERS_WHY];
	int error;

	error = snapshot_take(&query, &snapshot);
	tell_object(d, "sockets and owners", "iter/tcp, iter/task, iter/task_file", true, error,
		    "listeners that exist already, and the processes that hold any");
	if (!error)
		snapshot_free(snapshot);
	error = lookup_open(&lookup);
	tell_object(d, "socket lookup", "tc, run as a test", false, error,
		    "who would get a connection (sockline who)");
	if (!error)
		lookup_close(lookup);
	error = counters_open(&conf, &counters, why);
	tell_object(d, "counters", "per listener, in per-CPU maps", false, error,
		    "rates and waits (sockline top, sockline export)");
	if (!error)
		counters_close(counters);
}

void doctor_probes(struct doctor *d)
{
	struct probe_state *states = calloc(probes_cnt, sizeof(*states));
	struct btf *btf = btf__load_vmlinux_btf();
	struct observer_bpf *all;
	int error;

	libbpf_set_print(d->common->verbose ? talk : quiet);
	all = btf && states ? load(btf, states, NULL) : NULL;
	for (size_t i = 0; i < probes_cnt && states; i++) {
		bool suits = !btf || !probes[i].suits || probes[i].suits(btf);

		error = !suits ? 0
			: all  ? attach(all, &probes[i])
			: btf  ? try_alone(btf, states, &probes[i])
			       : -ENOTSUP;
		tell(d, &probes[i], suits, error);
	}
	observer_bpf__destroy(all);
	btf__free(btf);
	free(states);
	try_objects(d);
	libbpf_set_print(quiet);
}
