// SPDX-License-Identifier: GPL-2.0-only
/* Owns the files that a recording is written to. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record_disk.h"

#define DIGITS 6

struct part {
	uint32_t number;
	uint64_t size;
};

struct record_disk {
	struct record_disk_conf conf;
	int fd;
	bool regular;
	uint64_t size;	  /* of the current part */
	uint64_t written; /* of all since the start */
	uint32_t number;  /* of the current part */
	struct part *old; /* oldest first */
	size_t old_cnt;
	uint64_t old_size;
};

static void part_path(const struct record_disk *d, uint32_t number, char path[PATH_MAX])
{
	if (d->conf.parts)
		snprintf(path, PATH_MAX, "%s.%0*u", d->conf.path, DIGITS, number);
	else
		snprintf(path, PATH_MAX, "%s", d->conf.path);
}

/* Readable by its owner alone, before a byte lies in it. */
static int open_file(const char *path, bool *regular)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0)
		return -errno;
	*regular = !fstat(fd, &st) && S_ISREG(st.st_mode);
	if (*regular && (fchmod(fd, 0600) || ftruncate(fd, 0))) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static int by_number(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static int remember(struct record_disk *d, uint32_t number, uint64_t size)
{
	struct part *grown = realloc(d->old, (d->old_cnt + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	d->old = grown;
	d->old[d->old_cnt++] = (struct part){number, size};
	d->old_size += size;
	return 0;
}

/* The number behind "BASE.", 0 if it is no part. */
static uint32_t part_number(const char *name, const char *base)
{
	size_t len = strlen(base);
	unsigned long number;
	char *end;

	if (strncmp(name, base, len) || name[len] != '.' || strlen(name + len + 1) < DIGITS ||
	    name[len + 1] < '0' || name[len + 1] > '9')
		return 0;
	number = strtoul(name + len + 1, &end, 10);
	return *end || number >= UINT32_MAX ? 0 : number;
}

/* Parts of an earlier run count too: the disk is the same one. */
static int find_parts(struct record_disk *d)
{
	const char *slash = strrchr(d->conf.path, '/');
	const char *base = slash ? slash + 1 : d->conf.path;
	char dir[PATH_MAX];
	struct dirent *e;
	DIR *stream;
	int ret = 0;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - d->conf.path) + 1 : 1,
		 slash ? d->conf.path : ".");
	stream = opendir(dir);
	if (!stream)
		return -errno;
	while (!ret && (e = readdir(stream))) {
		uint32_t number = part_number(e->d_name, base);
		struct stat st;

		if (number && !fstatat(dirfd(stream), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			ret = remember(d, number, st.st_size);
	}
	closedir(stream);
	if (ret || !d->old_cnt)
		return ret;
	qsort(d->old, d->old_cnt, sizeof(*d->old), by_number);
	d->number = d->old[d->old_cnt - 1].number;
	return 0;
}

static void remove_oldest(struct record_disk *d)
{
	char path[PATH_MAX];

	part_path(d, d->old[0].number, path);
	unlink(path);
	d->old_size -= d->old[0].size;
	memmove(d->old, d->old + 1, --d->old_cnt * sizeof(*d->old));
}

static int open_part(struct record_disk *d, uint32_t number)
{
	char path[PATH_MAX];
	bool regular = false;
	int fd;

	part_path(d, number, path);
	fd = open_file(path, &regular);
	if (fd < 0)
		return fd;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = fd;
	d->regular = regular;
	d->number = number;
	d->size = 0;
	while (d->conf.keep && d->old_cnt >= d->conf.keep)
		remove_oldest(d);
	return 0;
}

int record_disk_open(const struct record_disk_conf *conf, struct record_disk **out)
{
	struct record_disk *d = calloc(1, sizeof(*d));
	int ret = 0;

	if (!d)
		return -ENOMEM;
	d->conf = *conf;
	d->fd = -1;
	if (!strcmp(conf->path, "-")) {
		d->fd = dup(STDOUT_FILENO);
		ret = d->fd < 0 ? -errno : 0;
	} else if (strlen(conf->path) + DIGITS + 5 >= PATH_MAX) {
		ret = -ENAMETOOLONG;
	} else {
		if (conf->parts)
			ret = find_parts(d);
		if (!ret)
			ret = open_part(d, conf->parts ? d->number + 1 : 0);
	}
	if (ret) {
		record_disk_close(d);
		return ret;
	}
	*out = d;
	return 0;
}

void record_disk_close(struct record_disk *d)
{
	if (!d)
		return;
	if (d->fd >= 0)
		close(d->fd);
	free(d->old);
	free(d);
}

/* What was written of a block that did not find room goes again. */
static void take_back(struct record_disk *d)
{
	if (d->regular && (ftruncate(d->fd, d->size) || lseek(d->fd, d->size, SEEK_SET) < 0))
		d->regular = false;
}

int record_disk_write(struct record_disk *d, const void *bytes, size_t len, size_t reserve)
{
	size_t done = 0;

	while (d->conf.max_size && d->old_size + d->size + len + reserve > d->conf.max_size) {
		if (!d->old_cnt)
			return -EFBIG;
		remove_oldest(d);
	}
	while (done < len) {
		ssize_t n = write(d->fd, (const char *)bytes + done, len - done);

		if (n >= 0) {
			done += n;
		} else if (errno != EINTR) {
			int error = -errno;

			take_back(d);
			return error;
		}
	}
	d->size += len;
	d->written += len;
	return 0;
}

int record_disk_next(struct record_disk *d)
{
	uint32_t number = d->number;
	uint64_t size = d->size;
	int ret = remember(d, number, size);

	if (ret)
		return ret;
	ret = open_part(d, number + 1);
	if (ret) {
		d->old_cnt--;
		d->old_size -= size;
	}
	return ret;
}

uint64_t record_disk_size(const struct record_disk *d)
{
	return d->size;
}

uint64_t record_disk_written(const struct record_disk *d)
{
	return d->written;
}
