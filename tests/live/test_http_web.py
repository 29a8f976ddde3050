#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""--web-config: TLS and passwords as Prometheus's exporters have them."""
import base64
import contextlib
import http.client
import os
import random
import ssl
import subprocess
import threading
import time

import lib
from lib_http import DO_HTTP, WebTest

TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"


def htpasswd(password, cost=10):
    return lib.run("htpasswd", "-nbBC", str(cost), "", password).strip()[1:]


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class CurlTest(WebTest):
    def curl(self, server, *args, scheme="https"):
        """The body, or None."""
        done = subprocess.run(["curl", "-sS", "-m", "10", *args,
                               f"{scheme}://localhost:{server.port}/small"],
                              cwd=self.dir.name, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None


class Tls(CurlTest):
    def setUp(self):
        super().setUp()
        self.authority()
        self.certificate("server")

    def test_curl(self):
        server = self.serve(web=self.write("web.yml", TLS))
        self.assertEqual(self.curl(server, "--cacert", "ca.pem"), "hello\n")
        self.assertIsNone(self.curl(server))
        self.assertIsNone(self.curl(server, scheme="http"))
        self.assertEqual(self.curl(server, "--cacert", "ca.pem", "--http2"), "hello\n")

    def test_a_large_page(self):
        server = self.serve(web=self.write("web.yml", TLS))
        conn = http.client.HTTPSConnection("localhost", server.port, timeout=lib.SOON,
                                           context=ssl.create_default_context(
                                               cafile=self.path("ca.pem")))
        with contextlib.closing(conn):
            for _ in range(3):
                conn.request("GET", "/metrics")
                self.assertEqual(len(conn.getresponse().read()), 1088890)

    def test_versions(self):
        for lines, works in (("  min_version: TLS13\n", "1.3"),
                             ("  max_version: TLS12\n", "1.2"),
                             ("  min_version: TLS12\n  max_version: TLS13\n", "1.2 1.3")):
            server = self.serve(web=self.write("web.yml", TLS + lines))
            for version in "1.2", "1.3":
                with self.subTest(lines=lines, version=version):
                    got = self.curl(server, "--cacert", "ca.pem", f"--tlsv{version}", "--tls-max",
                                    version)
                    self.assertEqual(got, "hello\n" if version in works else None)

    def test_client_certificates(self):
        self.authority("other")
        self.certificate("good", purpose="clientAuth")
        self.certificate("unfit")  # a server's
        self.certificate("foreign", ca="other", purpose="clientAuth")
        ca = "  client_ca_file: ca.pem\n"
        for kind, more, welcome in (
                ("NoClientCert", "", "none good unfit foreign"),
                ("RequestClientCert", "", "none good unfit foreign"),
                ("RequireAnyClientCert", "", "good unfit foreign"),
                ("VerifyClientCertIfGiven", ca, "none good"),
                ("RequireAndVerifyClientCert", ca, "good")):
            server = self.serve(web=self.write(
                "web.yml", TLS + f"  client_auth_type: {kind}\n" + more))
            for who in "none", "good", "unfit", "foreign":
                for version in "1.2", "1.3":
                    with self.subTest(kind=kind, who=who, version=version):
                        mine = ["--cert", f"{who}.pem", "--key", f"{who}.key"]
                        got = self.curl(server, "--cacert", "ca.pem", "--tls-max", version,
                                        *(mine if who != "none" else []))
                        self.assertEqual(got, "hello\n" if who in welcome.split() else None)

    def test_new_certificate(self):
        server = self.serve(web=self.write("web.yml", TLS))
        old = ssl.create_default_context(cafile=self.path("ca.pem"))
        kept = http.client.HTTPSConnection("localhost", server.port, context=old)
        self.addCleanup(kept.close)
        kept.request("GET", "/small")
        kept.getresponse().read()

        def served():
            return ssl.get_server_certificate(("localhost", server.port))
        first = served()
        self.certificate("server")
        lib.until(lambda: served() != first, "the new certificate")
        second = served()
        kept.request("GET", "/small")
        self.assertEqual(kept.getresponse().read(), b"hello\n")

        self.write("server.pem", "no certificate")
        lib.until(lambda: served() and server.talk(), "a complaint")
        self.assertEqual(served(), second)
        self.assertRegex(server.talk(), r"web.yml:2: .*server.pem.*stays in force\n$")

    def test_crowd(self):
        server = self.serve(web=self.write("web.yml", TLS))
        for i in range(900):
            sock = self.keep(server.connect())
            sock.send([b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n"][i % 3])
        for _ in range(3):
            self.assertEqual(self.curl(server, "--cacert", "ca.pem"), "hello\n")

    def test_thousands_of_bytes_that_are_no_tls(self):
        server = self.serve(web=self.write("web.yml", TLS))
        for i in range(200):
            with server.connect() as sock, contextlib.suppress(OSError):
                sock.settimeout(0.01)
                sock.sendall((b"\x16\x03\x01" if i % 2 else b"") + os.urandom(400))
                sock.recv(1000)
        self.assertEqual(self.curl(server, "--cacert", "ca.pem"), "hello\n")


class Passwords(CurlTest):
    def users(self, **users):
        return self.write("web.yml", "basic_auth_users:\n" + "".join(
            f"  {user}: {hash_}\n" for user, hash_ in users.items()))

    def test_who_may(self):
        hash_ = htpasswd("secret")
        server = self.serve(web=self.users(alice=hash_, bob="$2b$" + htpasswd("päss:wort")[4:]))
        for user, password, want in (("alice", "secret", 200), ("bob", "päss:wort", 200),
                                     ("alice", "Secret", 401), ("alice", "", 401),
                                     ("alice", "päss:wort", 401), ("carol", "secret", 401),
                                     ("", "", 401), ("alice", "secret", 200)):
            with self.subTest(user=user, password=password):
                status, headers, body = server.ask(headers=basic(user, password))
                self.assertEqual(status, want)
                self.assertEqual(body == b"hello\n", want == 200)
                if want == 401:
                    self.assertEqual(headers["WWW-Authenticate"], 'Basic realm="sockline"')
        for value in "Basic", "Basic !!!", "Bearer x", "Basic " + hash_:
            self.assertEqual(server.ask(headers={"Authorization": value})[0], 401)
        self.assertEqual(server.ask()[0], 401)
        self.assertEqual(server.ask("POST", headers=basic("alice", "secret"))[0], 405)
        self.assertEqual(self.curl(server, "-u", "alice:secret", scheme="http"), "hello\n")

    def test_what_a_check_costs(self):
        """The right password once, the wrong one each time, and no less for an unknown user."""
        server = self.serve(web=self.users(alice=htpasswd("secret", 11)))

        def cost(user, password, times=3):
            def once():
                begun = time.monotonic()
                server.ask(headers=basic(user, password))
                return time.monotonic() - begun
            return min(once() for _ in range(times))
        first, again = cost("alice", "secret", 1), cost("alice", "secret", 5)
        wrong, unknown = cost("alice", "wrong"), cost("nobody", "wrong")
        self.assertLess(again, first / 3)
        self.assertLess(again, wrong / 3)
        self.assertLess(wrong, 2 * unknown)
        self.assertLess(unknown, 2 * wrong)

    def test_wrong_ones_hold_nobody_up(self):
        server = self.serve(web=self.users(alice=htpasswd("secret", 12)))
        self.assertEqual(server.ask(headers=basic("alice", "secret"))[0], 200)
        statuses = []

        def guess(i):
            conn = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            with contextlib.closing(conn), contextlib.suppress(ConnectionError):
                conn.request("GET", "/small", headers=basic("alice", f"guess{i}"))
                statuses.append(conn.getresponse().status)
        guesses = [threading.Thread(target=guess, args=(i,)) for i in range(80)]
        for thread in guesses:
            thread.start()
        lib.until(lambda: 503 in statuses, "too many to be checked")
        waiting = len(statuses)
        for _ in range(3):
            self.assertEqual(server.ask(headers=basic("alice", "secret"))[0], 200)
        self.assertLess(len(statuses), 60, "the scrapes waited for the guesses")
        self.assertLess(waiting, 60)
        # Stopped with guesses still waiting: whoever hangs is let go.
        self.assertEqual(server.stop(), 0)
        for thread in guesses:
            thread.join()
        self.assertNotIn(200, statuses)

    def test_new_password(self):
        path = self.users(alice=htpasswd("old"))
        server = self.serve(web=path)

        def status(password):
            return server.ask(headers=basic("alice", password))[0]
        self.assertEqual((status("old"), status("new")), (200, 401))
        self.users(alice=htpasswd("new"))
        lib.until(lambda: status("new") == 200, "the new password to hold")
        self.assertEqual(status("old"), 401)
        self.assertEqual(server.talk(), "")

        self.write("web.yml", "basic_auth_users:\n  alice: new\n")
        lib.until(lambda: status("new") == 200 and server.talk(), "a complaint")
        self.assertEqual(status("new"), 200)
        self.assertEqual(server.talk().count("\n"), 1)
        self.assertRegex(server.talk(), r"--web-config .*web.yml:2: alice: .*stays in force\n$")

        self.users(bob=htpasswd("new"))
        lib.until(lambda: status("new") == 401, "alice to be gone")

    def test_empty_file(self):
        for text in "", "# nothing\n", "{}\n", "basic_auth_users: {}\ntls_server_config: {}\n":
            server = self.serve(web=self.write("web.yml", text))
            self.assertEqual(server.ask()[0], 200)


HASH = "$2y$10$" + "a" * 53
# What is in the file, the line that is at fault, and what is said of it.
BAD = (
    ("tls_server_config:\n  cert_file: a.pem\n", 2, "wanted together"),
    ("tls_server_config:\n  key_file: a.pem\n", 2, "wanted together"),
    ("tls_server_config:\n  cipher_suites: [x]\n", 2, "'cipher_suites' is not supported"),
    ("tls_server_config:\n  min_version: TLS10\n", 2, "one of TLS12, TLS13"),
    ("tls_server_config:\n  client_auth_type: Always\n", 2, "RequireAndVerifyClientCert"),
    ("tls_server_config:\n  client_auth_type: RequireAnyClientCert\n", 2, "cert_file is wanted"),
    (TLS + "  client_ca_file: ca.pem\n", 4, "RequireAndVerifyClientCert"),
    (TLS + "  client_auth_type: RequireAndVerifyClientCert\n", 4, "by which client_ca_file"),
    (TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: none.pem\n", 5,
     "none.pem: No such file"),
    (TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.key\n", 5,
     "server.key: "),
    (TLS + "  min_version: TLS13\n  max_version: TLS12\n", 1, "above"),
    (TLS.replace("server.pem", "none.pem"), 2, "none.pem: No such file"),
    (TLS.replace("server.key", "none.pem"), 3, "none.pem: No such file"),
    (TLS.replace("server.pem", "web.yml"), 2, "web.yml with "),
    (TLS.replace("server.key", "other.key"), 2, "do not match"),
    ("tls_server_config: yes\n", 1, "keys and values are wanted"),
    ("tls_server_config:\n", 1, "keys and values are wanted"),
    ("rate_limit:\n  burst: 1\n", 1, "'rate_limit' is not supported"),
    ("http_server_config:\n  http2: true\n", 2, "http2: false"),
    ("http_server_config:\n  headers:\n    X: y\n", 2, "'headers' is not supported"),
    ("basic_auth_users:\n  alice: secret\n", 2, "no bcrypt hash"),
    ("basic_auth_users:\n  alice:\n", 2, "a value is wanted"),
    (f"basic_auth_users:\n  alice: {HASH}b\n", 2, "no bcrypt hash"),
    (f"basic_auth_users:\n  alice: {HASH.replace('2y', '2x')}\n", 2, "no bcrypt hash"),
    (f"basic_auth_users:\n  alice: {HASH.replace('$10', '$31')}\n", 2, "cost of 31"),
    (f"basic_auth_users:\n  alice: {HASH}\n  alice: {HASH}\n", 3, "'alice' is there twice"),
    (f"basic_auth_users:\n  'a:b': {HASH}\n", 2, "no ':'"),
    ("basic_auth_users:\n- alice\n", 2, "keys and values are wanted"),
    ("- x\n", 1, "keys and values are wanted"),
    ("a: b: c\n", 1, "mapping values are not allowed"),
    ("a: [b\n", 2, "did not find"),
    ("\x01\n", 1, "control characters"),
)


class Mistakes(WebTest):
    def refused(self, path):
        done = subprocess.run([DO_HTTP, "127.0.0.1:0", path], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=lib.SOON)
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_each(self):
        self.authority()
        self.certificate("server")
        self.certificate("other")
        for text, line, words in BAD:
            with self.subTest(text=text):
                path = self.write("web.yml", text)
                said = self.refused(path)
                self.assertIn(f"--web-config {path}:{line}: ", said)
                self.assertIn(words, said)
                self.assertNotIn(HASH, said)

    def test_no_file(self):
        self.assertRegex(self.refused(self.path("nosuch.yml")),
                         r"--web-config .*nosuch.yml: No such file")
        self.assertRegex(self.refused(self.dir.name), r"Is a directory")

    def test_garbage(self):
        """Bytes that were YAML once never crash what reads them."""
        rand = random.Random(6)
        good = (TLS + f"basic_auth_users:\n  alice: {HASH}\n  &a bob: *a\n").encode()
        for _ in range(150):
            text = bytearray(good)
            for _ in range(rand.randint(1, 8)):
                text[rand.randrange(len(text))] = rand.choice(b"\0\xff\n :-&*[]{}!|>'\"%@`?,#~") \
                    if rand.random() < 0.8 else rand.randrange(256)
            with open(self.path("web.yml"), "wb") as f:
                f.write(text)
            done = subprocess.run([DO_HTTP, "127.0.0.1:0", self.path("web.yml")],
                                  stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=lib.SOON)
            self.assertIn(done.returncode, (0, 2), (bytes(text), done))


if __name__ == "__main__":
    lib.main()
