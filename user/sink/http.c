// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the thread, the connections and their bounds.  libmicrohttpd is run in its external epoll
 * mode and given each connection: so that the one to give way can be chosen here.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http_int.h"

#define CLIENTS	     256 /* and no more than a quarter of RLIMIT_NOFILE */
#define CLIENTS_LOW  8
#define SPARE	     128 /* shut down, but not yet closed by libmicrohttpd */
#define AT_ONCE	     64	 /* connections taken between two looks at the others */
#define CLIENT_BYTES (16 << 10) /* a request's line and headers, and what else it needs */
#define HELD_MAX     (64 << 20) /* replies under way, in bytes */
#define PAUSE_MS     100

static const unsigned patience_ms[] = {
	[HTTP_NEW] = 10000,
	[HTTP_REPLYING] = 30000,
	[HTTP_IDLE] = 150000, /* longer than scrapes are apart */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static struct http_client *oldest(struct http *h)
{
	return TAILQ_FIRST(&h->clients);
}

static struct http_client *newer(struct http_client *c)
{
	return TAILQ_NEXT(c, link);
}

void http_client_is(struct http *h, struct http_client *c, enum http_at at)
{
	c->at = at;
	c->since_ms = now_ms();
	TAILQ_REMOVE(&h->clients, c, link);
	TAILQ_INSERT_TAIL(&h->clients, c, link);
}

/* libmicrohttpd sees the end of the stream, and closes. */
static void give_up(struct http *h, struct http_client *c)
{
	c->gone = true;
	h->held -= c->held;
	c->held = 0;
	shutdown(c->fd, SHUT_RDWR);
}

/*
 * Gives up one if there are more than `most`: the one that has waited longest; of those whose reply
 * is under way only when they are more than half, so that a crowd at the door does not cut off who is
 * being served, nor a crowd that does not read keep others out.
 */
static void make_room(struct http *h, unsigned most)
{
	unsigned cnt = 0, replying = 0;

	for (struct http_client *c = oldest(h); c; c = newer(c)) {
		cnt += !c->gone;
		replying += !c->gone && c->at == HTTP_REPLYING;
	}
	for (struct http_client *c = oldest(h); c && cnt > most; c = newer(c)) {
		if (c->gone || (c->at == HTTP_REPLYING) != (replying > cnt / 2))
			continue;
		give_up(h, c);
		return;
	}
}

void http_hold(struct http *h, struct http_client *c, size_t bytes)
{
	for (struct http_client *o = oldest(h); o && h->held + bytes > HELD_MAX; o = newer(o))
		if (o->held)
			give_up(h, o);
	if (c->gone)
		return;
	c->held = bytes;
	h->held += bytes;
}

/* Gives up who has kept us waiting; the milliseconds until the next look, or -1. */
static int64_t sweep(struct http *h)
{
	uint64_t now = now_ms();
	int64_t soonest = -1;

	for (struct http_client *c = oldest(h); c; c = newer(c)) {
		int64_t left = (int64_t)(c->since_ms + patience_ms[c->at] - now);

		if (c->gone)
			continue;
		if (left <= 0)
			give_up(h, c);
		else if (soonest < 0 || left < soonest)
			soonest = left;
	}
	return soonest;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http *h = cls;
	struct http_client *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (!c)
			return;
		TAILQ_REMOVE(&h->clients, c, link);
		h->client_cnt--;
		web_config_connection_over(c->rules);
		free(c);
		return;
	}
	c = calloc(1, sizeof(*c));
	*context = c;
	if (!c)
		return;
	c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	TAILQ_INSERT_TAIL(&h->clients, c, link);
	h->client_cnt++;
	http_client_is(h, c, HTTP_NEW);
	c->rules = web_config_connection(h->web, connection);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **request,
			 enum MHD_RequestTerminationCode why)
{
	struct http *h = cls;
	struct http_client *c =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			->socket_context;

	if (!c)
		return;
	web_config_forget(c->check);
	c->check = NULL;
	h->held -= c->held;
	c->held = 0;
	if (why == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		http_client_is(h, c, HTTP_IDLE);
}

static void take_connections(struct http *h)
{
	for (int i = 0; i < AT_ONCE && h->client_cnt < h->client_max + SPARE; i++) {
		struct sockaddr_storage addr;
		socklen_t len = sizeof(addr);
		int fd = accept4(h->listener, (struct sockaddr *)&addr, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EAGAIN)
				return;
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			    errno == ENOBUFS) {
				make_room(h, 0);
				h->pause_until_ms = now_ms() + PAUSE_MS;
				return;
			}
			continue;
		}
		MHD_add_connection(h->daemon, fd, (struct sockaddr *)&addr, len);
		make_room(h, h->client_max);
	}
}

/* The milliseconds that poll() may wait. */
static int wait_ms(struct http *h, bool paused)
{
	MHD_UNSIGNED_LONG_LONG pending;
	int64_t wait = sweep(h);

	if (paused && (wait < 0 || wait > PAUSE_MS))
		wait = PAUSE_MS;
	if (MHD_get_timeout(h->daemon, &pending) == MHD_YES &&
	    (wait < 0 || (uint64_t)wait > pending))
		wait = (int64_t)pending;
	return (int)wait;
}

static void *serve(void *ctx)
{
	struct http *h = ctx;

	while (!h->stop) {
		bool paused = now_ms() < h->pause_until_ms;
		bool full = h->client_cnt >= h->client_max + SPARE;
		struct pollfd fds[] = {
			{.fd = h->wake, .events = POLLIN},
			{.fd = h->epoll, .events = POLLIN},
			{.fd = paused || full ? -1 : h->listener, .events = POLLIN},
		};
		eventfd_t woken;

		poll(fds, 3, wait_ms(h, paused));
		if (fds[0].revents && !eventfd_read(h->wake, &woken))
			web_config_resume(h->web);
		if (fds[2].revents)
			take_connections(h);
		MHD_run(h->daemon);
	}
	return NULL;
}

/* No signal is this thread's: neither the command's nor a SIGPIPE. */
static int start_thread(struct http *h)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&h->thread, NULL, serve, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

static unsigned room_for_clients(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur / 4 >= CLIENTS)
		return CLIENTS;
	return files.rlim_cur / 4 > CLIENTS_LOW ? files.rlim_cur / 4 : CLIENTS_LOW;
}

static int start_daemon(struct http *h)
{
	unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | web_config_flags(h->web);
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_CONNECTION_LIMIT, h->client_max + SPARE, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, CLIENT_BYTES, NULL},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, h},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, h},
		{MHD_OPTION_ARRAY, 0, (void *)web_config_options(h->web)},
		{MHD_OPTION_END, 0, NULL},
	};

	h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, http_request, h, MHD_OPTION_ARRAY,
				     options, MHD_OPTION_END);
	if (!h->daemon)
		return errno ? -errno : -ENOMEM;
	h->epoll = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	return 0;
}

static void release(struct http *h)
{
	web_config_stop(h->web);
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	web_config_close(h->web);
	if (h->wake >= 0)
		close(h->wake);
	if (h->listener >= 0)
		close(h->listener);
	free(h);
}

int http_open(const struct http_conf *conf, struct http **out, char why[HTTP_WHY])
{
	struct http *h = calloc(1, sizeof(*h));
	int ret;

	if (!h) {
		snprintf(why, HTTP_WHY, "--listen: out of memory");
		return -ENOMEM;
	}
	h->conf = *conf;
	h->client_max = room_for_clients();
	TAILQ_INIT(&h->clients);
	h->listener = -1;
	h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = web_config_open(conf->web_config, h->wake, &h->web, why);
	if (!ret) {
		h->listener = http_listen(conf->listen, why);
		ret = h->listener < 0 ? h->listener : 0;
	}
	if (ret) {
		release(h);
		return ret;
	}
	ret = h->wake < 0 ? -errno : start_daemon(h);
	if (!ret)
		ret = start_thread(h);
	if (ret) {
		snprintf(why, HTTP_WHY, "--listen %s: %s", conf->listen, strerror(-ret));
		release(h);
		return ret;
	}
	*out = h;
	return 0;
}

uint16_t http_port(const struct http *h)
{
	struct sockaddr_in6 addr = {0};
	socklen_t len = sizeof(addr);

	/* The port is at the same place in both families. */
	if (getsockname(h->listener, (struct sockaddr *)&addr, &len))
		return 0;
	return ntohs(addr.sin6_port);
}

void http_close(struct http *h)
{
	if (!h)
		return;
	h->stop = true;
	eventfd_write(h->wake, 1);
	pthread_join(h->thread, NULL);
	release(h);
}
