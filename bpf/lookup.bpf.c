// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel asked: which socket gets a packet with these addresses?
 *
 * Never attached: the reader runs it over a made-up packet, in the namespace and on the device that
 * the question names.  The answer is the socket's identity; the snapshot knows the rest.  Reads no
 * kernel structure, so that it loads at once, without the kernel's types.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "event.h"
#include "snap.h"

struct snap_lookup asked;

static __always_inline bool is_v4(const u8 addr[16])
{
	const u32 *w = (const u32 *)addr;

	return !w[0] && !w[1] && w[2] == bpf_htonl(0xffff);
}

static __always_inline u32 tuple_fill(struct bpf_sock_tuple *t)
{
	const u32 *local = (const u32 *)asked.laddr;
	const u32 *remote = (const u32 *)asked.raddr;

	if (is_v4(asked.laddr)) {
		t->ipv4.saddr = remote[3];
		t->ipv4.daddr = local[3];
		t->ipv4.sport = bpf_htons(asked.rport);
		t->ipv4.dport = bpf_htons(asked.lport);
		return sizeof(t->ipv4);
	}
	for (int i = 0; i < 4; i++) {
		t->ipv6.saddr[i] = remote[i];
		t->ipv6.daddr[i] = local[i];
	}
	t->ipv6.sport = bpf_htons(asked.rport);
	t->ipv6.dport = bpf_htons(asked.lport);
	return sizeof(t->ipv6);
}

static __always_inline u64 identity(struct bpf_sock *sk)
{
	void *known = bpf_skc_to_tcp_sock(sk);

	if (!known)
		known = bpf_skc_to_tcp_timewait_sock(sk);
	if (!known)
		known = bpf_skc_to_tcp_request_sock(sk);
	return (u64)known;
}

SEC("tc")
int lookup(struct __sk_buff *skb)
{
	struct bpf_sock_tuple t = {};
	struct bpf_sock *sk;

	asked.found = 0;
	sk = bpf_skc_lookup_tcp(skb, &t, tuple_fill(&t), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	asked.found = 1;
	asked.id = identity(sk);
	asked.state = sk->state;
	asked.family = sk->family;
	asked.device = sk->bound_dev_if;
	bpf_sk_release(sk);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
