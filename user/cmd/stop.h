/* SPDX-License-Identifier: GPL-2.0-only */
/* When to stop: a signal, a deadline, or the end of a command that was started.  Signals are taken
 * from a file descriptor, so there is no handler and no global. */
#ifndef SOCKLINE_STOP_H
#define SOCKLINE_STOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stop {
	int signals; /* signalfd of SIGINT, SIGTERM, SIGHUP, SIGCHLD */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC, 0: none */
	pid_t child;	      /* 0: none */
	int child_status;     /* of wait(), once it has ended */
	bool stopped;
};

/* Blocks these signals for the process, and opens the descriptor.  0 or -errno. */
int stop_init(struct stop *s, double seconds);
void stop_close(struct stop *s);

/* Restarts the clock of the deadline: what came before was preparation. */
void stop_restart(struct stop *s, double seconds);

/* Waits so long, or less.  True when it is time to stop. */
bool stop_wait(struct stop *s, int ms);

/*
 * Starts argv, held back until stop_release().  Its signals are as they were before stop_init().
 * Returns its pid or -errno (of fork).
 */
pid_t stop_start_child(struct stop *s, char **argv, int *hold_fd);
/* Lets it go on: it becomes argv.  -errno of exec, or 0. */
int stop_release(int hold_fd);
/* Its exit status as a shell says it: 128 + signal if one killed it. */
int stop_child_exit(const struct stop *s);

#endif
