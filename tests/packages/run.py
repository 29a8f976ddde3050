#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The static file in a root that holds nothing else, and the image made of it.

  run.py [NAME]...    only the tests whose name contains one of these words
"""
import base64
import glob
import json
import os
import pty
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
sys.dont_write_bytecode = True

import lib
from lib import run, until
from lib_clickhouse import ClickHouse, free_port

STATIC = os.path.join(lib.BUILD, "static/sockline")
RECORDING = os.path.join(lib.ROOT, "tests/data/accepted.rec")
# of `change-me`, as docs/web-config.md has it
HASH = "$2y$10$qsRg9vKZ29qVLByNNWrTuuZclwEhWldo76HoTx/A5QhnZ.nGeIyka"
CONF = """
[storage]
driver = "vfs"
graphroot = "{place}/graph"
runroot = "{place}/run"
"""
CAPABILITIES = ",".join(f"CAP_{name}" for name in (
    "BPF", "PERFMON", "NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"))


def certificate(place):
    """A key and a certificate for localhost, which signs itself."""
    key, cert = os.path.join(place, "key.pem"), os.path.join(place, "cert.pem")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert)
    return key, cert


class TlsInFront(threading.Thread):
    """Takes TLS connections, and hands on what is said in them, one at a time."""

    def __init__(self, key, cert, port):
        super().__init__(daemon=True)
        self.to = ("127.0.0.1", port)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(cert, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = lib.port_of(self.listener)
        self.taken = 0
        self.start()

    def run(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(plain, server_side=True) as client:
                    self.taken += 1
                    with socket.create_connection(self.to) as server:
                        self.hand_on(client, server)
            except OSError:
                pass

    @staticmethod
    def hand_on(client, server):
        while True:
            ready = [client] if client.pending() else select.select([client, server], [], [], 10)[0]
            if not ready:
                return
            for a, b in ((client, server), (server, client)):
                if a in ready:
                    data = a.recv(1 << 16)
                    if not data:
                        return
                    b.sendall(data)


class Root(unittest.TestCase):
    """A root with the static file, and /proc and /sys in a mount namespace of its own."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = place.name
        for name in ("proc", "sys", "tmp"):
            os.mkdir(os.path.join(self.root, name))
        shutil.copy(STATIC, os.path.join(self.root, "sockline"))

    def command(self, *args):
        script = ('mount -t proc none "$1/proc" && mount --rbind /sys "$1/sys" && '
                  'exec chroot "$1" /sockline "${@:2}"')
        return ["unshare", "--mount", "bash", "-c", script, "bash", self.root, *map(str, args)]

    def start(self, *args, **kwargs):
        process = subprocess.Popen(self.command(*args), text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, preexec_fn=lib.die_with_parent, **kwargs)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def write(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)


class Static(Root):
    def test_needs_no_other_file(self):
        self.assertNotRegex(run("readelf", "--program-headers", STATIC), "INTERP|DYNAMIC")
        self.assertIn("no dynamic section", run("readelf", "--dynamic", STATIC))

    def test_watch(self):
        """A real connection, told with its process and its times."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        port = lib.port_of(listener)
        watch = self.start("watch", "--json", "--port", port, "-n", 1)
        seen = []

        def connected():
            with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
                pass
            ready = select.select([watch.stdout], [], [], 0.2)[0]
            seen.extend([watch.stdout.readline()] if ready else [])
            return seen or watch.poll() is not None
        until(connected, "a connection to be told", 30)
        self.assertTrue(seen and seen[0], watch.stderr.read() if watch.poll() else seen)
        record = json.loads(seen[0])
        lib.check_connection(self, record)
        self.assertEqual(record["outcome"], "accepted")
        self.assertEqual(record["process"]["comm"], lib.comm())

    def test_top(self):
        """On a terminal that nothing there describes."""
        for term in ("xterm", "xterm-256color", "screen", "tmux-256color", "linux", "vt100", "xterm-kitty"):
            with self.subTest(term=term):
                pid, fd = pty.fork()
                if not pid:
                    command = self.command("top")
                    os.execvpe(command[0], command, {"PATH": os.environ["PATH"], "TERM": term})
                shown = ""

                def drawn():
                    nonlocal shown
                    if select.select([fd], [], [], 0.1)[0]:
                        shown += os.read(fd, 4096).decode(errors="replace")
                    return "every 1 s" in shown
                try:
                    until(drawn, f"top on {term}", 30)
                    os.write(fd, b"q")
                finally:
                    os.kill(pid, signal.SIGTERM)
                    os.close(fd)
                    os.waitpid(pid, 0)

    def test_stores(self):
        """SQLite, and ClickHouse by name over TLS, whose certificate is looked at."""
        clickhouse = ClickHouse(tempfile.mkdtemp(dir=self.root))
        self.addCleanup(clickhouse.kill)
        clickhouse.start()
        other = certificate(os.path.join(self.root, "tmp"))[1]
        key, cert = certificate(self.root)
        front = TlsInFront(key, cert, clickhouse.port)
        self.addCleanup(front.listener.shutdown, socket.SHUT_RDWR)
        shutil.copy(RECORDING, os.path.join(self.root, "a.rec"))
        export = ("export", "--from", "/a.rec", "--host", "h", "--store",
                  f"clickhouse:https://localhost:{front.port}")
        with open(other) as f:
            self.write("etc/pki/tls/certs/ca-bundle.crt", f.read())
        env = {k: v for k, v in os.environ.items() if k != "SSL_CERT_FILE"}
        done = subprocess.run(self.command(*export), text=True, capture_output=True, timeout=60, env=env)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("certificate", done.stderr)
        self.assertEqual(clickhouse.query("SHOW TABLES"), "")
        done = subprocess.run(self.command(*export, "--store", "sqlite:/tmp/a.db"), text=True,
                              capture_output=True, timeout=60, env={**env, "SSL_CERT_FILE": "/cert.pem"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(front.taken, 0)
        stored = run("sqlite3", f"{self.root}/tmp/a.db", "SELECT count(*) FROM connections")
        self.assertGreater(int(stored), 0)
        self.assertEqual(clickhouse.query("SELECT count(*) FROM connections"), stored)

    def test_tls_of_the_metrics(self):
        key, cert = certificate(self.root)
        self.write("web.yml", "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
                              f"basic_auth_users: {{it: {HASH}}}\n")
        port = free_port()
        export = self.start("export", "--listen", f"127.0.0.1:{port}", "--web-config", "/web.yml")
        context = ssl.create_default_context(cafile=cert)
        request = urllib.request.Request(f"https://localhost:{port}/metrics", headers={
            "Authorization": "Basic " + base64.b64encode(b"it:change-me").decode()})

        def answer():
            self.assertIsNone(export.poll(), export.poll() and export.stderr.read())
            try:
                with urllib.request.urlopen(request, timeout=20, context=context) as reply:
                    return reply.read().decode()
            except urllib.error.HTTPError:
                raise
            except OSError:
                return None
        self.assertIn("sockline_build_info{", until(answer, "the metrics", 30))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request.full_url, timeout=20, context=context)
        self.assertEqual(refused.exception.code, 401)


class Image(unittest.TestCase):
    """Made in a storage of its own, from the archive that is handed out."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        with open(f"{place.name}/storage.conf", "w") as f:
            f.write(CONF.format(place=place.name))
        self.env = {**os.environ, "CONTAINERS_STORAGE_CONF": f"{place.name}/storage.conf",
                    "BUILDAH_ISOLATION": "chroot"}
        self.version = run(STATIC, "--version").split()[1]
        run(f"{lib.ROOT}/packaging/image", STATIC, self.version, place.name, env=self.env, cwd=lib.ROOT)
        [self.archive] = glob.glob(f"{place.name}/*.oci.tar")
        self.container = self.buildah("from", f"oci-archive:{self.archive}").strip()
        self.addCleanup(self.buildah, "rm", self.container)

    def buildah(self, *args):
        return run("buildah", *args, env=self.env)

    def test_what_it_holds(self):
        """One program and no other, its labels, and what is run by default."""
        mounted = self.buildah("mount", self.container).strip()
        self.addCleanup(self.buildah, "umount", self.container)
        programs = [path for path in glob.glob(f"{mounted}/**", recursive=True)
                    if os.path.isfile(path) and os.access(path, os.X_OK)]
        self.assertEqual(programs, [f"{mounted}/usr/bin/sockline"])
        config = json.loads(self.buildah("inspect", self.container))["OCIv1"]["config"]
        self.assertEqual(config["Entrypoint"], ["/usr/bin/sockline"])
        self.assertEqual(config["Cmd"][0], "export")
        self.assertEqual(config["Labels"]["org.opencontainers.image.version"], self.version)
        with open(f"{lib.ROOT}/packaging/kubernetes/sockline.yaml") as f:
            self.assertIn(f"image: sockline:{self.version}\n", f.read())

    def test_runs(self):
        inside = ("run", "--cap-add", CAPABILITIES, self.container, "--", "/usr/bin/sockline")
        self.assertEqual(self.buildah(*inside, "--version"), f"sockline {self.version}\n")
        self.assertNotIn("MISSING", self.buildah(*inside, "doctor"))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = lib.port_of(listener)
            [row] = self.buildah(*inside, "listeners", "--json", "--port", str(port)).splitlines()
        self.assertEqual(json.loads(row)["port"], port)


if __name__ == "__main__":
    lib.main()
