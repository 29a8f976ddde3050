// SPDX-License-Identifier: GPL-2.0-only
/* doctor: the kernel, its file systems, and this process's capabilities. */
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd_doctor.h"
#include "kernel.h"

static void tell_release(struct doctor *d)
{
	struct finding f = {.group = "kernel", .name = "release"};
	char value[200];
	unsigned int major = 0, minor = 0;
	struct utsname u;

	uname(&u);
	sscanf(u.release, "%u.%u", &major, &minor);
	snprintf(value, sizeof(value), "%s %s, %s", u.sysname, u.release, u.machine);
	f.value = value;
	if (major < 5 || (major == 5 && minor < 12)) {
		f.verdict = VERDICT_PARTLY;
		f.advice = "Linux 5.12 is the first that will do";
	}
	doctor_tell(d, &f);
}

static void tell_btf(struct doctor *d)
{
	static const char path[] = "/sys/kernel/btf/vmlinux";
	struct finding f = {.group = "kernel", .name = "BTF", .essential = true};
	char value[120];
	struct stat st;

	if (stat(path, &st) || access(path, R_OK)) {
		f.verdict = VERDICT_MISSING;
		f.error = -errno;
		f.value = path;
		f.advice = "a kernel with CONFIG_DEBUG_INFO_BTF=y is needed, and /sys mounted";
	} else {
		snprintf(value, sizeof(value), "%s, %.1f MiB", path, st.st_size / 1048576.0);
		f.value = value;
	}
	doctor_tell(d, &f);
}

/* Where the first file system of this type is mounted; false: nowhere. */
static bool mounted_at(const char *type, char *path, size_t len)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = false;

	while (f && !found && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, type)) {
			snprintf(path, len, "%s", m->mnt_dir);
			found = true;
		}
	if (f)
		endmntent(f);
	return found;
}

static void tell_fs(struct doctor *d, const char *type, int fd, const char *unseen,
		    const char *advice)
{
	struct finding f = {.group = "kernel", .name = type, .essential = true};
	char value[200] = "mounted at ";
	bool mounted = mounted_at(type, value + strlen(value), sizeof(value) - strlen(value));

	if (fd >= 0) {
		f.value = mounted ? value : "mounted nowhere, but it can be opened";
		close(fd);
	} else {
		f.verdict = VERDICT_MISSING;
		f.error = fd;
		f.value = mounted ? value : NULL;
		f.unseen = unseen;
		f.advice = advice;
	}
	doctor_tell(d, &f);
}

static void tell_cgroup2(struct doctor *d)
{
	struct finding f = {
		.group = "kernel",
		.name = "cgroup2",
		.verdict = VERDICT_PARTLY,
		.essential = true,
		.value = "that of this container alone",
		.unseen = "SYNs to processes outside of it",
		.advice = "share the host's /sys/fs/cgroup with the container, or its cgroup namespace",
	};
	int fd = kernel_cgroup2();

	if (fd < 0 || kernel_cgroup2_whole(fd)) {
		tell_fs(d, "cgroup2", fd, "SYNs, and the queues that they meet",
			"mount -t cgroup2 none /sys/fs/cgroup, or run it as root");
		return;
	}
	close(fd);
	doctor_tell(d, &f);
}

/* A classic tracepoint's id is read from tracefs, which only root may look into. */
static void tell_tracepoints(struct doctor *d)
{
	struct finding f = {.group = "kernel", .name = "syscall tracepoints", .essential = true};
	int id = kernel_tracepoint_id("syscalls/sys_exit_accept4");

	if (id < 0) {
		f.verdict = VERDICT_MISSING;
		f.error = id;
		f.unseen = "accept()";
		f.advice = id == -ENOENT ? "a kernel with CONFIG_FTRACE_SYSCALLS=y is needed"
					 : "tracefs must be readable: run it as root";
	}
	doctor_tell(d, &f);
}

static void tell_kallsyms(struct doctor *d)
{
	struct finding f = {.group = "kernel", .name = "kallsyms"};
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long address = 0;
	char value[96];

	if (file && fscanf(file, "%llx", &address) != 1)
		address = 0;
	if (file)
		fclose(file);
	snprintf(value, sizeof(value), "addresses are %s; sockline does without them",
		 address ? "shown" : "hidden (kptr_restrict, or no CAP_SYSLOG)");
	f.value = value;
	doctor_tell(d, &f);
}

void doctor_kernel(struct doctor *d)
{
	tell_release(d);
	tell_btf(d);
	tell_cgroup2(d);
	tell_fs(d, "tracefs", kernel_tracefs(), "accept(), listen(), bind() and connect() calls",
		"mount -t tracefs tracefs /sys/kernel/tracing, or run it as root");
	tell_tracepoints(d);
	tell_kallsyms(d);
}

static const struct {
	cap_value_t value;
	const char *name;
	bool essential;
	const char *what; /* what it is for */
	const char *unseen;
} capabilities[] = {
	{CAP_BPF, "CAP_BPF", true, "loads programs and maps", NULL},
	{CAP_PERFMON, "CAP_PERFMON", true, "attaches to tracepoints, reads kernel memory", NULL},
	{CAP_NET_ADMIN, "CAP_NET_ADMIN", true, "attaches to the packets of the root cgroup", NULL},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN", false, "enters other network namespaces, opens cgroup2 and "
	 "tracefs where they are not mounted",
	 "in other network namespaces: addresses, interfaces, sysctls, and sockets that no process "
	 "holds"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", false, "finds the namespaces of other users' processes",
	 "network namespaces in which only processes of other users live"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", false, "reads tracefs, looks up the names of cgroups",
	 "the names of cgroups"},
};

void doctor_capabilities(struct doctor *d)
{
	cap_t caps = cap_get_proc();

	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		cap_flag_value_t on = CAP_CLEAR;
		struct finding f = {
			.group = "capability",
			.name = capabilities[i].name,
			.essential = capabilities[i].essential,
			.value = capabilities[i].what,
		};

		if (!caps || cap_get_flag(caps, capabilities[i].value, CAP_EFFECTIVE, &on) ||
		    on != CAP_SET) {
			f.verdict = f.essential ? VERDICT_MISSING : VERDICT_PARTLY;
			f.unseen = f.essential ? "anything" : capabilities[i].unseen;
			f.advice = "run it as root, or give it this capability (setcap, systemd's "
				   "AmbientCapabilities)";
		}
		doctor_tell(d, &f);
	}
	cap_free(caps);
}
