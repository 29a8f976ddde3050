# SPDX-License-Identifier: GPL-2.0-only
"""No memory error and no leak, in a replay and in a short live run."""
import glob
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import lib
import lib_metrics

SUPPRESSIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "valgrind.supp")
ERROR = 99
VALGRIND = ["valgrind", "-q", f"--error-exitcode={ERROR}", "--leak-check=full",
            "--show-leak-kinds=definite,indirect,possible", "--errors-for-leak-kinds=definite",
            f"--suppressions={SUPPRESSIONS}"]

# valgrind does not know fsopen(): where tracefs is not mounted, it is mounted for this command alone.
MOUNTED = ["unshare", "-m", "sh", "-c", 'mount -t tracefs tracefs /sys/kernel/tracing; exec "$@"', "sh"]


@unittest.skipUnless(shutil.which("valgrind"), "valgrind is missing")
class Valgrind(lib.LiveTest):
    def test_replay(self):
        """Every recording of tests/data, also those that cannot be read."""
        paths = sorted(glob.glob(os.path.join(lib.ROOT, "tests", "data", "*.rec")))
        self.assertGreater(len(paths), 10)
        for view in (["--steps", "--explain"], ["--json", "--binds", "--active"]):
            done = subprocess.run([*VALGRIND, lib.SOCKLINE, "watch", *view, "--from", *paths],
                                  capture_output=True, timeout=100)
            self.assertEqual(done.returncode, 2, done.stderr.decode())  # damaged ones are there
            self.assertNotIn(b"==", done.stderr)

    def test_live(self):
        listener = self.listen()
        with tempfile.TemporaryDirectory() as d:
            s = lib.Sockline("record", "-o", f"{d}/a.rec", "--json", "--netns", self.srv.path,
                             attached=False, cmd=MOUNTED + VALGRIND)
            self.addCleanup(s.stop)
            deadline = time.monotonic() + 80  # until it has loaded its programs
            while not any(r["type"] == "connection" for r in s.records()):
                self.assertLess(time.monotonic(), deadline, s.talk())
                self.assertIsNone(s.process.poll(), s.talk())
                self.connect(listener)
                self.accept(listener)
                time.sleep(0.5)
            s.process.terminate()
            self.assertEqual(s.process.wait(60), 0, s.talk())

    def test_metrics(self):
        """Listeners that come and go, both formats, and the end while a client hangs on."""
        s = lib_metrics.Export("--netns", self.srv.path, attached=False, cmd=MOUNTED + VALGRIND)
        self.addCleanup(s.stop)
        hangs = s.connect()
        self.addCleanup(hangs.close)
        hangs.connect()
        for open_metrics in (False, True):
            listener = self.listen()
            self.connect(listener)
            self.accept(listener)
            lib.until(lambda: lib_metrics.total(s.samples(open_metrics),
                                                "sockline_listener_accepts_total",
                                                port=lib.port_of(listener)) == 1, "the accept", 60)
            listener.close()
        for path in ("/", "/healthz", "/nothing"):
            s.get(path)
        time.sleep(2)
        s.process.terminate()
        self.assertEqual(s.process.wait(60), 0, s.talk())


if __name__ == "__main__":
    lib.main()
