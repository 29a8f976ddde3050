// SPDX-License-Identifier: GPL-2.0-only
/* Reads cgroup paths and log directories of pods.  Knows no file system. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "pod_path.h"

#define UUID_LEN      36
#define HASH_LEN      32 /* a static pod's UID: md5 of its manifest */
#define CONTAINER_LEN 64

#define HEX	     "0123456789abcdef"
#define DNS_LABEL    "abcdefghijklmnopqrstuvwxyz0123456789-"
#define DNS_SUBDOMAIN DNS_LABEL "."

struct span {
	const char *at;
	size_t len;
};

static struct span behind(struct span s, size_t n)
{
	return (struct span){s.at + n, s.len - n};
}

static bool made_of(struct span s, const char *chars)
{
	for (size_t i = 0; i < s.len; i++)
		if (!s.at[i] || !strchr(chars, s.at[i]))
			return false;
	return s.len > 0;
}

static bool cut_suffix(struct span *s, const char *suffix)
{
	size_t len = strlen(suffix);

	if (s->len < len || memcmp(s->at + s->len - len, suffix, len))
		return false;
	s->len -= len;
	return true;
}

static void copy(char *to, struct span s)
{
	memcpy(to, s.at, s.len);
	to[s.len] = 0;
}

/* The systemd driver writes the dashes of a UUID as underscores: a dash nests slices. */
static bool take_uid(struct span s, char *uid)
{
	if (s.len == UUID_LEN) {
		for (size_t i = 0; i < s.len; i++) {
			bool dash = i == 8 || i == 13 || i == 18 || i == 23;

			if (dash ? s.at[i] != '-' && s.at[i] != '_' : !strchr(HEX, s.at[i]))
				return false;
		}
	} else if (s.len != HASH_LEN || !made_of(s, HEX)) {
		return false;
	}
	copy(uid, s);
	for (char *c = uid; *c; c++)
		if (*c == '_')
			*c = '-';
	return true;
}

/* "podUID", or "kubepods-burstable-podUID" with ".slice" behind it. */
static bool take_pod(struct span s, char *uid)
{
	static const size_t lens[] = {UUID_LEN, HASH_LEN};

	cut_suffix(&s, ".slice");
	for (int i = 0; i < 2; i++) {
		size_t before = s.len - lens[i];

		if (s.len < lens[i] + 3 || memcmp(s.at + before - 3, "pod", 3))
			continue;
		if (before > 3 && s.at[before - 4] != '-')
			continue;
		if (take_uid(behind(s, before), uid))
			return true;
	}
	return false;
}

/* "ID", or "RUNTIME-ID.scope"; a container's monitor is beside it, not in it. */
static bool take_container(struct span s, char *container)
{
	struct span id;

	cut_suffix(&s, ".scope");
	if (s.len < CONTAINER_LEN)
		return false;
	id = behind(s, s.len - CONTAINER_LEN);
	if (!made_of(id, HEX))
		return false;
	s.len -= CONTAINER_LEN;
	if (s.len && s.at[s.len - 1] != '-' && s.at[s.len - 1] != ':')
		return false;
	if (cut_suffix(&s, "conmon-"))
		return false;
	copy(container, id);
	return true;
}

/* One directory.  containerd without its systemd driver, under a kubelet with it, makes one of both:
 * "kubepods-burstable-podUID.slice:cri-containerd:ID". */
static void take_part(struct span s, struct pod_id *id)
{
	const char *colon = memchr(s.at, ':', s.len);
	struct span pod = {s.at, colon ? (size_t)(colon - s.at) : s.len};

	if (!*id->uid && take_pod(pod, id->uid)) {
		*id->container = 0; /* what it was in is the node itself */
		if (!colon)
			return;
	}
	if (!*id->container)
		take_container(s, id->container);
}

bool pod_path_parse(const char *cgroup, struct pod_id *id)
{
	memset(id, 0, sizeof(*id));
	while (*cgroup) {
		struct span part = {cgroup, strcspn(cgroup, "/")};

		if (part.len)
			take_part(part, id);
		cgroup += part.len + (cgroup[part.len] == '/');
	}
	return *id->uid || *id->container;
}

/* Neither a namespace's nor a pod's name can have an underscore. */
bool pod_path_log(const char *entry, char uid[40], struct pod_name *name)
{
	const char *first = strchr(entry, '_'), *last = strrchr(entry, '_');
	struct span namespace, pod;

	if (!first || first == last)
		return false;
	namespace = (struct span){entry, first - entry};
	pod = (struct span){first + 1, last - first - 1};
	if (namespace.len >= sizeof(name->namespace) || !made_of(namespace, DNS_LABEL) ||
	    pod.len >= sizeof(name->name) || !made_of(pod, DNS_SUBDOMAIN))
		return false;
	if (!take_uid((struct span){last + 1, strlen(last + 1)}, uid))
		return false;
	copy(name->namespace, namespace);
	copy(name->name, pod);
	return true;
}
