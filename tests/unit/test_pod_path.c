// SPDX-License-Identifier: GPL-2.0-only
/* pod_path.c: what a cgroup's path and a directory of logs tell of a pod. */
#include <string.h>

#include "build.h"
#include "pod_path.h"

#define UUID  "7a9d1c3e-0b42-4f6e-9d58-c1f2a3b4c5d6"
#define UNDER "7a9d1c3e_0b42_4f6e_9d58_c1f2a3b4c5d6"
#define HASH  "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define ID    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define SLICE "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UNDER ".slice"

static const struct {
	const char *path, *uid, *container;
} cgroups[] = {
	/* The systemd driver, by runtime and by quality of service. */
	{SLICE "/cri-containerd-" ID ".scope", UUID, ID},
	{SLICE "/crio-" ID ".scope", UUID, ID},
	{SLICE "/docker-" ID ".scope", UUID, ID},
	{SLICE "/crio-" ID ".scope/container", UUID, ID},
	{"/kubepods.slice/kubepods-pod" UNDER ".slice/cri-containerd-" ID ".scope", UUID, ID},
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" HASH
	 ".slice/cri-containerd-" ID ".scope", HASH, ID},
	{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UNDER
	 ".slice/cri-containerd-" ID ".scope", UUID, ID},
	/* The cgroupfs driver. */
	{"/kubepods/burstable/pod" UUID "/" ID, UUID, ID},
	{"/kubepods/pod" UUID "/" ID, UUID, ID},
	{"/kubepods/besteffort/pod" HASH "/" ID, HASH, ID},
	{"/kubepods/burstable/pod" UUID "/crio-" ID, UUID, ID},
	{"/kubelet/kubepods/burstable/pod" UUID "/" ID "/system.slice/x.service", UUID, ID},
	/* containerd without the systemd driver below a kubelet that has it. */
	{"/system.slice/containerd.service/kubepods-burstable-pod" UNDER
	 ".slice:cri-containerd:" ID, UUID, ID},
	{"/kubepods-burstable-pod" UNDER ".slice:cri-containerd:" ID, UUID, ID},
	/* Seen from within a cgroup namespace. */
	{"/../../kubepods-burstable-pod" UNDER ".slice/cri-containerd-" ID ".scope", UUID, ID},
	{"/../cri-containerd-" ID ".scope", "", ID},
	{"/../../pod" UUID "/" ID, UUID, ID},
	/* The node is a container itself; a container has containers of its own. */
	{"/system.slice/docker-" OTHER ".scope/kubelet.slice/kubelet-kubepods-pod" UNDER
	 ".slice/cri-containerd-" ID ".scope", UUID, ID},
	{"/docker/" OTHER "/kubelet/kubepods/burstable/pod" UUID "/" ID, UUID, ID},
	{"/kubepods/burstable/pod" UUID "/" ID "/docker/" OTHER, UUID, ID},
	{"/kubepods/pod" UUID "/" ID "/kubepods/pod" HASH "/" OTHER, UUID, ID},
	/* The pod's own, and the monitor beside its containers. */
	{SLICE, UUID, ""}, {"/kubepods/burstable/pod" UUID "/", UUID, ""},
	{SLICE "/crio-conmon-" ID ".scope", UUID, ""},
	{"/docker/" OTHER "/kubepods/pod" UUID, UUID, ""},
	/* Containers of no pod. */
	{"/system.slice/docker-" ID ".scope", "", ID}, {"/docker/" ID, "", ID},
	{"/machine.slice/libpod-" ID ".scope/container", "", ID},
	{"/machine.slice/libpod-conmon-" ID ".scope", "", ""},
	{"/docker/" ID "/docker/" OTHER, "", ID},
	/* Neither. */
	{"", "", ""}, {"/", "", ""}, {"//", "", ""}, {"/..", "", ""},
	{"/system.slice/nginx.service", "", ""},
	{"/user.slice/user-1000.slice/session-2.scope", "", ""},
	{"/kubepods.slice/kubepods-burstable.slice", "", ""},
	/* Almost. */
	{"/kubepods/podcast" UUID, "", ""}, {"/kubepods/xpod" UUID, "", ""},
	{"/kubepods/pod7A9D1C3E-0B42-4F6E-9D58-C1F2A3B4C5D6", "", ""},
	{"/kubepods/pod7a9d1c3e-0b42-4f6e-9d58-c1f2a3b4c5d", "", ""},
	{"/kubepods/pod7a9d1c3e.0b42-4f6e-9d58-c1f2a3b4c5d6", "", ""},
	{"/kubepods/pod", "", ""}, {"/pod.slice", "", ""}, {"/docker/0" ID, "", ""},
	{"/docker/x" ID, "", ""}, {"/docker-" ID ".mount", "", ""},
	{"/kubepods/pod" UUID "\n/" ID, "", ID}, {"/docker/\"" ID, "", ""},
};

Test(pod_path, cgroups)
{
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++) {
		struct pod_id id;
		bool found = pod_path_parse(cgroups[i].path, &id);

		cr_expect_str_eq(id.uid, cgroups[i].uid, "%s: %s", cgroups[i].path, id.uid);
		cr_expect_str_eq(id.container, cgroups[i].container, "%s: %s", cgroups[i].path,
				 id.container);
		cr_expect_eq(found, *cgroups[i].uid || *cgroups[i].container, "%s",
			     cgroups[i].path);
	}
}

#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"

Test(pod_path, logs)
{
	static const struct {
		const char *entry, *namespace, *name, *uid; /* NULL: not a pod's */
	} rows[] = {
		{"shop_cart-6d4b75cb6d-x2x8k_" UUID, "shop", "cart-6d4b75cb6d-x2x8k", UUID},
		{"kube-system_etcd-node1.example.org_" HASH, "kube-system", "etcd-node1.example.org",
		 HASH},
		{LABEL_63 "_x_" UUID, LABEL_63, "x", UUID},
		{LABEL_63 "4_x_" UUID, NULL, NULL, NULL},
		{"", NULL, NULL, NULL}, {"_", NULL, NULL, NULL}, {"__", NULL, NULL, NULL},
		{"shop_cart", NULL, NULL, NULL}, {"shop_cart_", NULL, NULL, NULL},
		{"_cart_" UUID, NULL, NULL, NULL}, {"shop__" UUID, NULL, NULL, NULL},
		{"shop_ca_rt_" UUID, NULL, NULL, NULL}, {"shop_cart_" UUID "0", NULL, NULL, NULL},
		{"Shop_cart_" UUID, NULL, NULL, NULL}, {"shop_ca\"rt_" UUID, NULL, NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char uid[40] = "before";
		struct pod_name name = {"before", "before"};
		bool found = pod_path_log(rows[i].entry, uid, &name);

		cr_expect_eq(found, rows[i].uid != NULL, "%s", rows[i].entry);
		cr_expect_str_eq(uid, found ? rows[i].uid : "before");
		cr_expect_str_eq(name.namespace, found ? rows[i].namespace : "before");
		cr_expect_str_eq(name.name, found ? rows[i].name : "before");
	}
}

Test(pod_path, log_names_that_are_too_long)
{
	char entry[600] = "shop_", uid[40];
	struct pod_name name;

	memset(entry + 5, 'a', 255);
	strcpy(entry + 260, "_" UUID);
	cr_expect(pod_path_log(entry, uid, &name));
	cr_expect_eq(strlen(name.name), 255);
	memset(entry + 5, 'a', 256);
	strcpy(entry + 261, "_" UUID);
	cr_expect_not(pod_path_log(entry, uid, &name));
}
