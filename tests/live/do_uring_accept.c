// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accepts COUNT connections of the listener FD by io_uring, and says "accepted FD" (or the slot) for
 * each; ends with its standard input.
 *
 *   do_uring_accept single|multishot|sqpoll|async|direct|slot|multishot-direct FD COUNT
 */
#include <liburing.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS 8

static const struct how {
	const char *name;
	unsigned int ring_flags;
	unsigned int sqe_flags;
	bool multishot;
	unsigned int slot; /* sqe->file_index; 0: a file descriptor */
} hows[] = {
	{"single", 0, 0, false, 0},
	{"multishot", 0, 0, true, 0},
	{"sqpoll", IORING_SETUP_SQPOLL, 0, false, 0},
	{"async", 0, IOSQE_ASYNC, false, 0},
	{"direct", 0, 0, false, IORING_FILE_INDEX_ALLOC},
	{"slot", 0, 0, false, 3},
	{"multishot-direct", 0, 0, true, IORING_FILE_INDEX_ALLOC},
};

static void __attribute__((noreturn)) die(const char *what, int error)
{
	fprintf(stderr, "do_uring_accept: %s: %s\n", what, strerror(error));
	exit(1);
}

static const struct how *find(const char *name)
{
	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++)
		if (!strcmp(hows[i].name, name))
			return &hows[i];
	die(name, EINVAL);
}

static void ask(struct io_uring *ring, const struct how *how, int listener, int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	int ret;

	if (how->multishot)
		io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, 0);
	else
		io_uring_prep_accept(sqe, listener, NULL, NULL, 0);
	sqe->file_index = how->slot;
	if (how->slot && how->slot != IORING_FILE_INDEX_ALLOC)
		sqe->file_index += i;
	io_uring_sqe_set_flags(sqe, how->sqe_flags);
	ret = io_uring_submit(ring);
	if (ret < 0)
		die("submit", -ret);
}

int main(int argc, char **argv)
{
	const struct how *how;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int ret, count;
	char end;

	if (argc != 4)
		return 2;
	how = find(argv[1]);
	count = atoi(argv[3]);
	ret = io_uring_queue_init(SLOTS, &ring, how->ring_flags);
	if (ret)
		die("io_uring_queue_init", -ret);
	if (how->slot && (ret = io_uring_register_files_sparse(&ring, SLOTS)))
		die("io_uring_register_files_sparse", -ret);
	for (int i = 0; i < count; i++) {
		if (!i || !how->multishot)
			ask(&ring, how, atoi(argv[2]), i);
		ret = io_uring_wait_cqe(&ring, &cqe);
		if (ret || cqe->res < 0)
			die("accept", ret ? -ret : -cqe->res);
		printf("accepted %d\n", cqe->res);
		fflush(stdout);
		io_uring_cqe_seen(&ring, cqe);
	}
	if (read(STDIN_FILENO, &end, 1) < 0)
		return 1;
	return 0;
}
