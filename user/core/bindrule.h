/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules by which the kernel lets a TCP socket have a local address and port, or not.
 *
 * Pure: facts in, a verdict and its reasons out.  No I/O, no clock, no allocation, no globals; it
 * never prints.  The rules are those of Linux 6.18; where an older kernel differs, the line says
 * so.
 *
 * Shapes, everywhere here:
 *  - an address is 16 bytes, IPv4 is v4-mapped (::ffff:a.b.c.d); whether the socket is AF_INET or
 *    AF_INET6 is in its family, so 0.0.0.0 is ::ffff:0.0.0.0 with AF_INET, and [::] is sixteen
 *    zeros;
 *  - ports are in host order; states are the kernel's numbers (TCP_LISTEN and so on in
 *    netinet/tcp.h);
 *  - uid is sk_uid, an ifindex of 0 means "no device", netns is the namespace's inode number;
 *  - strings that are returned are constant and belong to this module; buffers belong to the
 *    caller.
 *
 * The usual use: fill a bind_cand, a bind_env and an array of bind_sock, call bindrule_check(),
 * then bindrule_reason() for the verdict, bindrule_text() for each conflict, bindrule_advice() for
 * the cure.
 */
#ifndef SOCKLINE_BINDRULE_H
#define SOCKLINE_BINDRULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bind_op {
	BIND_OP_BIND,        /* bind() */
	BIND_OP_BIND_LISTEN, /* bind(), then listen() at once */
	BIND_OP_LISTEN,      /* listen() on a socket that holds cand.port; port 0: never bound */
	BIND_OP_CONNECT,     /* connect() from cand.port; port 0: the kernel picks one */
};

enum bind_tri {
	BIND_NO,
	BIND_YES,
	BIND_MAYBE,
};

enum bind_verdict {
	BIND_OK,
	BIND_FAILS,
	BIND_UNKNOWN, /* the facts given do not decide it: result.rule says what is missing */
};

/* Where a socket's port came from.  EXPLICIT: SOCK_BINDPORT_LOCK in sk_userlocks, a port was named
 * in bind().  CONNECT: picked by connect() (SOCK_CONNECT_BIND, 6.18 on; before, a connected socket
 * with an ephemeral port and without the lock).  OTHER: bind(0), or a child made by a listener. */
enum bind_port_from {
	BIND_PORT_EXPLICIT,
	BIND_PORT_CONNECT,
	BIND_PORT_OTHER,
};

/*
 * A socket that holds a local port: bound only (TCP_CLOSE with a port), listening, connected,
 * closing, TIME_WAIT; with or without an owner.  Request sockets (NEW_SYN_RECV) hold none: leave
 * them out.  For TIME_WAIT pass TCP_TIME_WAIT whatever tw_substate says.  Options as they are now.
 */
struct bind_sock {
	uint32_t netns;
	uint32_t uid; /* ignored for TIME_WAIT, as by the kernel */
	uint32_t bound_dev_if;
	uint16_t family;
	uint16_t port;
	uint16_t rport;
	uint8_t state;
	uint8_t reuse; /* sk_reuse: 0, 1, or 2 (SK_FORCE_REUSE, TCP_REPAIR) */
	uint8_t addr[16];
	uint8_t raddr[16]; /* with rport, when it is connected */
	bool reuseport;
	bool v6only; /* skc_ipv6only; the kernel sets it itself where one IPv6 address is bound */
	enum bind_port_from from;

	/* For the words only; 0 and NULL where unknown. */
	int pid;
	const char *comm;
	int tw_left_s; /* of a TIME_WAIT; -1: unknown */
	void *user;    /* the caller's own, never looked at */
};

/* The socket that asks. */
struct bind_cand {
	enum bind_op op;
	uint16_t family;
	uint16_t port; /* 0: the kernel picks */
	uint8_t addr[16];
	uint32_t scope_id; /* sin6_scope_id of a link-local address */
	uint32_t bound_dev_if;
	uint32_t uid;
	uint8_t state; /* TCP_CLOSE, unless the call was made on a socket that is in use */
	uint8_t reuse; /* as in bind_sock */
	bool reuseport;
	bool v6only;
	bool freebind;    /* IP_FREEBIND */
	bool transparent; /* IP_TRANSPARENT */
	bool no_port;     /* IP_BIND_ADDRESS_NO_PORT */
	bool local_range; /* IP_LOCAL_PORT_RANGE is set; env.range is already the narrowed one */
	bool cap_bind;    /* CAP_NET_BIND_SERVICE in the user namespace of its network namespace */
	bool bound; /* it has a port already; meant for BIND_OP_BIND, where that is an error */
	bool reuseport_prog; /* a program was attached to its reuseport group before it was bound */
	uint16_t rport;      /* CONNECT: where to */
	uint8_t raddr[16];
};

/* An address of the namespace, as getifaddrs() or RTM_GETADDR gives it. */
struct bind_ifaddr {
	uint16_t family;
	uint8_t prefix_len; /* of the IPv4 address itself: 8 for 127.0.0.1/8 */
	uint8_t addr[16];
	uint8_t bcast[16]; /* IPv4; zeros: none */
	uint32_t ifindex;
	bool up;
	bool loopback;  /* IFF_LOOPBACK */
	bool tentative; /* IPv6, duplicate address detection not done */
};

struct bind_env {
	uint32_t netns;
	uint32_t unpriv_port_start; /* net.ipv4.ip_unprivileged_port_start, 1024 by default */
	bool nonlocal4;             /* net.ipv4.ip_nonlocal_bind */
	bool nonlocal6;             /* net.ipv6.ip_nonlocal_bind */
	bool autobind_reuse;        /* net.ipv4.ip_autobind_reuse */
	bool device_gone;           /* cand's device (or scope) does not exist in the namespace */
	uint16_t range_lo;          /* net.ipv4.ip_local_port_range, both ends belong to it */
	uint16_t range_hi;
	const uint8_t *reserved; /* ip_local_reserved_ports: bit port%8 of byte port/8; or NULL */
	const struct bind_ifaddr *addrs; /* none at all: every address passes */
	size_t n_addrs;
	/* YES or NO overrides what the addresses say, for instance after a route lookup, which also
	 * knows "ip route add local 10.0.0.0/8 dev lo".  MAYBE: go by the addresses. */
	enum bind_tri addr_local;
};

/*
 * What the kernel remembers about a port: struct inet_bind_bucket, which icsk_bind_hash (tw_tb of a
 * TIME_WAIT) of any socket on that port points to; one per namespace, port and VRF.  It lets some
 * binds pass without a look at the sockets, so the sockets alone do not always decide.  With known
 * == false, or no bucket, the answer may be BIND_UNKNOWN; it is then assumed that no socket's
 * options were changed after it took the port.
 *
 * Since 6.9 fastreuse is never above 0 and fastreuseport never 1, by an accident of
 * inet_csk_update_fastreuse(); older kernels have both.
 */
struct bind_bucket {
	bool known;
	int8_t fastreuse;
	int8_t fastreuseport; /* 0 or less: no; 1: FASTREUSEPORT_ANY; 2: FASTREUSEPORT_STRICT */
	uint32_t fastuid;
	uint16_t fast_family; /* fast_sk_family */
	uint8_t fast_addr[16];
	bool fast_v6only;
};

/* The kinds follow each other: what stands against the call as such; how two addresses meet; why a
 * socket is not in the way; SO_REUSEADDR; SO_REUSEPORT. */
enum bind_rule {
	BIND_RULE_NONE,
	BIND_RULE_PORT_PRIVILEGED,
	BIND_RULE_ADDR_NOT_HERE,
	BIND_RULE_ADDR_OTHER_DEVICE,
	BIND_RULE_ADDR_NOT_READY,
	BIND_RULE_MULTICAST6,
	BIND_RULE_MAPPED_V6ONLY,
	BIND_RULE_SCOPE_MISSING,
	BIND_RULE_DEVICE_GONE,
	BIND_RULE_ALREADY_BOUND,
	BIND_RULE_NOT_CLOSED,
	BIND_RULE_PORT_HELD, /* see the conflicts */
	BIND_RULE_RANGE_USED_UP,
	BIND_RULE_CONNECT_DUPLICATE,
	BIND_RULE_CONNECT_USED_UP,
	BIND_RULE_HISTORY,   /* UNKNOWN: bucket not given, and it may let the bind pass */
	BIND_RULE_SCAN,      /* UNKNOWN: the free port left is one that a random search may skip */
	BIND_RULE_TIME_WAIT, /* UNKNOWN: whether connect() may take over a TIME_WAIT */
	BIND_RULE_SOURCE,    /* UNKNOWN: the source address is not decided yet */
	BIND_RULE_UNEXPLAINED, /* for callers: the kernel failed, these rules would not have */

	BIND_MEET_SAME,
	BIND_MEET_WILDCARD_HOLDS,
	BIND_MEET_WILDCARD_ASKS,
	BIND_MEET_DUAL_HOLDS,
	BIND_MEET_DUAL_ASKS,
	BIND_MEET_V6_AS_V4,
	BIND_MEET_TUPLE,
	BIND_MEET_RANGE,

	BIND_PASS_NETNS,
	BIND_PASS_PORT,
	BIND_PASS_DEVICE,
	BIND_PASS_ADDR,
	BIND_PASS_V6ONLY,
	BIND_PASS_REUSEADDR,
	BIND_PASS_REUSEPORT,

	BIND_REUSEADDR_LISTENING,
	BIND_REUSEADDR_NEITHER,
	BIND_REUSEADDR_HERE_ONLY,
	BIND_REUSEADDR_THERE_ONLY,
	BIND_REUSEADDR_PORT0,

	BIND_REUSEPORT_NEITHER,
	BIND_REUSEPORT_HERE_ONLY,
	BIND_REUSEPORT_THERE_ONLY,
	BIND_REUSEPORT_OTHER_USER,
	BIND_REUSEPORT_PROGRAM,
	BIND_REUSEPORT_PORT0,
};

/* One existing socket against the one that asks.  In the way: meet says how they meet, reuseaddr
 * and reuseport why neither option lets them share.  Not in the way: pass says why. */
struct bind_pair {
	bool in_way;
	enum bind_rule meet;
	enum bind_rule reuseaddr;
	enum bind_rule reuseport;
	enum bind_rule pass;
};

struct bind_conflict {
	const struct bind_sock *sock; /* points into the caller's array */
	struct bind_pair pair;
};

/*
 * conflicts/cap come from the caller and are kept; the rest is written.  Every socket in the way is
 * counted in n_conflicts, the first cap of them are stored.  Each alone makes the call fail; with
 * all of them gone it succeeds.  Where a port is picked by the kernel (port 0) they are all the
 * sockets that hold a port of the range, and one port freed is enough.
 */
struct bind_result {
	enum bind_verdict verdict;
	int err;               /* FAILS: the errno, positive; UNKNOWN: the one it would be; OK: 0 */
	enum bind_op fails_at; /* BIND_LISTEN: which of the two; else cand.op */
	enum bind_rule rule;   /* what decided */
	bool skipped;        /* OK only because of the bucket: the sockets alone would forbid it */
	uint32_t ports_free; /* port 0 only, of range_lo..range_hi less the reserved ones */
	uint32_t ports_total;
	struct bind_conflict *conflicts;
	size_t cap;
	size_t n_conflicts;
};

/* In the order in which they are given: safest first. */
enum bind_cure {
	BIND_CURE_CALL, /* the call itself has to be another one */
	BIND_CURE_OWN_REUSEADDR,
	BIND_CURE_OWN_V6ONLY,
	BIND_CURE_OWN_ADDR,
	BIND_CURE_FREEBIND,
	BIND_CURE_CAP,
	BIND_CURE_WAIT,
	BIND_CURE_OWN_PORT,
	BIND_CURE_RANGE,
	BIND_CURE_SYSCTL,
	BIND_CURE_OWN_REUSEPORT,
	BIND_CURE_THEIR_REUSEADDR,
	BIND_CURE_THEIR_V6ONLY,
	BIND_CURE_THEIR_ADDR,
	BIND_CURE_SHARE,
	BIND_CURE_STOP,
	BIND_CURE_LOOK,
};

struct bind_advice {
	enum bind_cure cure;
	uint8_t addr[16]; /* OWN_ADDR: the address that is free */
	uint16_t port;    /* OWN_PORT: the port that is free */
	char text[240];
};

/* Would it succeed?  socks must not hold the candidate itself; sockets of other namespaces and
 * ports may be among them.  bucket is that of cand.port, or NULL when not known. */
void bindrule_check(const struct bind_cand *cand, const struct bind_env *env,
		    const struct bind_sock *socks, size_t n, const struct bind_bucket *bucket,
		    struct bind_result *res);

/* One socket alone, also where the whole verdict is already known: why is it, or is it not, in the
 * way of this candidate's bind() or listen() on this port?  Returns pair->in_way. */
bool bindrule_pair(const struct bind_cand *cand, uint32_t netns, const struct bind_sock *sock,
		   struct bind_pair *pair);

/* Short stable name of a rule, for JSON: "wildcard_covers", "listening". */
const char *bindrule_key(enum bind_rule rule);
/* The kernel function that a rule comes from: "inet_bind_conflict". */
const char *bindrule_kernel(enum bind_rule rule);
/* Of the rules of a conflict the one that tells most. */
enum bind_rule bindrule_main(const struct bind_pair *pair);
/* Why, as plain sentences with sep between them (" ", or "\n" and an indent), for one socket: how
 * it meets, and why it does not share; or why it is not in the way.  buf is always terminated;
 * returns the length that was wanted, as snprintf() does. */
int bindrule_text(const struct bind_cand *cand, const struct bind_conflict *c, const char *sep,
		  char *buf, size_t len);
/* The verdict itself in one plain sentence, from res->rule. */
int bindrule_reason(const struct bind_cand *cand, const struct bind_env *env,
		    const struct bind_result *res, char *buf, size_t len);
/* "listening", "bound, not listening", "established", "TIME_WAIT". */
const char *bindrule_state(const struct bind_sock *sock);
/* "10.0.0.2:80", "[::]:80"; an AF_INET6 socket shows v4-mapped addresses as
 * [::ffff:10.0.0.2]:80. */
int bindrule_addr(uint16_t family, const uint8_t addr[16], uint16_t port, char *buf, size_t len);
/* What to do, safest first, into out; returns how many.  Whatever changes this side only (the OWN_
 * ones) was checked with the rules against the same sockets: it works. */
size_t bindrule_advice(const struct bind_cand *cand, const struct bind_env *env,
		       const struct bind_sock *socks, size_t n, const struct bind_bucket *bucket,
		       const struct bind_result *res, struct bind_advice *out, size_t cap);

#endif
