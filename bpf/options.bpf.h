/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of a socket, as bind rules read them. */
#ifndef SOCKLINE_OPTIONS_BPF_H
#define SOCKLINE_OPTIONS_BPF_H

/* include/net/inet_sock.h, enum of inet_flags; bit fields of another layout before 6.12, which
 * compat.bpf.h knows. */
static __always_inline u32 sock_options(struct sock *sk)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	u8 locks = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks);
	u32 options = 0;

	if (BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuse))
		options |= SO_F_REUSEADDR;
	if (BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuseport))
		options |= SO_F_REUSEPORT;
	if (BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only))
		options |= SO_F_V6ONLY;
	if (compat_freebind(sk))
		options |= SO_F_FREEBIND;
	if (compat_transparent(sk))
		options |= SO_F_TRANSPARENT;
	if (locks & 4) /* SOCK_BINDADDR_LOCK, include/net/sock.h */
		options |= SO_F_ADDRLOCK;
	if (locks & 8) /* SOCK_BINDPORT_LOCK */
		options |= SO_F_PORTLOCK;
	if (BPF_CORE_READ(icsk, icsk_accept_queue.rskq_defer_accept))
		options |= SO_F_DEFER;
	if (BPF_CORE_READ(icsk, icsk_accept_queue.fastopenq.max_qlen))
		options |= SO_F_FASTOPEN;
	if (compat_is_mptcp(sk))
		options |= SO_F_MPTCP;
	return options;
}

#endif
