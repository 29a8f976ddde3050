# SPDX-License-Identifier: GPL-2.0-only
"""A server of user/sink/http.c alone, for the tests of HTTP."""
import contextlib
import http.client
import os
import resource
import socket
import subprocess
import tempfile
import time
import unittest

import lib

DO_HTTP = os.path.join(lib.BUILD, "live/do_http")
NOFILE = 1024  # what a service has by default


def more_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))


class Server:
    """do_http, listening on `port`."""

    def __init__(self, listen="127.0.0.1:0", web=None):
        def prepare():
            lib.die_with_parent()
            resource.setrlimit(resource.RLIMIT_NOFILE, (NOFILE, NOFILE))
        self.err = tempfile.TemporaryFile("a+")
        self.process = subprocess.Popen([DO_HTTP, listen, *([web] if web else [])],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.err, text=True, preexec_fn=prepare)
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise AssertionError(f"do_http ended: {self.talk()}")
        self.port = int(line)

    def talk(self):
        self.err.seek(0)
        return self.err.read()

    def connect(self, rcvbuf=None):
        sock = socket.socket()
        sock.settimeout(lib.SOON)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.connect(("127.0.0.1", self.port))
        return sock

    def ask(self, method="GET", path="/small", headers=None, body=None, host="127.0.0.1"):
        """Status, headers, body."""
        conn = http.client.HTTPConnection(host, self.port, timeout=lib.SOON)
        with contextlib.closing(conn):
            conn.request(method, path, body, headers or {})
            r = conn.getresponse()
            return r.status, r.headers, r.read()

    def timed(self, path="/metrics", **kwargs):
        begun = time.monotonic()
        status, _, body = self.ask(path=path, **kwargs)
        assert status == 200 and body, (status, body)
        return time.monotonic() - begun

    def number(self, name):
        """Of /proc/PID/status, in bytes; or of its files."""
        if name == "files":
            return len(os.listdir(f"/proc/{self.process.pid}/fd"))
        with open(f"/proc/{self.process.pid}/status") as f:
            return 1024 * next(int(line.split()[1]) for line in f if line.startswith(name))

    def stop(self):
        """Its exit status."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        try:
            return self.process.wait(lib.SOON)
        finally:
            self.process.kill()
            self.process.wait()
            self.err.close()


class HttpTest(unittest.TestCase):
    def setUp(self):
        more_files()
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.socks = []
        self.addCleanup(lambda: [s.close() for s in self.socks])

    def serve(self, *args, **kwargs):
        server = Server(*args, **kwargs)
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0))
        return server

    def keep(self, sock):
        self.socks.append(sock)
        return sock

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)


class WebTest(HttpTest):
    """With certificates, by their names: NAME.pem and NAME.key in the test's directory."""

    def openssl(self, *args):
        lib.run("openssl", *args, cwd=self.dir.name)

    def authority(self, name="ca"):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                     "-subj", f"/CN={name}")

    def certificate(self, name, ca="ca", purpose="serverAuth"):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        ext = self.write("ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
                                f"extendedKeyUsage={purpose}\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey",
                     f"{ca}.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2",
                     "-extfile", ext)
