# SPDX-License-Identifier: GPL-2.0-only
"""`audit`: its exit status over a table of binds and lists, and what it says of each."""
import json
import os
import re
import socket
import subprocess

import lib
from lib import SOCKLINE, V4_SRV, V6_SRV, cookie_of, port_of

BINDTODEVICE = 25
V6ONLY = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
DUAL = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
ON_LO = (socket.SOL_SOCKET, BINDTODEVICE, b"lo\0")
ON_SRV = (socket.SOL_SOCKET, BINDTODEVICE, b"srv0\0")
COMM = lib.comm()

# A bind, its options, its reach, and of these lists those that allow it.
BINDS = [
    ("0.0.0.0", (), "everywhere", {"{p}", "*:{p}", "0.0.0.0:{p}", "[::]:{p}", "{c}:{p}"}),
    ("::", (DUAL,), "everywhere", {"{p}", "*:{p}", "[::]:{p}", "{c}:{p}"}),
    ("::", (V6ONLY,), "everywhere", {"{p}", "*:{p}", "[::]:{p}", "{c}:{p}"}),
    ("::ffff:0.0.0.0", (DUAL,), "everywhere",
     {"{p}", "*:{p}", "0.0.0.0:{p}", "[::]:{p}", "{c}:{p}"}),
    ("0.0.0.0", (ON_SRV,), "everywhere", {"{p}", "*:{p}", "0.0.0.0:{p}", "[::]:{p}", "{c}:{p}"}),
    (V4_SRV, (), "address",
     {"{p}", "*:{p}", "0.0.0.0:{p}", "[::]:{p}", "{c}:{p}", V4_SRV + ":{p}"}),
    (V6_SRV, (), "address", {"{p}", "*:{p}", "[::]:{p}", "{c}:{p}", f"[{V6_SRV}]:{{p}}"}),
    ("127.0.0.1", (), "loopback", None),
    ("127.9.9.9", (), "loopback", None),
    ("::1", (), "loopback", None),
    ("0.0.0.0", (ON_LO,), "loopback", None),
]
LISTS = ["{p}", "*:{p}", "0.0.0.0:{p}", "[::]:{p}", "{c}:{p}", V4_SRV + ":{p}",
         f"[{V6_SRV}]:{{p}}", "nobody:{p}", "{q}", "127.0.0.1:{p}", "0.0.0.0:{q}", "{c}:{q}"]


class AuditTest(lib.LiveTest):
    def audit(self, *args, ns=None):
        done = subprocess.run([SOCKLINE, "audit", "--netns", (ns or self.srv).path, *args],
                              text=True, capture_output=True, timeout=30)
        return done.returncode, done.stdout, done.stderr

    def records(self, *args):
        status, out, _ = self.audit("--json", *args)
        return status, [json.loads(line) for line in out.splitlines()]


class Table(AuditTest):
    def check(self, addr, options, reach, allowing):
        listener = self.listen(addr=addr, options=options)
        words = {"p": port_of(listener), "q": port_of(listener) ^ 1, "c": COMM}
        for form in LISTS:
            what = f"{addr} {options} --allow {form}"
            status, (r,) = self.records("--allow", form.format(**words))
            want = allowing is None or form in allowing
            self.assertEqual(r["reach"], reach, what)
            self.assertEqual(r["allowed"], want, what)
            self.assertEqual(status, 0 if want else 1, what)
        status, (r,) = self.records()
        self.assertEqual((status, r["allowed"]), (0, True) if allowing is None else (1, False))
        self.assertEqual(r["advice"] is None, reach == "loopback")
        listener.close()

    def test_each_bind_and_each_list(self):
        for row in BINDS:
            self.check(*row)

    def test_nothing_listens(self):
        self.assertEqual(self.audit()[0], 0)

    def test_several(self):
        listeners = [self.listen(addr=a) for a in ("0.0.0.0", V4_SRV, "127.0.0.1")]
        ports = [port_of(s) for s in listeners]
        self.assertEqual(self.records("--allow", f"{ports[0]}")[0], 1)
        self.assertEqual(self.records("--allow", f"{ports[0]},{V4_SRV}:{ports[1]}")[0], 0)
        self.assertEqual(self.records("--allow", f"{ports[0]}", "--allow", f"{ports[1]}")[0], 0)
        low, high = sorted(ports[:2])
        self.assertEqual(self.records("--allow", f"{low}-{high}")[0], 0)
        self.assertEqual(self.records("-P", str(ports[2]))[0], 0)
        status, found = self.records("-x", "--allow", f"{ports[0]}")
        self.assertEqual([r["port"] for r in found], [ports[1]])

    def test_widest_first(self):
        for addr in ("127.0.0.1", V4_SRV, "0.0.0.0", "::1", V6_SRV, "::"):
            self.listen(addr=addr)
        reaches = [r["reach"] for r in self.records()[1]]
        self.assertEqual(reaches, ["everywhere"] * 2 + ["address"] * 2 + ["loopback"] * 2)

    def test_every_owner_must_have_the_name(self):
        listener = self.listen(addr="0.0.0.0")
        other = self.srv.start("sleep", "60", pass_fds=[listener.fileno()])
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        lib.until(lambda: len(self.records()[1][0]["owners"]) == 2, "two owners")
        self.assertEqual(self.records("--allow", f"{COMM}:{port_of(listener)}")[0], 1)
        self.assertEqual(self.records("--allow", f"{port_of(listener)}")[0], 0)

    def test_all_namespaces(self):
        listener = self.listen(addr="0.0.0.0", ns=self.cli)
        done = subprocess.run([SOCKLINE, "audit", "--json"], text=True, capture_output=True)
        found = {json.loads(line)["cookie"] for line in done.stdout.splitlines()}
        self.assertIn(cookie_of(listener), found)
        self.assertEqual(done.returncode, 1)


class Words(AuditTest):
    def test_text(self):
        listener = self.listen(addr="0.0.0.0")
        local = self.listen(addr="127.0.0.1")
        status, out, err = self.audit()
        head, line, advice, last = out.splitlines()
        self.assertEqual(status, 1)
        self.assertRegex(line, rf"^everywhere +NO +0\.0\.0\.0:{port_of(listener)} +"
                         rf"{re.escape(COMM)}\[{os.getpid()}\] +srv0 {re.escape(V4_SRV)}, lo$")
        self.assertIn(f"listen on {V4_SRV}:{port_of(listener)} to be reached through srv0 alone",
                      advice)
        self.assertIn(f"127.0.0.1:{port_of(listener)} for this host alone", advice)
        self.assertRegex(last, rf"^loopback only +\S+ +127\.0\.0\.1:{port_of(local)} ")
        self.assertEqual(err, "2 listeners: 1 everywhere, 0 on one address, 1 on loopback only; "
                              "1 can be reached and is not allowed\n")

    def test_advice_can_be_followed(self):
        """The bind that is advised works, and reaches less."""
        for addr, options in (("0.0.0.0", ()), ("::", (DUAL,)), ("::", (V6ONLY,))):
            listener = self.listen(addr=addr, options=options)
            _, (r,) = self.records()
            advised = re.search(r"listen on (\S+):(\d+) to be", r["advice"])
            listener.close()
            again = self.listen(addr=advised[1].strip("[]"), port=int(advised[2]))
            _, (r,) = self.records()
            self.assertEqual(r["reach"], "address")
            again.close()

    def test_bad_input(self):
        for allow in ("", "x", "0", "70000", "80,", ",80", "80,,81", "10.0.0.300:80", "::1:80",
                      "[::1:80", "1-", "9-8", "a/b:80", "sixteen-letters-x:80", ":", "80:"):
            status, out, err = self.audit("--allow", allow)
            self.assertEqual((status, out), (2, ""), allow)
            self.assertRegex(err, r"^sockline audit: --allow: .*\n\Z", allow)
        for args in (["-r", "10.0.0.1"], ["--nope"], ["x"], ["-P", "99999"]):
            status, out, err = self.audit(*args)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1), args)


if __name__ == "__main__":
    lib.main()
