#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`sockline export` behind TLS and a password, as docs/web-config.md has it, and in a crowd."""
import contextlib
import json
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import lib
from lib_http import WebTest
from lib_metrics import Export

DOC = os.path.join(lib.ROOT, "docs/web-config.md")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return lib.port_of(s)


class ExportTest(WebTest):
    def export(self, *args, **kwargs):
        export = Export(*args, **kwargs)
        self.addCleanup(export.stop)
        return export

    def prometheus(self, config):
        """Queries of a Prometheus with this configuration."""
        port = free_port()
        self.write("prometheus.yml", config)
        server = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
             "--log.level=error", f"--web.listen-address=127.0.0.1:{port}"], cwd=self.dir.name,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lib.die_with_parent, env={**os.environ, "GOMAXPROCS": "1"})
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)

        def ask(query):
            with contextlib.suppress(OSError):
                url = f"http://127.0.0.1:{port}/api/v1/query?"
                with urllib.request.urlopen(url + urllib.parse.urlencode({"query": query}),
                                            timeout=lib.SOON) as answer:
                    found = json.load(answer)["data"]["result"]
                    return [float(r["value"][1]) for r in found]
        return ask

    def test_as_documented(self):
        with open(DOC) as f:
            web, scrape = re.findall(r"```yaml\n(.*?)```", f.read(), re.S)
        self.authority("sockline-ca")
        self.authority("prometheus-ca")
        self.certificate("server", ca="sockline-ca")
        self.certificate("prometheus", ca="prometheus-ca", purpose="clientAuth")
        for name in "server", "prometheus", "sockline-ca", "prometheus-ca":
            os.rename(self.path(f"{name}.pem"), self.path(f"{name}.crt"))
        self.write("sockline-password", re.search(r"# (\S+)", web)[1] + "\n")
        export = self.export("--web-config", self.write("web.yml", web))
        ask = self.prometheus("global: {scrape_interval: 300ms, scrape_timeout: 250ms}\n" +
                              scrape.replace("host.example:9435", f"localhost:{export.port}"))
        lib.until(lambda: ask("up") == [1], "Prometheus to reach sockline", 30)
        lib.until(lambda: ask("sockline_listener_accepts_total"
                              f'{{port="{export.port}",comm="sockline"}} > 0'),
                  "its own connection to be counted", 30)

        self.write("sockline-password", "wrong\n")
        lib.until(lambda: ask("up") == [0], "Prometheus to be turned away", 30)

    def test_mistake(self):
        path = self.write("web.yml", "basic_auth_users:\n  alice: secret\n")
        done = subprocess.run([lib.SOCKLINE, "export", "--listen", "127.0.0.1:0", "--web-config",
                               path], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, f"^sockline export: --web-config {path}:2: alice: .*\n$")

    def test_crowd(self):
        """A thousand idle clients and a thousand of a byte a second; then all of them hang while it
        stops."""
        export = self.export()
        resource.prlimit(export.process.pid, resource.RLIMIT_NOFILE, (1024, 4096))

        def timed():
            begun = time.monotonic()
            self.assertEqual(export.get()[0], 200)
            return time.monotonic() - begun

        def connect():
            sock = self.keep(socket.create_connection(("127.0.0.1", export.port), lib.SOON))
            sock.send(b"G")
            return sock
        alone = statistics.median(timed() for _ in range(20))
        for _ in range(1000):
            self.keep(socket.create_connection(("127.0.0.1", export.port), lib.SOON))
        slow = [connect() for _ in range(1000)]
        over = threading.Event()

        def drip():
            while not over.wait(1):
                for i, sock in enumerate(slow):
                    try:
                        sock.send(b"E")
                    except OSError:
                        sock.close()
                        slow[i] = connect()
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            crowded = [timed() for _ in range(40) if time.sleep(0.1) is None]
        finally:
            over.set()
            thread.join()
        self.assertLess(statistics.median(crowded), 20 * alone, f"{alone} alone, {crowded}")
        self.assertEqual(export.stop(signal.SIGTERM), 0, export.talk())


if __name__ == "__main__":
    lib.main()
