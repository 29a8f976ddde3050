# SPDX-License-Identifier: GPL-2.0-only
"""sockline itself is killed: what lay in the spool comes to ClickHouse all the same, and once."""
import collections
import os
import signal
import struct
import subprocess

import lib
from lib import SOCKLINE, until
from lib_store import OneServerTest, Proxy, account, export, keys, recording, told

HEADER = struct.Struct("<8s4I3Q32s2I")  # user/sink/spool.c: magic, table, schema, rows, …
ROWS = 3
CONNECTIONS = 0


class Crash(OneServerTest):
    NOBODY = "clickhouse:http://127.0.0.1:1"

    def setUp(self):
        super().setUp()
        self.rec = f"{self.dir}/some.rec"

    def start(self, target, *args):
        """Delivers what is spooled, and nothing else."""
        run = subprocess.Popen([SOCKLINE, "export", "--from", self.empty, "--store", target,
                                "--spool", self.spool, *args], stderr=subprocess.PIPE, text=True,
                               preexec_fn=lib.die_with_parent)
        self.addCleanup(run.stderr.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        return run

    @property
    def empty(self):
        path = f"{self.dir}/empty.rec"
        return path if os.path.exists(path) else recording(path, 0)

    def rows_in(self, path):
        with open(path, "rb") as f:
            h = HEADER.unpack(f.read(HEADER.size))
        return h[ROWS] if h[1] == CONNECTIONS else 0

    def test_killed_while_the_spool_is_emptied(self):
        """Again and again, wherever it is; the server sees the end of each INSERT but once."""
        stored, text = export("--from", recording(self.rec, 90000), "--store", self.NOBODY,
                              "--spool", self.spool)
        self.assertEqual(stored[3:], (0, 90098), text)
        kills = 0
        for after in [0.02, 0.05, 0.1, 0.15, 0.2, 0.3] * 10:
            run = self.start(self.clickhouse)
            try:
                run.wait(after)
            except subprocess.TimeoutExpired:
                run.kill()
                kills += 1
            run.wait()
            if not self.spooled():
                break
        self.assertFalse(self.spooled())
        self.assertGreater(kills, 1)
        self.check_whole(keys(told(self.rec)))
        self.assertEqual(self.server.rows("SELECT count() FROM bind_failures"), [[90]])

    def test_killed_before_the_answer(self):
        """The rows are there, the file is still in the spool: it is not sent again."""
        export("--from", recording(self.rec, 5000), "--store", self.NOBODY, "--spool", self.spool)
        files = len(self.spooled())
        run = None

        def act(n, head, body):
            run.kill()
            return None, False

        proxy = Proxy(self.server, act)
        self.addCleanup(proxy.close)
        run = self.start(proxy.url)
        self.assertEqual(run.wait(), -signal.SIGKILL)
        until(lambda: not proxy.busy(), "the server to finish")
        self.assertEqual(len(self.spooled()), files)
        self.assertEqual(self.start(self.clickhouse).wait(), 0)
        self.assertFalse(self.spooled())
        self.check_whole(keys(told(self.rec)))

    def test_killed_while_the_spool_is_filled(self):
        """What has a name is whole, and goes with the next start; what has none is gone."""
        recording(self.rec, 100000)
        run = subprocess.Popen([SOCKLINE, "export", "--from", self.rec, "--store", self.NOBODY,
                                "--spool", self.spool], stderr=subprocess.DEVNULL)
        self.addCleanup(run.kill)
        until(lambda: len(self.spooled()) > 1, "two files in the spool")
        run.send_signal(signal.SIGKILL)
        run.wait()
        there = sum(map(self.rows_in, self.spooled()))
        self.assertTrue(0 < there <= 100000)
        with open(f"{self.spool}/0000000000000099.part", "wb") as f:
            f.write(b"begun")
        done = self.start(self.clickhouse)
        self.assertEqual(done.wait(), 0)
        self.assertEqual(account(done.stderr.read())[0], there)
        self.assertEqual(os.listdir(self.spool), [])
        found = collections.Counter(
            tuple(r) for r in self.server.rows("SELECT time_us, remote_port FROM connections"))
        self.assertEqual(found.total(), there)
        self.assertFalse(found - keys(told(self.rec)))


if __name__ == "__main__":
    lib.main()
