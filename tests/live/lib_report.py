# SPDX-License-Identifier: GPL-2.0-only
"""Reports in a headless Chromium, for the tests of `sockline report`."""
import atexit
import json
import os
import re
import subprocess
import tempfile

import lib
import lib_browser


def sockline(*args, **kwargs):
    done = subprocess.run([lib.SOCKLINE, *args], capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL, **kwargs)
    return done.returncode, done.stdout, done.stderr.decode()


def connections_of(path, *args):
    _, out, _ = sockline("watch", "--from", path, "--json", *args)
    records = [json.loads(line) for line in out.splitlines()]
    return [r for r in records if r["type"] == "connection"], records[-1]


def number(text):
    """12 345 -> 12345"""
    return int(re.match(r"[\d\u202f]+", text).group().replace("\u202f", ""))


class ReportTest(lib.LiveTest):
    browser = None  # one for all: it takes a second to start

    def setUp(self):
        super().setUp()
        dir_ = tempfile.TemporaryDirectory(prefix="report")
        self.addCleanup(dir_.cleanup)
        self.dir = dir_.name
        self.page = os.path.join(self.dir, "report.html")

    def browse(self, path=None, width=1280, height=1000):
        if not ReportTest.browser:
            ReportTest.browser = lib_browser.Browser()
            atexit.register(self.browser.close)
        self.browser.complaints()
        self.browser.size(width, height)
        self.browser.dark(False)
        self.load(path or self.page)
        return self.browser

    def load(self, path):
        self.browser.open(path)
        self.browser.until("return document.documentElement.dataset.ready", "the page to be drawn")

    def report(self, *args, status=0):
        got, out, err = sockline("report", *args, "-o", self.page)
        self.assertEqual((got, out), (status, b""), err)
        return err

    def quiet(self):
        """Nothing on the console, and nothing was asked of the network."""
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual(self.browser.run(
            "return performance.getEntriesByType('resource').map((e) => e.name)"), [])
