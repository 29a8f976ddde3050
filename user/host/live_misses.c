// SPDX-License-Identifier: GPL-2.0-only
/* Owns the question how often programs were skipped. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "live_misses.h"

/* __bpf_trace_run, trace_call_bpf: counted per program since 5.12. */
static uint64_t misses_of(const struct bpf_program *program)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	int fd = bpf_program__fd(program);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return 0;
	return info.recursion_misses;
}

uint64_t live_misses(const struct bpf_object *object, const struct bpf_program *but)
{
	const struct bpf_program *program = NULL;
	uint64_t sum = 0;

	while ((program = bpf_object__next_program(object, (struct bpf_program *)program)))
		sum += program == but ? 0 : misses_of(program);
	return sum;
}
