/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets, and the one that a listener is being given right now.
 *
 * The kernel handles a segment that meets a listener in one go, on one CPU: cgroup_skb sees it with
 * the listener, and whatever follows (a child, a drop, a removed request) happens before that CPU
 * takes the next.  So the last such segment is kept per CPU, and a later hook that sees the same
 * tuple knows its listener without any lookup.
 */
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
	u8 flags;
};

struct met {
	struct segment seg;
	u64 listener; /* struct sock * */
	u64 request;  /* struct request_sock *, for a reset only */
	u64 child;    /* struct sock *, for Fast Open only */
	u8 armed;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct met);
} mets SEC(".maps");

static __always_inline struct met *met_get(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&mets, &zero);
}

static __always_inline bool tuple_equal(const struct ev_tuple *a, const struct ev_tuple *b)
{
	const u64 *x = (const u64 *)a, *y = (const u64 *)b;

	return x[4] == y[4] && x[3] == y[3] && x[1] == y[1] && x[2] == y[2] && x[0] == y[0];
}

/* How the bytes of a packet are fetched: from a __sk_buff in cgroup_skb, from kernel memory in a
 * tracepoint.  Both start at the network header. */
#define SEGMENT_PARSE(seg, is_v4, READ)                                                            \
	({                                                                                         \
		u32 at_ = 0;                                                                       \
		bool ok_ = false;                                                                  \
		struct tcphdr th_;                                                                 \
		if (is_v4) {                                                                       \
			struct iphdr ih_;                                                          \
			if (!READ(0, &ih_, sizeof(ih_)) && ih_.protocol == IPPROTO_TCP) {          \
				addr_v4((seg)->tuple.laddr, ih_.daddr);                            \
				addr_v4((seg)->tuple.raddr, ih_.saddr);                            \
				at_ = (*(u8 *)&ih_ & 15) * 4;                                      \
				ok_ = true;                                                        \
			}                                                                          \
		} else {                                                                           \
			struct ipv6hdr ih_;                                                        \
			if (!READ(0, &ih_, sizeof(ih_))) {                                         \
				u8 next_ = ih_.nexthdr;                                            \
				__builtin_memcpy((seg)->tuple.laddr, ih_.daddr, 16);               \
				__builtin_memcpy((seg)->tuple.raddr, ih_.saddr, 16);               \
				at_ = sizeof(ih_);                                                 \
				for (int i_ = 0; i_ < 3; i_++) {                                   \
					u8 ext_[2];                                                \
					if (next_ != V6_HOPOPTS && next_ != V6_ROUTING &&          \
					    next_ != V6_DSTOPTS)                                   \
						break;                                             \
					if (READ(at_, ext_, sizeof(ext_)))                         \
						break;                                             \
					next_ = ext_[0];                                           \
					at_ += (ext_[1] + 1) * 8;                                  \
				}                                                                  \
				ok_ = next_ == IPPROTO_TCP;                                        \
			}                                                                          \
		}                                                                                  \
		if (ok_)                                                                           \
			ok_ = !READ(at_, &th_, sizeof(th_));                                       \
		if (ok_) {                                                                         \
			(seg)->tuple.lport = bpf_ntohs(th_.dest);                                  \
			(seg)->tuple.rport = bpf_ntohs(th_.source);                                \
			(seg)->seq = bpf_ntohl(th_.seq);                                           \
			(seg)->flags = th_.flags;                                                  \
		}                                                                                  \
		ok_;                                                                               \
	})

/* The tuple is seen from the receiver: laddr is the destination.  The caller fills netns. */
static __always_inline bool segment_of_ctx(struct segment *seg, struct __sk_buff *skb)
{
#define READ_CTX(off, to, len) bpf_skb_load_bytes(skb, off, to, len)
	return SEGMENT_PARSE(seg, skb->protocol == bpf_htons(ETH_P_IP), READ_CTX);
#undef READ_CTX
}

static __always_inline bool segment_of_skb(struct segment *seg, struct sk_buff *skb)
{
	__be16 protocol = skb->protocol;
	unsigned char *net = skb->head + skb->network_header;

	if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6))
		return false;
#define READ_MEM(off, to, len) bpf_probe_read_kernel(to, len, net + (off))
	return SEGMENT_PARSE(seg, protocol == bpf_htons(ETH_P_IP), READ_MEM);
#undef READ_MEM
}

#endif
