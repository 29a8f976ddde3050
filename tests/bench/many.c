// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host with many sockets: `many PROCESSES LISTENERS ESTABLISHED` starts so many processes in a
 * network namespace of its own, which together hold so many listeners and established sockets,
 * prints "ready" and its pid, and lives until its stdin ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT_FIRST 2000
/* Connections to one listener: few enough for the range of ephemeral ports. */
#define PER_LISTENER 1000

static void die(const char *what)
{
	fprintf(stderr, "many: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in place(int process, int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(0x7f000001 + ((uint32_t)process << 8)),
	};
}

static int listen_at(int process, int index)
{
	struct sockaddr_in addr = place(process, PORT_FIRST + index);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 16))
		die("listen");
	return fd;
}

/* Both ends stay here: two established sockets. */
static void connect_one(int process, int index, int listener)
{
	struct sockaddr_in addr = place(process, PORT_FIRST + index);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect");
	if (accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0)
		die("accept");
}

static void hold(int process, int listeners, int established)
{
	int *fds = calloc(listeners, sizeof(*fds));

	if (!fds)
		die("calloc");
	for (int i = 0; i < listeners; i++)
		fds[i] = listen_at(process, i);
	for (int i = 0; i < established / 2; i++)
		connect_one(process, i / PER_LISTENER % listeners,
			    fds[i / PER_LISTENER % listeners]);
}

static void lo_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		die("lo up");
	close(fd);
}

static void start(int process, int ready, int listeners, int established)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hold(process, listeners, established);
	if (write(ready, "r", 1) != 1)
		die("write");
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int processes = argc > 1 ? atoi(argv[1]) : 10;
	int listeners = argc > 2 ? atoi(argv[2]) : 10000;
	int established = argc > 3 ? atoi(argv[3]) : 100000;
	struct rlimit files;
	int ready[2];
	char byte;

	if (processes < 1 || listeners < processes)
		return 2;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (unshare(CLONE_NEWNET) || pipe(ready))
		die("unshare");
	lo_up();
	for (int i = 0; i < processes; i++)
		start(i, ready[1], listeners / processes, established / processes);
	close(ready[1]);
	for (int i = 0; i < processes; i++)
		if (read(ready[0], &byte, 1) != 1)
			die("a process ended");
	printf("ready %d\n", getpid());
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
