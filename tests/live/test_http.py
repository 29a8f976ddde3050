#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The HTTP server of `sockline export`: what it answers, to whom, and that nobody can keep it from
answering."""
import contextlib
import gzip
import http.client
import os
import random
import re
import resource
import socket
import statistics
import subprocess
import threading
import time

import lib
from lib_http import DO_HTTP, NOFILE, HttpTest, Server

LINES = "".join(f"line {i}\n" for i in range(100000)).encode()


class Requests(HttpTest):
    def test_methods(self):
        server = self.serve()
        status, headers, body = server.ask()
        self.assertEqual((status, body), (200, b"hello\n"))
        self.assertEqual(headers["Content-Length"], "6")
        status, headers, body = server.ask("HEAD", "/metrics")
        self.assertEqual((status, body), (200, b""))
        self.assertEqual(headers["Content-Length"], str(len(LINES)))
        self.assertEqual(server.ask(path="/small?a=b")[0], 200)
        self.assertEqual(server.ask(path="/nowhere")[0], 404)
        for method in "POST", "PUT", "DELETE", "OPTIONS", "BREW":
            with self.subTest(method=method):
                status, headers, _ = server.ask(method, body=b"x" * 100000)
                self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))
        self.assertEqual(server.ask(body=b"what for?")[0], 400)

    def test_connection_is_kept(self):
        server = self.serve()
        conn = http.client.HTTPConnection("127.0.0.1", server.port, timeout=lib.SOON)
        conn.connect()
        name = conn.sock.getsockname()
        for path, want in ("/small", b"hello\n"), ("/metrics", LINES), ("/small", b"hello\n"):
            conn.request("GET", path)
            self.assertEqual(conn.getresponse().read(), want)
            self.assertEqual(conn.sock.getsockname(), name)
        conn.close()

    def test_gzip(self):
        server = self.serve()
        for accept, want in (("gzip", "gzip"), ("br, GZIP;q=0.5", "gzip"), ("*", "gzip"),
                             ("identity", None), ("gzip;q=0", None), ("*;q=0", None),
                             ("gzip;q=0, *", None), ("xgzip", None)):
            with self.subTest(accept=accept):
                _, headers, body = server.ask(path="/metrics",
                                              headers={"Accept-Encoding": accept})
                self.assertEqual(headers["Content-Encoding"], want)
                self.assertEqual(headers["Content-Length"], str(len(body)))
                self.assertEqual(gzip.decompress(body) if want else body, LINES)
                self.assertIn("Accept-Encoding", headers["Vary"])
        _, headers, body = server.ask(headers={"Accept-Encoding": "gzip"})
        self.assertEqual((headers["Content-Encoding"], body), (None, b"hello\n"))

    def test_random_bytes(self):
        server = self.serve()
        rand = random.Random(9435)
        good = (b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n"
                b"Authorization: Basic YTpi\r\nContent-Length: 0\r\n\r\n")
        for i in range(300):
            bytes_ = bytearray(good * rand.randint(1, 3)) if i % 2 else rand.randbytes(300)
            for _ in range(rand.randint(1, 6) if i % 2 else 0):
                bytes_[rand.randrange(len(bytes_))] = rand.randrange(256)
            with server.connect() as sock, contextlib.suppress(OSError):
                sock.sendall(bytes_)
                sock.settimeout(0.02)
                sock.recv(1 << 20)
        self.assertEqual(server.ask()[2], b"hello\n")

    def test_long_headers(self):
        server = self.serve()
        for request in (b"GET /" + b"a" * 100000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000,
                        b"GET / HTTP/1.1\r\nA: " + b"b" * 100000):
            with server.connect() as sock:
                with contextlib.suppress(OSError):
                    sock.sendall(request)
                answer = b""
                with contextlib.suppress(ConnectionResetError):
                    answer = sock.recv(100)
                self.assertRegex(answer, rb"^(HTTP/1.[01] (413|414|431) |$)")
        self.assertEqual(server.ask()[0], 200)


class Crowd(HttpTest):
    """Who asks must get an answer, however many others do not."""

    @contextlib.contextmanager
    def drip(self, server, count):
        """count clients, each of which sends a byte a second, and comes again when cut off."""
        over = threading.Event()
        slow = [server.connect() for _ in range(count)]
        text = b"GET /metrics HTTP/1.1\r\nX-Long: " + b"x" * 10000

        def run():
            for at in range(len(text)):
                for i, sock in enumerate(slow):
                    if over.is_set():
                        return
                    try:
                        sock.send(text[at:at + 1])
                    except OSError:
                        sock.close()
                        slow[i] = server.connect()
                over.wait(1)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            for sock in slow:
                sock.close()

    def test_a_thousand_idle_and_a_thousand_slow(self):
        server = self.serve()
        alone = statistics.median(server.timed() for _ in range(20))
        for _ in range(1000):
            self.keep(server.connect())
        with self.drip(server, 1000):
            files = server.number("files")
            crowded = [server.timed() for _ in range(40) if time.sleep(0.1) is None]
        self.assertLess(statistics.median(crowded), 20 * alone, f"{alone} alone, {crowded}")
        self.assertLess(files, NOFILE / 2)

    def test_who_does_not_read(self):
        server = self.serve()
        server.timed()
        before = server.number("VmRSS")
        for _ in range(400):
            sock = self.keep(server.connect(rcvbuf=4096))
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        alone = [server.timed("/small") for _ in range(10)]
        self.assertTrue(all(alone))
        grown = server.number("VmRSS") - before
        self.assertLess(grown, 150 << 20)  # all of it would be 400 MB

    def test_half_a_request_is_not_waited_for(self):
        server = self.serve()
        half = self.keep(server.connect())
        half.settimeout(0.5)
        silent = self.keep(server.connect())
        over = time.monotonic() + 60
        with self.assertRaises(ConnectionError, msg="half a request was waited for"):
            while time.monotonic() < over:
                half.send(b"a")
                with contextlib.suppress(TimeoutError):
                    if half.recv(1) == b"":
                        raise ConnectionError
        self.assertEqual(silent.recv(1), b"")

    def test_stop_while_clients_hang(self):
        server = Server()
        for i in range(120):
            sock = self.keep(server.connect(rcvbuf=4096))
            sock.sendall([b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"][i % 3])
        server.ask()
        self.assertEqual(server.stop(), 0)

    def test_no_file_left(self):
        server = self.serve()
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE,
                         (server.number("files") + 5, NOFILE))
        for _ in range(40):
            self.keep(server.connect())
        lib.until(lambda: server.ask()[0] == 200, "an answer")


class Listen(HttpTest):
    def refused(self, listen, **kwargs):
        done = subprocess.run([DO_HTTP, listen], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=lib.SOON, **kwargs)
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertRegex(done.stderr, f"--listen '?{re.escape(listen)}'?: ")
        return done.stderr

    def test_arguments(self):
        for listen in ("", "9435", "localhost:9435", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                       "127.0.0.1:65536", "127.0.0.1:-1", "::1:9435x", "[::1]", "[::1:9435",
                       "300.0.0.1:9435"):
            with self.subTest(listen=listen):
                self.assertIn("such as 127.0.0.1:9435", self.refused(listen))
        self.assertIn("not an address of this host", self.refused("192.0.2.1:9435"))
        self.assertIn("no interface", self.refused("[fe80::1%nosuch]:9435"))

    def test_every_address(self):
        server = self.serve(":0")
        for host in "127.0.0.1", "::1":
            self.assertEqual(server.ask(host=host)[0], 200)
        server = self.serve("[::1]:0")
        self.assertEqual(server.ask(host="::1")[0], 200)
        with self.assertRaises(ConnectionRefusedError):
            server.ask(host="127.0.0.1")

    def test_no_ipv6(self):
        ns = lib.netns_pair()
        for n in ns:
            self.addCleanup(n.remove)
        for name in "all", "lo":
            ns[0].sysctl(f"ipv6.conf.{name}.disable_ipv6", 1)
        with ns[0]:
            server = self.serve(":0")
            self.assertEqual(server.ask()[0], 200)

    def test_in_use(self):
        server = self.serve()
        line = self.refused(f"127.0.0.1:{server.port}")
        advice = re.search("`sockline (why .*)`", line)
        done = subprocess.run([lib.SOCKLINE, *advice[1].split()], text=True, timeout=60,
                              capture_output=True)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(str(server.process.pid), done.stdout)

    def test_no_permission(self):
        def nobody():
            os.setgid(65534)
            os.setuid(65534)
        os.chmod(self.dir.name, 0o755)
        self.assertIn("CAP_NET_BIND_SERVICE", self.refused("127.0.0.1:80", preexec_fn=nobody))


if __name__ == "__main__":
    lib.main()
