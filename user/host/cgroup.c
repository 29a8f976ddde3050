// SPDX-License-Identifier: GPL-2.0-only
/* From a cgroup id to its path, without a walk. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"

static ssize_t path_of_fd(int fd, char path[PATH_MAX])
{
	char link[32];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, PATH_MAX - 1);
	if (len >= 0)
		path[len] = 0;
	return len;
}

/* A cgroup id is the handle of its directory (kernfs, FILEID_KERNFS). */
int cgroup_path(int root, uint64_t id, char *path, size_t len)
{
	struct {
		struct file_handle handle;
		uint64_t id;
	} h = {.handle = {.handle_bytes = sizeof(id), .handle_type = 0xfe}};
	char whole[PATH_MAX], top[PATH_MAX];
	ssize_t top_len;
	int fd, ret = -ENOENT;

	memcpy(h.handle.f_handle, &id, sizeof(id));
	fd = root < 0 ? -1 : open_by_handle_at(root, &h.handle, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	top_len = path_of_fd(root, top);
	if (top_len == 1)
		top_len = 0; /* "/": an instance that is mounted nowhere */
	if (top_len >= 0 && path_of_fd(fd, whole) >= top_len) {
		snprintf(path, len, "%s", whole[top_len] ? whole + top_len : "/");
		ret = 0;
	}
	close(fd);
	return ret;
}
