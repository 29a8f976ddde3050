#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`sockline report` of a real run: every number of the page against `watch --from --json`."""
import json
import os
import subprocess
import time

import lib
from lib_report import ReportTest, connections_of, number

NGINX = """
worker_processes 1; daemon off; pid {dir}/pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; server {{ listen {addr}:8080 backlog=32; location / {{ return 200 "hi"; }} }} }}
"""
FAILED = {"syn_dropped", "ack_dropped", "expired", "reset", "closed", "listener_closed", "refused",
          "timed_out", "unreachable", "aborted"}
ALL_ROWS = ("return JSON.stringify(Array.from({length: report.rows.n}, (_, i) => connection(report, i))"
            ".map((c) => ({...c, listener: (c.listener && c.listener.cookie) ?? null})))")


def unix_us(stamp):
    seconds, ns = stamp[:-1].split(".")
    return int(time.mktime(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) - time.timezone) * 10**6 + \
        int(ns) // 1000


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
        """Another listener's panel, and a span of time chosen in its chart."""
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
        self.browser.drag("svg.time", 0.5, 0.6, 0.55)
        span = self.browser.text(".chip")
        self.assertIn(" – ", span)
        self.assertLess(self.shown(), len(told))
        self.browser.drag("svg.time", 0.3, 0.9, 1.03)  # beyond its end
        self.assertNotEqual(self.browser.text(".chip"), span)
        self.browser.drag("svg.time", 0.4, 0.4)
        self.assertRegex(self.browser.text("output.said"), r"^\+\d+.* of \d+$")
        self.browser.run("[...document.querySelectorAll('.chip')].at(-1).click()")

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


if __name__ == "__main__":
    lib.main()
