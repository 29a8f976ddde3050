/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels, each with where it was seen. */
#ifndef SOCKLINE_COMPAT_BPF_H
#define SOCKLINE_COMPAT_BPF_H

/* From 6.2 on the verifier takes a program's word for what a pointer points to: a plain load, which
 * reads 0 where a checked read fails, instead of a call that costs twenty times as much. */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;

#ifndef HAS_CAST
#define HAS_CAST 0
#endif

#define CAST(ptr)                                                                                  \
	((__typeof__(ptr))bpf_rdonly_cast(ptr, bpf_core_type_id_kernel(__typeof__(*(ptr)))))

/* One field, of a pointer that the verifier does not vouch for. */
#define READ(from, field)                                                                          \
	({                                                                                         \
		__auto_type from_ = (from);                                                        \
		HAS_CAST ? CAST(from_)->field : BPF_CORE_READ(from_, field);                       \
	})

/* struct inet_sock keeps these two as bit fields on 5.10 and 6.1, as bits of inet_flags on 6.12
 * and later. */
static __always_inline bool compat_inet_flag(struct sock *sk, u64 bit)
{
	return BPF_CORE_READ((struct inet_sock *)sk, inet_flags) >> bit & 1;
}

static __always_inline bool compat_freebind(struct sock *sk)
{
	struct inet_sock___bits *old = (struct inet_sock___bits *)sk;

	if (bpf_core_field_exists(old->freebind))
		return BPF_CORE_READ_BITFIELD_PROBED(old, freebind);
	return compat_inet_flag(sk, INET_FLAGS_FREEBIND);
}

static __always_inline bool compat_transparent(struct sock *sk)
{
	struct inet_sock___bits *old = (struct inet_sock___bits *)sk;

	if (bpf_core_field_exists(old->transparent))
		return BPF_CORE_READ_BITFIELD_PROBED(old, transparent);
	return compat_inet_flag(sk, INET_FLAGS_TRANSPARENT);
}

/* An int on 5.12, which is read by address: its low byte is the same. */
static __always_inline u8 compat_syncookies(struct net *net)
{
	if (bpf_core_field_size(net->ipv4.sysctl_tcp_syncookies) == 1)
		return net->ipv4.sysctl_tcp_syncookies;
	return BPF_CORE_READ(net, ipv4.sysctl_tcp_syncookies);
}

/* A kernel without CONFIG_MPTCP has no such field. */
static __always_inline bool compat_is_mptcp(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	return bpf_core_field_exists(tp->is_mptcp) && BPF_CORE_READ(tp, is_mptcp);
}

#endif
