#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`sockline report`: the page in a headless Chromium, and its numbers against `watch --from --json`."""
import atexit
import json
import os
import re
import subprocess
import tempfile
import time

import lib
import lib_browser

BIG = 100000
NGINX = """
worker_processes 1; daemon off; pid {dir}/pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; server {{ listen {addr}:8080 backlog=32; location / {{ return 200 "hi"; }} }} }}
"""
FAILED = {"syn_dropped", "ack_dropped", "expired", "reset", "closed", "listener_closed", "refused",
          "timed_out", "unreachable", "aborted"}
ALL_ROWS = ("return JSON.stringify(Array.from({length: report.rows.n}, (_, i) => connection(report, i))"
            ".map((c) => ({...c, listener: (c.listener && c.listener.cookie) ?? null})))")


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


def unix_us(stamp):
    seconds, ns = stamp[:-1].split(".")
    return int(time.mktime(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) - time.timezone) * 10**6 + \
        int(ns) // 1000


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


class Real(ReportTest):
    """nginx under wrk, its queue too short; a listener that never accepts; a port without one."""

    def start_nginx(self):
        conf = os.path.join(self.dir, "nginx.conf")
        with open(conf, "w") as f:
            f.write(NGINX.format(dir=self.dir, addr=lib.V4_SRV))
        nginx = self.srv.start("nginx", "-p", self.dir, "-c", conf, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.terminate)  # its worker too
        lib.until(lambda: os.path.exists(os.path.join(self.dir, "pid")), "nginx")

    def record(self):
        path = os.path.join(self.dir, "real.rec")
        self.start_nginx()
        idle = self.listen(backlog=2)
        self.sockline = lib.Sockline("record", "-o", path, "--netns", self.srv.path)
        self.addCleanup(self.sockline.stop)
        for _ in range(5):
            self.connect(idle, wait=False)
        self.assertRaises(ConnectionRefusedError,
                          self.keep(self.cli.socket()).connect, (lib.V4_SRV, 81))
        self.cli.run("wrk", "-t1", "-c100", "-d1", "-H", "Connection: close",
                     f"http://{lib.V4_SRV}:8080/")
        time.sleep(0.2)
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        return path

    def test_it(self):
        path = self.record()
        told, summary = connections_of(path)
        self.report(path)
        self.browse()
        for check in (self.same_rows, self.same_sums, self.same_charts, self.filters,
                      self.searches, self.sorts, self.opens_a_row, self.keys, self.listeners):
            with self.subTest(check.__name__):
                check(told, summary)
        self.views()
        self.quiet()

    def same_rows(self, told, _summary):
        rows = json.loads(self.browser.run(ALL_ROWS))
        self.assertGreater(len(rows), 300)
        self.assertEqual(len(rows), len(told))
        for want, got in zip(told, rows):
            self.assertEqual(got["time_us"], unix_us(want["time"]))
            for key in ("role", "outcome", "netns", "ifname", "cookie", "local", "remote", "synq",
                        "acceptq", "handshake_us", "queued_us", "total_us", "syn_retransmits",
                        "synack_retransmits", "syncookie", "complete"):
                self.assertEqual(got[key], want[key], (key, want))
            self.assertEqual(got["reason"], want.get("reason"))
            self.assertEqual(got["state"], want.get("state"))
            self.assertEqual(got["process"], want["process"] or None)
            self.assertEqual(got["listener"], want["listener"] and want["listener"]["cookie"])
            self.assertEqual([{k: s[k] for k in ("step", "at_us", "synq", "acceptq")}
                              for s in got["steps"]],
                             [{"synq": None, "acceptq": None, **s} for s in want["steps"]])

    def same_sums(self, told, summary):
        tiles = self.browser.run("return [...document.querySelectorAll('#summary > div')]"
                                 ".map((d) => [...d.children].map((c) => c.textContent))")
        tiles = {name: value for name, value, *_ in tiles}
        self.assertEqual(number(tiles["Connections"]), summary["connections"])
        self.assertEqual(number(tiles["Failed"]), summary["failed"])
        self.assertEqual(number(tiles["Accepted"]),
                         sum(r["outcome"] == "accepted" for r in told))
        self.assertEqual(tiles["Events lost"], "none")
        outcomes = {r["outcome"] for r in told}
        self.assertLessEqual({"accepted", "syn_dropped", "refused"}, outcomes)

    def same_charts(self, told, _summary):
        """Aggregates are made apart from the rows: both must be right."""
        listeners = {l["cookie"]: l for l in self.browser.run(
            "return report.listeners.filter((l) => l.cookie).map((l) => ({...l, series: "
            "Object.fromEntries(Object.entries(l.series).map(([k, v]) => [k, [...v]])), "
            "handshake: [...l.handshake], wait: [...l.wait]}))")}
        self.assertEqual(set(listeners), {r["listener"]["cookie"] for r in told if r["listener"]})
        for cookie, l in listeners.items():
            mine = [r for r in told if r["listener"] and r["listener"]["cookie"] == cookie]
            steps = [s for r in mine for s in r["steps"]]
            kinds = [s["step"] for s in steps]
            series = l["series"]
            self.assertEqual(l["connections"], len(mine))
            self.assertEqual(sum(series["syns"]), kinds.count("syn") + kinds.count("syn_retransmit"))
            self.assertEqual(sum(series["accepts"]), kinds.count("accepted"))
            self.assertEqual(sum(series["failures"]), sum(r["outcome"] in FAILED for r in mine))
            self.assertEqual(sum(l["handshake"]), sum(r["handshake_us"] is not None for r in mine))
            for i, n in enumerate(l["wait"]):
                low, high = (2 ** i if i else 0), 2 ** (i + 1)
                self.assertEqual(n, sum(low <= r["queued_us"] < high for r in mine
                                        if r["queued_us"] is not None), i)
            for queue in ("synq", "acceptq"):
                peak = max(s[queue] for s in steps if queue in s)
                self.assertEqual(l[f"{queue}_peak"], peak)
                self.assertEqual(max(x for x in series[f"{queue}_high"] if x is not None), peak)
            self.assertLessEqual(len(series["at"]), 512)
            self.assertEqual(series["at"], sorted(set(series["at"])))

    def shown(self):
        return number(self.browser.text("#count"))

    def choose(self, name, value):
        self.browser.run("const c = document.forms[0].elements[arguments[0]]; c.value = arguments[1];"
                         "c.dispatchEvent(new Event('input', {bubbles: true}))", name, value)

    def filters(self, told, _summary):
        for outcome in ("accepted", "refused", "failed"):
            self.choose("outcome", outcome)
            self.assertEqual(self.shown(), sum(r["outcome"] == outcome or (
                outcome == "failed" and r["outcome"] in FAILED) for r in told), outcome)
        self.choose("outcome", "")
        self.choose("slow", "2.5")
        self.assertEqual(self.shown(), sum((r["handshake_us"] or 0) >= 2500 or
                                           (r["queued_us"] or 0) >= 2500 for r in told))
        self.browser.click(".chip")  # clear all
        self.assertEqual(self.shown(), len(told))

    def searches(self, told, _summary):
        port = str(told[len(told) // 2]["remote"]["port"])
        self.browser.type("[name=text]", port)
        self.assertEqual(self.shown(), sum(
            any(port in f"{r[end]['addr']}:{r[end]['port']}" for end in ("local", "remote"))
            or port in json.dumps([r["process"], r["netns"]]) for r in told))
        self.choose("text", "nginx -accepted")
        self.assertEqual(self.shown(), sum(
            "nginx" in json.dumps(r["process"]) and r["outcome"] != "accepted" for r in told))
        self.choose("text", "accept queue full")
        self.assertEqual(self.shown(), sum(r.get("reason") == "accept_queue_full" for r in told))
        self.choose("text", "no such thing")
        self.assertEqual(self.shown(), 0)
        self.choose("text", "")

    def column(self, name):
        return self.browser.run("return [...$('table').querySelectorAll('tbody tr')].map("
                                "(tr) => report.rows[arguments[0]][tr.dataset.row])", name)

    def sorts(self, told, _summary):
        waits = sorted((r["queued_us"] for r in told if r["queued_us"] is not None), reverse=True)
        self.browser.click("thead th:nth-child(8) button")
        self.assertEqual(self.column("queued"), waits[:50])
        self.browser.click("thead th:nth-child(8) button")
        self.assertEqual(self.column("queued"), waits[:-51:-1])
        self.browser.click("#pager button:last-of-type")
        self.assertEqual(set(self.column("queued")), {None})  # unknown is last, whatever the order
        self.browser.click("thead th:nth-child(1) button")
        self.assertEqual(self.column("time"), sorted(unix_us(r["time"]) for r in told)[:50])

    def opens_a_row(self, told, _summary):
        self.choose("outcome", "syn_dropped")
        self.browser.click("#table tbody tr:nth-child(2)")
        self.assertTrue(self.browser.run("return $('detail').open"))
        port = self.browser.text("#detail-title").split(" → ")[0].split(":")[1]
        dropped = [r for r in told if r["outcome"] == "syn_dropped"]
        self.assertIn(int(port), [r["remote"]["port"] for r in dropped])
        self.assertIn("accept queue full", self.browser.text("dialog .verdict"))
        names = self.browser.run("return [...document.querySelectorAll('dialog .steps tbody tr')]"
                                 ".map((tr) => tr.children[1].textContent)")
        self.assertEqual(names[0], "SYN")
        self.assertIn("drop", names)
        self.assertIn("SYN dropped", self.browser.run("return $('detail').textContent"))
        self.assertGreater(self.browser.run("return document.querySelectorAll('dialog svg .lane').length"), 3)
        self.browser.press("Escape")
        self.assertFalse(self.browser.run("return $('detail').open"))
        self.choose("outcome", "")

    def keys(self, _told, _summary):
        """Without a pointer: to a row, into it, to the next one, and back where one came from."""
        at = "return document.activeElement.closest('tr')?.dataset.row"
        self.browser.run("$('table').focus(); document.body.click()")
        self.browser.press(*["Tab"] * 10)  # nine headings, and the first row
        self.assertEqual(self.browser.run(at), str(self.browser.run(
            "return document.querySelector('#table tbody tr').dataset.row")))
        self.browser.press("Down", "Enter")
        first = self.browser.text("#detail-title")
        self.browser.press("Right")
        second = self.browser.text("#detail-title")
        self.assertNotEqual(first, second)
        self.assertEqual(self.browser.run("return document.activeElement.id"), "detail-title")
        self.browser.press("Escape")
        self.assertEqual(self.browser.run(at), self.browser.run(
            "return document.querySelectorAll('#table tbody tr')[2].dataset.row"))
        self.assertIn("solid", self.browser.run(
            "return getComputedStyle(document.activeElement).outlineStyle"))

    def listeners(self, told, _summary):
        """Another listener's panel, and a span of time chosen in its chart by keys."""
        port = next(r["local"]["port"] for r in told if r["process"] is None and r["listener"])
        self.browser.run("[...document.querySelectorAll('.listeners button')].find("
                         "(b) => b.textContent.endsWith(':' + arguments[0])).click()", port)
        self.assertIn(f":{port}", self.browser.text("#panel-title"))
        self.browser.run("document.querySelector('svg.time').focus()")
        self.browser.press("Right", "Shift+Right", "Shift+Right", "Shift+Right", "Enter")
        self.assertIn(" – ", self.browser.text(".chip"))
        self.assertLess(self.shown(), len(told))
        self.browser.run("[...document.querySelectorAll('.chip')].at(-1).click()")
        self.assertEqual(self.shown(), len(told))

    def views(self):
        """For people to look at; what a program can see of them is that nothing sticks out."""
        b = self.browser
        for dark, width, name in ((False, 1280, "report"), (True, 1280, "report-dark"),
                                  (False, 600, "report-600"), (True, 600, "report-dark-600")):
            b.size(width, 1500)
            b.dark(dark)
            self.load(self.page)
            self.assertLessEqual(b.run("return document.documentElement.scrollWidth"), width)
            b.screenshot(os.path.join(lib.BUILD, f"{name}.png"))
            light = b.run("return getComputedStyle(document.body).backgroundColor")
            self.assertEqual(light == "rgb(247, 247, 245)", not dark)
        b.click("#theme")
        self.assertEqual(b.run("return getComputedStyle(document.body).backgroundColor"),
                         "rgb(247, 247, 245)")
        b.size(1280, 1000)
        b.run("document.querySelector('#table tbody button').click()")
        b.screenshot(os.path.join(lib.BUILD, "report-connection.png"))
        self.assertEqual(b.cdp("Page.printToPDF")["data"][:4], "JVBE")  # %PDF
        print(f"      screenshots: {lib.BUILD}/report*.png")


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
        self.assertEqual(b.run("return report.listeners[0].wait.reduce((a, b) => a + b)"), 980)


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
