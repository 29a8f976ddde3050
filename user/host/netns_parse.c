// SPDX-License-Identifier: GPL-2.0-only
/* The argument of --netns. */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns.h"

#define PID_MAX 4194304 /* PID_MAX_LIMIT; inode numbers of namespaces begin at 0xf0000000 */

struct why {
	char *buf;
	size_t len;
};

__attribute__((format(printf, 3, 4))) static int no(struct why why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why.buf, why.len, fmt, ap);
	va_end(ap);
	return err;
}

static int by_path(const char *path, const char *text, uint32_t *inum, struct why why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool network;

	if (fd < 0 && errno == ENOENT && path != text)
		return no(why, -ENOENT,
			  "no network namespace is called '%s'; 'ip netns' lists them", text);
	if (fd < 0)
		return no(why, -errno, "%s: %s", text, strerror(errno));
	network = ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET && !fstat(fd, &st);
	close(fd);
	if (!network)
		return no(why, -EINVAL, "%s is not a network namespace", text);
	*inum = st.st_ino;
	return 0;
}

static int by_pid(const char *text, uint32_t *inum, struct why why)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%lu/ns/net", strtoul(text, NULL, 10));
	if (access(path, F_OK))
		return no(why, -ENOENT, "there is no process %s", text);
	return by_path(path, path, inum, why);
}

static int by_inum(const char *text, uint32_t *inum, struct why why)
{
	unsigned long long number = strtoull(text, NULL, 10);
	struct netns_list list = {0};
	int err = netns_add_mounted(&list);

	if (!err)
		err = netns_add_procs(&list);
	if (!err && (number > UINT32_MAX || !netns_find(&list, number)))
		err = no(why, -ENOENT, "no network namespace has the inode number %s", text);
	else if (err)
		err = no(why, err, "%s", strerror(-err));
	*inum = number;
	netns_list_free(&list);
	return err;
}

int netns_parse(const char *text, uint32_t *inum, char *buf, size_t len)
{
	struct why why = {buf, len};
	char path[512];

	if (!strcmp(text, "all")) {
		*inum = 0;
		return 0;
	}
	if (*text && strspn(text, "0123456789") == strlen(text)) {
		if (strtoull(text, NULL, 10) > PID_MAX)
			return by_inum(text, inum, why);
		return by_pid(text, inum, why);
	}
	if (strchr(text, '/'))
		return by_path(text, text, inum, why);
	if (!*text || strlen(text) > 255 || !strcmp(text, ".") || !strcmp(text, ".."))
		return no(why, -EINVAL,
			  "'%s' is not a pid, a path, a name, an inode number or \"all\"", text);
	snprintf(path, sizeof(path), "/run/netns/%s", text);
	return by_path(path, text, inum, why);
}
