// SPDX-License-Identifier: GPL-2.0-only
/* Owns the names of pods, as /var/log/pods has them. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "pod.h"

#define PODS_MAX 4096

struct row {
	char uid[40];
	struct pod_name name;
};

struct pod_names {
	char logs[256];
	struct row *rows; /* by uid */
	size_t cnt;
	size_t room;
	struct timespec changed; /* of the directory, as it was read */
	bool settled;		 /* what comes later has another time */
	bool v1;		 /* there are hierarchies of cgroup v1 */
};

static int by_uid(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->uid, ((const struct row *)b)->uid);
}

/* cgroup2 is hierarchy 0, and the last line. */
static bool has_v1(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	bool yes = f && getc(f) != '0';

	if (f)
		fclose(f);
	return yes;
}

static void take_better(struct pod_id *id, const char *cgroup)
{
	struct pod_id other;

	if (pod_path_parse(cgroup, &other) && (*other.container || !*id->uid))
		*id = other;
}

/* "12:pids:/kubepods/...", a line per hierarchy; not all need to be of the container. */
static void ask_process(uint32_t pid, struct pod_id *id)
{
	char path[32], *line = NULL, *colon;
	size_t size = 0;
	ssize_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	f = fopen(path, "re");
	while (f && !*id->container && (len = getline(&line, &size, f)) > 0) {
		line[len - 1] = 0;
		colon = strchr(line, ':');
		colon = colon ? strchr(colon + 1, ':') : NULL;
		if (colon)
			take_better(id, colon + 1);
	}
	free(line);
	if (f)
		fclose(f);
}

struct pod_names *pod_names_new(const char *logs)
{
	struct pod_names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	snprintf(n->logs, sizeof(n->logs), "%s", logs ? logs : "/var/log/pods");
	n->v1 = has_v1();
	return n;
}

void pod_names_free(struct pod_names *names)
{
	if (!names)
		return;
	free(names->rows);
	free(names);
}

static bool add(struct pod_names *n, const struct row *row)
{
	if (n->cnt == n->room) {
		size_t room = n->room ? n->room * 2 : 64;
		struct row *rows = realloc(n->rows, room * sizeof(*rows));

		if (!rows)
			return false;
		n->rows = rows;
		n->room = room;
	}
	n->rows[n->cnt++] = *row;
	return n->cnt < PODS_MAX;
}

static void scan(struct pod_names *n)
{
	DIR *dir = opendir(n->logs);
	struct dirent *d;
	struct row row;

	n->cnt = 0;
	while (dir && (d = readdir(dir)))
		if (pod_path_log(d->d_name, row.uid, &row.name) && !add(n, &row))
			break;
	if (dir)
		closedir(dir);
	if (n->cnt)
		qsort(n->rows, n->cnt, sizeof(*n->rows), by_uid);
}

/* A file system's clock ticks coarsely: what follows within the tick leaves the same time. */
static void scan_if_changed(struct pod_names *n)
{
	struct timespec now;
	struct stat st;

	if (stat(n->logs, &st))
		st.st_mtim = (struct timespec){0};
	if (n->settled && st.st_mtim.tv_sec == n->changed.tv_sec &&
	    st.st_mtim.tv_nsec == n->changed.tv_nsec)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	n->changed = st.st_mtim;
	n->settled = now.tv_sec - st.st_mtim.tv_sec > 1;
	scan(n);
}

static const struct row *find(const struct pod_names *n, const char *uid)
{
	struct row key = {0};

	if (!n->cnt)
		return NULL;
	snprintf(key.uid, sizeof(key.uid), "%s", uid);
	return bsearch(&key, n->rows, n->cnt, sizeof(*n->rows), by_uid);
}

static void find_name(struct pod_names *n, const char *uid, struct pod_name *name)
{
	const struct row *row = find(n, uid);

	if (!row) {
		scan_if_changed(n);
		row = find(n, uid);
	}
	if (row)
		*name = row->name;
}

bool pod_find(struct pod_names *names, const char *cgroup, uint32_t pid, struct pod *out)
{
	struct pod_id *id = &out->id;

	memset(out, 0, sizeof(*out));
	if (cgroup)
		pod_path_parse(cgroup, id);
	if (pid && !*id->container && (!cgroup || *id->uid || names->v1))
		ask_process(pid, id);
	if (*id->uid)
		find_name(names, id->uid, &out->name);
	return *id->uid || *id->container;
}
