// SPDX-License-Identifier: GPL-2.0-only
/* Owns signals, the deadline and the started command. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stop.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void stop_signals(sigset_t *set)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(set, signals[i]);
}

void stop_restart(struct stop *s, double seconds)
{
	s->deadline_ns = seconds > 0 ? now_ns() + (uint64_t)(seconds * 1e9) : 0;
}

int stop_init(struct stop *s, double seconds)
{
	sigset_t set;

	memset(s, 0, sizeof(*s));
	stop_signals(&set);
	/* A reader that goes away is an error of write(), not a death. */
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return -errno;
	stop_restart(s, seconds);
	return 0;
}

void stop_close(struct stop *s)
{
	close(s->signals);
}

static void take_signals(struct stop *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD) {
			/* Ctrl-C reaches the command by itself; a kill of sockline alone does not. */
			if (s->child && info.ssi_signo != SIGINT)
				kill(s->child, info.ssi_signo);
			s->stopped = !s->child;
		} else if (s->child && waitpid(s->child, &s->child_status, WNOHANG) == s->child) {
			s->stopped = true;
		}
	}
}

bool stop_wait(struct stop *s, int ms)
{
	struct pollfd pfd = {.fd = s->signals, .events = POLLIN};

	if (s->deadline_ns) {
		uint64_t now = now_ns();

		if (now >= s->deadline_ns)
			return true;
		if ((uint64_t)ms * 1000000 > s->deadline_ns - now)
			ms = (s->deadline_ns - now) / 1000000 + 1;
	}
	if (!s->stopped && poll(&pfd, 1, ms) > 0)
		take_signals(s);
	return s->stopped || (s->deadline_ns && now_ns() >= s->deadline_ns);
}

static void become(char **argv, int hold_fd)
{
	sigset_t none;
	char go;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (read(hold_fd, &go, 1) != 1)
		_exit(127);
	execvp(argv[0], argv);
	error = errno;
	if (write(hold_fd, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

pid_t stop_start_child(struct stop *s, char **argv, int *hold_fd)
{
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	pid = fork();
	if (pid < 0) {
		pid = -errno;
		close(fds[0]);
		close(fds[1]);
		return pid;
	}
	if (!pid) {
		close(fds[0]);
		become(argv, fds[1]);
	}
	close(fds[1]);
	*hold_fd = fds[0];
	s->child = pid;
	return pid;
}

int stop_release(int hold_fd)
{
	int error = 0;

	if (write(hold_fd, "", 1) != 1)
		error = errno;
	/* exec closes the other end: then there is nothing to read. */
	else if (read(hold_fd, &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(hold_fd);
	return -error;
}

int stop_child_exit(const struct stop *s)
{
	if (WIFSIGNALED(s->child_status))
		return 128 + WTERMSIG(s->child_status);
	return WEXITSTATUS(s->child_status);
}
