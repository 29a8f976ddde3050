# SPDX-License-Identifier: GPL-2.0-only
"""Full queues: SYNs and ACKs that are dropped and why, SYN cookies, and the kernel's own counters as
the witness of how many."""
import os
import time

import lib
import lib_raw
from lib import cookie_of, port_of, steps


class QueueTest(lib.LiveTest):
    def setUp(self):
        super().setUp()
        self.before = self.srv.netstat()

    def counted(self, **want):
        """How much the namespace's own counters have grown."""
        now = self.srv.netstat()
        self.assertEqual({k: now[k] - self.before[k] for k in want}, want)

    def raw(self, listener, count=None):
        clients = [lib_raw.Client(self, listener) for _ in range(count or 1)]
        return clients if count else clients[0]


class SynDropped(QueueTest):
    def fill(self, listener, count):
        """So many clients, of which those of the accept queue are connected."""
        ports = []
        for i in range(count):
            ports.append(port_of(self.connect(listener, wait=i < 2)))
        return ports

    def dropped(self, addr, **want):
        listener = self.listen(backlog=1, addr=addr)
        self.watch()
        ports = self.fill(listener, 6)
        for port in ports[2:]:
            self.sockline.wait_for(port=port, outcome="syn_dropped")
        self.counted(ListenOverflows=4, ListenDrops=4)
        found = self.done(connections=6)
        for port in ports[:2]:
            self.check(self.one(found, port=port), outcome="open", state="accept_queue",
                       steps="syn synack queued")
        for port in ports[2:]:
            self.check(self.one(found, port=port), outcome="syn_dropped",
                       reason="accept_queue_full", steps="syn syn_dropped",
                       acceptq={"depth": 2, "limit": 1}, listener__cookie=cookie_of(listener),
                       listener__port=port_of(listener), process=None, complete=True,
                       syn_retransmits=0, handshake_us=None, queued_us=None, **want)

    def test_accept_queue_full_ipv4(self):
        self.dropped(lib.V4_SRV, family="ipv4", ifname="srv0")

    def test_accept_queue_full_ipv6(self):
        self.dropped(lib.V6_SRV, family="ipv6", ifname="srv0")

    @lib.by_timer
    def test_each_try_is_told(self):
        """The client says its SYN again after a second; that one finds room."""
        listener = self.listen(backlog=1)
        self.watch()
        port = self.fill(listener, 3)[2]
        self.sockline.wait_for(port=port, outcome="syn_dropped", syn_retransmits=0)
        for _ in range(3):
            conn = self.accept(listener)
        found = self.done(connections=4)
        self.assertEqual(conn.getpeername()[1], port)
        self.check(self.one(found, port=port, outcome="syn_dropped"), syn_retransmits=0)
        self.check(self.one(found, port=port, outcome="accepted"), syn_retransmits=1,
                   steps="syn synack queued accepted", process__fd=conn.fileno(), complete=True)

    def test_syn_queue_full(self):
        self.srv.sysctl("ipv4.tcp_syncookies", 0)
        listener = self.listen(backlog=2)
        self.watch()
        clients = self.raw(listener, 6)
        answered = [c.syn().synack(0.2) for c in clients]
        self.assertEqual(answered, [True] * 3 + [False] * 3)
        self.counted(ListenOverflows=0, ListenDrops=3, TCPReqQFullDrop=3)
        found = self.done(connections=6)
        for i, c in enumerate(clients[:3]):
            self.check(self.one(found, port=c.port), outcome="open", state="syn_queue",
                       steps="syn synack", synq={"depth": i + 1, "limit": 2})
        for c in clients[3:]:
            self.check(self.one(found, port=c.port), outcome="syn_dropped",
                       reason="syn_queue_full", steps="syn syn_dropped",
                       synq={"depth": 3, "limit": 2}, complete=True)

    def test_last_quarter_of_the_syn_queue(self):
        self.srv.sysctl("ipv4.tcp_syncookies", 0)
        self.srv.sysctl("ipv4.tcp_max_syn_backlog", 8)
        self.srv.run("ip", "tcp_metrics", "flush")
        listener = self.listen(backlog=100)
        self.watch()
        clients = self.raw(listener, 10)
        answered = [c.syn().synack(0.2) for c in clients]
        self.assertEqual(answered, [True] * 7 + [False] * 3)
        found = self.done(connections=10)
        for c in clients[7:]:
            self.check(self.one(found, port=c.port), outcome="syn_dropped",
                       reason="syn_queue_last_quarter", steps="syn syn_dropped",
                       synq={"depth": 7, "limit": 100}, complete=True)

    def test_dropped_by_abort_on_overflow_too(self):
        """tcp_abort_on_overflow changes what happens to the ACK only."""
        self.srv.sysctl("ipv4.tcp_abort_on_overflow", 1)
        self.dropped(lib.V4_SRV)


class AckDropped(QueueTest):
    """listen(1), one that waits, two half-open: the second ACK finds the queue full."""

    def overflow(self):
        listener = self.listen(backlog=1)
        self.watch()
        self.connect(listener)
        first, second = (c.half_open() for c in self.raw(listener, 2))
        first.ack()
        second.ack()
        return listener, second

    def test_silently(self):
        listener, second = self.overflow()
        self.counted(ListenOverflows=1, ListenDrops=1)
        found = self.done(connections=3)
        self.check(self.one(found, port=second.port), outcome="ack_dropped",
                   reason="accept_queue_full", steps="syn synack ack_dropped",
                   acceptq={"depth": 2, "limit": 1}, complete=True, process=None,
                   listener__cookie=cookie_of(listener), handshake_us=None)

    def test_with_a_reset(self):
        self.srv.sysctl("ipv4.tcp_abort_on_overflow", 1)
        _, second = self.overflow()
        self.assertTrue(second.receive().flags & lib_raw.RST)
        self.sockline.wait_for(port=second.port, outcome="ack_dropped")
        found = self.done(connections=3)
        self.check(self.one(found, port=second.port), outcome="ack_dropped",
                   reason="accept_queue_full", steps="syn synack ack_dropped", complete=True)

    @lib.by_timer
    def test_late_success(self):
        """The SYN-ACK comes again after a second; by then there is room."""
        listener, second = self.overflow()
        self.accept(listener)
        self.assertTrue(second.synack())
        second.ack()
        conns = [self.accept(listener), self.accept(listener)]
        found = self.done(connections=3)
        self.assertEqual(conns[1].getpeername()[1], second.port)
        self.check(self.one(found, port=second.port), outcome="accepted", complete=True,
                   steps="syn synack ack_dropped synack_retransmit queued accepted",
                   synack_retransmits=1, process__pid=os.getpid(),
                   process__fd=conns[1].fileno(), acceptq={"depth": 2, "limit": 1})

    @lib.by_timer
    def test_until_it_expires(self):
        """No room in time: the retries are used up, the ACK's drop was the reason."""
        self.srv.sysctl("ipv4.tcp_synack_retries", 0)
        _, second = self.overflow()
        self.sockline.wait_for(port=second.port)
        found = self.done(connections=3)
        self.check(self.one(found, port=second.port), outcome="ack_dropped",
                   reason="accept_queue_full", steps="syn synack ack_dropped expired",
                   complete=True)


class SynCookies(QueueTest):
    def cookies(self, mode, queued):
        """Six SYNs at listen(2); what does not find room in the SYN queue gets a cookie."""
        self.srv.sysctl("ipv4.tcp_syncookies", mode)
        listener = self.listen(backlog=2)
        self.watch()
        clients = self.raw(listener, 6)
        for c in clients:
            c.half_open()
        for c in clients[3:]:
            c.ack()
        conns = [self.accept(listener) for _ in clients[3:]]
        self.counted(SyncookiesSent=6 - queued, SyncookiesRecv=3)
        found = self.done(connections=6)
        for c in clients[:3]:
            self.check(self.one(found, port=c.port), outcome="open", syncookie=queued == 0,
                       state="syn_queue" if queued else "syncookie_sent", steps="syn synack")
        for c, conn in zip(clients[3:], conns):
            self.assertEqual(conn.getpeername()[1], c.port)
            self.check(self.one(found, port=c.port), outcome="accepted", syncookie=True,
                       steps="syn synack queued accepted", complete=True,
                       process__fd=conn.fileno(), listener__cookie=cookie_of(listener))

    def test_when_the_queue_is_full(self):
        self.cookies(mode=1, queued=3)

    def test_always(self):
        self.cookies(mode=2, queued=0)

    def test_ack_meets_a_full_accept_queue(self):
        """A cookie's ACK has no SYN-queue entry behind it: dropped, it has no second chance."""
        self.srv.sysctl("ipv4.tcp_syncookies", 2)
        listener = self.listen(backlog=1)
        self.watch()
        clients = self.raw(listener, 3)
        for c in clients:
            c.half_open()
        for c in clients:
            c.ack()
        self.counted(ListenOverflows=1)
        self.sockline.wait_for(port=clients[2].port, outcome="ack_dropped")
        found = self.done(connections=3)
        self.check(self.one(found, port=clients[2].port), outcome="ack_dropped",
                   reason="accept_queue_full", syncookie=True, complete=True,
                   steps="syn synack ack_dropped", acceptq={"depth": 2, "limit": 1})

    def test_flood(self):
        """More SYNs than the queue holds, as fast as they can be sent: none is lost."""
        self.srv.sysctl("ipv4.tcp_syncookies", 1)
        listener = self.listen(backlog=64)
        self.watch()
        client = self.raw(listener)
        first = 10000
        for port in range(first, first + 2000):
            client.port = port
            client.syn()
        time.sleep(0.2)
        found = self.done(connections=2000)
        kinds = {True: 0, False: 0}
        for r in found:
            self.assertEqual((r["outcome"], steps(r)), ("open", ["syn", "synack"]), r)
            kinds[r["syncookie"]] += 1
        self.assertEqual(kinds, {True: 2000 - 65, False: 65})


if __name__ == "__main__":
    lib.main()
