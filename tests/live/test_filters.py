# SPDX-License-Identifier: GPL-2.0-only
"""What is shown: each filter keeps what it names and nothing else; -n and -d end it."""
import os
import socket
import time

import lib
import lib_raw
from lib import port_of


class FilterTest(lib.LiveTest):
    def served(self, listener, **kwargs):
        """A connection that is made and accepted; the client's port."""
        client = self.connect(listener, **kwargs)
        self.accept(listener)
        return port_of(client)

    def shown(self, *want):
        """The connections told are exactly those of these client ports."""
        found = self.done()
        self.assertEqual(sorted(r["remote"]["port"] for r in found), sorted(want))
        return found


class ByAddress(FilterTest):
    def test_port(self):
        ours = [self.listen(port=port) for port in (5000, 5001, 5002, 5010)]
        self.watch("-P", "5000,5002-5009")
        ports = [self.served(listener) for listener in ours]
        self.shown(ports[0], ports[2])

    def test_port_long_option(self):
        ours = [self.listen(port=port) for port in (5000, 5001)]
        self.watch("--port=5001")
        ports = [self.served(listener) for listener in ours]
        self.shown(ports[1])

    def test_local(self):
        listener = self.listen(addr="0.0.0.0")
        self.watch("-l", lib.V4_SRV)
        port = self.served(listener, addr=lib.V4_SRV)
        self.served(listener, addr="127.0.0.1", ns=self.srv)
        self.shown(port)

    def test_local_prefix(self):
        listener = self.listen(addr="0.0.0.0")
        self.watch("-l", "127.0.0.0/8")
        self.served(listener, addr=lib.V4_SRV)
        port = self.served(listener, addr="127.9.9.9", ns=self.srv)
        self.shown(port)

    def test_remote(self):
        listener = self.listen(addr="::")
        self.watch("-r", lib.V4_CLI)
        port = self.served(listener, addr="::ffff:" + lib.V4_SRV)
        self.served(listener, addr=lib.V6_SRV)
        self.shown(port)

    def test_remote_prefix_ipv6(self):
        listener = self.listen(addr="::")
        self.watch("-r", "fd77::/16")
        self.served(listener, addr="::ffff:" + lib.V4_SRV)
        port = self.served(listener, addr=lib.V6_SRV)
        self.shown(port)

    def test_ipv4_takes_v4_mapped(self):
        listener = self.listen(addr="::")
        self.watch("-4")
        port = self.served(listener, addr="::ffff:" + lib.V4_SRV)
        self.served(listener, addr=lib.V6_SRV)
        self.shown(port)

    def test_ipv6(self):
        listener = self.listen(addr="::")
        self.watch("-6")
        self.served(listener, addr="::ffff:" + lib.V4_SRV)
        port = self.served(listener, addr=lib.V6_SRV)
        self.shown(port)

    def test_refused_too(self):
        """A connection to a closed port is filtered by the same port."""
        self.watch("-P", "5000")
        ports = []
        for to in (5000, 5001):
            client = self.keep(self.cli.socket())
            client.bind((lib.V4_CLI, 0))
            ports.append(port_of(client))
            self.assertRaises(ConnectionRefusedError, client.connect, (lib.V4_SRV, to))
        self.shown(ports[0])


class ByNamespace(FilterTest):
    def both(self, where):
        """One connection in each namespace; which of the two are told."""
        ours = [self.listen(addr="127.0.0.1", port=5999, ns=ns) for ns in (self.srv, self.cli)]
        self.sockline = lib.Sockline("watch", "--json", "-P", "5999", "--netns", where)
        self.addCleanup(self.sockline.stop)
        for ns, listener in zip((self.srv, self.cli), ours):
            self.served(listener, ns=ns)
        return [r["netns"] for r in self.done()]

    def test_path(self):
        self.assertEqual(self.both(self.cli.path), [self.cli.inode])

    def test_inode(self):
        self.assertEqual(self.both(str(self.cli.inode)), [self.cli.inode])

    def test_pid(self):
        process = self.cli.start("sleep", "60")
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(self.both(str(process.pid)), [self.cli.inode])

    def test_all(self):
        self.assertEqual(self.both("all"), [self.srv.inode, self.cli.inode])


class ByProcess(FilterTest):
    def served_by_child(self, listener, name):
        """Accepted by a process of this name, which then waits to be killed."""
        said, say = os.pipe()
        pid = os.fork()
        if not pid:
            with open("/proc/self/comm", "w") as f:
                f.write(name)
            listener.accept()
            os.write(say, b"x")
            time.sleep(60)
            os._exit(0)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, 9)
        port = port_of(self.connect(listener))
        os.read(said, 1)
        os.close(said)
        os.close(say)
        return pid, port

    def test_pid(self):
        listener = self.listen()
        self.watch("-p", os.getpid())
        self.served_by_child(listener, "other")
        port = self.served(listener)
        self.shown(port)

    def test_comm(self):
        listener = self.listen()
        self.watch("-C", "accepts-it")
        self.served(listener)
        pid, port = self.served_by_child(listener, "accepts-it")
        [r] = self.shown(port)
        self.check(r, process__pid=pid, process__comm="accepts-it")

    def test_failures_are_their_listeners(self):
        """A connection that no process took belongs to the owners of its listener."""
        mine = self.listen(backlog=0)
        self.watch("-p", os.getpid(), "-x")
        self.connect(mine)
        port = port_of(self.connect(mine, wait=False))
        self.sockline.wait_for(port=port, outcome="syn_dropped")
        self.shown(port)

    def test_failures_of_others(self):
        mine = self.listen(backlog=0)
        self.watch("-p", "1", "-x")
        self.connect(mine)
        self.connect(mine, wait=False)
        time.sleep(0.3)
        self.shown()

    def cgroup(self):
        with open("/proc/self/mounts") as mounts:
            base = next((line.split()[1] for line in mounts if line.split()[2] == "cgroup2"), None)
        if not base:
            self.skipTest("cgroup2 is not mounted")
        return base

    def test_cgroup(self):
        base, name = self.cgroup(), f"/{lib.PREFIX}{os.getpid()}"
        os.makedirs(f"{base}{name}/below")
        self.addCleanup(os.rmdir, base + name)
        self.addCleanup(os.rmdir, f"{base}{name}/below")
        listener = self.listen()
        self.watch("--cgroup", name)
        with open("/proc/self/cgroup") as f:
            home = next(line.strip()[3:] for line in f if line.startswith("0::"))
        self.served(listener)
        with open(f"{base}{name}/below/cgroup.procs", "w") as f:
            f.write(str(os.getpid()))
        try:
            port = self.served(listener)
        finally:
            with open(f"{base}{home}/cgroup.procs", "w") as f:
                f.write(str(os.getpid()))
        [r] = self.shown(port)
        self.check(r, process__cgroup=f"{name}/below")


class ByStory(FilterTest):
    def test_failed(self):
        listener = self.listen()
        self.watch("-x")
        self.served(listener)
        client = lib_raw.Client(self, listener).half_open()
        client.rst()
        self.sockline.wait_for(port=client.port)
        [r] = self.shown(client.port)
        self.check(r, outcome="reset")

    def test_slow(self):
        listener = self.listen()
        self.watch("--slow", "200000")
        self.served(listener)
        port = port_of(self.connect(listener))
        time.sleep(0.4)
        self.accept(listener)
        [r] = self.shown(port)
        self.assertGreater(r["queued_us"], 200_000)

    def test_count(self):
        """-n 2 ends by itself after two, and tells no third."""
        listener = self.listen()
        self.watch("-n", 2)
        ports = [self.served(listener) for _ in range(3)]
        self.assertEqual(self.sockline.process.wait(lib.SOON), 0)
        self.shown(*ports[:2])
        self.assertEqual(self.sockline.records()[-1]["connections"], 2)

    def test_duration(self):
        listener = self.listen()
        begun = time.monotonic()
        self.watch("-d", "1.5")
        port = self.served(listener)
        self.assertEqual(self.sockline.process.wait(lib.SOON), 0)
        self.assertGreaterEqual(time.monotonic() - begun, 1.5)
        self.shown(port)

    def test_combined(self):
        """All of them hold together."""
        ours = [self.listen(port=port) for port in (5000, 5001)]
        self.watch("-P", "5000", "-r", lib.V4_CLI, "-4", "-C", lib.comm(), "-p", os.getpid())
        ports = [self.served(listener) for listener in ours]
        self.shown(ports[0])


if __name__ == "__main__":
    lib.main()
