// SPDX-License-Identifier: GPL-2.0-only
/* doctor: every program of the observer is loaded and attached, if only for a moment. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_doctor.h"
#include "config.h"
#include "count.h"
#include "counters.h"
#include "event.h"
#include "lookup.h"
#include "observer.h"
#include "observer.skel.h"
#include "probes.h"

/* The observer with all programs that suit this kernel, or with this one alone (NULL: all).
 * Everything is wanted: what watch would leave out can fail as well. */
static int load(const struct doctor *d, const char *only, struct observer **out)
{
	struct observer_conf conf = {
		.config = {.events = 1, .active = 1, .binds = 1, .follow = 1},
		.only = only,
		.verbose = d->common->verbose,
	};
	char why[OBSERVER_WHY];

	return observer_open(&conf, out, why);
}

static int attach(const struct observer *o, const struct probe *p)
{
	struct bpf_program *program = bpf_object__find_program_by_name(o->skel->obj, p->program);
	struct bpf_link *link = program ? probe_attach(program, p->hook) : NULL;
	int ret = link ? 0 : -errno;

	bpf_link__destroy(link);
	return ret;
}

/* Alone, so that another's failure does not hide it. */
static int try_alone(const struct doctor *d, const struct probe *p)
{
	struct observer *o;
	int ret = load(d, p->program, &o);

	if (ret)
		return ret;
	ret = attach(o, p);
	observer_close(o);
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
	struct btf *btf = btf__load_vmlinux_btf();
	struct observer *all = NULL;

	if (btf && load(d, NULL, &all))
		all = NULL;
	for (size_t i = 0; i < probes_cnt; i++) {
		bool suits = !btf || !probes[i].suits || probes[i].suits(btf);
		int error = !suits ? 0
			    : all  ? attach(all, &probes[i])
			    : btf  ? try_alone(d, &probes[i])
				   : -ENOTSUP;

		tell(d, &probes[i], suits, error);
	}
	observer_close(all);
	btf__free(btf);
	try_objects(d);
	observer_talk(false);
}
