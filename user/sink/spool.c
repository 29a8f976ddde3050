// SPDX-License-Identifier: GPL-2.0-only
/* Owns the spool's directory: names, sizes, and what a file must look like to be believed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include "spool.h"
#include "store_schema.h"

#define MAGIC	 "slspool1"
#define NAME_LEN 32

struct header {
	char magic[8];
	uint32_t table; /* enum store_table_id */
	uint32_t schema; /* checksum of the statement that makes that table */
	uint32_t rows;
	uint32_t stored_s;
	uint64_t first_us;
	uint64_t last_us;
	uint64_t len;
	char id[STORE_ID_LEN];
	uint32_t payload_crc;
	uint32_t crc; /* of all that is before it */
};
_Static_assert(sizeof(struct header) == 88, "spool header");

struct spool {
	int dir;
	char *path;
	uint64_t first; /* files are numbered: from first up to, not including, next */
	uint64_t next;
	uint64_t bytes;
	uint64_t max_bytes;
	_Atomic uint64_t rows; /* other threads ask */
	uint64_t loaded_bytes; /* of the file that was loaded last */
	uint64_t loaded_rows;
	uint32_t schemas[STORE_TABLES];
};

static char *name_of(char name[NAME_LEN], uint64_t number, const char *suffix)
{
	snprintf(name, NAME_LEN, "%016" PRIu64 ".%s", number, suffix);
	return name;
}

static uint32_t header_crc(const struct header *h)
{
	return crc32(0, (const void *)h, offsetof(struct header, crc));
}

static int schema_checksums(struct spool *s)
{
	for (int i = 0; i < STORE_TABLES; i++) {
		struct store_text t = {0};

		store_create(&t, STORE_CLICKHOUSE, store_tables[i], NULL);
		if (t.failed)
			return -ENOMEM;
		s->schemas[i] = crc32(0, (const void *)t.buf, t.len);
		store_text_free(&t);
	}
	return 0;
}

static bool header_ok(const struct spool *s, const struct header *h)
{
	return !memcmp(h->magic, MAGIC, sizeof(h->magic)) && h->crc == header_crc(h) &&
	       h->table < STORE_TABLES && h->schema == s->schemas[h->table];
}

/* What an earlier process has left. */
static void take_stock(struct spool *s, DIR *dir)
{
	struct dirent *e;

	while ((e = readdir(dir))) {
		char *end;
		uint64_t number = strtoull(e->d_name, &end, 10);
		struct header h;
		struct stat st;
		int fd;

		if (end != e->d_name && !strcmp(end, ".part"))
			unlinkat(s->dir, e->d_name, 0);
		if (end == e->d_name || strcmp(end, ".rows") || fstatat(s->dir, e->d_name, &st, 0))
			continue;
		s->bytes += st.st_size;
		if (number < s->first || s->first == s->next)
			s->first = number;
		if (number >= s->next)
			s->next = number + 1;
		fd = openat(s->dir, e->d_name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, &h, sizeof(h)) == sizeof(h) && header_ok(s, &h))
			s->rows += h.rows;
		if (fd >= 0)
			close(fd);
	}
}

static int open_dir(struct spool *s, char why[SPOOL_WHY])
{
	DIR *dir;
	int fd;

	if (mkdir(s->path, 0700) && errno != EEXIST) {
		snprintf(why, SPOOL_WHY, "cannot make %s: %s", s->path, strerror(errno));
		return -errno;
	}
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0) {
		snprintf(why, SPOOL_WHY, "cannot open %s: %s", s->path, strerror(errno));
		return -errno;
	}
	if (flock(s->dir, LOCK_EX | LOCK_NB)) {
		snprintf(why, SPOOL_WHY, "%s is in use by another process", s->path);
		return -EBUSY;
	}
	fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		snprintf(why, SPOOL_WHY, "cannot read %s: %s", s->path, strerror(errno));
		return -errno;
	}
	take_stock(s, dir);
	closedir(dir);
	return 0;
}

int spool_open(const char *dir, uint64_t max_bytes, struct spool **out, char why[SPOOL_WHY])
{
	struct spool *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	snprintf(why, SPOOL_WHY, "out of memory");
	if (!s)
		return ret;
	s->dir = -1;
	s->max_bytes = max_bytes;
	s->path = strdup(dir);
	if (s->path && !schema_checksums(s))
		ret = open_dir(s, why);
	if (ret) {
		spool_close(s);
		return ret;
	}
	*out = s;
	return 0;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	if (s->dir >= 0)
		close(s->dir);
	free(s->path);
	free(s);
}

bool spool_empty(const struct spool *s)
{
	return s->first == s->next;
}

uint64_t spool_rows(const struct spool *s)
{
	return s->rows;
}

bool spool_room(const struct spool *s, uint64_t bytes)
{
	return s->bytes + bytes + sizeof(struct header) <= s->max_bytes;
}

static int write_file(int fd, const struct header *h, const struct store_block *b)
{
	struct iovec iov[2] = {{(void *)h, sizeof(*h)}, {b->bytes, b->len}};
	ssize_t n = writev(fd, iov, 2);
	size_t done;

	if (n < (ssize_t)sizeof(*h))
		return n < 0 ? -errno : -ENOSPC;
	for (done = n - sizeof(*h); done < b->len; done += n) {
		n = write(fd, b->bytes + done, b->len - done);
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
	}
	return 0;
}

static void header_fill(const struct spool *s, struct header *h, const struct store_block *b)
{
	*h = (struct header){
		.rows = b->rows,
		.stored_s = b->stored_s,
		.first_us = b->first_us,
		.last_us = b->last_us,
		.len = b->len,
		.payload_crc = crc32(0, (const void *)b->bytes, b->len),
	};
	memcpy(h->magic, MAGIC, sizeof(h->magic));
	memcpy(h->id, b->id, sizeof(h->id));
	while (store_tables[h->table] != b->table)
		h->table++;
	h->schema = s->schemas[h->table];
	h->crc = header_crc(h);
}

int spool_put(struct spool *s, const struct store_block *b)
{
	char name[NAME_LEN], unfinished[NAME_LEN];
	struct header h;
	int fd, ret;

	if (!spool_room(s, b->len))
		return -ENOSPC;
	header_fill(s, &h, b);
	name_of(unfinished, s->next, "part");
	fd = openat(s->dir, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = write_file(fd, &h, b);
	/* On the disk before it has its name, or a power failure may leave a name without rows. */
	if (!ret && fdatasync(fd))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && renameat(s->dir, unfinished, s->dir, name_of(name, s->next, "rows")))
		ret = -errno;
	if (ret) {
		unlinkat(s->dir, unfinished, 0);
		return ret;
	}
	fsync(s->dir);
	s->next++;
	s->rows += b->rows;
	s->bytes += sizeof(h) + b->len;
	return 0;
}

static bool read_all(int fd, void *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, (char *)to + done, len - done);

		if (n <= 0)
			return false;
		done += n;
	}
	return true;
}

static bool read_file(struct spool *s, int fd, struct store_block *b)
{
	struct header h;

	if (!read_all(fd, &h, sizeof(h)) || !header_ok(s, &h) || h.len > b->cap)
		return false;
	store_block_reset(b);
	if (!read_all(fd, b->bytes, h.len) ||
	    h.payload_crc != crc32(0, (const void *)b->bytes, h.len))
		return false;
	b->table = store_tables[h.table];
	b->rows = h.rows;
	b->stored_s = h.stored_s;
	b->first_us = h.first_us;
	b->last_us = h.last_us;
	b->len = h.len;
	b->again = true;
	memcpy(b->id, h.id, sizeof(b->id));
	b->id[sizeof(b->id) - 1] = 0;
	s->loaded_rows = h.rows;
	return true;
}

int spool_load(struct spool *s, struct store_block *b, char why[SPOOL_WHY])
{
	char name[NAME_LEN], aside[NAME_LEN];
	struct stat st;
	bool ok;
	int fd;

	for (; !spool_empty(s); s->first++) {
		fd = openat(s->dir, name_of(name, s->first, "rows"), O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		s->loaded_bytes = fstat(fd, &st) ? 0 : st.st_size;
		ok = read_file(s, fd, b);
		close(fd);
		if (ok)
			return 0;
		name_of(aside, s->first++, "unread");
		s->bytes -= s->loaded_bytes;
		renameat(s->dir, name, s->dir, aside);
		snprintf(why, SPOOL_WHY,
			 "%s/%s is damaged, or of another version; its rows are not stored",
			 s->path, aside);
		return -EBADMSG;
	}
	return -ENOENT;
}

void spool_drop(struct spool *s)
{
	char name[NAME_LEN];

	unlinkat(s->dir, name_of(name, s->first++, "rows"), 0);
	s->bytes -= s->loaded_bytes;
	s->rows -= s->loaded_rows;
}
