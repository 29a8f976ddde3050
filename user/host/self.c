// SPDX-License-Identifier: GPL-2.0-only
/* Owns the questions to /proc/self. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "self.h"

#define SECOND 1000000000ULL

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static uint64_t memory(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long resident = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%*u %llu", &resident) != 1)
		resident = 0;
	fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

static uint64_t fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	uint64_t cnt = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		cnt += *entry->d_name != '.';
	closedir(dir);
	return cnt - 1; /* that of the directory */
}

void self_read(struct self *s)
{
	s->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	s->memory = memory();
	s->fds = fds();
}

/* proc(5): field 22 of stat, in clock ticks since boot.  The name before it may hold anything, but
 * ends at the last parenthesis. */
uint64_t self_start_ns(void)
{
	unsigned long long ticks = 0;
	FILE *f = fopen("/proc/self/stat", "re");
	char line[1024] = "", *end;

	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f))
		*line = 0;
	fclose(f);
	end = strrchr(line, ')');
	if (!end || sscanf(end + 1,
			   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
			   "%*d %*d %*d %*d %llu",
			   &ticks) != 1)
		return 0;
	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) +
	       ticks * (SECOND / sysconf(_SC_CLK_TCK));
}
