# SPDX-License-Identifier: GPL-2.0-only
"""The alerts and the dashboard: well formed, and asking for metrics that exist; that each
alert fires when it must, and that every panel shows something of a host where all goes wrong."""
import itertools
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

import lib
import lib_metrics
import test_prometheus
from lib import ROOT, SOCKLINE, port_of
from lib_sandbox import yaml

PLACE = f"{ROOT}/packaging/prometheus"
RULES = f"{PLACE}/sockline.rules.yml"
TESTS = f"{PLACE}/sockline.rules.test.yml"
DASHBOARD = f"{ROOT}/packaging/grafana/sockline.json"
# What Prometheus adds to what it scrapes, and what it makes itself.
SCRAPED = {"instance", "job"}
OWN = {"up": set(), "ALERTS": {"alertname", "alertstate"}}
UNITS = {"short", "percentunit", "cps", "s", "bytes"}
PANELS = {"row", "stat", "table", "timeseries", "heatmap"}
SELECTOR = re.compile(r"\b(sockline_\w+|process_\w+|up|ALERTS)\b(?:\{(.*?)\})?")


def load(path):
    with open(path) as f:
        return yaml.safe_load(f) if path.endswith(".yml") else json.load(f)


def alerts():
    return [r for group in load(RULES)["groups"] for r in group["rules"]]


def documented():
    """{name of a time series: its labels}, as docs/metrics.md has them."""
    known = dict(OWN)
    with open(f"{ROOT}/docs/metrics.md") as f:
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", f.read(), re.M)
    for name, kind, labels in rows:
        labels = set(re.findall(r"`(\w+)`", labels))
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            known[name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return known


def promtool(*args):
    return subprocess.run(["promtool", *args], text=True, capture_output=True, timeout=60,
                          check=False)


class Promql(unittest.TestCase):
    def asks_for_what_there_is(self, expr):
        """The labels of all that it asks for."""
        known, labels = documented(), set()
        found = SELECTOR.findall(expr)
        self.assertTrue(found, expr)
        for name, matchers in found:
            self.assertIn(name, known, expr)
            for label in re.findall(r"(\w+)(?:=~|!~|!=|=)\"", matchers):
                self.assertIn(label, known[name] | SCRAPED, expr)
            labels |= known[name] | SCRAPED
        for group in re.findall(r"\bby \((.*?)\)", expr):
            self.assertLessEqual(set(group.replace(" ", "").split(",")), labels, expr)
        return labels


class Alerts(Promql):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="sockline-alerts-")
        self.addCleanup(shutil.rmtree, self.dir)

    def test_well_formed(self):
        for args in (("rules", RULES), ("config", f"{PLACE}/prometheus.yml")):
            done = promtool("check", *args)
            self.assertEqual(done.returncode, 0, done.stderr)
        for rule in alerts():
            labels = self.asks_for_what_there_is(rule["expr"])
            self.assertIn(rule["labels"]["severity"], ("info", "warning", "critical"))
            self.assertEqual(sorted(rule["annotations"]), ["action", "description", "summary"])
            for text in rule["annotations"].values():
                self.assertLessEqual(set(re.findall(r"\$labels\.(\w+)", text)), labels, text)

    def test_they_fire_and_do_not(self):
        done = promtool("test", "rules", TESTS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        checks = [c for test in load(TESTS)["tests"] for c in test["alert_rule_test"]]
        for rule in alerts():
            fires = {bool(c.get("exp_alerts")) for c in checks if c["alertname"] == rule["alert"]}
            self.assertEqual(fires, {True, False}, rule["alert"])

    def test_their_tests_can_fail(self):
        """Each alert in turn never fires; each fires at every value."""
        shutil.copy(TESTS, self.dir)
        limit = re.compile(r"(?<![=<>]) (==|>|<) [\d.]+")
        for change in ("vector(0) > 1", None):
            for i, rule in enumerate(alerts()):
                rules = load(RULES)
                changed = list(itertools.chain(*(g["rules"] for g in rules["groups"])))[i]
                changed["expr"] = change or limit.sub(" > -1", rule["expr"])
                changed.pop("for", None)
                with open(f"{self.dir}/sockline.rules.yml", "w") as f:
                    yaml.safe_dump(rules, f)
                done = promtool("test", "rules", f"{self.dir}/sockline.rules.test.yml")
                self.assertNotEqual(done.returncode, 0, changed)
                self.assertIn(rule["alert"], done.stdout + done.stderr)

    def test_actions_can_be_taken(self):
        """Each command of sockline is one, with the labels of a listener."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            labels = {"port": str(port_of(server)),
                      "netns": str(os.stat("/proc/self/ns/net").st_ino)}
            commands = set()
            for rule in alerts():
                text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda m: labels[m[1]],
                              rule["annotations"]["action"])
                commands |= {c.strip() for c in text.split(";")}
            self.assertEqual({c.split()[0] for c in commands}, {"sockline", "systemctl"})
            for command in sorted(c for c in commands if c.startswith("sockline")):
                words = shlex.split(command)[1:]
                more = {"watch": ["-d", "0.2"], "why": ["-d", "0.2"],
                        "top": ["-d", "0.2", "--json"]}  # else it wants a terminal
                done = subprocess.run([SOCKLINE, *words, *more.get(words[0], [])], text=True,
                                      capture_output=True, timeout=30, check=False,
                                      stdin=subprocess.DEVNULL)
                # `why` may see others' failures, and says so by its status.
                self.assertIn(done.returncode, (0, 1) if words[0] == "why" else (0,),
                              command + done.stderr)
                if words[0] == "listeners" and "-P" in words:
                    self.assertIn(f"127.0.0.1:{labels['port']}", done.stdout)


class Dashboard(Promql):
    def setUp(self):
        self.board = load(DASHBOARD)
        self.panels = self.board["panels"]
        self.targets = [(p["title"], t) for p in self.panels for t in p.get("targets", ())]

    def expressions(self, interval="5m", instance=".*"):
        variables = {v["name"]: ".*" for v in self.board["templating"]["list"]}
        variables |= {"instance": instance, "__rate_interval": interval}

        def filled(text):
            text = re.sub(r"\$(\w+)", lambda m: variables[m[1]], text)
            return text.replace("[5m]", f"[{interval}]")

        return [(title, filled(t["expr"])) for title, t in self.targets]

    def test_expressions(self):
        expressions = self.expressions()
        expressions += [("annotations", re.sub(r"\$\w+", ".*", a["expr"]))
                        for a in self.board["annotations"]["list"]]
        self.assertGreater(len(expressions), 40)
        for _, expr in expressions:
            self.asks_for_what_there_is(expr)
        rules = {"groups": [{"name": "g", "rules": [{"record": f"panel:expr:{i}", "expr": expr}
                                                     for i, (_, expr) in enumerate(expressions)]}]}
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as f:
            yaml.safe_dump(rules, f)
            f.flush()
            done = promtool("check", "rules", f.name)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{len(expressions)} rules found", done.stdout)

    def test_variables(self):
        known = documented()
        names = [v["name"] for v in self.board["templating"]["list"]]
        self.assertEqual(names[0], "datasource")
        for variable in self.board["templating"]["list"][1:]:
            metric, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)",
                                         variable["query"]["query"]).groups()
            self.assertIn(label, known[metric] | SCRAPED)
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(self.board)))
        self.assertEqual(used - {"__rate_interval", "__all"}, set(names))

    def test_layout(self):
        """Ids are unique, nothing overlaps or leaves the grid, units and kinds are Grafana's."""
        ids = [p["id"] for p in self.panels]
        self.assertEqual(len(ids), len(set(ids)))
        taken = set()
        for p in self.panels:
            g = p["gridPos"]
            self.assertIn(p["type"], PANELS)
            self.assertLessEqual(g["x"] + g["w"], 24, p["title"])
            cells = set(itertools.product(range(g["x"], g["x"] + g["w"]),
                                          range(g["y"], g["y"] + g["h"])))
            self.assertFalse(cells & taken, p["title"])
            taken |= cells
            if p["type"] != "row":
                self.assertTrue(p["description"].endswith("."), p["title"])
                refs = [t["refId"] for t in p["targets"]]
                self.assertEqual(len(refs), len(set(refs)))
        found = re.findall(r'"unit": "(\w+)"', json.dumps(self.board))
        self.assertLessEqual(set(found), UNITS)


class Shown(lib.LiveTest):
    def setUp(self):
        super().setUp()
        directory = tempfile.mkdtemp(prefix="sockline-dashboard-")
        self.addCleanup(shutil.rmtree, directory)
        self.export = lib_metrics.Export("--netns", self.srv.path,
                                         "--store", f"sqlite:{directory}/rows.db")
        self.addCleanup(self.export.stop)
        self.prometheus = test_prometheus.Prometheus(directory, self.export.port)
        self.addCleanup(self.prometheus.stop)

    def go_wrong(self, listener, taken):
        """Accepts, waits, an overflow, and a bind that fails."""
        for _ in range(3):
            client = self.connect(taken)
            self.accept(taken).close()
            client.close()
        for _ in range(4):
            self.connect(listener, wait=False)
        with self.assertRaises(OSError):
            self.keep(self.srv.socket()).bind(taken.getsockname())

    def test_every_panel_shows_something(self):
        board = Dashboard("test_layout")
        board.setUp()
        expressions = board.expressions("5s", f"127.0.0.1:{self.export.port}")
        # No store is away here.
        expressions = [e for e in expressions if "sockline_store_spooled_rows" not in e[1]]
        drops = next(e for title, e in expressions if title == "Drops" and "sum(rate" in e)
        listener, taken = self.listen(backlog=1), self.listen()
        for _ in range(40):
            self.go_wrong(listener, taken)
            empty = [e for e in expressions if not self.prometheus.query(e[1])]
            # A rate is seen from the second scrape on.
            if not empty and self.prometheus.value(drops) > 0:
                break
            time.sleep(0.5)
        self.assertEqual(empty, [])
        self.assertGreater(self.prometheus.value(drops), 0)
        fullest = next(e for title, e in expressions if title == "Fullest accept queue")
        self.assertEqual(self.prometheus.value(fullest), 2)


if __name__ == "__main__":
    lib.main()
