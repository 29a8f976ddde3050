# SPDX-License-Identifier: GPL-2.0-only
"""Handshakes out of the ordinary: TCP_DEFER_ACCEPT, Fast Open, SYNs that come again, tuples that are
used again, listeners that change or hand over what they hold."""
import os
import socket
import time

import lib
import lib_raw
from lib import cookie_of, port_of

TCP_FASTOPEN, TCP_FASTOPEN_CONNECT = 23, 30
MSG_FASTOPEN = 0x20000000
REUSEPORT = [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)]


class DeferAccept(lib.LiveTest):
    """The bare ACK is not enough; data must come."""

    def start(self):
        listener = self.listen(options=[(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)])
        self.watch()
        return listener

    def test_data_after_a_while(self):
        listener = self.start()
        client = self.connect(listener)
        time.sleep(0.3)
        client.send(b"x")
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="accepted", steps="syn synack ack_deferred queued accepted",
                   complete=True, remote__port=port_of(client), process__fd=conn.fileno(),
                   synack_retransmits=0)
        self.assertGreaterEqual(r["handshake_us"], 250_000)

    def test_data_with_the_ack(self):
        listener = self.start()
        client = lib_raw.Client(self, listener).half_open()
        client.ack(b"x")
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="accepted", steps="syn synack queued accepted", complete=True,
                   process__fd=conn.fileno())

    def test_no_data(self):
        listener = self.start()
        client = self.connect(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="open", state="syn_queue", steps="syn synack ack_deferred",
                   remote__port=port_of(client), complete=True)


class FastOpen(lib.LiveTest):
    def start(self, backlog=16):
        for ns in (self.srv, self.cli):
            ns.sysctl("ipv4.tcp_fastopen", 3)
        listener = self.listen(backlog=backlog,
                               options=[(socket.IPPROTO_TCP, TCP_FASTOPEN, 16)])
        return listener

    def call(self, listener, data=b"hello"):
        client = self.keep(self.cli.socket())
        client.sendto(data, MSG_FASTOPEN, listener.getsockname())
        return client

    def test_second_connection(self):
        """The first one gets a Fast Open cookie; the second one's data come with its SYN."""
        listener = self.start()
        self.watch()
        first = self.call(listener)
        conns = [self.accept(listener)]
        self.assertEqual(conns[0].recv(9), b"hello")
        second = self.call(listener)
        conns.append(self.accept(listener))
        self.assertEqual(conns[1].recv(9), b"hello")
        self.assertEqual(self.srv.netstat()["TCPFastOpenPassive"], 1)
        found = self.done(connections=2)
        r = self.one(found, port=port_of(first))
        self.check(r, outcome="accepted", steps="syn synack queued accepted", complete=True,
                   process__fd=conns[0].fileno())
        self.assertNotIn("fastopen", r)
        r = self.one(found, port=port_of(second))
        self.check(r, outcome="accepted", complete=True, fastopen=True,
                   process__pid=os.getpid(), process__fd=conns[1].fileno(),
                   cookie=cookie_of(conns[1]), listener__cookie=cookie_of(listener))
        # accept() may return it before the handshake has ended.
        self.assertEqual([s for s in lib.steps(r) if s != "established"],
                         ["syn", "synack", "queued", "accepted"])

    def test_waiting(self):
        """In the accept queue from its SYN on."""
        listener = self.start()
        self.call(listener)
        self.accept(listener)
        self.watch()
        client = self.call(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="open", state="accept_queue", fastopen=True, complete=True,
                   remote__port=port_of(client), acceptq={"depth": 1, "limit": 16},
                   steps="syn synack queued established")


class Again(lib.LiveTest):
    def test_duplicate_syn(self):
        """The same sequence number: the same connection, and the kernel answers again."""
        listener = self.listen()
        self.watch()
        client = lib_raw.Client(self, listener).half_open()
        time.sleep(0.55)
        client.half_open()
        client.ack()
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="accepted", complete=True, syn_retransmits=1,
                   process__fd=conn.fileno(), synack_retransmits=1,
                   steps="syn synack syn_retransmit synack_retransmit queued accepted")

    def test_tuple_used_again(self):
        """The same client port three times over: three stories, each with its own child."""
        listener = self.listen()
        self.watch()
        fds, cookies = [], []
        for _ in range(3):
            client = self.keep(self.cli.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.bind((lib.V4_CLI, 21000))
            client.connect(listener.getsockname())
            conn = self.accept(listener)
            fds.append(conn.fileno())
            cookies.append(cookie_of(conn))
            client.close()
        found = self.done(connections=3)
        self.assertEqual([r["cookie"] for r in found], cookies)
        for r, fd in zip(found, fds):
            self.check(r, outcome="accepted", steps="syn synack queued accepted", complete=True,
                       remote__port=21000, process__fd=fd)

    def test_tuple_used_again_while_its_first_waits(self):
        """Reset in the accept queue, then the same tuple: accept() returns both, in that order."""
        listener = self.listen()
        self.watch()
        for _ in range(2):
            client = self.keep(self.cli.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.bind((lib.V4_CLI, 21000))
            client.connect(listener.getsockname())
            if not _:
                client.close()
        conns = [self.accept(listener) for _ in range(2)]
        found = self.done(connections=2)
        self.check(found[0], outcome="reset", complete=True, cookie=cookie_of(conns[0]),
                   process__fd=conns[0].fileno(), steps="syn synack queued reset accepted")
        self.check(found[1], outcome="accepted", complete=True, cookie=cookie_of(conns[1]),
                   process__fd=conns[1].fileno(), steps="syn synack queued accepted")

    def test_half_open_then_another_syn(self):
        """Another sequence number from the same port, after a reset: another connection."""
        listener = self.listen()
        self.watch()
        client = lib_raw.Client(self, listener).half_open()
        client.rst()
        client.seq += 100_000
        client.half_open()
        client.ack()
        conn = self.accept(listener)
        found = self.done(connections=2)
        self.check(found[0], outcome="reset", steps="syn synack reset", complete=True)
        self.check(found[1], outcome="accepted", steps="syn synack queued accepted",
                   complete=True, process__fd=conn.fileno(), syn_retransmits=0)


class Handover(lib.LiveTest):
    """tcp_migrate_req: what a closing listener holds goes to another one of its group."""

    def group(self):
        self.srv.sysctl("ipv4.tcp_migrate_req", 1)
        first = self.listen(options=REUSEPORT)
        second = self.listen(port=port_of(first), options=REUSEPORT)
        return first, second

    def test_queued(self):
        first, second = self.group()
        self.watch()
        ports = [port_of(self.connect(first)) for _ in range(8)]
        first.close()
        conns = [self.accept(second) for _ in ports]
        found = self.done(connections=8)
        for conn in conns:
            self.check(self.one(found, port=conn.getpeername()[1]), outcome="accepted",
                       steps="syn synack queued accepted", process__fd=conn.fileno(),
                       complete=True)

    def test_half_open(self):
        first, second = self.group()
        self.watch()
        clients = [lib_raw.Client(self, first).half_open() for _ in range(8)]
        first.close()
        for c in clients:
            c.ack()
        conns = [self.accept(second) for _ in clients]
        found = self.done(connections=8)
        for conn in conns:
            self.check(self.one(found, port=conn.getpeername()[1]), outcome="accepted",
                       steps="syn synack queued accepted", process__fd=conn.fileno(),
                       complete=True)


class Changes(lib.LiveTest):
    def test_listener_opened_after_the_start(self):
        self.watch()
        listener = self.listen(backlog=5)
        client = self.connect(listener)
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="accepted", steps="syn synack queued accepted", complete=True,
                   listener={"addr": lib.V4_SRV, "port": port_of(listener),
                             "cookie": cookie_of(listener)},
                   acceptq={"depth": 1, "limit": 5}, process__fd=conn.fileno(),
                   remote__port=port_of(client))

    def test_second_listen(self):
        """Another backlog, at once: no state changes, the limit does."""
        listener = self.listen(backlog=1)
        self.watch()
        ports = []
        for backlog in (1, 7, 2):
            listener.listen(backlog)
            ports.append(port_of(self.connect(listener)))
            self.accept(listener)
        found = self.done(connections=3)
        for port, limit in zip(ports, (1, 7, 2)):
            self.check(self.one(found, port=port), outcome="accepted",
                       acceptq={"depth": 1, "limit": limit}, synq={"depth": 1, "limit": limit})

    def test_somaxconn_limits(self):
        self.srv.sysctl("core.somaxconn", 3)
        listener = self.listen(backlog=100)
        self.watch()
        self.connect(listener)
        self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, acceptq={"depth": 1, "limit": 3})


class Start(lib.LiveTest):
    """sockline starts in mid-flight: what it has not seen is null, and never made up."""

    def without_timer(self, r):
        """The kernel may have sent the SYN-ACK again since the start."""
        return [s for s in lib.steps(r) if s != "synack_retransmit"]

    def test_queued_before(self):
        listener = self.listen()
        client = self.connect(listener)
        self.watch()
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="accepted", complete=False, steps="accepted",
                   remote__port=port_of(client), process__fd=conn.fileno(),
                   process__pid=os.getpid(), handshake_us=None, queued_us=None, total_us=None,
                   listener=None, synq=None, acceptq=None)

    def test_half_open_before(self):
        listener = self.listen()
        client = lib_raw.Client(self, listener).half_open()
        self.watch()
        client.ack()
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.assertEqual(self.without_timer(r), ["queued", "accepted"])
        self.check(r, outcome="accepted", complete=False,
                   remote__port=client.port, process__fd=conn.fileno(),
                   listener__cookie=cookie_of(listener), synq=None,
                   acceptq={"depth": 1, "limit": 16}, handshake_us=None, total_us=None)
        self.assertGreaterEqual(r["queued_us"], 0)

    def test_half_open_before_then_reset(self):
        listener = self.listen()
        client = lib_raw.Client(self, listener).half_open()
        self.watch()
        client.rst()
        self.sockline.wait_for(port=client.port)
        [r] = self.done(connections=1)
        self.assertEqual(self.without_timer(r), ["reset"])
        self.check(r, outcome="reset", complete=False, total_us=None)

    @lib.by_timer
    def test_half_open_before_then_expired(self):
        self.srv.sysctl("ipv4.tcp_synack_retries", 1)
        listener = self.listen()
        client = lib_raw.Client(self, listener).half_open()
        self.watch()
        self.sockline.wait_for(port=client.port)
        [r] = self.done(connections=1)
        self.assertEqual(self.without_timer(r), ["expired"])
        self.check(r, outcome="expired", complete=False, synack_retransmits=1, total_us=None)

    def test_half_open_before_then_said_again(self):
        """The SYN that is seen is not the one that was answered first."""
        listener = self.listen()
        client = lib_raw.Client(self, listener).half_open()
        time.sleep(0.55)
        self.watch()
        client.half_open()
        client.ack()
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="accepted", complete=False, process__fd=conn.fileno())
        # The kernel's own timer may have been first.
        self.assertIn(lib.steps(r), (
            ["syn", "synack_retransmit", "queued", "accepted"],
            ["synack_retransmit", "syn_retransmit", "synack_retransmit", "queued", "accepted"]))

    def test_queued_before_then_closed_with_its_listener(self):
        listener = self.listen()
        client = self.connect(listener)
        self.watch()
        listener.close()
        self.sockline.wait_for(port=port_of(client))
        [r] = self.done(connections=1)
        self.check(r, outcome="listener_closed", complete=False, steps="listener_closed",
                   total_us=None)

    def test_first_event_after_the_start(self):
        """A listener that existed before is known with its address from the first event."""
        listener = self.listen(addr="0.0.0.0")
        self.watch()
        client = self.connect(listener, addr=lib.V4_SRV)
        [r] = self.done(connections=1)
        self.check(r, outcome="open", remote__port=port_of(client),
                   listener={"addr": "0.0.0.0", "port": port_of(listener),
                             "cookie": cookie_of(listener)})


if __name__ == "__main__":
    lib.main()
