# SPDX-License-Identifier: GPL-2.0-only
"""`why`: an address that is named, a command that is run, and the whole namespace; each answer held
against what the kernel really does."""
import json
import os
import socket
import subprocess
import sys
import tempfile

import lib
from lib import port_of

NOBODY = 65534
REUSEADDR = (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
REUSEPORT = (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def really(ns, addr, port, options=(), listen=False, uid=None):
    """What the kernel says of this bind: None, or the errno's name."""
    code = f"""
import errno, os, socket
if {uid!r} is not None: os.seteuid({uid!r})
s = socket.socket(socket.AF_INET6 if ":" in {addr!r} else socket.AF_INET)
for o in {list(options)!r}: s.setsockopt(*o)
try:
    s.bind(({addr!r}, {port}))
    if {listen!r}: s.listen(5)
    print("None")
except OSError as e:
    print(errno.errorcode[e.errno])
"""
    said = ns.run(sys.executable, "-c", code).strip()
    return None if said == "None" else said


class WhyTest(lib.LiveTest):
    def why(self, *args, ns=None):
        """`why … --json`: its exit status, and the one object that it prints."""
        done = subprocess.run([lib.SOCKLINE, "why", *map(str, args), "--json", "--netns",
                               (ns or self.srv).path], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stderr, "")
        return done.returncode, json.loads(done.stdout)

    def check_why(self, addr, port, options=(), args=(), listen=False, uid=None):
        """The answer for this bind, which must be the kernel's."""
        target = f"[{addr}]:{port}" if ":" in addr else f"{addr}:{port}"
        if listen:
            args = (*args, "--listen")
        if uid is not None:
            args = (*args, "--uid", uid)
        status, said = self.why(target, *args)
        truth = really(self.srv, addr, port, options, listen, uid)
        self.assertEqual(said["errno"], truth, said)
        self.assertEqual(said["verdict"], "fails" if truth else "ok")
        self.assertEqual(status, 1 if truth else 0)
        self.assertEqual(said["type"], "bind_check")
        return said

    def run_why(self, *cmd, **kwargs):
        """`why -- CMD`: its exit status, and the failures that it tells of."""
        with self.srv:
            done = subprocess.run([lib.SOCKLINE, "why", "--json", "--", *cmd], timeout=60,
                                  capture_output=True, text=True, **kwargs)
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        self.assertEqual(rows[-1]["type"], "summary", done)
        self.assertEqual(rows[-1]["lost"], 0)
        return done.returncode, rows[:-1]


class Named(WhyTest):
    def test_free(self):
        said = self.check_why(lib.V4_SRV, 8080)
        self.assertEqual(said["conflicts"], [])
        self.assertIsNone(said["advice"])

    def test_wildcard_covers(self):
        holder = self.listen(addr="0.0.0.0")
        said = self.check_why(lib.V4_SRV, port_of(holder))
        [c] = said["conflicts"]
        self.check(c, addr="0.0.0.0", port=port_of(holder), state="listening", uid=0,
                   process__pid=os.getpid(), process__fd=holder.fileno(), process__comm=lib.comm())
        self.assertIn("wildcard", c["text"])
        self.assertIn("SO_REUSEADDR cannot help", c["text"])
        self.assertIn(str(os.getpid()), said["advice"])

    def test_dual_stack_covers_ipv4(self):
        holder = self.listen(addr="::")
        [c] = self.check_why(lib.V4_SRV, port_of(holder))["conflicts"]
        self.check(c, addr="::", options__v6only=False)

    def test_v6only_does_not(self):
        holder = self.listen(addr="::", options=[(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)])
        self.check_why(lib.V4_SRV, port_of(holder))

    def test_another_address(self):
        holder = self.listen(addr=lib.V4_SRV)
        self.check_why("127.0.0.1", port_of(holder))

    def test_bound_only(self):
        holder = self.listen(backlog=None)
        [c] = self.check_why(lib.V4_SRV, port_of(holder))["conflicts"]
        self.check(c, state="bound, not listening", process__pid=os.getpid())

    def test_reuseaddr_on_both(self):
        holder = self.listen(backlog=None, options=[REUSEADDR])
        port = port_of(holder)
        self.check_why(lib.V4_SRV, port, [REUSEADDR], ["--reuseaddr"])
        self.check_why(lib.V4_SRV, port)
        holder.listen(1)
        self.check_why(lib.V4_SRV, port, [REUSEADDR], ["--reuseaddr"], listen=True)

    def test_bind_passes_listen_fails(self):
        """Both bind with SO_REUSEADDR while nobody listens; the second to listen is refused."""
        first = self.listen(backlog=None, options=[REUSEADDR])
        second = self.keep(self.srv.socket())
        second.setsockopt(*REUSEADDR)
        second.bind(first.getsockname())
        first.listen(1)
        with self.assertRaises(OSError):
            second.listen(1)

    def test_reuseport_of_two_users(self):
        holder = self.listen(options=[REUSEPORT])
        port = port_of(holder)
        self.check_why(lib.V4_SRV, port, [REUSEPORT], ["--reuseport"])
        said = self.check_why(lib.V4_SRV, port, [REUSEPORT], ["--reuseport"], uid=NOBODY)
        self.assertIn("user", said["conflicts"][0]["text"])

    def test_privileged_port(self):
        said = self.check_why(lib.V4_SRV, 80, uid=NOBODY)
        self.assertEqual((said["errno"], said["conflicts"]), ("EACCES", []))

    def test_address_of_nobody(self):
        said = self.check_why("10.99.99.99", 8080)
        self.assertEqual(said["errno"], "EADDRNOTAVAIL")

    def test_time_wait(self):
        """A server that closed first, and is started again."""
        listener = self.listen(options=[REUSEADDR])
        port = port_of(listener)
        client = self.connect(listener)
        conn = self.accept(listener)
        conn.close()
        self.assertEqual(client.recv(1), b"")
        client.close()
        listener.close()
        said = self.check_why(lib.V4_SRV, port)
        [c] = said["conflicts"]
        self.check(c, state="TIME_WAIT", process=None)
        self.assertGreater(c["time_left_us"], 0)
        self.assertLessEqual(c["time_left_us"], 60_000_000)
        self.check_why(lib.V4_SRV, port, [REUSEADDR], ["--reuseaddr"])

    def test_accepted_child_holds_the_port(self):
        listener = self.listen()
        self.connect(listener)
        conn = self.accept(listener)
        listener.close()
        [c] = self.check_why(lib.V4_SRV, conn.getsockname()[1])["conflicts"]
        self.check(c, state="established", process__fd=conn.fileno())

    def test_another_namespace_is_not_in_the_way(self):
        holder = self.listen(addr="0.0.0.0", ns=self.cli)
        said = self.check_why("0.0.0.0", port_of(holder))
        self.assertEqual(said["conflicts"], [])

    def test_device(self):
        device = (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"srv0")
        other = (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        holder = self.listen(addr="0.0.0.0", options=[device])
        self.check_why("0.0.0.0", port_of(holder), [other], ["--device", "lo"])
        self.check_why("0.0.0.0", port_of(holder), [device], ["--device", "srv0"])
        self.check_why("0.0.0.0", port_of(holder))

    def test_text(self):
        holder = self.listen(addr="0.0.0.0")
        done = subprocess.run([lib.SOCKLINE, "why", f"{lib.V4_SRV}:{port_of(holder)}", "--netns",
                               self.srv.path], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        for word in ("would fail: EADDRINUSE", f"[{os.getpid()}] fd {holder.fileno()}",
                     "What to do, safest first", f"kill {os.getpid()}"):
            self.assertIn(word, done.stdout)


class Followed(WhyTest):
    def test_nginx_on_a_taken_port(self):
        holder = self.listen(addr="0.0.0.0")
        with tempfile.NamedTemporaryFile("w") as conf:
            conf.write(f"daemon off; pid /dev/null; error_log stderr; events {{}}\n"
                       f"http {{ access_log off; server {{ listen {port_of(holder)}; }} }}\n")
            conf.flush()
            status, failures = self.run_why("nginx", "-c", conf.name)
        self.assertEqual(status, 1)
        self.assertGreaterEqual(len(failures), 1)
        self.check(failures[0], type="bind_failed", syscall="bind", errno="EADDRINUSE",
                   addr="0.0.0.0", port=port_of(holder), process__comm="nginx",
                   options__reuseaddr=True, explained=True)
        self.check(failures[0]["conflicts"][0], process__pid=os.getpid(), state="listening")

    def test_python_http_server(self):
        holder = self.listen(addr="0.0.0.0")
        status, failures = self.run_why(sys.executable, "-m", "http.server", str(port_of(holder)))
        self.assertEqual(status, 1)
        self.check(self.one(failures), syscall="bind", errno="EADDRINUSE", addr="0.0.0.0",
                   port=port_of(holder), process__fd=3, explained=True)

    def one(self, failures):
        self.assertEqual(len(failures), 1, failures)
        return failures[0]

    def test_exit_status_is_kept(self):
        status, failures = self.run_why("sh", "-c", "exit 42")
        self.assertEqual((status, failures), (42, []))
        status, _ = self.run_why("sh", "-c", "kill -9 $$")
        self.assertEqual(status, 128 + 9)

    def test_children_are_followed_and_others_are_not(self):
        holder = self.listen(addr="0.0.0.0")
        port = port_of(holder)
        code = f"import socket; socket.socket().bind(('0.0.0.0', {port}))"
        env = {**os.environ, "PYTHON": sys.executable, "CODE": code}
        outside = self.srv.start("sh", "-c", 'for i in $(seq 50); do "$PYTHON" -c "$CODE"; done',
                                 env=env, stderr=subprocess.DEVNULL)
        try:
            status, failures = self.run_why("sh", "-c", """(sh -c '"$PYTHON" -c "$CODE"'); exit 3""",
                                            env=env)
        finally:
            outside.kill()
            outside.wait()
        self.assertEqual(status, 3)
        self.check(self.one(failures), errno="EADDRINUSE", port=port)

    def test_eacces_of_another_user(self):
        code = (f"import os, socket; os.setuid({NOBODY})\n"
                "try: socket.socket().bind(('0.0.0.0', 80))\n"
                "except PermissionError: pass")
        status, failures = self.run_why(sys.executable, "-c", code)
        self.assertEqual(status, 0)
        self.check(self.one(failures), errno="EACCES", port=80, explained=True,
                   options__uid=NOBODY)
        self.assertIn("ip_unprivileged_port_start", failures[0]["text"])

    def test_listen_that_fails(self):
        code = """
import socket
a, b = socket.socket(), socket.socket()
for s in a, b:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 8088))
a.listen(1)
try: b.listen(1)
except OSError: pass
input()
"""
        with subprocess.Popen(["sleep", "3"], stdout=subprocess.PIPE) as pause:
            status, failures = self.run_why(sys.executable, "-c", code, stdin=pause.stdout)
        self.check(self.one(failures), syscall="listen", errno="EADDRINUSE", port=8088,
                   explained=True)
        self.check(failures[0]["conflicts"][0], state="listening")

    def test_no_port_left_to_connect_from(self):
        self.srv.sysctl("ipv4.ip_local_port_range", "40000 40001")
        listener = self.listen(addr="127.0.0.1", port=9)
        code = """
import socket
kept = []
for _ in range(3):
    s = socket.socket()
    kept.append(s)
    try: s.connect(("127.0.0.1", 9))
    except OSError: pass
input()
"""
        with subprocess.Popen(["sleep", "3"], stdout=subprocess.PIPE) as pause:
            status, failures = self.run_why(sys.executable, "-c", code, stdin=pause.stdout)
        self.check(self.one(failures), syscall="connect", errno="EADDRNOTAVAIL", addr="127.0.0.1",
                   port=9, explained=True)

    def test_connect_refused(self):
        for wait in ("s.connect", "s.setblocking(0); s.connect_ex"):
            code = (f"import select, socket\ns = socket.socket()\n"
                    f"try:\n {wait}(('127.0.0.1', 9))\nexcept OSError: pass\n"
                    "select.select([], [s], [], 1)")
            status, failures = self.run_why(sys.executable, "-c", code)
            self.check(self.one(failures), syscall="connect", errno="ECONNREFUSED", port=9,
                       conflicts=[])
            self.assertIn("Nobody listens", failures[0]["text"])

    def test_io_uring(self):
        program = os.path.join(lib.BUILD, "live", "do_uring_bind")
        holder = self.listen(addr="0.0.0.0")
        status, failures = self.run_why(program, str(port_of(holder)))
        if status == 77:
            self.skipTest("this kernel has no IORING_OP_BIND")
        failure = next(f for f in failures if f["syscall"] == "bind")
        self.check(failure, errno="EADDRINUSE", addr="127.0.0.1", port=port_of(holder),
                   io_uring=True, process__comm="do_uring_bind", explained=True)

    def test_command_that_is_not_there(self):
        with self.srv:
            done = subprocess.run([lib.SOCKLINE, "why", "--", "/nonexistent"], capture_output=True,
                                  text=True, timeout=30)
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot run the command", done.stderr)


class WholeHost(WhyTest):
    def follow(self):
        s = lib.Sockline("why", "--json", "--netns", self.srv.path, attached=False)
        self.addCleanup(s.stop)
        lib.until(lambda: "waiting for" in s.talk(), "sockline to attach")
        return s

    def test_follows_a_namespace(self):
        holder = self.listen(addr="0.0.0.0")
        s = self.follow()
        self.assertEqual(really(self.srv, lib.V4_SRV, port_of(holder)), "EADDRINUSE")
        row = lib.until(lambda: next((r for r in s.records() if r["type"] == "bind_failed"), None),
                        "the failure")
        self.check(row, errno="EADDRINUSE", addr=lib.V4_SRV, port=port_of(holder), explained=True)
        self.assertEqual(s.stop(), 1)
        self.assertEqual(s.records()[-1]["failures"], 1)

    def test_nothing_fails(self):
        s = self.follow()
        self.assertIsNone(really(self.srv, lib.V4_SRV, 8080, listen=True))
        self.assertEqual(s.stop(), 0)


class BadInput(WhyTest):
    def test_one_line_and_status_2(self):
        for args, word in (
                (["0"], "port 0"), (["65536"], "65536"), (["::1:80"], "::1:80"), (["a:80"], "a:80"),
                ([""], "''"), (["1.2.3:80"], "1.2.3:80"), (["80", "81"], "81"),
                (["80", "--family", "5"], "--family"), (["80", "--uid", "x"], "--uid"),
                (["80", "--device", "nope"], "nope"), (["80", "--netns", "nope"], "nope"),
                (["80", "--nope"], "--nope"), (["80", "--", "true"], "--"),
                (["--family", "4", "[::1]:80"], "--family")):
            done = subprocess.run([lib.SOCKLINE, "why", *args], capture_output=True, text=True,
                                  timeout=30)
            self.assertEqual(done.returncode, 2, args)
            self.assertEqual(done.stdout, "", args)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    lib.main()
