// SPDX-License-Identifier: GPL-2.0-only
/*
 * do_uring_bind PORT: bind, then listen, both through io_uring, on 127.0.0.1:PORT.
 *
 * Prints the two results as "bind N listen N"; exits with 77 where the kernel has no such requests.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OP_BIND	  56 /* IORING_OP_BIND, IORING_OP_LISTEN: since 6.11, newer than the library */
#define OP_LISTEN 57

static int submit(struct io_uring *ring, int op, int fd, const void *addr, unsigned int len,
		  unsigned long long off)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int res;

	io_uring_prep_rw(op, sqe, fd, addr, len, off);
	io_uring_submit(ring);
	if (io_uring_wait_cqe(ring, &cqe))
		return -EIO;
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), bound, listening;
	struct io_uring ring;

	if (argc != 2 || io_uring_queue_init(8, &ring, 0))
		return 2;
	a.sin_port = htons(atoi(argv[1]));
	/* addr in addr, its length in addr2, which is off */
	bound = submit(&ring, OP_BIND, fd, &a, 0, sizeof(a));
	if (bound == -EINVAL)
		return 77;
	listening = submit(&ring, OP_LISTEN, fd, NULL, 5, 0);
	printf("bind %d listen %d\n", bound, listening);
	return 0;
}
