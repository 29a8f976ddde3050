// SPDX-License-Identifier: GPL-2.0-only
/* Owns the files of a replay: opens each in turn, and feeds what the reader finds. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source_file.h"

#define PIPE_PAUSE_MS 20

struct file_source {
	struct source source;
	struct source_file_conf conf;
	struct record_reader *reader;
	size_t next; /* path to open */
	int fd;	     /* -1: none */
	bool waits;  /* for a pipe */
	bool over;   /* the duration has passed */
	enum record_health health;
	uint64_t end_ns;      /* 0: not known yet, or none */
	uint64_t done_before; /* bytes of the files before this one */
	uint64_t total;
};

static const char *path_of(const struct file_source *f)
{
	return f->conf.paths[f->next - 1];
}

static void complain(struct file_source *f, enum record_health health, const char *why)
{
	if (health > f->health)
		f->health = health;
	f->conf.complain(f->conf.ctx, path_of(f), why);
}

/* Never waits, so that a signal is heard while a pipe is silent. */
static long read_fd(void *ctx, void *buf, size_t len)
{
	struct file_source *f = ctx;
	struct pollfd pfd = {.fd = f->fd, .events = POLLIN};
	ssize_t n;

	if (!poll(&pfd, 1, 0))
		return -EAGAIN;
	n = read(f->fd, buf, len);
	return n < 0 ? -errno : n;
}

static bool open_next(struct file_source *f)
{
	const char *path = f->conf.paths[f->next++];

	f->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : dup(STDIN_FILENO);
	if (f->fd < 0) {
		complain(f, RECORD_FOREIGN, strerror(errno));
		return false;
	}
	record_reader_input(f->reader, read_fd, f);
	return true;
}

static void close_current(struct file_source *f)
{
	enum record_health health = record_reader_health(f->reader);

	if (health != RECORD_WHOLE)
		complain(f, health, record_reader_why(f->reader));
	f->done_before += record_reader_position(f->reader);
	close(f->fd);
	f->fd = -1;
}

static void begin(struct file_source *f)
{
	const struct record_header *h = record_reader_header(f->reader);

	if (f->conf.duration_ns && !f->end_ns)
		f->end_ns = h->start_ns + f->conf.duration_ns;
	if (f->conf.begin)
		f->conf.begin(f->conf.ctx, path_of(f), h);
}

/* Feeds up to the next mark.  1: *horizon_ns; 0: the input is over; -errno. */
static int feed_some(struct file_source *f, uint64_t *horizon_ns)
{
	struct record_item item;
	int ret;

	while ((ret = record_read(f->reader, &item)) > 0) {
		switch (item.kind) {
		case RECORD_ITEM_EVENT:
			f->source.feed(f->source.ctx, item.bytes, item.len);
			break;
		case RECORD_ITEM_MARK:
			*horizon_ns = item.horizon_ns;
			return 1;
		case RECORD_ITEM_BEGIN:
			begin(f);
			break;
		}
	}
	return ret;
}

static int file_read(struct source *s, uint64_t *horizon_ns)
{
	struct file_source *f = (struct file_source *)s;
	int ret;

	*horizon_ns = 0;
	f->waits = false;
	if (f->fd < 0) {
		if (f->next == f->conf.path_cnt)
			return 0;
		open_next(f);
		return 1;
	}
	ret = feed_some(f, horizon_ns);
	f->waits = ret == -EAGAIN;
	if (ret > 0 && f->end_ns && *horizon_ns >= f->end_ns) {
		f->over = true;
		return 0;
	}
	if (ret > 0 || f->waits)
		return 1;
	if (ret < 0)
		complain(f, RECORD_DAMAGED, strerror(-ret));
	close_current(f);
	return 1;
}

static int file_pause_ms(const struct source *s)
{
	return ((const struct file_source *)s)->waits ? PIPE_PAUSE_MS : 0;
}

/* What a live source would still have had under way: all up to the next mark. */
static int file_drain(struct source *s)
{
	struct file_source *f = (struct file_source *)s;
	uint64_t horizon_ns;

	if (f->fd < 0 || f->over)
		return 0;
	if (!feed_some(f, &horizon_ns))
		close_current(f);
	return 0;
}

static void file_close(struct source *s)
{
	struct file_source *f = (struct file_source *)s;

	if (f->fd >= 0)
		close(f->fd);
	record_reader_free(f->reader);
	free(f);
}

static const struct source_ops file_ops = {
	.read = file_read,
	.pause_ms = file_pause_ms,
	.drain = file_drain,
	.close = file_close,
};

/* 0 unless all are plain files. */
static uint64_t total_size(const struct source_file_conf *conf)
{
	uint64_t total = 0;
	struct stat st;

	for (size_t i = 0; i < conf->path_cnt; i++) {
		if (stat(conf->paths[i], &st) || !S_ISREG(st.st_mode))
			return 0;
		total += st.st_size;
	}
	return total;
}

int source_file_open(const struct source_file_conf *conf, source_feed_fn feed, void *feed_ctx,
		     struct source **out)
{
	struct file_source *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->source = (struct source){&file_ops, feed, feed_ctx};
	f->conf = *conf;
	f->fd = -1;
	f->total = total_size(conf);
	f->reader = record_reader_new();
	if (!f->reader) {
		free(f);
		return -ENOMEM;
	}
	*out = &f->source;
	return 0;
}

enum record_health source_file_health(const struct source *s)
{
	return ((const struct file_source *)s)->health;
}

void source_file_progress(const struct source *s, uint64_t *done, uint64_t *total)
{
	const struct file_source *f = (const struct file_source *)s;

	*done = f->done_before + (f->fd >= 0 ? record_reader_position(f->reader) : 0);
	*total = f->total;
}
