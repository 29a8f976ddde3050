/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What crosses from the kernel to the reader, and lies in a recording.
 *
 * One enum of kinds, one header, one struct per kind.  Every struct is made of fixed-width fields
 * with explicit padding and at most EVENT_MAX bytes, so that the same bytes mean the same on both
 * sides and on disk.  Addresses are 16 bytes; IPv4 is v4-mapped (::ffff:a.b.c.d).  Ports are in
 * host order.  Times are CLOCK_MONOTONIC nanoseconds.
 *
 * Kinds below EV_HOST come from BPF programs, over the rings.  Kinds from EV_HOST on are said by
 * the live source itself (what existed at the start, names, losses); they lie in the same stream
 * and in the same recording, so that a replay knows what the live reader knew.
 */
#ifndef SOCKLINE_EVENT_H
#define SOCKLINE_EVENT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

/* Raised whenever the meaning or the size of anything in this file changes. */
#define EVENT_VERSION 1
#define EVENT_MAX     128
#define EV_COMM_LEN   16
#define EV_NAME_LEN   96

/* The CPU number in a header that says: from the reader itself, not from a ring. */
#define EV_CPU_HOST 0xffff

/* Kept in this order for ever: the numbers lie in recordings.  New kinds go to the end of a group. */
enum event_kind {
	EV_SYN = 1,	      /* a SYN met a listener                      struct ev_syn */
	EV_SYNACK,	      /* a SYN-ACK left                            struct ev_synack */
	EV_SYNACK_RETRANSMIT, /* a SYN-ACK left again                      struct ev_synack */
	EV_QUEUED,	      /* a child stands in the accept queue        struct ev_queued */
	EV_ACCEPTED,	      /* accept() returned a child                 struct ev_accepted */
	EV_DROP,	      /* a packet that met a listener was dropped  struct ev_drop */
	EV_REQUEST_GONE,      /* a SYN-queue entry ended without a child   struct ev_request_gone */
	EV_CHILD_STATE,	      /* a child not yet accepted changed state    struct ev_state */
	EV_REFUSED,	      /* a SYN met no socket at all                struct ev_refused */
	EV_CONNECT,	      /* this host sends a SYN                     struct ev_connect */
	EV_CONNECT_STATE,     /* a connecting socket changed state         struct ev_state */
	EV_SYN_RETRANSMIT,    /* this host sends a SYN again               struct ev_state */
	EV_LISTEN,	      /* a socket listens, or changed its backlog  struct ev_listen */
	EV_UNLISTEN,	      /* a listener closed                         struct ev_listen */
	EV_CALL,	      /* bind, listen or connect returned          struct ev_call */

	EV_HOST = 64,	      /* start of a stream                         struct ev_host */
	EV_LISTENER,	      /* a listener that existed at the start      struct ev_listen */
	EV_OWNER,	      /* a process that holds it                   struct ev_owner */
	EV_CGROUP,	      /* the name of a cgroup id                   struct ev_name */
	EV_IFNAME,	      /* the name of an ifindex                    struct ev_name */
	EV_LOST,	      /* events were lost here                     struct ev_lost */
	EV_END,		      /* the stream ends, as it should             struct ev_host */
};

struct ev_hdr {
	__u64 time_ns;
	__u32 seq;  /* counts every event of this CPU, also those that found no room: a gap is a loss */
	__u16 cpu;
	__u8 kind;  /* enum event_kind */
	__u8 flags; /* EVF_*, by kind */
};

/* hdr.flags */
#define EVF_COOKIE	0x01 /* SYNACK: a SYN cookie; no SYN-queue entry exists */
#define EVF_FASTOPEN	0x02 /* SYNACK, QUEUED: Fast Open, the child is older than the handshake */
#define EVF_MPTCP	0x04 /* SYNACK, ACCEPTED: Multipath TCP */
#define EVF_IOURING	0x08 /* ACCEPTED, CALL: by io_uring */
#define EVF_UNSURE	0x10 /* ACCEPTED: holds only if that child is known to be waiting */
#define EVF_MIGRATE	0x20 /* UNLISTEN: its children may move to another listener */
#define EVF_DIRECT	0x40 /* ACCEPTED: an io_uring direct descriptor; fd is its slot */
#define EVF_FRESH	0x01 /* HOST: the stream is whole, each CPU's numbers begin at 0 */
#define EVF_ABORT	0x01 /* DROP: tcp_abort_on_overflow answers it with a reset */
#define EVF_FOLLOWED	0x80 /* process events: the process is of the tree that is followed */

struct ev_tuple {
	__u8 laddr[16];
	__u8 raddr[16];
	__u16 lport;
	__u16 rport;
	__u32 netns; /* inode number of the network namespace */
};

/* A listener's two queues at this moment.  cookie 0: no listener at hand, the rest is unknown. */
struct ev_queues {
	__u64 cookie;
	__u32 synq;    /* icsk_accept_queue.qlen */
	__u32 acceptq; /* sk_ack_backlog */
	__u32 limit;   /* sk_max_ack_backlog: "full" is > limit */
	__u32 drops;   /* sk_drops */
};

struct ev_process {
	__u32 pid;
	__u32 tid;
	__u64 cgroup; /* cgroup2 id */
	char comm[EV_COMM_LEN];
};

struct ev_syn {
	struct ev_hdr hdr;
	struct ev_tuple tuple;
	struct ev_queues queues;
	__u32 tcp_seq;
	__u32 ifindex;
	__u32 max_syn_backlog; /* net.ipv4.tcp_max_syn_backlog of that namespace */
	__u8 syncookies;       /* net.ipv4.tcp_syncookies: 0, 1 or 2 */
	__u8 pad[3];
};

struct ev_synack {
	struct ev_hdr hdr;
	struct ev_tuple tuple;
	struct ev_queues queues;
	__u32 retrans; /* how often it had been sent again before */
	__u32 pad;
};

struct ev_queued {
	struct ev_hdr hdr;
	struct ev_tuple tuple;
	struct ev_queues queues; /* the listener, this child counted in */
	__u64 cookie;		 /* the child */
};

struct ev_accepted {
	struct ev_hdr hdr;
	struct ev_tuple tuple;
	__u64 cookie; /* the child */
	struct ev_process process;
	__s32 fd;     /* -errno: accept() has taken it and failed all the same; it is closed */
	__u32 pad;
};

enum drop_reason {
	DROP_UNKNOWN = 0,      /* the kernel gave a reason that has no name here */
	DROP_NOT_SPECIFIED,    /* the kernel gave none */
	DROP_LISTEN_OVERFLOW,  /* the final ACK met a full accept queue */
	DROP_NO_SOCKET,
	DROP_TCP_FLAGS,
	DROP_AUTH,	       /* TCP-MD5 or TCP-AO did not match */
	DROP_FILTER,	       /* a socket or cgroup filter said no */
	DROP_DEFERRED,	       /* TCP_DEFER_ACCEPT: a bare ACK is not enough, data must come */
};

struct ev_drop {
	struct ev_hdr hdr;
	struct ev_tuple tuple;
	struct ev_queues queues;
	__u32 reason;	 /* enum drop_reason */
	__u8 tcp_flags;	 /* as on the wire: FIN 1, SYN 2, RST 4, ACK 16 */
	__u8 pad[3];
};

enum gone_reason {
	GONE_EXPIRED = 1,     /* the last SYN-ACK's timer ran out */
	GONE_RESET,	      /* the client reset it */
	GONE_LISTENER_CLOSED, /* its listener no longer listens */
};

struct ev_request_gone {
	struct ev_hdr hdr;
	struct ev_tuple tuple;
	struct ev_queues queues;
	__u32 reason;  /* enum gone_reason */
	__u32 retrans; /* SYN-ACKs sent again */
};

struct ev_state {
	struct ev_hdr hdr;
	struct ev_tuple tuple; /* a port may be 0 by then: the cookie tells */
	__u64 cookie;
	__u32 error;	/* sk_err: an errno, or 0 */
	__u8 old_state; /* TCP_*, include/net/tcp_states.h */
	__u8 new_state; /* CHILD_STATE: ESTABLISHED is a subflow that joins an MPTCP connection */
	__u8 pad[2];
};

struct ev_refused {
	struct ev_hdr hdr;
	struct ev_tuple tuple;
	__u32 tcp_seq;
	__u32 ifindex;
};

struct ev_connect {
	struct ev_hdr hdr;
	struct ev_tuple tuple; /* lport 0: the kernel has not chosen it yet */
	__u64 cookie;
	struct ev_process process;
	__s32 fd; /* -1: unknown */
	__u32 pad;
};

/* Option bits of a socket, as bind rules read them. */
#define SO_F_REUSEADDR	 0x001
#define SO_F_REUSEPORT	 0x002
#define SO_F_V6ONLY	 0x004
#define SO_F_FREEBIND	 0x008
#define SO_F_TRANSPARENT 0x010
#define SO_F_MPTCP	 0x020
#define SO_F_DEFER	 0x040 /* TCP_DEFER_ACCEPT */
#define SO_F_FASTOPEN	 0x080 /* TCP_FASTOPEN on the listener */
#define SO_F_PORTLOCK	 0x100 /* the port was asked for by bind() (SOCK_BINDPORT_LOCK) */
#define SO_F_ADDRLOCK	 0x200 /* the address was asked for by bind() (SOCK_BINDADDR_LOCK) */

struct ev_listen {
	struct ev_hdr hdr;
	struct ev_queues queues; /* cookie: the listener */
	__u8 addr[16];
	__u16 port;
	__u16 family; /* AF_INET or AF_INET6 */
	__u32 netns;
	__u32 options; /* SO_F_* */
	__u32 device;  /* SO_BINDTODEVICE ifindex, 0: none */
	struct ev_process process;
	__s32 fd;	/* -1: unknown */
	__s32 backlog;	/* as given to listen(); -1: unknown */
};

enum call_kind {
	CALL_BIND = 1,
	CALL_LISTEN,
	CALL_CONNECT,
};

struct ev_call {
	struct ev_hdr hdr;
	struct ev_process process;
	__u64 cookie;	/* 0: none yet */
	__u8 addr[16];	/* as the call named it; for listen, the socket's own */
	__u16 port;
	__u16 family;	/* of the socket: AF_INET or AF_INET6 */
	__u32 scope;	/* sin6_scope_id */
	__u32 netns;
	__s32 result;	/* 0 or -errno */
	__s32 fd;
	__u32 options;	/* SO_F_* when the call began */
	__u32 device;
	__u32 uid;	/* sk_uid: what SO_REUSEPORT compares */
	__u32 backlog;	/* listen() */
	__u8 call;	/* enum call_kind */
	__u8 addr_family; /* sa_family in the call's own address; 0: none */
	__u16 local_port; /* connect, listen: the port that the socket was bound to, or 0 */
	__u8 local_addr[16];
};

struct ev_host {
	struct ev_hdr hdr;
	__u64 realtime_offset_ns; /* add to time_ns for nanoseconds since 1970, UTC */
	__u32 cpus;
	__u32 pad;
};

struct ev_owner {
	struct ev_hdr hdr;
	__u64 cookie; /* the listener */
	struct ev_process process;
	__s32 fd;
	__u32 uid;
};

struct ev_name {
	struct ev_hdr hdr;
	__u64 id;    /* cgroup id, or ifindex */
	__u32 netns; /* of the ifindex */
	__u32 pad;
	char name[EV_NAME_LEN]; /* ends with 0 */
};

struct ev_lost {
	struct ev_hdr hdr;
	__u64 events;
	__u32 cpu; /* which ring; EV_CPU_HOST: in none, because a probe was not run */
	__u32 span_us; /* somewhere between hdr.time_ns and so much later */
};

#define EVENT_SIZE_IS(type, size) _Static_assert(sizeof(struct type) == (size), #type)
EVENT_SIZE_IS(ev_hdr, 16);
EVENT_SIZE_IS(ev_tuple, 40);
EVENT_SIZE_IS(ev_queues, 24);
EVENT_SIZE_IS(ev_process, 32);
EVENT_SIZE_IS(ev_syn, 96);
EVENT_SIZE_IS(ev_synack, 88);
EVENT_SIZE_IS(ev_queued, 88);
EVENT_SIZE_IS(ev_accepted, 104);
EVENT_SIZE_IS(ev_drop, 88);
EVENT_SIZE_IS(ev_request_gone, 88);
EVENT_SIZE_IS(ev_state, 72);
EVENT_SIZE_IS(ev_refused, 64);
EVENT_SIZE_IS(ev_connect, 104);
EVENT_SIZE_IS(ev_listen, 112);
EVENT_SIZE_IS(ev_call, 128);
EVENT_SIZE_IS(ev_host, 32);
EVENT_SIZE_IS(ev_owner, 64);
EVENT_SIZE_IS(ev_name, 128);
EVENT_SIZE_IS(ev_lost, 32);

#endif
