/* SPDX-License-Identifier: GPL-2.0-only */
/* Listeners come and go; bind(), listen() and connect() and what they returned. */
#ifndef SOCKLINE_BIND_BPF_H
#define SOCKLINE_BIND_BPF_H

#include "call.bpf.h"
#include "options.bpf.h"

/* A namespace with tcp_migrate_req set may give a closing listener's children to another. */
static __always_inline bool sock_may_migrate(struct sock *listener)
{
	struct net *net = BPF_CORE_READ(listener, __sk_common.skc_net.net);

	return bpf_core_field_exists(net->ipv4.sysctl_tcp_migrate_req) &&
	       BPF_CORE_READ(net, ipv4.sysctl_tcp_migrate_req);
}

static __always_inline void record_listener(struct sock *sk, u8 kind, s32 fd, s32 backlog)
{
	struct ev_tuple tuple;
	struct ev_listen *e;
	u8 flags = follow_flag();

	tuple_fill(&tuple, sk, false);
	if (!tuple.lport)
		tuple.lport = sock_local_port(sk);
	if ((config.netns && tuple.netns != config.netns) || !port_wanted(tuple.lport))
		return;
	if (kind == EV_UNLISTEN && sock_may_migrate(sk))
		flags |= EVF_MIGRATE;
	e = emit_reserve(sizeof(*e), kind, flags);
	if (!e)
		return;
	queues_fill(&e->queues, sk);
	__builtin_memcpy(e->addr, tuple.laddr, 16);
	e->port = tuple.lport;
	e->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	e->netns = tuple.netns;
	e->options = sock_options(sk);
	e->device = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	process_fill(&e->process);
	e->fd = fd;
	e->backlog = backlog;
	emit_submit(e);
}

/* A call that has begun, by thread.  At the exit of a failed bind the kernel has already zeroed
 * the socket's address and port, so everything is taken at the entry. */
struct begun {
	struct ev_call call;
	u64 sk;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct begun);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct begun);
} call_scratch SEC(".maps");

/* sin_addr lies where sin6_flowinfo does. */
static __always_inline void call_address(struct ev_call *c, const struct sockaddr_in6 *a)
{
	c->addr_family = a->sin6_family;
	c->port = bpf_ntohs(a->sin6_port);
	if (a->sin6_family != AF_INET6) {
		addr_v4(c->addr, a->sin6_flowinfo);
	} else {
		__builtin_memcpy(c->addr, a->sin6_addr, 16);
		c->scope = a->sin6_scope_id;
	}
}

/* A process may hand over 16 bytes for IPv4 at the end of a page: they are read first. */
static __always_inline void call_user_address(struct ev_call *c, const void *user_addr)
{
	struct sockaddr_in6 a = {};

	if (!user_addr || bpf_probe_read_user(&a, 16, user_addr))
		return;
	if (a.sin6_family == AF_INET6 && bpf_probe_read_user(&a, sizeof(a), user_addr))
		return;
	call_address(c, &a);
}

/* What the socket says of itself before the call.  NULL: no TCP socket, or not wanted. */
static __always_inline struct begun *call_fill(u8 kind, struct file *file)
{
	struct ev_tuple tuple;
	struct begun *b;
	struct sock *sk;
	bool mptcp = false;
	u32 zero = 0;

	sk = tcp_of_file(file, &mptcp);
	b = bpf_map_lookup_elem(&call_scratch, &zero);
	if (!sk || !b)
		return NULL;
	tuple_fill(&tuple, sk, false);
	if (config.netns && tuple.netns != config.netns)
		return NULL;
	__builtin_memset(b, 0, sizeof(*b));
	b->sk = (u64)sk;
	b->call.call = kind;
	b->call.netns = tuple.netns;
	b->call.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	b->call.options = sock_options(sk) | (mptcp ? SO_F_MPTCP : 0);
	b->call.device = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	b->call.uid = BPF_CORE_READ(sk, sk_uid.val);
	b->call.local_port = tuple.lport;
	__builtin_memcpy(b->call.local_addr, tuple.laddr, 16);
	if (kind == CALL_LISTEN) {
		b->call.port = tuple.lport;
		__builtin_memcpy(b->call.addr, tuple.laddr, 16);
	}
	return b;
}

static __always_inline int call_begins(u8 kind, s32 fd, const void *user_addr, u32 backlog)
{
	struct begun *b = call_fill(kind, file_of_fd(fd));
	u64 id = bpf_get_current_pid_tgid();

	if (!b)
		return 0;
	b->call.fd = fd;
	b->call.backlog = backlog;
	if (kind != CALL_LISTEN)
		call_user_address(&b->call, user_addr);
	bpf_map_update_elem(&calls, &id, b, BPF_ANY);
	return 0;
}

/* The socket that this thread has called listen() on. */
static __always_inline struct sock *listening_sock(struct call_regs *regs)
{
	bool mptcp = false;

	if (!call_regs_read(regs) || !regs->is_listen)
		return NULL;
	return tcp_of_file(file_of_fd(regs->fd), &mptcp);
}

/* listen() changes the state before it looks for a port of its own, and back if there is none
 * (inet_csk_listen_start): whether this socket listens is told when the call returns. */
static __always_inline bool is_in_listen(struct sock *sk)
{
	u64 id = bpf_get_current_pid_tgid();
	struct call_regs regs;
	struct begun *b;

	if (config.calls_at_exit)
		return listening_sock(&regs) == sk;
	b = bpf_map_lookup_elem(&calls, &id);
	return b && b->call.call == CALL_LISTEN && b->sk == (u64)sk;
}

/* The descriptor that this thread is calling connect() on. */
static __always_inline s32 connecting_fd(void)
{
	u64 id = bpf_get_current_pid_tgid();
	struct begun *b = bpf_map_lookup_elem(&calls, &id);

	return b && b->call.call == CALL_CONNECT ? b->call.fd : -1;
}

/* include/uapi/asm-generic/errno.h */
#define EADDRINUSE    98
#define EADDRNOTAVAIL 99

/* Of connects, `watch --active` needs all that failed: some do before any state changes.  Otherwise
 * those count that found no address of their own: most fail for the other side's reasons. */
static __always_inline bool call_wanted(u8 call, s64 ret)
{
	if (!follow_wants())
		return false;
	if (config.active && call == CALL_CONNECT && ret < 0)
		return true;
	if (!config.binds || !config.failed_calls)
		return config.binds;
	return call == CALL_CONNECT ? ret == -EADDRNOTAVAIL || ret == -EADDRINUSE : ret < 0;
}

static __always_inline void record_call(struct begun *b, s64 ret, u8 flags)
{
	struct sock *sk = (struct sock *)b->sk;
	struct ev_call *e;

	e = emit_reserve(sizeof(*e), EV_CALL, flags | follow_flag());
	if (!e)
		return;
	__builtin_memcpy((void *)e + sizeof(e->hdr), (void *)&b->call + sizeof(e->hdr),
			 sizeof(*e) - sizeof(e->hdr));
	process_fill(&e->process);
	e->result = ret;
	e->cookie = sock_cookie(sk);
	if (!e->local_port && (e->call == CALL_CONNECT || !ret))
		e->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	emit_submit(e);
}

/* -512..-516 are restarts (ERESTARTSYS and kin), not results: the call begins again. */
static __always_inline int call_returned(s64 ret)
{
	u64 id = bpf_get_current_pid_tgid();
	struct begun *b = bpf_map_lookup_elem(&calls, &id);

	if (!b)
		return 0;
	if (ret > -512) {
		if (b->call.call == CALL_LISTEN && ret == 0)
			record_listener((struct sock *)b->sk, EV_LISTEN, b->call.fd,
					b->call.backlog);
		if (call_wanted(b->call.call, ret))
			record_call(b, ret, 0);
	}
	bpf_map_delete_elem(&calls, &id);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_bind")
int sys_enter_bind(struct syscall_enter *ctx)
{
	return call_begins(CALL_BIND, ctx->args[0], (void *)ctx->args[1], 0);
}

SEC("tracepoint/syscalls/sys_enter_listen")
int sys_enter_listen(struct syscall_enter *ctx)
{
	return call_begins(CALL_LISTEN, ctx->args[0], NULL, ctx->args[1]);
}

/* A hook at the entry of any system call costs every system call of the host some 100 ns. */
static __always_inline int listen_returned(s64 ret)
{
	struct call_regs regs;
	struct sock *sk;

	if (ret)
		return 0;
	sk = listening_sock(&regs);
	/* Meanwhile another thread may have given the number to another socket. */
	if (sk && BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN)
		record_listener(sk, EV_LISTEN, regs.fd, regs.second);
	return 0;
}

/* Where only failures count and the registers tell what was called, the entry needs no hook.  The
 * socket of a failed bind() has lost its address by now; the caller's own has it still. */
static __always_inline int call_failed(u8 kind, s64 ret)
{
	struct call_regs regs;
	struct begun *b;

	if (!call_wanted(kind, ret) || ret <= -512 || !call_regs_read(&regs))
		return 0;
	b = call_fill(kind, file_of_fd(regs.fd));
	if (!b)
		return 0;
	b->call.fd = regs.fd;
	if (kind == CALL_LISTEN)
		b->call.backlog = regs.second;
	else
		call_user_address(&b->call, (void *)regs.second);
	record_call(b, ret, 0);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_connect")
int sys_enter_connect(struct syscall_enter *ctx)
{
	return call_begins(CALL_CONNECT, ctx->args[0], (void *)ctx->args[1], 0);
}

SEC("tracepoint/syscalls/sys_exit_connect")
int sys_exit_connect(struct syscall_exit *ctx)
{
	if (config.calls_at_exit && !config.active)
		return call_failed(CALL_CONNECT, ctx->ret);
	return call_returned(ctx->ret);
}

#endif
