# SPDX-License-Identifier: GPL-2.0-only
"""`who`: what it says beside the kernel's answer, which who_truth tests; and what it refuses."""
import collections
import ctypes
import json
import os
import socket
import struct
import subprocess
import unittest

import lib
from lib import V4_CLI, V4_SRV, V6_SRV, cookie_of, port_of

SO_REUSEPORT, SO_BINDTODEVICE, IPV6_V6ONLY = 15, 25, 26
REUSEPORT = (socket.SOL_SOCKET, SO_REUSEPORT, 1)
V6ONLY = (socket.IPPROTO_IPV6, IPV6_V6ONLY, 1)
ON_LO = (socket.SOL_SOCKET, SO_BINDTODEVICE, b"lo\0")


def ask(*args, ns=None):
    cmd = [lib.SOCKLINE, "who", *map(str, args)]
    if ns:
        cmd += ["--netns", ns.path]
    return subprocess.run(cmd, text=True, capture_output=True, timeout=30)


class Who(lib.LiveTest):
    def who(self, addr, port, *args, status=0):
        end = f"[{addr}]:{port}" if ":" in addr else f"{addr}:{port}"
        done = ask(end, "--json", *args, ns=self.srv)
        self.assertEqual(done.returncode, status, done)
        got = json.loads(done.stdout)
        self.assertEqual((got["type"], got["netns"]), ("who", self.srv.inode))
        self.assertEqual(got["found"], status == 0, got)
        self.text = ask(end, *args, ns=self.srv).stdout
        return got

    def answers(self, listener, addr, *args, key, says=""):
        got = self.who(addr, port_of(listener), *args)
        self.assertEqual(got["listener"]["cookie"], cookie_of(listener), got["rule"])
        self.assertEqual(got["process"]["pid"], os.getpid())
        self.assertEqual(got["process"]["fd"], listener.fileno())
        self.assertEqual(got["rule_key"], key)
        self.assertIn(says, got["rule"])
        self.assertIn(f"[{os.getpid()}] fd {listener.fileno()}", self.text.splitlines()[0])
        return got

    def nobody(self, addr, port, *args, key="nobody", says=""):
        got = self.who(addr, port, *args, status=1)
        self.assertEqual((got["listener"], got["process"]), (None, None))
        self.assertEqual(got["rule_key"], key)
        self.assertIn(says, got["rule"])
        self.assertIn("nobody", self.text.splitlines()[0])
        return got

    def test_exact_before_wildcard(self):
        any4 = self.listen(addr="0.0.0.0", options=[REUSEPORT])
        exact = self.listen(port=port_of(any4), options=[REUSEPORT])
        self.answers(exact, V4_SRV, key="exact_address", says="goes before the wildcard 0.0.0.0:")
        self.answers(any4, "127.0.0.1", key="wildcard", says="No socket is bound to 127.0.0.1:")

    def test_ipv4_before_dual_stack(self):
        dual = self.listen(addr="::", options=[REUSEPORT])
        self.answers(dual, V4_SRV, key="dual_stack", says="takes IPv4 too")
        any4 = self.listen(addr="0.0.0.0", port=port_of(dual), options=[REUSEPORT])
        self.answers(any4, V4_SRV, key="wildcard", says="an IPv4 socket goes before [::]")
        self.answers(dual, V6_SRV, key="wildcard")

    def test_device(self):
        bound = self.listen(addr="0.0.0.0", options=[REUSEPORT, ON_LO])
        port = port_of(bound)
        self.answers(bound, "127.0.0.1", key="wildcard", says="bound to the device lo")
        self.nobody(V4_SRV, port, says="but only for the device lo; this would come in on srv0")
        self.nobody(V4_SRV, port, "--from", V4_CLI, says="come in on srv0")
        self.answers(bound, V4_SRV, "--device", "lo", key="wildcard")
        other = self.listen(addr="0.0.0.0", port=port, options=[REUSEPORT])
        self.answers(other, V4_SRV, key="wildcard")
        self.answers(other, "127.0.0.1", key="wildcard", says="the one that began to listen last")
        last = self.listen(addr="0.0.0.0", port=port, options=[REUSEPORT, ON_LO])
        self.answers(other, V4_SRV, key="wildcard")
        got = self.who("127.0.0.1", port)
        self.assertEqual({m["cookie"] for m in got["members"]}, {cookie_of(bound), cookie_of(last)})
        self.assertIn("the one that began to listen last", got["rule"])

    def test_group(self):
        first = self.listen(addr="0.0.0.0", options=[REUSEPORT])
        group = [first] + [self.listen(addr="0.0.0.0", port=port_of(first), options=[REUSEPORT])
                           for _ in range(3)]
        got = self.who(V4_SRV, port_of(first))
        self.assertEqual({m["cookie"] for m in got["members"]}, set(map(cookie_of, group)))
        self.assertEqual(sum(m["answers"] for m in got["members"]), got["tried"])
        self.assertIn("4 sockets share it with SO_REUSEPORT", got["rule"])
        self.assertEqual(self.text.count(f"[{os.getpid()}] fd "), 5, self.text)
        for port in range(40000, 40020):  # a known client port has one answer, and the kernel's own
            got = self.who(V4_SRV, port_of(first), "--from", f"{V4_CLI}:{port}")
            client = self.keep(self.cli.socket())
            client.bind((V4_CLI, port))
            client.connect((V4_SRV, port_of(first)))
            said = next(s for s in group if cookie_of(s) == got["listener"]["cookie"])
            self.assertEqual(self.accept(said).getpeername(), (V4_CLI, port))

    def test_shared_by_fork(self):
        listener = self.listen()
        child = subprocess.Popen(["sleep", "100"], pass_fds=[listener.fileno()])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        got = self.who(V4_SRV, port_of(listener))
        self.assertEqual({o["pid"] for o in got["listener"]["owners"]}, {os.getpid(), child.pid})
        self.assertIn("2 file descriptors share this socket", got["rule"])

    def test_full_accept_queue(self):
        listener = self.listen(backlog=1)
        for _ in range(2):
            self.connect(listener)
        self.answers(listener, V4_SRV, key="exact_address",
                     says="accept queue is full (2, limit 1)")

    def test_existing_connection(self):
        listener = self.listen()
        client = self.connect(listener)
        self.accept(listener)
        self.answers(listener, V4_SRV, "--from", f"{V4_CLI}:{port_of(client)}", key="exact_address",
                     says="This very connection exists already, with")

    def test_time_wait(self):
        listener = self.listen()
        client = self.connect(listener)
        port = port_of(client)
        self.accept(listener).close()
        self.assertEqual(client.recv(1), b"")
        client.close()
        lib.until(lambda: "timewait" in self.srv.run("ss", "-tnao"), "TIME_WAIT")
        self.answers(listener, V4_SRV, "--from", f"{V4_CLI}:{port}", key="exact_address",
                     says="is in TIME_WAIT for")

    def test_nobody(self):
        self.nobody(V4_SRV, 9, says='reset (RST), "connection refused"')
        listener = self.listen(addr="127.0.0.1")
        self.nobody(V4_SRV, port_of(listener),
                    says=f"listens on 127.0.0.1:{port_of(listener)} only")
        v6 = self.listen(addr="::", options=[V6ONLY])
        self.nobody(V4_SRV, port_of(v6), says="for IPv6 only")
        v4 = self.listen(addr="0.0.0.0")
        self.nobody(V6_SRV, port_of(v4), says="which is for IPv4 only")
        bound = self.listen(backlog=None)
        self.nobody(V4_SRV, port_of(bound), says="but does not listen")
        away = self.listen(ns=self.cli, addr=V4_CLI)
        self.nobody(V4_SRV, port_of(away), says=f"but in network namespace {self.cli.inode}")

    def test_no_such_address(self):
        listener = self.listen(addr="0.0.0.0")
        self.nobody("10.77.0.99", port_of(listener), key="no_such_address",
                    says="10.77.0.99 is no address of this network namespace; packets to it "
                         "leave by srv0")
        self.nobody("192.0.2.77", port_of(listener), key="no_such_address",
                    says="192.0.2.77 is no address of this network namespace")
        self.answers(listener, "127.9.9.9", key="wildcard")
        self.srv.run("ip", "route", "add", "local", "10.99.0.0/16", "dev", "lo")
        self.answers(listener, "10.99.1.2", key="wildcard")

    def test_sk_lookup_program(self):
        listener, other = self.listen(addr="0.0.0.0"), self.listen(addr="127.0.0.1")
        redirect = Program(self.srv, to=other)
        self.answers_through(other, port_of(listener), redirect)
        redirect.close()
        self.answers(listener, V4_SRV, key="wildcard")
        refuse = Program(self.srv)
        self.nobody(V4_SRV, port_of(listener), says="has an sk_lookup program")
        refuse.close()
        self.answers(listener, V4_SRV, key="wildcard")

    def answers_through(self, other, port, program):
        got = self.who(V4_SRV, port)
        self.assertEqual(got["listener"]["cookie"], cookie_of(other))
        self.assertEqual(got["rule_key"], "sk_lookup_program")
        self.assertIn(f"sk_lookup program (id {program.id}", got["rule"])
        client = self.keep(self.cli.socket())
        client.connect((V4_SRV, port))
        self.assertEqual(self.accept(other).getpeername(), client.getsockname())


class BadInput(unittest.TestCase):
    CASES = [
        ([], "ADDR:PORT is wanted"),
        (["127.0.0.1:1", "::1"], "one ADDR:PORT is enough: '::1'"),
        (["nonsense"], "'nonsense' is not ADDR:PORT"),
        (["127.0.0.1:65536"], "is not ADDR:PORT"),
        (["127.0.0.1:"], "is not ADDR:PORT"),
        (["[::1:80"], "is not ADDR:PORT"),
        (["127.0.0.256:80"], "is not ADDR:PORT"),
        (["127.0.0.1:0"], "port is from 1 to 65535"),
        (["8080"], "names no address"),
        (["*:8080"], "names no address"),
        (["0.0.0.0:80"], "such as 127.0.0.1:80"),
        (["[::]:80"], "such as [::1]:80"),
        (["127.0.0.1:80", "--from", "1.2.3.4:0"], "--from: '1.2.3.4:0' is not ADDR or ADDR:PORT"),
        (["127.0.0.1:80", "--from", "x"], "--from: 'x'"),
        (["127.0.0.1:80", "--from", "0.0.0.0"], "--from: '0.0.0.0' names no address"),
        (["127.0.0.1:80", "--from", "::1"], "of different families"),
        (["127.0.0.1:80", "--device", "nope0"], "there is no interface nope0"),
        (["127.0.0.1:80", "--netns", "all"], "--netns: a connection comes to one namespace"),
        (["127.0.0.1:80", "--netns", "nope"], "--netns: no network namespace is called 'nope'"),
        (["127.0.0.1:80", "--netns", "/etc/passwd"], "/etc/passwd is not a network namespace"),
        (["127.0.0.1:80", "--netns", "/nope/x"], "/nope/x: No such file"),
        (["127.0.0.1:80", "--netns", "4194303"], "there is no process 4194303"),
        (["127.0.0.1:80", "--netns", "4294967295"], "has the inode number 4294967295"),
        (["127.0.0.1:80", "--netns", "99999999999"], "has the inode number 99999999999"),
        (["127.0.0.1:80", "--nonsense"], "unknown option"),
    ]

    def test_bad_input(self):
        for args, says in self.CASES:
            with self.subTest(args=args):
                done = ask(*args)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(says, done.stderr)

    def test_missing_capability(self):
        done = subprocess.run(["setpriv", "--bounding-set", "-perfmon,-sys_admin", lib.SOCKLINE,
                               "who", "127.0.0.1:80"],
                              text=True, capture_output=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done)
        self.assertIn("CAP_PERFMON is missing", done.stderr)


SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
MAP_CREATE, MAP_UPDATE, PROG_LOAD, LINK_CREATE = 0, 2, 5, 28
SOCKMAP, SK_LOOKUP, ATTACH_SK_LOOKUP = 15, 30, 36
Insn = collections.namedtuple("Insn", "code regs off imm")


def bpf(cmd, attr):
    buf = ctypes.create_string_buffer(attr, 128)
    return lib.call(lib.libc.syscall(SYS_BPF, cmd, buf, 128))


class Program:
    """An sk_lookup program that refuses every connection, or gives it to one listener."""

    def __init__(self, ns, to=None):
        self.fds = []
        insns = [Insn(0xb7, 0, 0, 0), Insn(0x95, 0, 0, 0)]  # r0 = SK_DROP; exit
        if to:
            sockmap = self.own(bpf(MAP_CREATE, struct.pack("4I", SOCKMAP, 4, 8, 1)))
            key, value = ctypes.c_uint32(0), ctypes.c_uint64(to.fileno())
            bpf(MAP_UPDATE, struct.pack("IxxxxQQQ", sockmap, ctypes.addressof(key),
                                        ctypes.addressof(value), 0))
            insns = [
                Insn(0xbf, 0x16, 0, 0),			  # r6 = r1
                Insn(0x62, 0x0a, -4, 0),		  # *(u32 *)(r10 - 4) = 0
                Insn(0x18, 0x11, 0, sockmap), Insn(0, 0, 0, 0),	 # r1 = sockmap
                Insn(0xbf, 0xa2, 0, 0), Insn(0x07, 0x02, 0, -4),  # r2 = r10 - 4
                Insn(0x85, 0, 0, 1),			  # bpf_map_lookup_elem()
                Insn(0x15, 0x00, 7, 0),			  # if (!r0) goto out
                Insn(0xbf, 0x07, 0, 0),			  # r7 = r0
                Insn(0xbf, 0x61, 0, 0), Insn(0xbf, 0x72, 0, 0), Insn(0xb7, 0x03, 0, 0),
                Insn(0x85, 0, 0, 124),			  # bpf_sk_assign(r6, r7, 0)
                Insn(0xbf, 0x71, 0, 0), Insn(0x85, 0, 0, 86),	  # bpf_sk_release(r7)
                Insn(0xb7, 0, 0, 1), Insn(0x95, 0, 0, 0),	  # out: return SK_PASS
            ]
        text = ctypes.create_string_buffer(b"".join(struct.pack("<BBhi", *i) for i in insns))
        gpl = ctypes.create_string_buffer(b"GPL")
        prog = self.own(bpf(PROG_LOAD, struct.pack(
            "<IIQQIIQII16sII", SK_LOOKUP, len(insns), ctypes.addressof(text),
            ctypes.addressof(gpl), 0, 0, 0, 0, 0, b"chooser", 0, ATTACH_SK_LOOKUP)))
        self.own(bpf(LINK_CREATE, struct.pack("<4I", prog, ns.fd, ATTACH_SK_LOOKUP, 0)))
        with open(f"/proc/self/fdinfo/{prog}") as f:
            self.id = next(int(line.split()[1]) for line in f if line.startswith("prog_id"))

    def own(self, fd):
        self.fds.append(fd)
        return fd

    def close(self):
        while self.fds:
            os.close(self.fds.pop())


if __name__ == "__main__":
    lib.main()
