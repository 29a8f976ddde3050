// SPDX-License-Identifier: GPL-2.0-only
/* do_pod LOGS: for each line "PID CGROUP" ("-": none) says what pod.c finds, and then waits for the
 * next. */
#include <stdio.h>
#include <string.h>

#include "pod.h"

int main(int argc, char **argv)
{
	struct pod_names *names = pod_names_new(argv[1]);
	char cgroup[1024];
	unsigned int pid;
	struct pod pod;

	while (names && scanf("%u %1023s", &pid, cgroup) == 2) {
		pod_find(names, strcmp(cgroup, "-") ? cgroup : NULL, pid, &pod);
		printf("%s|%s|%s|%s\n", pod.id.uid, pod.id.container, pod.name.namespace,
		       pod.name.name);
		fflush(stdout);
	}
	pod_names_free(names);
	return !names;
}
