# SPDX-License-Identifier: GPL-2.0-only
"""Live connections in SQLite and in ClickHouse, while the server dies and the disk is full."""
import collections
import contextlib
import glob
import os
import socket
import time

import lib
from lib import port_of, until
from lib_store import ClickHouseTest, StoreTest, account


MANY = "100000000"  # seconds: samples are taken at multiples, and a test must not be near one


class Live(lib.LiveTest, ClickHouseTest):
    def setUp(self):
        lib.LiveTest.setUp(self)
        ClickHouseTest.setUp(self)
        self.ports = collections.Counter()
        self.listener = self.listen(addr="127.0.0.1")

    def export(self, *args, **kwargs):
        sockline = lib.Sockline("export", "--no-metrics", "--netns", self.srv.path, *args, **kwargs)
        self.sockline = sockline
        self.addCleanup(sockline.stop)
        return sockline

    def traffic(self, seconds):
        """Some 400 connections a second."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            client = self.connect(self.listener, ns=self.srv)
            self.ports[port_of(client)] += 1
            self.listener.accept()[0].close()
            client.close()
            time.sleep(0.002)

    def in_clickhouse(self):
        return collections.Counter(
            r[0] for r in self.server.rows("SELECT remote_port FROM connections"))

    def check_all_there(self):
        self.assertEqual(self.in_clickhouse(), self.ports)

    def test_server_killed_and_brought_back(self):
        self.server.start()
        self.export("--store", self.clickhouse, "--store", self.sqlite, "--spool", self.spool)
        self.traffic(1.5)
        self.server.kill()
        self.traffic(2.5)
        self.assertTrue(until(self.spooled, "the spool"))
        self.server.start()
        self.traffic(1)
        until(lambda: not self.spooled(), "an empty spool")
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        self.assertIn("trying again", self.sockline.talk())
        self.assertIn("takes rows again", self.sockline.talk())
        self.check_all_there()
        self.assertEqual(self.select("SELECT count(*) FROM connections"), [[self.ports.total()]])

    def test_killed_again_and_again(self):
        """Whenever it happens, and without a spool: memory is enough for so short a time."""
        self.server.start()
        self.export("--store", self.clickhouse)
        for away in (0, 0.4, 1.3):
            self.traffic(0.8)
            self.server.kill()
            self.traffic(away)
            self.server.start()
        self.traffic(0.5)
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        self.check_all_there()

    def test_ends_while_the_server_is_away(self):
        """What is in the spool goes with the next start."""
        self.export("--store", self.clickhouse, "--spool", self.spool)
        self.traffic(1)
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        *_, lost, spooled = account(self.sockline.talk())
        self.assertEqual((lost, spooled > self.ports.total()), (0, True))
        self.server.start()
        self.export("--store", self.clickhouse, "--spool", self.spool)
        until(lambda: not self.spooled(), "an empty spool")
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        self.check_all_there()

    def test_server_hangs(self):
        """It takes the connection and never answers: the end does not wait for it."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.export("--store", f"clickhouse:http://127.0.0.1:{port_of(silent)}",
                        "--spool", self.spool)
            self.traffic(2)
            self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        *_, lost, spooled = account(self.sockline.talk())
        self.assertEqual(lost, 0)
        self.assertGreater(spooled, self.ports.total())

    def test_spool_is_bounded(self):
        self.export("--store", self.clickhouse, "--spool", self.spool, "--spool-size", "200K",
                    "--sample-interval", MANY)
        self.traffic(3)
        self.assertEqual(self.sockline.stop(), 1, self.sockline.talk())
        *_, lost, spooled = account(self.sockline.talk())
        self.assertGreater(lost, 0)
        self.assertGreater(spooled, 0)
        self.assertEqual(spooled + lost, self.ports.total() + 1)  # and a listener's sample
        self.assertLessEqual(sum(map(os.path.getsize, self.spooled())), 200 << 10)
        self.server.start()
        self.export("--store", self.clickhouse, "--spool", self.spool)
        until(lambda: not self.spooled(), "an empty spool")
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        stored = self.in_clickhouse()
        self.assertFalse(stored - self.ports)
        samples = self.server.rows("SELECT count() FROM listeners")[0][0]
        self.assertEqual(stored.total() + samples, spooled + 1)  # and one of the second run

    def test_damaged_spool(self):
        """What cannot be believed is put aside, and said; the rest is stored."""
        self.export("--store", self.clickhouse, "--spool", self.spool, "--sample-interval", MANY)
        self.traffic(1.5)
        self.sockline.stop()
        first, *rest = sorted(self.spooled())
        self.assertTrue(rest)
        with open(first, "r+b") as f:
            f.seek(300)
            f.write(b"X")
        self.server.start()
        self.export("--store", self.clickhouse, "--spool", self.spool)
        until(lambda: not self.spooled(), "an empty spool")
        self.sockline.stop()
        self.assertIn("is damaged", self.sockline.talk())
        self.assertTrue(glob.glob(f"{self.spool}/*.unread"))
        self.assertGreater(self.in_clickhouse().total(), 0)

    def test_bind_failures_and_samples(self):
        self.server.start()
        self.export("--store", self.clickhouse, "--store", self.sqlite, "--sample-interval", "0.2")
        with self.assertRaises(OSError):
            self.listen(addr="127.0.0.1", port=port_of(self.listener))
        waiting = [self.connect(self.listener, ns=self.srv) for _ in range(3)]
        time.sleep(0.6)
        for _ in waiting:
            self.accept(self.listener)
        time.sleep(0.6)
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        row = self.both("SELECT syscall, errno, addr, port, pid, comm FROM bind_failures")
        self.assertEqual(row, [["bind", "EADDRINUSE", "127.0.0.1", port_of(self.listener),
                                os.getpid(), lib.comm()]])
        depths = [r[0] for r in self.both(
            f"SELECT acceptq_depth FROM listeners WHERE port = {port_of(self.listener)} "
            "ORDER BY time_us")]
        self.assertIn(3, depths)
        self.assertEqual(depths[-1], 0, "an accept is no event of a listener: a sample tells")


    def test_connects_without_an_address(self):
        """Two sockets of one address cannot both call one listener; being refused is no lack."""
        target = ("127.0.0.1", port_of(self.listener))
        self.export("--store", self.sqlite)
        first, second, third = (self.keep(self.srv.socket()) for _ in range(3))
        for sock in (first, second):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port_of(first) if sock is second else 0))
        first.connect(target)
        with self.assertRaisesRegex(OSError, "Cannot assign requested address"):
            second.connect(target)
        with self.assertRaises(ConnectionRefusedError):
            third.connect(("127.0.0.1", 1))
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        self.assertEqual(
            self.select("SELECT syscall, errno, addr, port, pid, comm, fd, reuseaddr "
                        "FROM bind_failures"),
            [["connect", "EADDRNOTAVAIL", *target, os.getpid(), lib.comm(), second.fileno(), 1]])


class Pace(lib.LiveTest, StoreTest):
    """Who writes leaves the CPUs to the rest, as long as the rows can wait."""

    def setUp(self):
        lib.LiveTest.setUp(self)
        StoreTest.setUp(self)
        self.listener = self.listen(addr="127.0.0.1")
        self.ports = collections.Counter()

    traffic, export = Live.traffic, Live.export

    def policy(self):
        """Of each thread but the first, which reads."""
        pid = self.sockline.process.pid
        self.assertEqual(os.sched_getscheduler(pid), os.SCHED_OTHER)
        found = []
        for tid in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                found += [os.sched_getscheduler(int(tid))] if int(tid) != pid else []
        return found

    def test_waits_for_five_seconds(self):
        """Then it takes its share, until it has nothing left to do."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.export("--store", f"clickhouse:http://127.0.0.1:{port_of(silent)}")
            until(lambda: self.policy() == [os.SCHED_IDLE], "a writer that waits")
            begun = time.monotonic()
            self.traffic(0.3)
            until(lambda: self.policy() == [os.SCHED_OTHER], "a writer that does not")
            self.assertGreater(time.monotonic() - begun, 4)
            self.sockline.process.kill()  # its end would be five more seconds of trying

    def test_not_where_that_cannot_be_ended(self):
        self.export("--store", self.sqlite,
                    cmd=("setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice"))
        self.traffic(0.3)
        until(lambda: self.select("SELECT count(*) FROM connections") != [[0]], "rows")
        self.assertEqual(self.policy(), [os.SCHED_OTHER])


class Disk(lib.LiveTest, StoreTest):
    def setUp(self):
        lib.LiveTest.setUp(self)
        StoreTest.setUp(self)
        lib.run("mount", "-t", "tmpfs", "-o", "size=1m", "none", self.dir)
        self.addCleanup(lib.run, "umount", "-l", self.dir)
        self.listener = self.listen(addr="127.0.0.1")
        self.ports = collections.Counter()
        self.sockline = lib.Sockline("export", "--no-metrics", "--netns", self.srv.path,
                                     "--store", self.sqlite, "--sample-interval", MANY)
        self.addCleanup(self.sockline.stop)

    traffic = Live.traffic

    def fill_disk(self):
        with open(f"{self.dir}/filler", "wb", buffering=0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def until_trouble(self):
        until(lambda: "full" in self.sockline.talk(), "the full disk to be said")

    def test_full_for_a_while(self):
        """Rows wait in memory; none is lost."""
        self.traffic(0.5)
        self.fill_disk()
        self.traffic(1.5)
        self.until_trouble()
        os.unlink(f"{self.dir}/filler")
        self.traffic(0.5)
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        self.assertIn("takes rows again", self.sockline.talk())
        found = collections.Counter(r[0] for r in self.select("SELECT remote_port FROM connections"))
        self.assertEqual(found, self.ports)

    def test_full_for_ever(self):
        """What is stored stays whole, what is lost is counted."""
        self.traffic(1.5)
        self.fill_disk()
        self.traffic(1.5)
        self.until_trouble()
        self.assertEqual(self.sockline.stop(), 1, self.sockline.talk())
        stored, _, _, lost, _ = account(self.sockline.talk())
        self.assertGreater(stored, 0)
        self.assertGreater(lost, 0)
        self.assertEqual(stored + lost, self.ports.total() + 1)  # and a listener's sample
        self.assertEqual(self.select("PRAGMA integrity_check"), [["ok"]])
        self.assertEqual(self.select("SELECT count(*) FROM connections"), [[stored]])


if __name__ == "__main__":
    lib.main()
