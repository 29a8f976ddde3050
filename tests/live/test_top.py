# SPDX-License-Identifier: GPL-2.0-only
"""`top --json`: what it counts, against traffic that is known and the kernel's own counters."""
import os
import socket
import subprocess
import threading
import time

import lib
import lib_raw
from lib import cookie_of, port_of

IPPROTO_MPTCP = 262
TCP_FASTOPEN = 23
MSG_FASTOPEN = 0x20000000
REUSEADDR = [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]
REUSEPORT = [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)]
JOINS_FROM = "10.77.0.77"
LOOK = 0.1  # seconds between two looks


class TopTest(lib.LiveTest):
    def top(self, *args):
        self.sockline = lib.Sockline("top", "--json", "-i", LOOK, "--netns", self.srv.path, *args)
        self.addCleanup(self.sockline.stop)

    def row(self, listener):
        """The last word on this listener, once sockline has ended."""
        if self.sockline.process.poll() is None:
            time.sleep(2 * LOOK)
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        cookie = cookie_of(listener)
        records = self.sockline.records()
        self.assertEqual(records[-1]["type"], "summary")
        self.assertEqual(records[-1]["lost"], 0)
        return [r for r in records if r.get("cookie") == cookie][-1]

    def counts(self, listener, **want):
        """Its counters are these, and all others are 0; drops are given as drop_REASON."""
        r = self.row(listener)
        found = {k: v for k, v in r["counters"].items() if v and k != "dropped"}
        found |= {f"drop_{k}": v for k, v in r["counters"]["dropped"].items() if v}
        self.assertEqual(found, want, r)
        return r

    def serve(self, listener, clients, **connect):
        for _ in range(clients):
            client = self.connect(listener, **connect)
            self.accept(listener).close()
            client.close()


class Counted(TopTest):
    def accepted(self, local, **connect):
        listener = self.listen(addr=local)
        self.top()
        self.serve(listener, 40, **connect)
        r = self.counts(listener, syns=40, synacks=40, queued=40, accepts=40)
        self.assertEqual(r["handshake"]["count"], 40)
        self.assertEqual(r["accept_wait"]["count"], 40)
        self.assertEqual(r["last_accept"]["pid"], os.getpid())
        self.assertEqual(r["process"]["pid"], os.getpid())
        self.assertEqual((r["acceptq"]["depth"], r["acceptq"]["peak"]), (0, 1))
        self.assertEqual((r["synq"]["depth"], r["synq"]["peak"]), (0, 1))

    def test_ipv4(self):
        self.accepted(lib.V4_SRV)

    def test_ipv6(self):
        self.accepted(lib.V6_SRV)

    def test_ipv4_at_a_dual_stack_listener(self):
        self.accepted("::", addr=lib.V4_SRV)

    def test_mptcp(self):
        if self.srv.sysctl("mptcp.enabled") != "1":
            self.skipTest("net.mptcp.enabled is 0")
        listener = self.listen(protocol=IPPROTO_MPTCP)
        self.top()
        for protocol in (IPPROTO_MPTCP, 0):
            client = self.keep(self.cli.socket(protocol=protocol))
            client.connect(listener.getsockname())
            self.accept(listener)
        time.sleep(2 * LOOK)
        self.sockline.stop()
        r = [r for r in self.sockline.records() if r.get("port") == port_of(listener)][-1]
        self.assertTrue(r["mptcp"])
        for key in ("syns", "synacks", "queued", "accepts"):
            self.assertEqual(r["counters"][key], 2, r)
        self.assertEqual(r["accept_wait"]["count"], 2)

    def test_mptcp_subflow_that_joins(self):
        """The listener is told of it like of a child, but it is put in no queue."""
        if self.srv.sysctl("mptcp.enabled") != "1":
            self.skipTest("net.mptcp.enabled is 0")
        self.cli.run("ip", "addr", "add", f"{JOINS_FROM}/24", "dev", "cli0")
        for ns in (self.cli, self.srv):
            ns.run("ip", "mptcp", "limits", "set", "subflow", "1")
        self.cli.run("ip", "mptcp", "endpoint", "add", JOINS_FROM, "dev", "cli0", "subflow")
        self.addCleanup(self.cli.run, "ip", "addr", "del", f"{JOINS_FROM}/24", "dev", "cli0")
        self.addCleanup(self.cli.run, "ip", "mptcp", "endpoint", "flush")
        listener = self.listen(protocol=IPPROTO_MPTCP)
        self.top()
        client = self.keep(self.cli.socket(protocol=IPPROTO_MPTCP))
        client.connect(listener.getsockname())
        client.send(b"before accept()")
        lib.until(lambda: JOINS_FROM in self.srv.run("ss", "-Htn", "state", "established"),
                  "the subflow")
        self.accept(listener)
        time.sleep(2 * LOOK)
        self.sockline.stop()
        r = [r for r in self.sockline.records() if r.get("port") == port_of(listener)][-1]
        self.assertEqual([r["counters"][key] for key in ("syns", "synacks", "queued", "accepts")],
                         [2, 2, 1, 1], r)
        self.assertEqual(r["accept_wait"]["count"], 1)

    def test_fast_open(self):
        for ns in (self.srv, self.cli):
            ns.sysctl("ipv4.tcp_fastopen", 3)
        listener = self.listen(options=[(socket.IPPROTO_TCP, TCP_FASTOPEN, 16)])
        self.top()
        for _ in range(3):
            client = self.keep(self.cli.socket())
            client.sendto(b"hello", MSG_FASTOPEN, listener.getsockname())
            self.assertEqual(self.accept(listener).recv(5), b"hello")
        self.assertEqual(self.srv.netstat()["TCPFastOpenPassive"], 2)
        r = self.counts(listener, syns=3, synacks=3, queued=3, accepts=3)
        self.assertEqual(r["accept_wait"]["count"], 3)
        self.assertEqual(r["handshake"]["count"], 1, "the two others ended it after the queue")

    def uring(self, how):
        listener = self.listen()
        listener.setblocking(True)
        self.top()
        self.connect(listener)
        server = self.srv.start(f"{lib.BUILD}/live/do_uring_accept", how, str(listener.fileno()),
                                "2", pass_fds=[listener.fileno()], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        for cleanup in (server.wait, server.kill, server.stdout.close, server.stdin.close):
            self.addCleanup(cleanup)
        self.assertTrue(server.stdout.readline())
        self.connect(listener)
        self.assertTrue(server.stdout.readline())
        r = self.counts(listener, syns=2, synacks=2, queued=2, accepts=2)
        self.assertEqual(r["last_accept"]["pid"], server.pid)

    def test_io_uring(self):
        self.uring("single")

    def test_io_uring_multishot(self):
        self.uring("multishot")

    def test_io_uring_direct(self):
        self.uring("direct")

    def test_queued_before_the_start(self):
        """They are counted when they are accepted, for the listener that the call names."""
        listener, other = self.listen(), self.listen()
        clients = [self.connect(listener) for _ in range(5)]
        self.top()
        for _ in clients:
            self.accept(listener)
        r = self.counts(listener, accepts=5, waits_not_timed=5)
        self.assertEqual(r["last_accept"]["comm"], lib.comm())
        self.counts(other)

    def test_a_port_used_again_while_its_first_connection_waits(self):
        """Both are accepted, each with its own wait."""
        listener = self.listen()
        self.top()
        first = lib_raw.Client(self, listener).half_open()
        first.ack()
        first.rst()
        time.sleep(0.3)
        again = lib_raw.Client(self, listener, sport=first.port, seq=first.seq + 100000)
        again.half_open().ack()
        time.sleep(0.02)
        for _ in range(2):
            self.accept(listener)
        r = self.counts(listener, syns=2, synacks=2, queued=2, accepts=2)
        self.assertEqual(r["accept_wait"]["count"], 2)
        long = sum(n for i, n in enumerate(r["accept_wait"]["log2_us"]) if 2 << i > 300000)
        self.assertEqual(long, 1, r["accept_wait"])

    def test_two_thousand_that_wait(self):
        """The wait of each is known, however many wait with it."""
        self.srv.sysctl("core.somaxconn", 4096)
        listener = self.listen(backlog=4096)
        self.top()
        for _ in range(2000):
            self.connect(listener)
        for _ in range(2000):
            self.accept(listener).close()
        r = self.counts(listener, syns=2000, synacks=2000, queued=2000, accepts=2000)
        self.assertEqual(r["accept_wait"]["count"], 2000)
        self.assertEqual(r["acceptq"]["peak"], 2000)

    def test_three_thousand_from_four_threads(self):
        listener = self.listen(backlog=128, addr="127.0.0.1")
        before = self.srv.netstat()["PassiveOpens"]
        self.top()

        def client():
            for _ in range(750):
                with self.srv.socket() as s:
                    s.connect(listener.getsockname())
                    s.recv(1)

        threads = [threading.Thread(target=client) for _ in range(4)]
        for t in threads:
            t.start()
        for _ in range(3000):
            listener.accept()[0].close()
        for t in threads:
            t.join()
        self.assertEqual(self.srv.netstat()["PassiveOpens"] - before, 3000)
        r = self.row(listener)
        for key in ("synacks", "queued", "accepts"):
            self.assertEqual(r["counters"][key], 3000, r)
        self.assertEqual(r["handshake"]["count"] + r["counters"]["handshakes_not_timed"], 3000)
        self.assertEqual(r["accept_wait"]["count"], 3000)

    def test_a_listener_that_ends_takes_its_counts_along(self):
        listener = self.listen(options=REUSEADDR)
        self.top()
        self.serve(listener, 3)
        time.sleep(3 * LOOK)
        cookie, port = cookie_of(listener), port_of(listener)
        listener.close()
        again = self.listen(port=port, options=REUSEADDR)
        self.serve(again, 2)
        lib.until(lambda: any(r.get("cookie") == cookie_of(again) and
                              r["counters"]["accepts"] == 2 for r in self.sockline.records()),
                  "the new listener")
        self.counts(again, syns=2, synacks=2, queued=2, accepts=2)
        rows = [r for r in self.sockline.records() if r.get("port") == port]
        seen = [r["cookie"] for r in rows]
        self.assertIn(cookie, seen)
        self.assertEqual(sorted(seen, key=[cookie, cookie_of(again)].index), seen)


class Listeners(TopTest):
    """They come and go with the next looks, also those to which nothing comes."""

    def seen(self, port):
        found = [r["time"] for r in self.sockline.records() if r.get("port") == port]
        return found[-1] if found else None

    def follow(self):
        self.marker = port_of(self.listen())
        self.top()
        lib.until(lambda: self.seen(self.marker), "a look")

    def gone(self, port):
        """Several looks later than it was seen last."""
        times = sorted({r["time"] for r in self.sockline.records() if r.get("port") == self.marker})
        return len([t for t in times if t > self.seen(port)]) > 3

    def test_idle(self):
        self.follow()
        listener = self.listen()
        port = port_of(listener)
        lib.until(lambda: self.seen(port), "a new listener")
        listener.close()
        lib.until(lambda: self.gone(port), "its end")

    def test_shut_down(self):
        self.follow()
        listener = self.listen()
        port = port_of(listener)
        lib.until(lambda: self.seen(port), "a new listener")
        listener.shutdown(socket.SHUT_RDWR)
        lib.until(lambda: self.gone(port), "its end")
        listener.listen(3)
        lib.until(lambda: self.seen(port_of(listener)), "it to listen again, at a port of its own")

    def test_another_limit(self):
        listener = self.listen(backlog=5)
        self.top()
        port = port_of(listener)
        lib.until(lambda: self.seen(port), "a look")
        listener.listen(9)
        lib.until(lambda: [r for r in self.sockline.records() if r.get("port") == port][-1]
                  ["acceptq"]["limit"] == 9, "the other limit")


class Dropped(TopTest):
    def raw(self, listener, count):
        return [lib_raw.Client(self, listener) for _ in range(count)]

    def test_accept_queue_full(self):
        listener = self.listen(backlog=1)
        before = self.srv.netstat()["ListenOverflows"]
        self.top()
        for i in range(6):
            self.connect(listener, wait=i < 2)
        self.assertEqual(self.srv.netstat()["ListenOverflows"] - before, 4)
        r = self.counts(listener, syns=6, synacks=2, queued=2, drop_accept_queue_full=4)
        self.assertEqual((r["acceptq"]["depth"], r["acceptq"]["limit"], r["acceptq"]["peak"]),
                         (2, 1, 2))
        self.assertEqual(r["drops"], 4)
        self.assertIsNone(r["last_accept"])

    def test_ack_overflow(self):
        listener = self.listen(backlog=1)
        self.top()
        self.connect(listener)
        first, second = (c.half_open() for c in self.raw(listener, 2))
        first.ack()
        second.ack()
        self.counts(listener, syns=3, synacks=3, queued=2, drop_ack_overflow=1)

    def repeated_syn(self, **kwargs):
        """The accept queue is full, but tcp_check_req answers what has a request already."""
        listener = self.listen(backlog=1, **kwargs)
        self.top()
        [half] = self.raw(listener, 1)
        half.half_open()
        for _ in range(2):
            self.connect(listener)
        time.sleep(0.6)  # tcp_invalid_ratelimit
        self.assertTrue(half.syn().synack())
        time.sleep(2 * LOOK)
        self.sockline.stop()
        r = [r for r in self.sockline.records() if r.get("port") == port_of(listener)][-1]
        self.assertEqual(sum(r["counters"]["dropped"].values()), 0, r)
        self.assertEqual([r["counters"][key] for key in ("syns", "synacks", "synack_retransmits")],
                         [4, 3, 1], r)

    def test_repeated_syn_of_a_request_is_no_drop(self):
        self.repeated_syn()

    def test_repeated_syn_of_an_mptcp_listener(self):
        if self.srv.sysctl("mptcp.enabled") != "1":
            self.skipTest("net.mptcp.enabled is 0")
        self.repeated_syn(protocol=IPPROTO_MPTCP)

    def syn_queue(self, sysctl, **want):
        self.srv.sysctl("ipv4.tcp_syncookies", sysctl)
        listener = self.listen(backlog=2)
        self.top()
        answered = [c.syn().synack(0.2) for c in self.raw(listener, 6)]
        return answered, self.counts(listener, syns=6, **want)

    def test_syn_queue_full(self):
        answered, r = self.syn_queue(0, synacks=3, drop_syn_queue_full=3)
        self.assertEqual(answered, [True] * 3 + [False] * 3)
        self.assertEqual((r["synq"]["depth"], r["synq"]["peak"]), (3, 3))

    def test_cookies_when_full(self):
        answered, _ = self.syn_queue(1, synacks=3, syncookies=3)
        self.assertEqual(answered, [True] * 6)

    def test_cookies_always(self):
        answered, _ = self.syn_queue(2, syncookies=6)
        self.assertEqual(answered, [True] * 6)

    def test_last_quarter(self):
        self.srv.sysctl("ipv4.tcp_syncookies", 0)
        self.srv.sysctl("ipv4.tcp_max_syn_backlog", 8)
        self.srv.run("ip", "tcp_metrics", "flush")
        listener = self.listen(backlog=100)
        self.top()
        answered = [c.syn().synack(0.2) for c in self.raw(listener, 10)]
        self.assertEqual(answered, [True] * 7 + [False] * 3)
        self.counts(listener, syns=10, synacks=7, drop_syn_queue_last_quarter=3)

    def test_synack_retransmit(self):
        listener = self.listen()
        self.top()
        [c] = self.raw(listener, 1)
        c.half_open()
        self.assertTrue(c.synack(3))
        self.counts(listener, syns=1, synacks=1, synack_retransmits=1)

    def test_reset_in_the_syn_queue_is_no_drop(self):
        listener = self.listen()
        self.top()
        [c] = self.raw(listener, 1)
        c.half_open().rst()
        self.counts(listener, syns=1, synacks=1)

    def test_deferred_ack_is_no_drop(self):
        listener = self.listen(options=[(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)])
        self.top()
        client = self.connect(listener)
        time.sleep(0.1)
        client.send(b"x")
        self.accept(listener)
        self.counts(listener, syns=1, synacks=1, queued=1, accepts=1)


class Timed(TopTest):
    def bins(self, hist, low_us, high_us):
        """All of it lies between these two."""
        for i, n in enumerate(hist["log2_us"]):
            if n:
                self.assertGreater(2 << i, low_us, hist)
                self.assertLess(1 << i if i else 0, high_us, hist)

    def test_wait(self):
        listener = self.listen()
        self.top()
        for _ in range(5):
            self.connect(listener)
        time.sleep(0.15)
        for _ in range(5):
            self.accept(listener)
        r = self.row(listener)
        self.assertEqual(r["accept_wait"]["count"], 5)
        self.bins(r["accept_wait"], 150000, 400000)
        self.assertGreater(r["accept_wait"]["sum_us"], 5 * 150000)
        self.assertGreater(r["accept_wait"]["p99_us"], 131072)
        self.assertLessEqual(r["accept_wait"]["p99_us"], r["accept_wait"]["max_us"])
        self.assertGreater(r["accept_wait"]["max_us"], 150000)

    def test_handshake(self):
        """From the SYN, whatever the client does in between."""
        listener = self.listen()
        self.top()
        c = lib_raw.Client(self, listener).half_open()
        time.sleep(0.12)
        c.ack()
        r = self.counts(listener, syns=1, synacks=1, queued=1)
        self.bins(r["handshake"], 120000, 300000)

    def test_handshake_with_a_cookie(self):
        self.srv.sysctl("ipv4.tcp_syncookies", 2)
        listener = self.listen()
        self.top()
        c = lib_raw.Client(self, listener).half_open()
        time.sleep(0.12)
        c.ack()
        r = self.counts(listener, syns=1, syncookies=1, queued=1)
        self.bins(r["handshake"], 120000, 300000)

    def test_rates(self):
        listener = self.listen()
        self.top()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.serve(listener, 1)
            time.sleep(0.01)
        self.row(listener)
        rows = [r for r in self.sockline.records() if r.get("cookie") == cookie_of(listener)]
        total = rows[-1]["counters"]["accepts"]
        summed = sum(r["per_second"]["accepts"] for r in rows) * LOOK
        self.assertLess(abs(summed - total), total * 0.25 + 2, (summed, total))


class Blamed(TopTest):
    def test_idle_members_of_a_group(self):
        """Of three members, one does not accept what it has been given."""
        group = [self.listen(backlog=64, options=REUSEPORT)]
        group += [self.listen(backlog=64, port=port_of(group[0]), options=REUSEPORT)
                  for _ in range(2)]
        self.top()
        for _ in range(30):
            self.connect(group[0])
        for member in group[1:]:
            self.accept_all(member)
        r = self.row(group[0])
        self.assertEqual((r["reuseport_members"], r["reuseport_idle"]), (3, 2))
        self.assertGreater(r["acceptq"]["depth"], 0)
        self.assertIsNone(r["last_accept"])

    def test_last_accept_of_a_worker(self):
        """The listener is shared by fork; the one that accepts is named."""
        listener = self.listen()
        self.top()
        client = self.connect(listener)
        worker = os.fork()
        if not worker:
            listener.accept()
            time.sleep(60)
            os._exit(0)
        self.addCleanup(os.waitpid, worker, 0)
        self.addCleanup(os.kill, worker, 9)
        lib.until(lambda: any((r.get("last_accept") or {}).get("pid") == worker and
                              {o["pid"] for o in r["owners"]} == {os.getpid(), worker}
                              for r in self.sockline.records()), "the worker's accept", 30)
        client.close()


class Ends(TopTest):
    def test_looks_and_listeners(self):
        listener = self.listen()
        s = lib.Sockline("top", "--json", "-i", 0.05, "-n", 3, "-P", port_of(listener), "--netns",
                         self.srv.path, attached=False)
        self.assertEqual(s.process.wait(lib.SOON), 0)
        self.assertEqual([r["type"] for r in s.records()], ["listener"] * 3 + ["summary"])

    def test_bad_input(self):
        for args, word in ((["-i", "0"], "interval"), (["--sort", "colour"], "sort"),
                           (["x"], "operands"), ([], "terminal"), (["-i", "x"], "interval")):
            s = lib.Sockline("top", *args, attached=False)
            self.assertEqual(s.process.wait(lib.SOON), 2, args)
            self.assertRegex(s.talk(), rf"^sockline top: .*{word}.*\n$")
            self.assertEqual(s.text(), "")


if __name__ == "__main__":
    lib.main()
