#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`sockline report` of what is hostile, big, cut off, damaged, empty or none."""
import json
import os
import re
import subprocess

import lib
from lib_report import ReportTest, connections_of, number, sockline

BIG = 100000


class Hostile(ReportTest):
    SCRIPT = "<script>owned=1</script><img src=x onerror=owned=1>"
    COMM = b"</script><b>\x1b\xff"
    IFNAME = f"\"'--></script>{SCRIPT}".encode()
    CGROUP = f"/<!--<script>\u202e\u2028\\u003c{SCRIPT}".encode()

    def test_names_that_are_markup(self):
        path = os.path.join(self.dir, f"{self.SCRIPT.replace('/', chr(0x2215))}.rec")
        lib.run(f"{lib.BUILD}/live/do_recording", path, "60", self.COMM, self.IFNAME, self.CGROUP)
        self.report(path)
        with open(self.page, encoding="utf-8") as f:
            text = f.read()
        self.assertEqual(text.lower().count("<script"), 2)
        self.assertEqual(text.lower().count("</script"), 2)
        self.assertNotIn("<!--", text)
        data = json.loads(text.split('id="data">')[1].split("</script>")[0])
        told, _ = connections_of(path)
        process = next(r["process"] for r in told if r["process"])
        self.assertEqual(data["processes"], [[812, 812, process["comm"], process["cgroup"]]])
        self.assertIn(self.SCRIPT, process["cgroup"])
        self.browse()
        self.browser.type("[name=text]", "<script>")
        self.browser.click("#table tbody tr")
        seen = self.browser.text("dialog")
        self.assertIn("</script><b>\ufffd\ufffd[812]", seen)
        self.assertIn("/<!--<script>\ufffd\ufffd\\u003c<script>owned=1</script>", seen)
        self.assertIn("\"'--></script>", seen)
        self.assertEqual(self.browser.run("return [typeof owned, document.scripts.length, "
                                          "document.querySelectorAll('img, b').length]"),
                         ["undefined", 2, 0])
        # And had one slipped in, the page's policy would not run it.
        self.quiet()
        self.browser.run("const s = document.createElement('script'); s.textContent = 'owned=1';"
                         "document.body.append(s)")
        self.assertEqual(self.browser.run("return typeof owned"), "undefined")
        self.assertIn("Content Security Policy", "".join(self.browser.complaints()))


class Big(ReportTest):
    def test_100_000_connections(self):
        path = os.path.join(self.dir, "big.rec")
        lib.run(f"{lib.BUILD}/live/do_recording", path, str(BIG), "nginx", "eth0", "/nginx.service")
        self.report(path)
        b = self.browse()
        self.assertEqual(number(b.text("#count")), BIG)
        self.assertEqual(b.run("return document.querySelectorAll('#table tbody tr').length"), 50)
        b.click("#pager button:last-of-type")
        self.assertIn("2\u202f000 of 2\u202f000", b.text("#pager"))
        took = b.run("const t = performance.now(), f = document.forms[0].elements.text;"
                     "f.value = '10.1.2.7 syn_dropped'; f.dispatchEvent(new Event('input', {bubbles: true}));"
                     "document.body.offsetHeight; return performance.now() - t")
        want = sum(i % 4 == 2 and "10.1.2.7" in f"10.1.2.{i % 250}:" and i % 50 == 49
                   for i in range(BIG))
        self.assertEqual(number(b.text("#count")), want)
        nav = b.run("const n = performance.getEntriesByType('navigation')[0];"
                    "return [n.loadEventEnd, Number(document.documentElement.dataset.ready)]")
        print(f"      {BIG} connections: page of {os.path.getsize(self.page) / 1e6:.1f} MB, drawn "
              f"after {nav[1]:.0f} ms, loaded after {nav[0]:.0f} ms; a search takes {took:.0f} ms")
        self.assertLess(os.path.getsize(self.page), 80 * BIG)
        self.quiet()

    def test_more_than_are_listed(self):
        path = os.path.join(self.dir, "big.rec")
        lib.run(f"{lib.BUILD}/live/do_recording", path, "1000", "nginx", "eth0", "/nginx.service")
        self.report(path, "--rows", "100")
        b = self.browse()
        self.assertEqual(number(b.text("#count")), 100)
        self.assertEqual(b.run("return report.summary.connections"), 1000)
        self.assertIn("first 100 of 1\u202f000 connections", b.text("#notices"))
        told, _ = connections_of(path)
        for name, key in (("wait", "queued_us"), ("handshake", "handshake_us")):
            values = [r[key] for r in told if r[key] is not None]
            self.assertEqual(b.run("return [...report.listeners[0][arguments[0]]]", name),
                             [sum((2 ** i if i else 0) <= v < 2 ** (i + 1) for v in values)
                              for i in range(32)])
            self.assertGreater(len(values), 900)


class Faults(ReportTest):
    def made(self, count=60):
        path = os.path.join(self.dir, "a.rec")
        lib.run(f"{lib.BUILD}/live/do_recording", path, str(count), "nginx", "eth0", "/")
        return path

    def test_cut_off(self):
        path = self.made(20000)
        os.truncate(path, os.path.getsize(path) * 2 // 3)
        self.assertIn("cut off", self.report(path, status=1))
        b = self.browse()
        self.assertIn("a.rec: cut off at byte", b.text("#notices"))
        self.assertGreater(number(b.text("#count")), 1000)
        self.quiet()

    def test_losses_are_loud(self):
        path = self.made(20000)
        with open(path, "r+b") as f:
            data = f.read()
            blocks = [m.start() for m in re.finditer(b"lock(?=[\1]\0\0\0)", data)]
            f.seek(blocks[1] + 40)
            f.write(bytes([data[blocks[1] + 40] ^ 1]))
        self.assertIn("damaged", self.report(path, status=2))
        b = self.browse()
        _, summary = connections_of(path)
        self.assertGreater(summary["lost"], 100)
        lost = b.text("#notices .bad strong")
        self.assertEqual(number(lost), summary["lost"])
        self.assertIn("lost", lost)
        self.assertGreater(b.run("return document.querySelectorAll('rect.lost').length"), 0)
        self.quiet()

    def test_filters(self):
        path = self.made(20000)
        told, _ = connections_of(path, "-x")
        self.assertGreater(len(told), 100)
        self.report(path, "-x")
        b = self.browse()
        self.assertEqual(number(b.text("#count")), len(told))
        self.assertEqual(b.run("return report.listeners.map((l) => l.connections)"), [len(told)])

    def test_nothing_in_it(self):
        path = self.made(60)
        self.report(path, "-P", "9")
        b = self.browse()
        self.assertEqual(b.text("#count"), "0 connections")
        self.quiet()

    def test_several_recordings(self):
        paths = [self.made(50), os.path.join(lib.ROOT, "tests/data/accepted.rec")]
        told, _ = connections_of(*paths)
        self.report(*paths)
        b = self.browse()
        self.assertEqual(number(b.text("#count")), len(told))
        self.quiet()

    def test_stdout_is_the_same(self):
        path = self.made()
        self.report(path)
        status, out, err = sockline("report", path)
        self.assertEqual((status, err), (0, ""))
        with open(self.page, "rb") as f:
            self.assertEqual(out, f.read())

    def test_a_longer_page_is_replaced(self):
        with open(self.page, "wb") as f:
            f.write(b"x" * 10**6)
        self.report(self.made())
        with open(self.page, "rb") as f:
            self.assertTrue(f.read().endswith(b"</html>\n"))

    def test_bad_arguments(self):
        other = os.path.join(lib.ROOT, "tests/data/accepted.json")
        path = self.made()
        for args, word in (([], "of which recording"), (["/nonexistent"], "No such file"),
                           ([other], "not a recording"), ([path, "--rows", "0"], "--rows"),
                           ([path, "--wrong"], "--wrong")):
            status, out, err = sockline("report", *args, "-o", self.page)
            self.assertEqual((status, out, len(err.splitlines())), (2, b"", 1), err)
            self.assertIn(word, err)
            self.assertFalse(os.path.exists(self.page), args)
        status, _, err = sockline("report", path, "-o", "/nonexistent/x.html")
        self.assertEqual((status, len(err.splitlines())), (2, 1))
        self.assertIn("/nonexistent/x.html", err)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([lib.SOCKLINE, "report", path], stdout=full, text=True,
                                  stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("No space left", done.stderr)


if __name__ == "__main__":
    lib.main()
