// SPDX-License-Identifier: GPL-2.0-only
/* The list of network namespaces, and the way into each.  What is asked inside: netns_inside.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netns.h"
#include "snap.h"

static uint32_t inum_of_link(const char *path)
{
	char link[64];
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	uint32_t inum = 0;

	if (n < 0)
		return 0;
	link[n] = 0;
	return sscanf(link, "net:[%u]", &inum) == 1 ? inum : 0;
}

uint32_t netns_self(void)
{
	return inum_of_link("/proc/thread-self/ns/net");
}

static uint32_t inum_of_pid(uint32_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	return inum_of_link(path);
}

static size_t place_of(const struct netns_list *list, uint32_t inum)
{
	size_t low = 0, high = list->cnt;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list->refs[mid].inum < inum)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct netns_ref *netns_find(const struct netns_list *list, uint32_t inum)
{
	size_t at = place_of(list, inum);

	return at < list->cnt && list->refs[at].inum == inum ? &list->refs[at] : NULL;
}

/* Its pid's file descriptor may be of another kind of namespace: ask. */
static bool is_network(int fd)
{
	return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

/* The process's socket, borrowed: SIOCGSKNS tells its namespace.  Linux 5.6 on. */
static int open_by_socket(uint32_t pid, int32_t fd)
{
	int pidfd, sock, ns;

	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	sock = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	ns = sock < 0 ? -1 : ioctl(sock, SIOCGSKNS);
	if (ns < 0)
		ns = -errno;
	if (sock >= 0)
		close(sock);
	close(pidfd);
	return ns;
}

static int open_ref(const struct netns_ref *ref)
{
	char path[64];

	switch ((enum snap_via)ref->via) {
	case SNAP_VIA_TASK:
		snprintf(path, sizeof(path), "/proc/%u/ns/net", ref->pid);
		return open_path(path);
	case SNAP_VIA_NSFD:
		snprintf(path, sizeof(path), "/proc/%u/fd/%d", ref->pid, ref->fd);
		return open_path(path);
	case SNAP_VIA_SOCKET:
		return open_by_socket(ref->pid, ref->fd);
	}
	return open_path(ref->path);
}

/* What was behind a pid a moment ago may be something else now. */
static int open_checked(const struct netns_ref *ref)
{
	int fd = open_ref(ref);
	struct stat st;

	if (fd < 0)
		return fd;
	if (!fstat(fd, &st) && st.st_ino == ref->inum && is_network(fd))
		return fd;
	close(fd);
	return -ESTALE;
}

static int insert(struct netns_list *list, size_t at, const struct netns_ref *ref)
{
	struct netns_ref *refs = realloc(list->refs, (list->cnt + 1) * sizeof(*refs));

	if (!refs)
		return -ENOMEM;
	list->refs = refs;
	memmove(refs + at + 1, refs + at, (list->cnt - at) * sizeof(*refs));
	refs[at] = *ref;
	list->cnt++;
	return 0;
}

int netns_add(struct netns_list *list, const struct netns_ref *ref)
{
	size_t at = place_of(list, ref->inum);
	struct netns_ref copy = *ref;
	int fd, ret;

	if (at < list->cnt && list->refs[at].inum == ref->inum) {
		if (list->refs[at].via <= ref->via)
			return 0;
		if (ref->path && !(copy.path = strdup(ref->path)))
			return -ENOMEM;
		list->refs[at] = copy; /* had no path: those are preferred */
		return 0;
	}
	if (ref->via == SNAP_VIA_NSFD) {
		fd = open_checked(ref);
		if (fd < 0)
			return 0;
		close(fd);
	}
	if (ref->path && !(copy.path = strdup(ref->path)))
		return -ENOMEM;
	ret = insert(list, at, &copy);
	if (ret)
		free(copy.path);
	return ret;
}

/* mountinfo writes space, tab, newline and backslash as three octal digits. */
static void unescape(char *s)
{
	char *to = s;
	unsigned int c;

	for (; *s; s++) {
		if (*s == '\\' && sscanf(s + 1, "%3o", &c) == 1) {
			*to++ = c;
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

static int add_own(struct netns_list *list)
{
	struct netns_ref own = {.inum = netns_self(), .via = SNAP_VIA_TASK, .pid = getpid()};

	return own.inum ? netns_add(list, &own) : 0;
}

int netns_add_mounted(struct netns_list *list)
{
	FILE *f = fopen("/proc/thread-self/mountinfo", "re");
	char *line = NULL, path[4097];
	size_t len = 0;
	int err = add_own(list);

	while (f && !err && getline(&line, &len, f) > 0) {
		struct netns_ref ref = {.path = path};

		if (sscanf(line, "%*u %*u %*s net:[%u] %4096s", &ref.inum, path) != 2)
			continue;
		unescape(path);
		err = netns_add(list, &ref);
	}
	free(line);
	if (f)
		fclose(f);
	return err;
}

int netns_add_procs(struct netns_list *list)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (d = readdir(proc))) {
		struct netns_ref ref = {.via = SNAP_VIA_TASK, .pid = strtoul(d->d_name, NULL, 10)};

		if (ref.pid)
			ref.inum = inum_of_pid(ref.pid);
		if (ref.inum)
			err = netns_add(list, &ref);
	}
	closedir(proc);
	return err;
}

void netns_list_free(struct netns_list *list)
{
	for (size_t i = 0; i < list->cnt; i++)
		free(list->refs[i].path);
	free(list->refs);
	*list = (struct netns_list){0};
}

const char *netns_label(const struct netns_ref *ref, char *buf, size_t len)
{
	const char *slash;

	if (!ref)
		return NULL;
	if (ref->path) {
		slash = strrchr(ref->path, '/');
		return slash ? slash + 1 : ref->path;
	}
	snprintf(buf, len, "pid %u", ref->pid);
	return buf;
}

/* The process that led to it has ended: another may live in it. */
static int open_any(uint32_t inum)
{
	struct netns_list list = {0};
	const struct netns_ref *ref;
	int fd = netns_add_mounted(&list);

	if (!fd)
		fd = netns_add_procs(&list);
	ref = netns_find(&list, inum);
	if (!fd)
		fd = ref ? open_checked(ref) : -ESTALE;
	netns_list_free(&list);
	return fd;
}

int netns_open(const struct netns_list *list, uint32_t inum)
{
	const struct netns_ref *ref = netns_find(list, inum);
	int fd;

	if (!ref)
		return -ENOENT;
	fd = open_checked(ref);
	if (fd < 0 && fd != -EPERM && fd != -EACCES)
		fd = open_any(inum);
	return fd;
}

struct job {
	int fd;
	int (*fn)(void *arg);
	void *arg;
	int ret;
};

static void *work(void *arg)
{
	struct job *job = arg;

	job->ret = setns(job->fd, CLONE_NEWNET) ? -errno : job->fn(job->arg);
	return NULL;
}

int netns_run(int fd, int (*fn)(void *arg), void *arg)
{
	struct job job = {fd, fn, arg, 0};
	pthread_t thread;
	int err;

	if (fd < 0)
		return fn(arg);
	err = pthread_create(&thread, NULL, work, &job);
	if (err)
		return -err;
	err = pthread_join(thread, NULL);
	return err ? -err : job.ret;
}
