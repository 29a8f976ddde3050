/* SPDX-License-Identifier: GPL-2.0-only */
/* The accept queue: a child is put in it, changes there, and leaves it by accept(). */
#ifndef SOCKLINE_ACCEPT_BPF_H
#define SOCKLINE_ACCEPT_BPF_H

/* The segment at hand, if it has just made this child, or NULL.  With that it is done with: what is
 * freed of this connection later is not its drop. */
static __always_inline struct met *met_made(const struct ev_tuple *tuple)
{
	struct met *met = met_get();

	if (!met_is_of(met, tuple))
		return NULL;
	met->armed = 0;
	return met;
}

static __always_inline void record_queued(struct sock *child, u64 cookie, u8 flags, u32 to_come)
{
	struct ev_tuple tuple;
	struct ev_queued *e;
	struct met *met;

	tuple_fill(&tuple, child, true);
	if (!filter_keep(&tuple))
		return;
	met = met_made(&tuple);
	e = emit_reserve(sizeof(*e), EV_QUEUED, flags);
	if (!e)
		return;
	e->tuple = tuple;
	if (met)
		met_queues(&e->queues, met);
	else
		__builtin_memset(&e->queues, 0, sizeof(e->queues));
	e->queues.acceptq += e->queues.cookie ? to_come : 0;
	e->cookie = cookie;
	emit_submit(e);
}

/* Fast Open: the child is made by the SYN itself and put in the accept queue as soon as its SYN-ACK
 * is on its way (tcp_conn_request: send_synack, then inet_csk_reqsk_queue_add). */
static __always_inline void record_fastopen(struct sock *child)
{
	struct met *met = met_get();

	if (!met || !met->armed || met->child != (u64)child)
		return;
	met->child = 0;
	record_synack(child, EV_SYNACK, EVF_FASTOPEN, 0, (struct sock *)met->listener);
	record_queued(child, sock_cookie(child), EVF_FASTOPEN, 1);
}

static __always_inline void record_state(struct sock *sk, u8 kind, u8 from, u8 to, u32 error)
{
	struct ev_tuple tuple;
	struct ev_state *e;

	tuple_fill(&tuple, sk, true);
	if (!tuple.lport)
		tuple.lport = sock_local_port(sk);
	if (!filter_keep(&tuple))
		return;
	e = emit_reserve(sizeof(*e), kind, 0);
	if (!e)
		return;
	e->tuple = tuple;
	e->cookie = sock_cookie(sk);
	e->error = error;
	e->old_state = from;
	e->new_state = to;
	e->pad[0] = e->pad[1] = 0;
	emit_submit(e);
}

static __always_inline void record_accepted(struct sock *sk, s32 fd, u8 flags)
{
	struct ev_accepted *e;
	struct ev_tuple tuple;
	u64 cookie = tuple_fill(&tuple, sk, false);

	/* Reset while it waited: inet_put_port has taken skc_num, the tuple is otherwise whole. */
	if (!tuple.lport)
		tuple.lport = sock_local_port(sk);
	if (!filter_keep(&tuple))
		return;
	e = emit_reserve(sizeof(*e), EV_ACCEPTED, flags);
	if (!e)
		return;
	e->tuple = tuple;
	e->cookie = cookie;
	process_fill(&e->process);
	e->fd = fd;
	e->pad = 0;
	emit_submit(e);
}

/* accept() whose address cannot be written fails with EFAULT when the child is out of the queue
 * already (do_accept); the kernel closes it in that same task, on its way back to the process. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u64); /* thread */
	__type(value, u32);
} faulted SEC(".maps");

__u32 any_faulted = 0;

#define EFAULT 14

static __always_inline void accept_faulted(void)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 one = 1;

	any_faulted = 1;
	bpf_map_update_elem(&faulted, &id, &one, BPF_ANY);
}

/* A socket that a process has is being closed: only the reader knows whether it is that child. */
static __always_inline void closed_after_fault(struct sock *sk)
{
	u64 id;

	if (!any_faulted)
		return;
	id = bpf_get_current_pid_tgid();
	if (bpf_map_delete_elem(&faulted, &id))
		return;
	record_accepted(sk, -EFAULT, EVF_UNSURE | follow_flag());
}

static __always_inline void accept_file(struct file *file, s32 fd, u8 flags)
{
	bool mptcp = false;
	struct sock *sk = tcp_of_file(file, &mptcp);

	if (sk)
		record_accepted(sk, fd, flags | (mptcp ? EVF_MPTCP : 0) | follow_flag());
}

static __always_inline void record_accept(s64 ret, u8 flags)
{
	if (ret >= 0)
		accept_file(file_of_fd(ret), ret, flags);
	else if (ret == -EFAULT)
		accept_faulted();
}

#endif
