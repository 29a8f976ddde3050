/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a snapshot's iterators and the lookup write: sockets as they are now, and who holds them.
 *
 * A stream of records, each a struct that begins with a snap_hdr; its kind tells its size.  As in
 * event.h: addresses are 16 bytes with IPv4 v4-mapped, ports in host order, options are SO_F_*.
 */
#ifndef SOCKLINE_SNAP_H
#define SOCKLINE_SNAP_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#include "event.h"

enum snap_kind {
	SNAP_SOCK = 1, /* struct snap_sock */
	SNAP_OWNER,    /* struct snap_owner */
	SNAP_NETNS,    /* struct snap_netns */
};

enum snap_scope {
	SNAP_LISTENERS, /* sockets in LISTEN, nothing else; of one port, if it is not 0 */
	SNAP_PORT,	/* every socket with one local port, in any state */
	SNAP_ALL,	/* every TCP socket that has a local port */
};

/* What the iterators are asked. */
struct snap_filter {
	__u32 scope; /* enum snap_scope */
	__u32 netns; /* inode number, 0: all */
	__u16 port;  /* 0: all */
	__u16 hz;    /* ticks a second: what the kernel's timers count in */
	__u32 pad;
};

struct snap_hdr {
	__u32 kind; /* enum snap_kind */
	__u32 netns;
};

/* snap_sock.marks */
#define SNAP_M_FILE	      0x01 /* a file stands for it: some process can hold it */
#define SNAP_M_WAITS	      0x02 /* in its listener's accept queue */
#define SNAP_M_ORPHAN	      0x04 /* closed by its owner, the kernel brings it to its end */
#define SNAP_M_KERNEL	      0x08 /* of the kernel itself: a socket without a file */
#define SNAP_M_MPTCP	      0x10 /* its file is an MPTCP socket, of which it is the first subflow */
#define SNAP_M_REUSEPORT_PROG 0x20 /* a program picks the member of its reuseport group */

/*
 * What the kernel remembers about the port that a socket holds, struct inet_bind_bucket: it lets
 * some binds pass without a look at the other sockets.  id 0: holds no port, or not known.
 */
struct snap_bucket {
	__u64 id; /* its address: the same for all sockets that share it; never shown */
	__u8 fast_addr[16];
	__u32 fastuid;
	__u16 fast_family;
	__s8 fastreuse;
	__s8 fastreuseport;
	__u8 fast_v6only;
	__u8 pad[7];
};

struct snap_sock {
	struct snap_hdr hdr;
	__u64 id;     /* its address: unique while it lives, used again at once; never shown */
	__u64 cookie; /* 0 before Linux 5.12, unless something else asked for it */
	__u64 parent; /* id of the listener of a request; else 0 */
	__u64 file;   /* address of its file; 0: has none; never shown */
	__u64 inode;  /* of its file */
	__u8 laddr[16];
	__u8 raddr[16];
	__u16 lport;
	__u16 rport;
	__u16 family;	/* AF_INET or AF_INET6 */
	__u8 state;	/* TCP_*, include/net/tcp_states.h; TCP_CLOSE with a port: bound only */
	__u8 substate;	/* of TIME_WAIT: TCP_FIN_WAIT2 or TCP_TIME_WAIT */
	__u32 options;	/* SO_F_* */
	__u32 marks;	/* SNAP_M_* */
	__u32 device;	/* ifindex that it is bound to, 0: none */
	__u32 uid;	/* sk_uid: what SO_REUSEPORT compares; TIME_WAIT and requests: 0 */
	__u8 reuse;	/* sk_reuse itself: 2 under TCP_REPAIR */
	__u8 userlocks; /* sk_userlocks itself; of TIME_WAIT: SOCK_CONNECT_BIND (16) where kept */
	__u8 retrans;	/* of a request: SYN-ACKs sent again */
	__u8 syncookies; /* net.ipv4.tcp_syncookies of its namespace */
	__s32 timer_ms;	/* TIME_WAIT: until it is gone; request: until its timer; -1: none */
	/* Of a listener; of the others 0. */
	__u32 synq;    /* icsk_accept_queue.qlen */
	__u32 young;   /* of these, never sent again */
	__u32 acceptq; /* sk_ack_backlog */
	__u32 limit;   /* sk_max_ack_backlog: "full" is > limit */
	__u32 drops;   /* sk_drops */
	__u32 somaxconn; /* of its namespace */
	__u32 max_syn_backlog;
	__u32 fastopen_qlen;
	__u32 fastopen_limit; /* 0: no Fast Open */
	__u32 defer_retrans;  /* TCP_DEFER_ACCEPT, in SYN-ACK retransmits; 0: off */
	__u32 reuseport_id;   /* of its reuseport group; ids begin at 0 */
	__u16 reuseport_cnt;  /* members of that group, it too; 0: in none */
	__u16 pad;
	__s32 incoming_cpu;   /* SO_INCOMING_CPU, -1: none */
	__u32 pad2;
	struct snap_bucket bucket;
};

struct snap_owner {
	struct snap_hdr hdr;
	__u64 sock; /* snap_sock.id */
	__u64 cookie;
	__u64 inode;
	__u64 cgroup; /* cgroup2 id */
	__u64 start_ns; /* of the process, CLOCK_BOOTTIME */
	__u32 pid;
	__u32 tid; /* differs from pid when a thread has a file table of its own */
	__s32 fd;
	__u32 uid; /* effective */
	__u32 marks; /* SNAP_M_FILE, SNAP_M_MPTCP: what the file knows of the socket */
	__u32 pad;
	char comm[EV_COMM_LEN];
};

/* Where a network namespace was met, so that it can be opened; 0: it exists. */
enum snap_via {
	SNAP_VIA_TASK = 1, /* the task lives in it */
	SNAP_VIA_SOCKET,   /* its fd is a socket of it */
	SNAP_VIA_NSFD,	   /* its fd is the namespace itself */
};

struct snap_netns {
	struct snap_hdr hdr; /* netns: the one that was met */
	__u32 via; /* enum snap_via */
	__u32 pid;
	__s32 fd; /* -1: none */
	__u32 pad;
};

/* A socket by the address of its file: a hash table that the reader fills and the walk looks into.
 * An entry lies in one of SNAP_HELD_PROBES slots from snap_held_slot() on; file 0: free. */
struct snap_held {
	__u64 file;
	__u64 id; /* snap_sock.id */
	__u64 cookie;
};

#define SNAP_HELD_BITS	 16
#define SNAP_HELD_CNT	 (1 << SNAP_HELD_BITS)
#define SNAP_HELD_PROBES 16

static inline __u32 snap_held_slot(__u64 file, __u32 probe)
{
	return ((file * 0x9e3779b97f4a7c15ull >> (64 - SNAP_HELD_BITS)) + probe) &
	       (SNAP_HELD_CNT - 1);
}

/* What the lookup is asked, and what it says: which socket, and how to know that it is still it. */
struct snap_lookup {
	__u8 laddr[16]; /* v4-mapped: looked up as IPv4 */
	__u8 raddr[16];
	__u16 lport;
	__u16 rport;
	__u32 found;
	__u64 id;	/* snap_sock.id */
	__u32 state;	/* TCP_* */
	__u32 device;	/* ifindex that it is bound to, 0: none */
	__u16 family;	/* of the socket */
	__u16 pad[3];
};

EVENT_SIZE_IS(snap_filter, 16);
EVENT_SIZE_IS(snap_bucket, 40);
EVENT_SIZE_IS(snap_sock, 208);
EVENT_SIZE_IS(snap_owner, 88);
EVENT_SIZE_IS(snap_netns, 24);
EVENT_SIZE_IS(snap_lookup, 64);

#endif
