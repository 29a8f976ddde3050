# SPDX-License-Identifier: GPL-2.0-only
"""Connections that are accepted: every family, every kind of accept(), every kind of listener."""
import ctypes
import os
import resource
import select
import socket
import subprocess
import threading

import lib
from lib import addr_of, cookie_of, port_of

WHOLE = "syn synack queued accepted"
IPPROTO_MPTCP = 262
JOINS_FROM = "10.77.0.77"


def cgroup():
    with open("/proc/self/cgroup") as f:
        return next(line.strip()[3:] for line in f if line.startswith("0::"))


class AcceptedTest(lib.LiveTest):
    def check_accepted(self, r, listener, conn, **want):
        """r is the whole story of conn, accepted here from listener."""
        want = {
            "role": "passive", "outcome": "accepted", "complete": True, "steps": WHOLE,
            "netns": self.srv.inode, "cookie": cookie_of(conn),
            "listener": {"addr": listener.getsockname()[0], "port": port_of(listener),
                         "cookie": cookie_of(listener)},
            "local": {"addr": addr_of(conn.getsockname()), "port": port_of(conn)},
            "remote": {"addr": addr_of(conn.getpeername()), "port": conn.getpeername()[1]},
            "process": {"pid": os.getpid(), "tid": os.getpid(), "comm": lib.comm(),
                        "fd": conn.fileno(), "cgroup": cgroup()},
            "synack_retransmits": 0, "syn_retransmits": 0, "syncookie": False, **want}
        self.check(r, **want)
        self.assertEqual(r["total_us"], r["steps"][-1]["at_us"])
        self.assertAlmostEqual(r["handshake_us"] + r["queued_us"], r["total_us"], delta=1)


class Families(AcceptedTest):
    def accept_one(self, addr, to=None, ns=None, **want):
        listener = self.listen(addr=addr, backlog=16)
        self.watch()
        client = self.connect(listener, addr=to, ns=ns)
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.assertEqual(addr_of(conn.getpeername()), addr_of(client.getsockname()))
        self.check_accepted(r, listener, conn, synq={"depth": 1, "limit": 16},
                            acceptq={"depth": 1, "limit": 16}, **want)

    def test_ipv4_veth(self):
        self.accept_one(lib.V4_SRV, family="ipv4", ifname="srv0")

    def test_ipv6_veth(self):
        self.accept_one(lib.V6_SRV, family="ipv6", ifname="srv0")

    def test_ipv4_on_dual_stack_listener(self):
        self.accept_one("::", to="::ffff:" + lib.V4_SRV, family="ipv4", ifname="srv0")

    def test_ipv6_on_dual_stack_listener(self):
        self.accept_one("::", to=lib.V6_SRV, family="ipv6", ifname="srv0")

    def test_ipv4_wildcard(self):
        self.accept_one("0.0.0.0", to=lib.V4_SRV, family="ipv4", ifname="srv0")

    def test_ipv4_loopback(self):
        self.accept_one("127.0.0.1", ns=self.srv, family="ipv4", ifname="lo")

    def test_ipv6_loopback(self):
        self.accept_one("::1", ns=self.srv, family="ipv6", ifname="lo")

    def test_two_namespaces_with_equal_addresses(self):
        """The same tuple at the same time, in two namespaces: two stories."""
        ours = [self.listen(addr="127.0.0.1", port=7777, ns=ns) for ns in (self.srv, self.cli)]
        self.watch("-P", "7777", netns="all")
        clients = []
        for ns in (self.srv, self.cli):
            client = self.keep(ns.socket())
            client.bind(("127.0.0.1", 40000))
            client.connect(("127.0.0.1", 7777))
            clients.append(client)
        conns = [self.accept(listener) for listener in ours]
        found = self.done(connections=2)
        for ns, listener, conn in zip((self.srv, self.cli), ours, conns):
            self.check_accepted(self.one(found, netns=ns.inode), listener, conn, netns=ns.inode,
                                ifname="lo")

    def test_listener_that_comes_while_watched(self):
        """The port is listen()'s own choice; another listen() changes state too, and then fails."""
        reuse = [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]
        listener = self.keep(self.srv.socket())
        listener.settimeout(lib.SOON)
        self.watch()
        listener.listen(4)
        first, second = (self.listen(None, port=5000, options=reuse) for _ in range(2))
        first.listen(4)
        self.assertRaises(OSError, second.listen, 4)
        self.connect(listener, addr=lib.V4_SRV)
        self.connect(first)
        conns = [self.accept(listener), self.accept(first)]
        found = self.done(connections=2)
        for r, of, conn in zip(found, (listener, first), conns):
            self.check_accepted(r, of, conn, acceptq={"depth": 1, "limit": 4})

    def test_each_waits_at_its_place(self):
        """Depth: itself counted, and who stood there before."""
        listener = self.listen(backlog=3)
        self.watch()
        ports = [port_of(self.connect(listener)) for _ in range(4)]
        conns = [self.accept(listener) for _ in ports]
        found = self.done(connections=4)
        for i, (port, conn) in enumerate(zip(ports, conns)):
            r = self.one(found, port=port)
            self.check_accepted(r, listener, conn, acceptq={"depth": i + 1, "limit": 3})
            self.assertEqual(r["steps"][0]["acceptq"], i)
            self.assertEqual(r["steps"][2]["acceptq"], i + 1)


class Calls(AcceptedTest):
    """Whatever the call, the descriptor is the one that it returned."""

    def one_client(self, take, **options):
        listener = self.listen(**options)
        self.watch()
        client = self.connect(listener)
        conn = take(listener)
        self.keep(conn)
        [r] = self.done(connections=1)
        self.assertEqual(conn.getpeername(), client.getsockname())
        self.check_accepted(r, listener, conn)

    def test_accept(self):
        def take(listener):
            listener.setblocking(True)
            return socket.socket(fileno=lib.call(lib.libc.accept(listener.fileno(), None, None)))
        self.one_client(take)

    def test_accept4(self):
        def take(listener):
            listener.setblocking(True)
            return socket.socket(fileno=lib.call(lib.libc.accept4(
                listener.fileno(), None, None, socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)))
        self.one_client(take)

    def test_accept_that_waits_first(self):
        listener = self.listen()
        listener.settimeout(None)
        self.watch()
        taken = []
        thread = threading.Thread(target=lambda: taken.append(
            (self.accept(listener), threading.get_native_id(), lib.comm("thread-self"))))
        thread.start()
        client = self.connect(listener)
        thread.join(lib.SOON)
        conn, tid, comm = taken[0]
        [r] = self.done(connections=1)
        self.assertEqual(conn.getpeername(), client.getsockname())
        self.assertNotEqual(tid, os.getpid())
        self.check_accepted(r, listener, conn, process={
            "pid": os.getpid(), "tid": tid, "comm": comm, "fd": conn.fileno(),
            "cgroup": cgroup()})

    def test_nonblocking(self):
        def take(listener):
            listener.setblocking(False)
            return listener.accept()[0]
        self.one_client(take)

    def test_nonblocking_without_a_connection(self):
        """EAGAIN is no story."""
        listener = self.listen()
        listener.setblocking(False)
        self.watch()
        self.assertRaises(BlockingIOError, listener.accept)
        self.done(connections=0)

    def test_epoll(self):
        def take(listener):
            listener.setblocking(False)
            with select.epoll() as poll:
                poll.register(listener, select.EPOLLIN | select.EPOLLET)
                self.assertEqual(poll.poll(lib.SOON), [(listener.fileno(), select.EPOLLIN)])
            return listener.accept()[0]
        self.one_client(take)

    def test_no_descriptor_left(self):
        """EMFILE leaves the connection where it is; the next accept() takes it."""
        listener = self.listen()
        listener.setblocking(True)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.watch()
        self.connect(listener)
        with open("/dev/null") as lowest:
            limit = lowest.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        try:
            with self.assertRaises(OSError) as failed:
                listener.accept()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self.assertEqual(failed.exception.errno, lib.errno.EMFILE)
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check_accepted(r, listener, conn)

    def test_bad_address_pointer(self):
        """EFAULT: the kernel takes the connection, and closes it: nobody has it."""
        listener = self.listen()
        listener.setblocking(True)
        self.watch()
        client = self.connect(listener)
        length = ctypes.c_uint32(16)
        self.assertEqual(lib.libc.accept(listener.fileno(), ctypes.c_void_p(8),
                                         ctypes.byref(length)), -1)
        self.assertEqual(ctypes.get_errno(), lib.errno.EFAULT)
        self.assertEqual(client.recv(1), b"")
        [r] = self.done(connections=1)
        self.check(r, outcome="closed", reason="EFAULT", steps=WHOLE,
                   process__pid=os.getpid(), process__fd=None, complete=True)

    def test_after_a_bad_address_pointer(self):
        """What the same thread accepts and closes afterwards is told as ever."""
        listener = self.listen()
        listener.setblocking(True)
        self.watch()
        self.connect(listener)
        self.assertEqual(lib.libc.accept(listener.fileno(), ctypes.c_void_p(8),
                                         ctypes.byref(ctypes.c_uint32(16))), -1)
        client = self.connect(listener)
        conn = self.accept(listener)
        fd = conn.fileno()
        conn.close()
        found = self.done(connections=2)
        self.check(self.one(found, port=port_of(client)), outcome="accepted", steps=WHOLE,
                   process__fd=fd, complete=True)


class Uring(AcceptedTest):
    def uring(self, how, direct=False):
        """Two connections, one that waits and one that comes later."""
        listener = self.listen()
        listener.setblocking(True)
        self.watch()
        early = self.connect(listener)
        server = self.srv.start(f"{lib.BUILD}/live/do_uring_accept", how, str(listener.fileno()),
                                "2", pass_fds=[listener.fileno()], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stdin.close)
        said = [server.stdout.readline()]
        late = self.connect(listener)
        said.append(server.stdout.readline())
        if not all(said):
            self.fail(f"do_uring_accept {how} ended with {server.wait()}")
        self.assertEqual([line.split()[0] for line in said], ["accepted"] * 2)
        found = self.done(connections=2)
        for client, line in zip((early, late), said):
            r = self.one(found, port=port_of(client))
            fd = None if direct else int(line.split()[1])
            self.check(r, outcome="accepted", steps=WHOLE, complete=True, io_uring=True,
                       listener__cookie=cookie_of(listener), process__pid=server.pid,
                       process__comm="do_uring_accept", process__fd=fd)

    def test_inline_or_poll(self):
        self.uring("single")

    def test_multishot(self):
        self.uring("multishot")

    def test_sqpoll(self):
        self.uring("sqpoll")

    def test_async_worker(self):
        self.uring("async")

    def test_direct(self):
        """A slot of the ring is no descriptor of the process."""
        self.uring("direct", direct=True)

    def test_direct_into_a_chosen_slot(self):
        self.uring("slot", direct=True)

    def test_multishot_direct(self):
        self.uring("multishot-direct", direct=True)


class Listeners(AcceptedTest):
    def test_reuseport_group(self):
        """Each connection names the listener of the group that the kernel chose."""
        option = [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)]
        first = self.listen(options=option)
        group = [first] + [self.listen(port=port_of(first), options=option) for _ in range(3)]
        self.watch()
        for _ in range(16):
            self.connect(first)
        taken = []
        while len(taken) < 16:
            for listener in select.select(group, [], [], lib.SOON)[0]:
                taken.append((listener, self.accept(listener)))
        found = self.done(connections=16)
        self.assertGreater(len({listener for listener, _ in taken}), 1)
        for listener, conn in taken:
            self.check_accepted(self.one(found, port=conn.getpeername()[1]), listener, conn)

    def test_shared_by_fork(self):
        """The process is the one that accepts, not the one that listens."""
        listener = self.listen()
        listener.setblocking(True)
        self.watch()
        clients, children = [], []
        for _ in range(2):
            said, say = os.pipe()
            pid = os.fork()
            if not pid:
                conn, _ = listener.accept()
                os.write(say, b"%d" % conn.fileno())
                os.read(0, 1)
                os._exit(0)
            os.close(say)
            clients.append(self.connect(listener))
            children.append((pid, int(os.read(said, 16))))
            os.close(said)
        found = self.done(connections=2)
        for client, (pid, fd) in zip(clients, children):
            os.kill(pid, 9) if os.waitpid(pid, os.WNOHANG)[0] == 0 else None
            self.check(self.one(found, port=port_of(client)), outcome="accepted", steps=WHOLE,
                       process__pid=pid, process__tid=pid, process__fd=fd)

    def test_mptcp(self):
        if self.srv.sysctl("mptcp.enabled") != "1":
            self.skipTest("net.mptcp.enabled is 0")
        listener = self.listen(protocol=IPPROTO_MPTCP)
        self.watch()
        client = self.keep(self.cli.socket(protocol=IPPROTO_MPTCP))
        client.connect(listener.getsockname())
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="accepted", steps=WHOLE, complete=True, mptcp=True,
                   remote__port=port_of(client), process__pid=os.getpid(),
                   process__fd=conn.fileno(), listener__port=port_of(listener))

    def join(self, listener):
        """A client of two subflows, the second of which joins."""
        client = self.keep(self.cli.socket(protocol=IPPROTO_MPTCP))
        client.connect(listener.getsockname())
        client.send(b"?")
        return client

    def joined(self):
        """Subflows by now."""
        ours = self.srv.run("ss", "-Htn", "state", "established").split("\n")
        return [line for line in ours if JOINS_FROM in line]

    def test_mptcp_subflow_that_joins(self):
        """It is part of what is accepted or waits, and no connection of its own."""
        if self.srv.sysctl("mptcp.enabled") != "1":
            self.skipTest("net.mptcp.enabled is 0")
        self.cli.run("ip", "addr", "add", f"{JOINS_FROM}/24", "dev", "cli0")
        self.cli.run("ip", "mptcp", "limits", "set", "subflow", "1")
        self.srv.run("ip", "mptcp", "limits", "set", "subflow", "1")
        self.cli.run("ip", "mptcp", "endpoint", "add", JOINS_FROM, "dev", "cli0", "subflow")
        self.addCleanup(self.cli.run, "ip", "addr", "del", f"{JOINS_FROM}/24", "dev", "cli0")
        self.addCleanup(self.cli.run, "ip", "mptcp", "endpoint", "flush")
        listener = self.listen(protocol=IPPROTO_MPTCP)
        self.watch()
        accepted = self.join(listener)
        conn = self.accept(listener)
        lib.until(lambda: len(self.joined()) == 1, "a subflow that joins what is accepted")
        self.join(listener)
        lib.until(lambda: len(self.joined()) == 2, "a subflow that joins what waits")
        for sock in (conn, accepted):
            sock.close()
        lib.until(lambda: len(self.joined()) == 1, "the end of the first")
        self.accept(listener)
        listener.close()
        for r in self.done(connections=2):
            self.check(r, outcome="accepted", steps=WHOLE, mptcp=True)

    def test_tcp_client_of_mptcp_listener(self):
        listener = self.listen(protocol=IPPROTO_MPTCP)
        self.watch()
        client = self.connect(listener)
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="accepted", steps=WHOLE, complete=True, process__fd=conn.fileno(),
                   remote__port=port_of(client))


if __name__ == "__main__":
    lib.main()
