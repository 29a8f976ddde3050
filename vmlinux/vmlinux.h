/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel types and fields that sockline reads, trimmed by hand, and nothing else.
 *
 * Layouts are not the kernel's: CO-RE relocates each access to the running kernel's own.  Structs
 * whose name ends in ___suffix are variants that exist on some kernels only; compat.bpf.h says
 * which.  The same on every architecture.
 */
#ifndef SOCKLINE_VMLINUX_H
#define SOCKLINE_VMLINUX_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u16 __sum16;
typedef _Bool bool;
enum { false, true };
typedef long long loff_t;
typedef unsigned short umode_t;

/* include/uapi/linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_F_CURRENT_NETNS = -1,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_MMAPABLE = 1024,
};

/* Asked for by name, to tell whether the running kernel has the helper. */
enum bpf_func_id {
	BPF_FUNC_get_current_task_btf = 158,
	BPF_FUNC_sock_from_file = 162,
	BPF_FUNC_check_mtu = 163,
	BPF_FUNC_task_pt_regs = 175,
};

/* Contexts of networking programs: fixed ABI, rewritten by the verifier, not relocated. */
struct bpf_sock {
	__u32 bound_dev_if;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 mark;
	__u32 priority;
	__u32 src_ip4;
	__u32 src_ip6[4];
	__u32 src_port;
	__be16 dst_port;
	__u32 dst_ip4;
	__u32 dst_ip6[4];
	__u32 state;
	__s32 rx_queue_mapping;
};

struct bpf_sock_tuple {
	union {
		struct {
			__be32 saddr;
			__be32 daddr;
			__be16 sport;
			__be16 dport;
		} ipv4;
		struct {
			__be32 saddr[4];
			__be32 daddr[4];
			__be16 sport;
			__be16 dport;
		} ipv6;
	};
};

struct __sk_buff {
	__u32 len;
	__u32 pkt_type;
	__u32 mark;
	__u32 queue_mapping;
	__u32 protocol;
	__u32 vlan_present;
	__u32 vlan_tci;
	__u32 vlan_proto;
	__u32 priority;
	__u32 ingress_ifindex;
	__u32 ifindex;
	__u32 tc_index;
	__u32 cb[5];
	__u32 hash;
	__u32 tc_classid;
	__u32 data;
	__u32 data_end;
	__u32 napi_id;
	__u32 family;
	__u32 remote_ip4;
	__u32 local_ip4;
	__u32 remote_ip6[4];
	__u32 local_ip6[4];
	__u32 remote_port;
	__u32 local_port;
	__u32 data_meta;
	union {
		void *flow_keys;
		__u64 : 64;
	};
	__u64 tstamp;
	__u32 wire_len;
	__u32 gso_segs;
	union {
		struct bpf_sock *sk;
		__u64 : 64;
	};
	__u32 gso_size;
	__u8 tstamp_type;
	__u64 hwtstamp;
};

/* Headers on the wire: fixed by their RFCs (791, 8200, 9293). */
struct iphdr {
	__u8 ihl : 4, version : 4; /* read through the first byte where the byte order matters */
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__sum16 check;
	__be32 saddr;
	__be32 daddr;
};

struct ipv6hdr {
	__u8 version_class;
	__u8 flow_lbl[3];
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	__u8 saddr[16];
	__u8 daddr[16];
};

struct tcphdr {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack_seq;
	__u8 doff_res;
	__u8 flags; /* FIN 1, SYN 2, RST 4, PSH 8, ACK 16 */
	__be16 window;
	__sum16 check;
	__be16 urg_ptr;
};

/* include/uapi/linux/in.h, in6.h: the arguments of bind() and connect() */
struct sockaddr_in {
	__u16 sin_family;
	__be16 sin_port;
	__be32 sin_addr;
	__u8 pad[8];
};

struct sockaddr_in6 {
	__u16 sin6_family;
	__be16 sin6_port;
	__be32 sin6_flowinfo;
	__u8 sin6_addr[16];
	__u32 sin6_scope_id;
};

/* A classic syscall tracepoint's record, events/syscalls/sys_enter_X/format. */
struct trace_entry_syscall {
	__u64 common;
	__s32 nr;
	__u32 pad;
};
struct syscall_enter {
	struct trace_entry_syscall ent;
	__u64 args[6];
};
struct syscall_exit {
	struct trace_entry_syscall ent;
	__s64 ret;
};

/* Iterator contexts, kernel/bpf and net/ipv4/tcp_ipv4.c: arguments in slots of 8 bytes, checked by
 * the verifier, not relocated. */
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};
struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	unsigned int uid;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;
typedef struct {
	s64 counter;
} atomic64_t;
typedef struct {
	__u32 val;
} kuid_t;

struct hlist_node {
	struct hlist_node **pprev;
};
struct hlist_nulls_node {
	struct hlist_nulls_node *next;
	struct hlist_nulls_node **pprev;
};
struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct list_head {
	struct list_head *next;
};
struct ns_common {
	const void *ops;
	unsigned int inum;
};
struct local_ports {
	u32 range;
};
struct hlist_nulls_head {
	struct hlist_nulls_node *first;
};
struct inet_listen_hashbucket {
	struct hlist_nulls_head nulls_head;
};
struct inet_hashinfo {
	unsigned int lhash2_mask;
	struct inet_listen_hashbucket *lhash2;
};
struct inet_timewait_death_row {
	struct inet_hashinfo *hashinfo;
};
struct netns_ipv4 {
	struct inet_timewait_death_row tcp_death_row; /* 6.1 on; a pointer, or elsewhere, before */
	u8 sysctl_tcp_syncookies;
	u8 sysctl_tcp_migrate_req;
	u8 sysctl_tcp_abort_on_overflow;
	u8 sysctl_tcp_synack_retries;
	int sysctl_max_syn_backlog;
	int sysctl_tcp_fastopen;
};
struct netns_core {
	int sysctl_somaxconn;
};
struct net {
	struct list_head list;
	struct ns_common ns;
	struct netns_core core;
	struct netns_ipv4 ipv4;
};
typedef struct refcount_struct {
	atomic_t refs;
} refcount_t;
/* `count` until 6.17, `__ns_ref` since. */
struct ns_common___ref {
	refcount_t count;
	refcount_t __ns_ref;
};
struct net___ref {
	struct ns_common___ref ns;
};
typedef struct {
	struct net *net;
} possible_net_t;

struct sock;
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_reuse : 4;
	unsigned char skc_reuseport : 1;
	unsigned char skc_ipv6only : 1;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	int skc_incoming_cpu;
	union {
		unsigned long skc_flags;
		struct sock *skc_listener; /* of a request_sock */
	};
	union {
		struct hlist_node skc_node;
		struct hlist_nulls_node skc_nulls_node;
	};
};

struct kernfs_node {
	u64 id;
};
struct cgroup {
	struct kernfs_node *kn;
};
struct sock_cgroup_data {
	struct cgroup *cgroup;
};
struct sock_reuseport {
	u16 max_socks;
	u16 num_socks;
	unsigned int reuseport_id;
	struct bpf_prog *prog;
};
struct socket;
struct sock {
	struct sock_common __sk_common;
	atomic_t sk_drops;
	u32 sk_ack_backlog;
	u32 sk_max_ack_backlog;
	u16 sk_type;
	u16 sk_protocol;
	u8 sk_userlocks;
	int sk_err;
	int sk_rx_dst_ifindex;
	kuid_t sk_uid;
	struct socket *sk_socket;
	struct sock_cgroup_data sk_cgrp_data;
	struct sock_reuseport *sk_reuseport_cb;
};

struct timer_list {
	unsigned long expires;
	void (*function)(struct timer_list *);
};
struct request_sock {
	struct sock_common __req_common;
	u8 num_retrans;
	u8 syncookie : 1;
	u8 num_timeout : 7;
	struct timer_list rsk_timer;
	struct sock *sk;
};
struct inet_request_sock {
	struct request_sock req;
};
struct tcp_request_sock {
	struct inet_request_sock req;
	bool is_mptcp;
	bool tfo_listener;
	u64 snt_synack;
	u32 rcv_isn;
};

struct fastopen_queue {
	int qlen;
	int max_qlen;
};
/* include/net/inet_sock.h; the enum has no name, so CO-RE cannot ask for the numbers */
#define INET_FLAGS_FREEBIND    11
#define INET_FLAGS_TRANSPARENT 15
struct request_sock_queue {
	u8 rskq_defer_accept;
	atomic_t qlen;
	atomic_t young;
	struct fastopen_queue fastopenq;
};
struct ipv6_pinfo {
	struct in6_addr saddr;
};
struct inet_sock {
	struct sock sk;
	unsigned long inet_flags;
	__be32 inet_saddr;
	__be16 inet_sport;
};
/* before 6.5 or so: bit fields, where inet_flags now is */
struct inet_sock___bits {
	__u8 freebind : 1;
	__u8 transparent : 1;
};
struct inet_bind_bucket {
	signed char fastreuse;
	signed char fastreuseport;
	kuid_t fastuid;
	struct in6_addr fast_v6_rcv_saddr;
	__be32 fast_rcv_saddr;
	unsigned short fast_sk_family;
	bool fast_ipv6_only;
};
struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
	struct inet_bind_bucket *icsk_bind_hash;
	void *icsk_ulp_data;
};
struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 write_seq;
	bool is_mptcp;
};
struct mptcp_sock {
	struct sock *first;
};
struct mptcp_subflow_request_sock {
	u16 mp_join : 1;
};
struct mptcp_subflow_context {
	u32 mp_join : 1;
	struct sock *conn;
};
struct inet_timewait_sock {
	struct sock_common __tw_common;
	unsigned char tw_substate;
	unsigned int tw_transparent : 1;
	struct timer_list tw_timer;
	struct inet_bind_bucket *tw_tb;
};
struct tcp_timewait_sock {
	struct inet_timewait_sock tw_sk;
};
/* from 6.17 or so */
struct inet_timewait_sock___connect {
	unsigned int tw_connect_bind : 1;
};

struct net_device {
	int ifindex;
	char name[16];
	possible_net_t nd_net;
};
struct sk_buff {
	struct sock *sk;
	s64 tstamp;
	struct net_device *dev;
	int skb_iif;
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
	unsigned char *head;
};

struct super_block {
	unsigned long s_magic;
};
struct inode {
	umode_t i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
};
struct file {
	struct inode *f_inode;
	void *private_data;
};
typedef enum {
	SS_CONNECTED = 3,
} socket_state;
struct socket {
	socket_state state;
	short type;
	struct sock *sk;
	struct file *file;
};
struct hlist_node;
struct hlist_head {
	struct hlist_node *first;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};
struct nsproxy {
	struct net *net_ns;
};
struct cred {
	kuid_t euid;
};
struct task_struct {
	int pid;
	int tgid;
	u64 start_boottime;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct files_struct *files;
	struct css_set *cgroups;
	struct nsproxy *nsproxy;
	const struct cred *cred;
	char comm[16];
};

/* Number and first two arguments of a system call: the first three of arch/x86, the rest of
 * arch/arm64. */
struct pt_regs {
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};

struct io_uring_cqe {
	__u64 user_data;
	__s32 res;
	__u32 flags;
};
struct io_kiocb {
	struct file *file;
	u8 opcode;
	void *async_data;
};
struct io_listen {
	int backlog;
};
struct __kernel_sockaddr_storage {
	char data[128];
};
struct io_async_msghdr {
	struct __kernel_sockaddr_storage addr;
};
/* what an io_kiocb begins with when its opcode is accept (io_kiocb_to_cmd) */
struct io_accept {
	u32 file_slot;
};
struct io_rsrc_node {
	unsigned long file_ptr;
};
struct io_rsrc_data {
	unsigned int nr;
	struct io_rsrc_node **nodes;
};
struct io_file_table {
	struct io_rsrc_data data;
};
struct io_ring_ctx {
	struct io_file_table file_table;
};

#pragma clang attribute pop

#endif
