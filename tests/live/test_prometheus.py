# SPDX-License-Identifier: GPL-2.0-only
"""A real Prometheus, on loopback with its data in a directory of its own, scrapes `sockline export`."""
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request

import lib
import lib_metrics
from lib import ROOT, port_of, until

CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 400ms, evaluation_interval: 500ms}}
rule_files: ['{rules}']
scrape_configs:
  - job_name: sockline
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""
RULES = f"{ROOT}/packaging/prometheus/sockline.rules.yml"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return port_of(s)


class Prometheus:
    def __init__(self, directory, scraped_port):
        self.url = f"http://127.0.0.1:{free_port()}"
        with open(f"{directory}/prometheus.yml", "w") as f:
            f.write(CONFIG.format(rules=RULES, port=scraped_port))
        with open(f"{directory}/log", "w") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={directory}/prometheus.yml",
                 f"--storage.tsdb.path={directory}/data", "--log.level=warn",
                 f"--web.listen-address={self.url.removeprefix('http://')}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                preexec_fn=lib.die_with_parent, env={**os.environ, "GOMAXPROCS": "1"})
        until(self.ready, "Prometheus to start", 30)

    def get(self, path, **params):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(params)}",
                                    timeout=lib.SOON) as answer:
            return answer.read().decode()

    def ready(self):
        try:
            return "Ready" in self.get("/-/ready")
        except OSError:
            return False

    def api(self, path, **params):
        return json.loads(self.get(f"/api/v1/{path}", **params))["data"]

    def query(self, promql):
        """[(labels, value)]"""
        return [(r["metric"], float(r["value"][1])) for r in self.api("query", query=promql)["result"]]

    def value(self, promql):
        found = self.query(promql)
        if len(found) > 1:
            raise AssertionError(f"{promql}: {found}")
        return found[0][1] if found else None

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(lib.SOON)
        finally:
            self.process.kill()
            self.process.wait()


class PrometheusTest(lib.LiveTest):
    def setUp(self):
        super().setUp()
        directory = tempfile.mkdtemp(prefix="sockline-prometheus-")
        self.addCleanup(shutil.rmtree, directory)
        self.export = lib_metrics.Export("--netns", self.srv.path)
        self.addCleanup(self.export.stop)
        self.prometheus = Prometheus(directory, self.export.port)
        self.addCleanup(self.prometheus.stop)

    def until(self, promql, want):
        until(lambda: self.prometheus.value(promql) == want, f"{promql} to be {want}", 20)

    def firing(self):
        return {(a["labels"]["alertname"], a["labels"].get("port"))
                for a in self.prometheus.api("alerts")["alerts"] if a["state"] == "firing"}

    def test_overflow(self):
        prometheus = self.prometheus
        listener = self.listen(backlog=4)
        of_it = f'{{port="{port_of(listener)}",comm="{lib.comm()}"}}'
        self.until(f"sockline_listener_syns_total{of_it}", 0)
        [target] = prometheus.api("targets")["activeTargets"]
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))

        before = self.srv.netstat()["ListenOverflows"]
        clients = [self.connect(listener, wait=i < 5) for i in range(15)]
        dropped = self.srv.netstat()["ListenOverflows"] - before
        for client in clients[5:]:
            client.close()  # so that it does not come again
        self.assertEqual(dropped, 10)
        self.until(f"sum by (reason) (sockline_listener_drops_total{of_it}) > 0", dropped)
        [(labels, _)] = prometheus.query(f"sockline_listener_drops_total{of_it} > 0")
        self.assertEqual((labels["packet"], labels["reason"], labels["address"], labels["netns"]),
                         ("syn", "accept_queue_full", lib.V4_SRV, str(self.srv.inode)))
        self.until(f"sockline_listener_accept_queue_length{of_it}", 5)
        self.until(f"sockline_listener_accept_queue_high_water{of_it}", 5)
        self.until("max by (port) (sockline_listener_accept_queue_fill_ratio > 0.8)", 1.25)
        self.assertGreater(
            prometheus.value(f"sum(increase(sockline_listener_drops_total{of_it}[1m]))"), 0)
        until(lambda: ("SocklineConnectionsDropped", str(port_of(listener))) in self.firing(),
              "the alert", 20)

        for _ in range(5):
            self.accept(listener)
        self.until(f"sockline_listener_accept_wait_seconds_count{of_it}", 5)
        self.until(f"sockline_listener_accept_queue_length{of_it}", 0)
        until(lambda: (prometheus.value(f"histogram_quantile(0.5, rate("
                                        f"sockline_listener_accept_wait_seconds_bucket{of_it}[1m]))")
                       or 0) > 0.26, "the median", 20)
        self.assertEqual(prometheus.query(f"sockline_listener_last_accept_age_seconds{of_it} > 30"),
                         [])

    def test_rules(self):
        """Each can be evaluated on what is served."""
        self.listen()
        self.until("sockline_listeners", 1)
        rules = [r for g in self.prometheus.api("rules")["groups"] for r in g["rules"]]
        self.assertGreater(len(rules), 5)
        until(lambda: all(r["health"] == "ok"
                          for g in self.prometheus.api("rules")["groups"] for r in g["rules"]),
              "the rules", 20)
        metadata = self.prometheus.api("metadata")
        self.assertEqual(metadata["sockline_listener_syns"][0]["type"], "counter")
        self.assertEqual(metadata["sockline_listener_handshake_seconds"][0]["unit"], "seconds")


class Names(unittest.TestCase):
    def test_names(self):
        """Rules, dashboards and documents name no metric that there is not."""
        with open(f"{ROOT}/user/core/metrics.def") as f:
            names = dict(re.findall(r'METRIC\(\w+, "(\w+)",\s+(\w+)', f.read()))
        for name in [n for n, kind in names.items() if kind == "HISTOGRAM"]:
            names |= {f"{name}_{suffix}": "" for suffix in ("bucket", "count", "sum")}
        used = 0
        for path in filter(os.path.isfile, [*glob.glob(f"{ROOT}/packaging/*/*"),
                                            *glob.glob(f"{ROOT}/docs/*"), f"{ROOT}/README.md"]):
            with open(path, errors="replace") as f:
                found = set(re.findall(
                    r"\bsockline_(?:listeners?|bind|events|store|build)(?:_[a-z]+)*\b(?![*_.])",
                    f.read()))
            self.assertLessEqual(found, set(names), path)
            used += len(found)
        self.assertGreater(used, 30)


if __name__ == "__main__":
    lib.main()
