# SPDX-License-Identifier: GPL-2.0-only
"""Witnesses that owe sockline nothing: nginx's own count of accepts, the kernel's own counters, and
tshark's capture of the same run."""
import collections
import os
import re
import select
import socket
import subprocess
import tempfile
import time
import urllib.request

import lib
from lib import steps

NGINX = """
worker_processes 2;
pid {place}/pid;
error_log {place}/error.log;
events {{ worker_connections 4096; }}
http {{
	access_log off;
	client_body_temp_path {place}/body;
	proxy_temp_path {place}/proxy;
	fastcgi_temp_path {place}/fastcgi;
	uwsgi_temp_path {place}/uwsgi;
	scgi_temp_path {place}/scgi;
	server {{
		listen {addr}:8080 backlog=4096;
		location / {{ return 200 "hello"; }}
		location /status {{ stub_status; }}
	}}
}}
"""
ENOUGH = 20_000
ALONE = True


class Nginx(lib.LiveTest):
    def setUp(self):
        super().setUp()
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name
        os.chmod(self.place, 0o755)
        with open(f"{self.place}/conf", "w") as f:
            f.write(NGINX.format(place=self.place, addr=lib.V4_SRV))
        self.srv.sysctl("core.somaxconn", 4096)
        self.nginx = self.srv.start("nginx", "-c", f"{self.place}/conf", "-g", "daemon off;")
        self.addCleanup(self.nginx.wait)
        self.addCleanup(self.nginx.terminate)
        lib.until(lambda: ":8080" in self.srv.run("ss", "-tln"), "nginx to listen")

    def accepts(self):
        """As nginx counts them; asking is one of them."""
        with self.cli:
            page = urllib.request.urlopen(f"http://{lib.V4_SRV}:8080/status", timeout=lib.SOON)
        with page:
            return int(re.search(r"\n +(\d+) \d+ \d+", page.read().decode())[1])

    def capture(self):
        """tshark on the server's side, SYNs only; returns what reads them."""
        path = f"{self.place}/syns.pcap"
        err = open(f"{self.place}/tshark.err", "w+")
        self.addCleanup(err.close)
        tshark = self.srv.start("tshark", "-q", "-n", "-i", "srv0", "-w", path, "-B", "16", "-f",
                                "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", stderr=err)
        self.addCleanup(tshark.kill)
        lib.until(lambda: os.path.exists(path) and os.path.getsize(path), "tshark to start")

        def read():
            time.sleep(1)
            tshark.terminate()
            tshark.wait(lib.SOON)
            err.seek(0)
            dropped = re.search(r"(\d+) packets? dropped", err.read())
            self.assertFalse(dropped and int(dropped[1]), "tshark itself has lost packets")
            fields = "ip.src tcp.srcport ip.dst tcp.dstport".split()
            lines = lib.run("tshark", "-n", "-r", path, "-T", "fields",
                            *(word for field in fields for word in ("-e", field)))
            return [tuple(line.split()) for line in lines.splitlines()]
        return read

    def test_accepts_and_syns(self):
        """wrk with a new connection for each request, on one CPU: its SYNs have one order."""
        self.watch("-P", "8080")
        captured = self.capture()
        before = self.accepts()
        self.assertEqual(before, 1)
        deadline = time.monotonic() + 60
        while self.accepts() - before < ENOUGH and time.monotonic() < deadline:
            self.cli.run("taskset", "-c", "0", "wrk", "-t", "1", "-c", "32", "-d", "2s",
                         "-H", "Connection: close", f"http://{lib.V4_SRV}:8080/")
        accepts = self.accepts()
        self.assertGreater(accepts, ENOUGH)
        found = self.done()
        taken = [r for r in found if "accepted" in steps(r)]
        self.assertEqual(len(taken), accepts)
        self.assertEqual({r["process"]["comm"] for r in taken}, {"nginx"})
        self.assertEqual({r["complete"] for r in taken}, {True})
        self.assertEqual(len({r["cookie"] for r in taken}), accepts)
        found.sort(key=lambda r: r["time"])
        told = [(r["remote"]["addr"], str(r["remote"]["port"]), r["local"]["addr"],
                 str(r["local"]["port"])) for r in found if steps(r)[0] == "syn"]
        wire = captured()
        only = [(collections.Counter(a) - collections.Counter(b)).most_common(5)
                for a, b in ((told, wire), (wire, told))]
        self.assertEqual(only, [[], []])
        differ = [i for i, (a, b) in enumerate(zip(told, wire)) if a != b]
        self.assertFalse(differ, f"{len(differ)} differ, first {differ[:1]}")


class Overflows(lib.LiveTest):
    @lib.by_timer
    def test_counters_of_the_namespace(self):
        """A server that is too slow for its clients.  ListenOverflows counts every SYN and every ACK
        that met a full accept queue, ListenDrops those and what the SYN queue refused."""
        listener = self.listen(backlog=5)
        before = self.srv.netstat()
        self.watch()
        busy = set()
        begun = time.monotonic()
        while time.monotonic() - begun < 3:
            client = self.cli.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            busy.add(client)
            if len(busy) == 32:  # long before any of them says its SYN again
                for sock in list(busy)[:16]:
                    busy.remove(sock)
                    sock.close()
            if select.select([listener], [], [], 0)[0] and len(busy) % 3 == 0:
                self.accept(listener)
            time.sleep(0.003)
        for client in busy:
            client.close()
        time.sleep(0.3)  # until silence can be told from an answer to come
        now = self.srv.netstat()
        found = self.done()
        kinds = collections.Counter((r["outcome"], r.get("reason")) for r in found)
        acks = sum(steps(r).count("ack_dropped") for r in found)
        overflows = kinds["syn_dropped", "accept_queue_full"] + acks
        self.assertGreater(overflows, 50, kinds)
        self.assertEqual(overflows, now["ListenOverflows"] - before["ListenOverflows"], kinds)
        self.assertEqual(overflows, now["ListenDrops"] - before["ListenDrops"], kinds)


if __name__ == "__main__":
    lib.main()
