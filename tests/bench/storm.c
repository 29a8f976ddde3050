// SPDX-License-Identifier: GPL-2.0-only
/*
 * An accept storm: CLIENTS threads connect and close, one server accepts and closes, over loopback.
 *
 *   storm PORT SECONDS [CLIENTS]
 *
 * Prints one JSON object: connections made, accepted, and per second.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 64

static atomic_bool over;
static atomic_ulong made, failed, accepted;
static struct sockaddr_in where;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void *client(void *arg)
{
	/* A reset instead of FIN leaves no TIME_WAIT behind, so that ports do not run out. */
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	while (!atomic_load(&over)) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		char byte;

		if (connect(fd, (struct sockaddr *)&where, sizeof(where))) {
			atomic_fetch_add(&failed, 1);
		} else {
			/* The server closes once it has accepted: every connection has a whole life. */
			if (read(fd, &byte, 1) < 0 && errno != ECONNRESET)
				atomic_fetch_add(&failed, 1);
			atomic_fetch_add(&made, 1);
		}
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(fd);
	}
	return NULL;
}

static void *server(void *arg)
{
	int listener = *(int *)arg;

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			break;
		atomic_fetch_add(&accepted, 1);
		close(fd);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int clients = argc > 3 ? atoi(argv[3]) : 2, listener, one = 1;
	pthread_t threads[CLIENTS_MAX], accepter;
	double start, seconds;

	if (argc < 3 || clients < 1 || clients > CLIENTS_MAX) {
		fprintf(stderr, "usage: storm PORT SECONDS [CLIENTS]\n");
		return 2;
	}
	where = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
	inet_pton(AF_INET, "127.0.0.1", &where.sin_addr);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&where, sizeof(where)) || listen(listener, 1024)) {
		perror("storm");
		return 2;
	}
	pthread_create(&accepter, NULL, server, &listener);
	start = now();
	for (int i = 0; i < clients; i++)
		pthread_create(&threads[i], NULL, client, NULL);
	usleep(atof(argv[2]) * 1e6);
	atomic_store(&over, true);
	for (int i = 0; i < clients; i++)
		pthread_join(threads[i], NULL);
	seconds = now() - start;
	shutdown(listener, SHUT_RD);
	pthread_join(accepter, NULL);
	printf("{\"connections\":%lu,\"accepted\":%lu,\"failed\":%lu,\"seconds\":%.3f,\"per_second\":%.0f}\n",
	       made, accepted, failed, seconds, made / seconds);
	return 0;
}
