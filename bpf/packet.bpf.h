/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets: who sends a segment to whom, and what it says. */
#ifndef SOCKLINE_PACKET_BPF_H
#define SOCKLINE_PACKET_BPF_H

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define ETH_P_IP   0x0800
#define ETH_P_IPV6 0x86DD

#define V6_HOPOPTS 0
#define V6_ROUTING 43
#define V6_DSTOPTS 60

struct segment {
	struct ev_tuple tuple;
	u32 seq;
	u32 ack;
	u8 flags;
};

static __always_inline bool tuple_equal(const struct ev_tuple *a, const struct ev_tuple *b)
{
	const u64 *x = (const u64 *)a, *y = (const u64 *)b;

	return x[4] == y[4] && x[3] == y[3] && x[1] == y[1] && x[2] == y[2] && x[0] == y[0];
}

/* How the bytes of a packet are fetched: in cgroup_skb by plain loads, the kernel having pulled both
 * headers together by then (tcp_v4_rcv); from kernel memory in a tracepoint.  Both start at the
 * network header. */
#define SEGMENT_PARSE(seg, is_v4, FETCH)                                                           \
	({                                                                                         \
		u32 at_ = 0;                                                                       \
		bool ok_ = false;                                                                  \
		struct tcphdr th_;                                                                 \
		if (is_v4) {                                                                       \
			struct iphdr ih_;                                                          \
			if (!FETCH(0, &ih_) && ih_.protocol == IPPROTO_TCP) {                      \
				addr_v4((seg)->tuple.laddr, ih_.daddr);                            \
				addr_v4((seg)->tuple.raddr, ih_.saddr);                            \
				at_ = (*(u8 *)&ih_ & 15) * 4;                                      \
				ok_ = true;                                                        \
			}                                                                          \
		} else {                                                                           \
			struct ipv6hdr ih_;                                                        \
			if (!FETCH(0, &ih_)) {                                                     \
				u8 next_ = ih_.nexthdr;                                            \
				__builtin_memcpy((seg)->tuple.laddr, ih_.daddr, 16);               \
				__builtin_memcpy((seg)->tuple.raddr, ih_.saddr, 16);               \
				at_ = sizeof(ih_);                                                 \
				for (int i_ = 0; i_ < 3; i_++) {                                   \
					struct {                                                   \
						u8 next, len;                                      \
					} ext_;                                                    \
					if (next_ != V6_HOPOPTS && next_ != V6_ROUTING &&          \
					    next_ != V6_DSTOPTS)                                   \
						break;                                             \
					if (FETCH(at_, &ext_))                                     \
						break;                                             \
					next_ = ext_.next;                                         \
					at_ += (ext_.len + 1) * 8;                                 \
				}                                                                  \
				ok_ = next_ == IPPROTO_TCP;                                        \
			}                                                                          \
		}                                                                                  \
		if (ok_)                                                                           \
			ok_ = !FETCH(at_, &th_);                                                   \
		if (ok_) {                                                                         \
			(seg)->tuple.lport = bpf_ntohs(th_.dest);                                  \
			(seg)->tuple.rport = bpf_ntohs(th_.source);                                \
			(seg)->seq = bpf_ntohl(th_.seq);                                           \
			(seg)->ack = bpf_ntohl(th_.ack_seq);                                       \
			(seg)->flags = th_.flags;                                                  \
		}                                                                                  \
		ok_;                                                                               \
	})

/* The tuple is seen from the receiver: laddr is the destination.  The caller fills netns. */
static __always_inline bool segment_of_ctx(struct segment *seg, struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

#define READ_CTX(off, to)                                                                          \
	({                                                                                         \
		typeof(to) from_ = data + (off);                                                   \
		bool over_ = (void *)(from_ + 1) > end;                                            \
		if (!over_)                                                                        \
			*(to) = *from_;                                                            \
		over_;                                                                             \
	})
	return SEGMENT_PARSE(seg, skb->protocol == bpf_htons(ETH_P_IP), READ_CTX);
#undef READ_CTX
}

static __always_inline bool segment_of_skb(struct segment *seg, struct sk_buff *skb)
{
	__be16 protocol = skb->protocol;
	unsigned char *net = skb->head + skb->network_header;

	if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6))
		return false;
#define READ_MEM(off, to) bpf_probe_read_kernel(to, sizeof(*(to)), net + (off))
	return SEGMENT_PARSE(seg, protocol == bpf_htons(ETH_P_IP), READ_MEM);
#undef READ_MEM
}

/* The SYN-queue entry that this segment is about to meet; 0: none. */
static __always_inline u64 request_met_by(struct __sk_buff *skb, const struct ev_tuple *t)
{
	struct bpf_sock_tuple key = {};
	struct bpf_sock *found;
	u32 size = sizeof(key.ipv4);
	u64 request;

	if (addr_is_v4(t->raddr)) {
		key.ipv4.saddr = *(u32 *)(t->raddr + 12);
		key.ipv4.daddr = *(u32 *)(t->laddr + 12);
		key.ipv4.sport = bpf_htons(t->rport);
		key.ipv4.dport = bpf_htons(t->lport);
	} else {
		__builtin_memcpy(key.ipv6.saddr, t->raddr, 16);
		__builtin_memcpy(key.ipv6.daddr, t->laddr, 16);
		key.ipv6.sport = bpf_htons(t->rport);
		key.ipv6.dport = bpf_htons(t->lport);
		size = sizeof(key.ipv6);
	}
	found = bpf_skc_lookup_tcp(skb, &key, size, BPF_F_CURRENT_NETNS, 0);
	if (!found)
		return 0;
	/* Not bpf_skc_to_tcp_request_sock(), which knows no request of an MPTCP listener. */
	request = found->state == TCP_NEW_SYN_RECV ? (u64)found : 0;
	bpf_sk_release(found);
	return request;
}

#endif
