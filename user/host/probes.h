/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of probes: each BPF program, how it is attached, whether it is needed, and what is not
 * seen without it. */
#ifndef SOCKLINE_PROBES_H
#define SOCKLINE_PROBES_H

#include <stdbool.h>
#include <stddef.h>

struct btf;
struct config;
struct bpf_link;
struct bpf_object;
struct bpf_program;

enum probe_need {
	PROBE_ESSENTIAL, /* without it sockline cannot do its work */
	PROBE_WANTED,	 /* without it something is not seen */
	PROBE_ACTIVE,	 /* for this host's own connects only */
	PROBE_CALLS,	 /* for bind and connect calls only */
	PROBE_LISTEN,	 /* for them, and where the exit of listen() does not tell enough */
	PROBE_FOLLOW,	 /* for a followed process tree only */
};

/* What counts per listener need. */
enum probe_counts {
	COUNTS_WITHOUT,
	COUNTS_NEED,
	COUNTS_READY,	/* since 6.3 */
	COUNTS_STATES,	/* before */
	COUNTS_ANSWERS, /* later, if the configuration says so */
};

struct probe {
	const char *program; /* name in the BPF object */
	const char *hook;    /* for people: "tp_btf/kfree_skb" */
	enum probe_need need;
	const char *unseen;  /* what is not seen without it */
	bool passive;	     /* for connections that come; left out where only calls are wanted */
	enum probe_counts counts;
	/* Is this the variant for the running kernel?  NULL: always. */
	bool (*suits)(const struct btf *btf);
};

struct probe_state {
	bool suits;    /* this variant is for this kernel */
	bool wanted;   /* by the configuration */
	bool late;     /* attached by probes_attach_late() */
	bool attached;
	int error;     /* -errno if it could not be attached */
	struct bpf_link *link;
};

extern const struct probe probes[];
extern const size_t probes_cnt;

/* Before the load: programs that are not for this kernel or not asked for are left out. */
void probes_select(const struct btf *btf, struct bpf_object *object, struct probe_state *states,
		   const struct config *c);

/* After it.  0, or -errno of the essential one that failed, whose row is *failed. */
int probes_attach(struct bpf_object *object, struct probe_state *states, size_t *failed);

/* Those that were left for later.  0 or -errno. */
int probes_attach_late(struct bpf_object *object, struct probe_state *states);

/* One program to its hook; NULL and errno. */
struct bpf_link *probe_attach(struct bpf_program *program, const char *hook);

void probes_detach(struct probe_state *states);

/* Does this kernel show, at the exit of a system call, what it was called with? */
bool probes_calls_shown(const struct btf *btf);

/* What depends on the running kernel: addresses and numbers of reasons. */
void probes_kernel_config(const struct btf *btf, struct config *c);

#endif
