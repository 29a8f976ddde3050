#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Records tests/data/*.rec anew, from real traffic in own namespaces: a scene a file.  As root.

  make.py [NAME]...    only these; then see what `make golden-update` changes

The expected outputs beside them are what `watch --from` says of them; they change with each
recording, so look at the difference before keeping it.
"""
import os
import socket
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "live"))
sys.dont_write_bytecode = True

import lib
import lib_raw

DATA = os.path.join(os.path.dirname(HERE), "data")
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # struct linger
HOSTILE = "\x1b]0;ha\x07\x9b31m<b>"  # a title, a bell, a C1 control, markup
PR_SET_NAME = 15


class Scene(lib.LiveTest):
    def record(self, *args):
        self.path = os.path.join(DATA, f"{self._testMethodName.removeprefix('test_')}.rec")
        self.sockline = lib.Sockline("record", "-o", self.path, "--netns", self.srv.path, *args)
        self.addCleanup(self.sockline.stop)
        self.addCleanup(os.chmod, self.path, 0o644)

    def done(self, settle=0.2):
        time.sleep(settle)
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())

    def raw(self, listener, count):
        return [lib_raw.Client(self, listener) for _ in range(count)]

    def test_accepted(self):
        listeners = [self.listen(backlog=5), self.listen(backlog=5, addr=lib.V6_SRV)]
        self.record()
        for listener in listeners:
            self.connect(listener)
            self.connect(listener)
            self.accept(listener)
            time.sleep(0.05)
            self.accept(listener)
            time.sleep(1.1)  # the next ones lie in another block
        self.done()

    def test_syn_dropped(self):
        listener = self.listen(backlog=1)
        self.record()
        for i in range(4):
            self.connect(listener, wait=i < 2)
        self.accept(listener)
        time.sleep(1.2)  # the clients say their SYNs again
        self.done()

    def test_syn_queue_full(self):
        self.srv.sysctl("ipv4.tcp_syncookies", 0)
        listener = self.listen(backlog=2)
        self.record()
        for c in self.raw(listener, 5):
            c.syn()
        self.done(1.2)

    def test_syncookies(self):
        self.srv.sysctl("ipv4.tcp_syncookies", 2)
        listener = self.listen(backlog=1)
        self.record()
        clients = self.raw(listener, 3)
        for c in clients:
            c.half_open()
        for c in clients:
            c.ack()
        self.accept(listener)
        self.done()

    def test_ack_dropped(self):
        listener = self.listen(backlog=1)
        self.record()
        self.connect(listener)
        first, second, third = (c.half_open() for c in self.raw(listener, 3))
        for c in (first, second, third):
            c.ack()
        self.accept(listener)
        second.synack()
        second.ack()
        for _ in range(2):
            self.accept(listener)
        self.done()

    def test_expired(self):
        self.srv.sysctl("ipv4.tcp_synack_retries", 1)
        listener = self.listen()
        self.record()
        self.raw(listener, 1)[0].half_open()
        self.done(3.5)

    def test_reset(self):
        listener = self.listen()
        self.record()
        self.raw(listener, 1)[0].half_open().rst()
        for hard in (True, False):
            client = self.connect(listener)
            if hard:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            client.close()
            time.sleep(0.05)
            self.accept(listener)
        self.done()

    def test_listener_closed(self):
        listener = self.listen()
        self.record()
        for _ in range(2):
            self.connect(listener)
        self.raw(listener, 1)[0].half_open()
        listener.close()
        self.done()

    def test_refused(self):
        listener = self.listen()
        to = listener.getsockname()
        listener.close()
        self.record()
        client = self.keep(self.cli.socket())
        self.assertRaises(ConnectionRefusedError, client.connect, to)
        self.done()

    def test_open(self):
        listener = self.listen()
        self.record()
        self.connect(listener)
        self.raw(listener, 1)[0].half_open()
        self.srv.sysctl("ipv4.tcp_syncookies", 2)
        self.raw(listener, 1)[0].half_open()
        self.done()

    def test_active(self):
        """The namespace that is watched calls out; and it binds, listens and fails to."""
        listener = self.listen(ns=self.cli, addr=lib.V4_CLI)
        self.record("--active")
        self.connect(listener, ns=self.srv)
        self.accept(listener)
        gone = self.keep(self.srv.socket())
        self.assertRaises(ConnectionRefusedError, gone.connect, (lib.V4_CLI, 1))
        mine = self.listen()
        other = self.keep(self.srv.socket())
        self.assertRaises(OSError, other.bind, mine.getsockname())
        mine.close()
        self.done()

    def test_hostile(self):
        """Bytes that would drive a terminal, wherever someone else chooses them."""
        name = HOSTILE[:12].encode("latin-1")
        group = os.path.join(self.cgroup2(), HOSTILE.replace("/", "") + str(os.getpid()))
        os.mkdir(group.encode("latin-1"))
        self.addCleanup(os.rmdir, group.encode("latin-1"))
        self.srv.run("ip", "link", "set", "srv0", "down")
        self.srv.run(b"ip", b"link", b"set", b"srv0", b"name", b"a\x1b[31m\x9b\xff", b"up")
        self.srv.run("ip", "addr", "replace", f"{lib.V6_SRV}/64", "dev", "a\x1b[31m\udc9b\udcff", "nodad")
        time.sleep(0.1)
        listener = self.listen()
        self.record()
        pid = os.fork()
        if not pid:
            with open(f"{group}/cgroup.procs".encode("latin-1"), "w") as f:
                f.write("0")
            lib.libc.prctl(PR_SET_NAME, name)
            listener.accept()
            os._exit(0)
        self.connect(listener)
        os.waitpid(pid, 0)
        self.done()

    def test_spoiled(self):
        """What can have happened to a recording: made from the one of accepted connections."""
        with open(os.path.join(DATA, "accepted.rec"), "rb") as f:
            good = f.read()
        second = good.index(b"lock\1\0\0\0", good.index(b"lock\3\0\0\0"))
        flipped = bytearray(good)
        flipped[second + 40] ^= 1
        for name, data in (("cut", good[:-60]), ("damaged", flipped),
                           ("swapped", good[:8] + good[11:7:-1] + good[12:]),
                           ("other_version", good[:16] + b"\x63" + good[17:]),
                           ("other_bytes", b"no recording\x1b[31m at all\n" * 20), ("empty", b"")):
            with open(os.path.join(DATA, f"{name}.rec"), "wb") as f:
                f.write(data)

    def cgroup2(self):
        with open("/proc/mounts") as f:
            return next(line.split()[1] for line in f if line.split()[2] == "cgroup2")


if __name__ == "__main__":
    sys.argv[1:] = [f"Scene.test_{name}" for name in sys.argv[1:]]
    lib.main()
