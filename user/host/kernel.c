// SPDX-License-Identifier: GPL-2.0-only
/* Owns the questions to the running kernel. */
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"

bool kernel_has_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

int kernel_tracepoint_args(const struct btf *btf, const char *name)
{
	const struct btf_type *t;
	char type[96];
	int id;

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -ENOENT;
	t = btf__type_by_id(btf, btf__type_by_id(btf, id)->type); /* pointer */
	t = btf__type_by_id(btf, t->type);			  /* function */
	return btf_vlen(t) - 1;
}

/* bpf_get_socket_ptr_cookie() came with 5.12, as did atomic operations that return a value. */
struct btf *kernel_btf(const char **why)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf) {
		*why = "this kernel has no BTF (/sys/kernel/btf/vmlinux)";
		return NULL;
	}
	if (btf__find_by_name_kind(btf, "bpf_get_socket_ptr_cookie", BTF_KIND_FUNC) > 0)
		return btf;
	*why = "this kernel is too old: Linux 5.12 is the first that will do";
	btf__free(btf);
	return NULL;
}

long kernel_enum_value(const struct btf *btf, const char *type, const char *name)
{
	const struct btf_enum *e;
	const struct btf_type *t;
	int id;

	id = btf__find_by_name_kind(btf, type, BTF_KIND_ENUM);
	if (id < 0)
		return -1;
	t = btf__type_by_id(btf, id);
	e = btf_enum(t);
	for (int i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, e[i].name_off), name))
			return (uint32_t)e[i].val;
	return -1;
}

/* fsmount(2) gives an O_PATH descriptor, which open_by_handle_at(2) does not take. */
static int reopen(int path_fd)
{
	int fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fd = -errno;
	close(path_fd);
	return fd;
}

/* fsopen(2) and kin: glibc 2.36 has no wrapper for all of them in one header with <sys/mount.h>. */
static int open_unmounted(const char *type)
{
	int fs, mnt;

	fs = syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) {
		mnt = -errno;
	} else {
		mnt = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
		if (mnt < 0)
			mnt = -errno;
	}
	close(fs);
	return mnt < 0 ? mnt : reopen(mnt);
}

static int open_mounted(const char *type, bool (*suits)(int fd))
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int fd = -ENOENT;

	if (!f)
		return -errno;
	while (fd < 0 && (m = getmntent(f))) {
		if (strcmp(m->mnt_type, type))
			continue;
		fd = open(m->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && suits && !suits(fd)) {
			close(fd);
			fd = -1;
		}
	}
	endmntent(f);
	return fd < 0 ? -ENOENT : fd;
}

static int open_fs(const char *type)
{
	int fd = open_mounted(type, NULL);

	return fd >= 0 ? fd : open_unmounted(type);
}

/* kernfs gives its root the number 1, kernfs_create_root(). */
bool kernel_cgroup2_whole(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_ino == 1;
}

/* A container has a mount of its own cgroup, and may have the host's besides. */
int kernel_cgroup2(void)
{
	int fd = open_mounted("cgroup2", kernel_cgroup2_whole);

	return fd >= 0 ? fd : open_fs("cgroup2");
}

int kernel_tracefs(void)
{
	return open_fs("tracefs");
}

int kernel_tracepoint_id(const char *event)
{
	char path[128], text[16] = "";
	int dir = kernel_tracefs(), fd, id;
	ssize_t n;

	if (dir < 0)
		return dir;
	snprintf(path, sizeof(path), "events/%s/id", event);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	id = fd < 0 ? -errno : 0;
	close(dir);
	if (fd < 0)
		return id;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	id = n > 0 ? atoi(text) : 0;
	return id > 0 ? id : -EIO;
}

static const struct {
	cap_value_t value;
	const char *name;
} needed[] = {
	{CAP_BPF, "CAP_BPF"},
	{CAP_PERFMON, "CAP_PERFMON"},
	{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
};

const char *kernel_missing_capability(void)
{
	cap_flag_value_t on = CAP_CLEAR;
	cap_t caps = cap_get_proc();
	const char *missing = NULL;

	for (size_t i = 0; caps && !missing && i < sizeof(needed) / sizeof(needed[0]); i++)
		if (cap_get_flag(caps, needed[i].value, CAP_EFFECTIVE, &on) || on != CAP_SET)
			missing = needed[i].name;
	cap_free(caps);
	return missing;
}
