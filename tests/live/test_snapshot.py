# SPDX-License-Identifier: GPL-2.0-only
"""`listeners` against `ss`: random listeners in two namespaces, shared by fork, grouped, bound to
devices, with queues that stand; every one must be there, with ss's own figures and owners, and
nothing else."""
import json
import os
import random
import re
import signal
import socket
import time

import lib
import lib_raw
from lib import cookie_of, port_of

COUNT = 240
SO_REUSEPORT, SO_BINDTODEVICE, IPV6_V6ONLY, TCP_FASTOPEN, IPPROTO_MPTCP = 15, 25, 26, 23, 262
OPTIONS = {"v6only": (socket.IPPROTO_IPV6, IPV6_V6ONLY, 1),
           "fastopen": (socket.IPPROTO_TCP, TCP_FASTOPEN, 5),
           "defer_accept": (socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 3)}


def listeners(*args):
    text = lib.run(lib.SOCKLINE, "listeners", "--json", *args)
    return [r for r in map(json.loads, text.splitlines()) if r["type"] == "listener"]


def by_cookie(records):
    found = {}
    for r in records:
        assert r["cookie"] not in found, f"twice: {r}"
        found[r["cookie"]] = r
    return found


def ss_listeners(ns):
    """What ss tells of each listener of the namespace, by cookie."""
    found = {}
    for line in ns.run("ss", "-Hltnpe").splitlines():
        _, depth, limit, local = line.split()[:4]
        addr, port = local.rsplit(":", 1)
        addr, _, device = addr.partition("%")
        found[int(re.search(r"\bsk:([0-9a-f]+)", line)[1], 16)] = {
            "depth": int(depth), "limit": int(limit), "port": int(port), "device": device or None,
            "addr": {"*": "::"}.get(addr, addr.strip("[]")),
            "owners": {(int(p), int(f)) for p, f in re.findall(r"pid=(\d+),fd=(\d+)", line)},
            "v6only": "v6only:1" in line,
        }
    return found


class Snapshot(lib.LiveTest):
    def setUp(self):
        super().setUp()
        self.seed = random.randrange(2**32)
        self.random = random.Random(self.seed)
        self.children = []
        self.addCleanup(self.end_children)

    def end_children(self):
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def share(self, count):
        """So many children, which hold what the test holds so far."""
        for _ in range(count):
            pid = os.fork()
            if not pid:
                lib.die_with_parent()
                signal.pause()
            self.children.append(pid)

    def one_listener(self, ns, options):
        pick = self.random
        local = ["0.0.0.0", "127.0.0.1", "::", "::1"]
        local += [lib.V4_SRV, lib.V6_SRV] if ns is self.srv else [lib.V4_CLI, lib.V6_CLI]
        addr = pick.choice(local)
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        sock = self.keep(ns.socket(family, socket.SOCK_STREAM,
                                   IPPROTO_MPTCP if pick.random() < .1 else 0))
        for name, option in options.items():
            if pick.random() < .3 and (name != "v6only" or family == socket.AF_INET6):
                sock.setsockopt(*option)
        sock.setsockopt(socket.SOL_SOCKET, SO_REUSEPORT, pick.random() < .5)
        if pick.random() < .1:
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"lo\0")
        try:
            sock.bind((addr, pick.choice((0, 0, 7000, 7001, 7002))))
        except OSError:  # the port is another's
            return None
        sock.listen(pick.choice((0, 1, 5, 128, 4096, 100000)))
        return sock

    def make(self, count, options):
        """Listeners in both namespaces, some of them also held by children."""
        found = []
        while len(found) < count:
            ns = self.random.choice((self.srv, self.cli))
            sock = self.one_listener(ns, options)
            if sock:
                found.append((ns, sock))
            if len(found) in (count // 3, count // 2) and not self.random.randrange(4):
                self.share(1)
        return found

    def fill(self, made):
        """Unaccepted connections, over the loopback of each namespace."""
        for ns, sock in self.random.sample(made, 60):
            addr = sock.getsockname()[0]
            if addr in (lib.V4_SRV, lib.V4_CLI, lib.V6_SRV, lib.V6_CLI):
                continue
            addr = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(addr, addr)
            for _ in range(self.random.randrange(1, 4)):
                self.connect(sock, ns=ns, addr=addr, wait=False)
        time.sleep(.3)

    def compare(self, mine, theirs, ns):
        for cookie, want in theirs.items():
            got = mine[cookie]
            told = {
                "depth": got["acceptq"]["depth"], "limit": got["acceptq"]["limit"],
                "port": got["port"], "addr": got["addr"], "device": got["device"],
                "owners": {(o["pid"], o["fd"]) for o in got["owners"]},
                "v6only": bool(got["v6only"]),
            }
            self.assertEqual(told, want, f"seed {self.seed}: {got}")
            self.assertEqual(got["netns"], ns.inode)

    def test_against_ss(self):
        # TCP_DEFER_ACCEPT moves connections to the accept queue when a timer says so.
        made = self.make(COUNT, {k: v for k, v in OPTIONS.items() if k != "defer_accept"})
        self.share(2)
        self.fill(made)
        mine = by_cookie(listeners())
        for ns in (self.srv, self.cli):
            theirs = ss_listeners(ns)
            here = {c for c, r in mine.items() if r["netns"] == ns.inode}
            self.assertEqual(here, set(theirs), f"seed {self.seed}")
            self.compare(mine, theirs, ns)
        deep = sum(r["acceptq"]["depth"] > 0 for r in mine.values())
        self.assertGreater(deep, 10, f"seed {self.seed}")

    def test_options(self):
        """What ss does not tell: read back from the sockets themselves."""
        made = self.make(60, OPTIONS)
        mine = listeners("--netns", self.srv.path) + listeners("--netns", self.cli.path)
        # By its owner: the cookie that an MPTCP socket tells is not that of its subflow.
        mine = {(o["pid"], o["fd"]): r for r in mine for o in r["owners"]}
        groups = {}
        for ns, sock in made:
            got = mine[os.getpid(), sock.fileno()]
            for name in ("fastopen", "defer_accept"):
                self.assertEqual(got[name], sock.getsockopt(*OPTIONS[name][:2]) > 0, got)
            self.assertEqual(got["mptcp"], sock.proto == IPPROTO_MPTCP, got)
            self.assertEqual(got["wildcard"], got["addr"] in ("0.0.0.0", "::"), got)
            if got["reuseport_group"] is not None:
                groups.setdefault(got["reuseport_group"], []).append(got)
        for group in groups.values():
            self.assertEqual(len({(g["netns"], g["port"], g["addr"]) for g in group}), 1, group)
            for member in group:
                self.assertEqual(member["reuseport_members"], len(group), group)

    def test_syn_queue(self):
        listener = self.listen(backlog=8)
        for _ in range(3):
            self.assertTrue(lib_raw.Client(self, listener).syn().synack())
        self.connect(listener)
        got = by_cookie(listeners("-P", str(port_of(listener))))[cookie_of(listener)]
        self.assertEqual((got["synq"]["depth"], got["acceptq"]["depth"]), (3, 1), got)

    def test_namespace_of_a_socket_alone(self):
        """No process lives in it, no mount leads to it: only the socket does."""
        ns = lib.Netns(self.srv.name)
        with ns:
            lib.call(lib.libc.unshare(lib.CLONE_NEWNET))
            try:
                with open("/proc/thread-self/net/dev"):
                    inode = os.stat("/proc/thread-self/ns/net").st_ino
                os.system("ip link set lo up")
                sock = self.keep(socket.socket())
                sock.bind(("127.0.0.1", 0))
                sock.listen(7)
            finally:
                lib.call(lib.libc.setns(lib.Netns.home, lib.CLONE_NEWNET))
        os.close(ns.fd)
        got = by_cookie(listeners())[cookie_of(sock)]
        self.assertEqual(got["netns"], inode)
        self.assertEqual(got["acceptq"]["limit"], 7)
        self.assertEqual((got["process"]["pid"], got["process"]["fd"]),
                         (os.getpid(), sock.fileno()))
        self.assertEqual(got["exposed"], [{"ifname": "lo", "addr": "127.0.0.1"}])

    def test_passed_on(self):
        """In flight between two processes: a listener that nobody has a descriptor of."""
        a, b = map(self.keep, socket.socketpair(socket.AF_UNIX))
        listener = self.listen(backlog=3)
        cookie = cookie_of(listener)
        socket.send_fds(a, [b"x"], [listener.fileno()])
        listener.close()
        got = by_cookie(listeners())[cookie]
        self.assertEqual((got["process"], got["owners"]), (None, []))
        _, fds, _, _ = socket.recv_fds(b, 1, 1)
        self.keep(socket.socket(fileno=fds[0]))
        got = by_cookie(listeners())[cookie]
        self.assertEqual(got["process"]["fd"], fds[0])


if __name__ == "__main__":
    lib.main()
