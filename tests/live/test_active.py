# SPDX-License-Identifier: GPL-2.0-only
"""Connections that this host makes: `watch --active`, each outcome."""
import os
import socket

import lib
from lib import cookie_of, port_of

DROP_ALL = """
table inet firewall {{
	chain in {{
		type filter hook input priority 0
		tcp dport {port} drop
	}}
}}
"""


class Active(lib.LiveTest):
    """The client's namespace is watched."""

    def setUp(self):
        super().setUp()
        self.listener = self.listen()
        self.to = self.listener.getsockname()

    def start(self, *args):
        self.watch("--active", *args, netns=self.cli)

    def client(self, family=socket.AF_INET):
        sock = self.keep(self.cli.socket(family))
        sock.settimeout(None)
        return sock

    def fails(self, client, code, to=None):
        with self.assertRaises(OSError) as failed:
            client.connect(to or self.to)
        self.assertEqual(failed.exception.errno, code)

    def check_active(self, r, client, **want):
        to = want.pop("to", self.to)
        self.check(r, role="active", netns=self.cli.inode, complete=True, listener=None,
                   remote={"addr": to[0], "port": to[1]}, synq=None, acceptq=None,
                   process__pid=os.getpid(), process__tid=os.getpid(),
                   process__comm=lib.comm(), process__fd=client.fileno(), **want)

    def test_established(self):
        self.start()
        client = self.client()
        client.connect(self.to)
        [r] = self.done(connections=1)
        self.check_active(r, client, outcome="established", steps="syn_sent established",
                          local={"addr": lib.V4_CLI, "port": port_of(client)}, family="ipv4",
                          cookie=cookie_of(client), syn_retransmits=0)
        self.assertEqual(r["handshake_us"], r["total_us"])

    def test_established_ipv6(self):
        listener = self.listen(addr=lib.V6_SRV)
        self.start()
        client = self.client(socket.AF_INET6)
        client.connect(listener.getsockname())
        [r] = self.done(connections=1)
        self.check_active(r, client, outcome="established", family="ipv6",
                          to=listener.getsockname()[:2], steps="syn_sent established",
                          local={"addr": lib.V6_CLI, "port": port_of(client)})

    def test_established_nonblocking(self):
        self.start()
        client = self.client()
        client.setblocking(False)
        self.assertRaises(BlockingIOError, client.connect, self.to)
        lib.until(lambda: client.connect_ex(self.to) in (0, lib.errno.EISCONN), "a connection")
        [r] = self.done(connections=1)
        self.check_active(r, client, outcome="established", steps="syn_sent established",
                          local__port=port_of(client))

    def test_without_active_nothing_is_told(self):
        self.watch(netns=self.cli)
        self.client().connect(self.to)
        self.done(connections=0)

    def test_both_ends_on_loopback(self):
        """One connection, two stories: who called, and who was called."""
        listener = self.listen(addr="127.0.0.1", ns=self.cli)
        self.start()
        client = self.connect(listener)
        conn = self.accept(listener)
        found = self.done(connections=2)
        r = self.one(found, role="active")
        self.check_active(r, client, outcome="established", to=listener.getsockname())
        self.check(self.one(found, role="passive"), outcome="accepted",
                   remote__port=port_of(client), process__fd=conn.fileno())

    def test_refused(self):
        self.listener.close()
        self.start()
        client = self.client()
        client.bind((lib.V4_CLI, 0))
        port = port_of(client)
        self.fails(client, lib.errno.ECONNREFUSED)
        [r] = self.done(connections=1)
        self.check_active(r, client, outcome="refused", reason="ECONNREFUSED",
                          steps="syn_sent failed", local__port=port)

    @lib.by_timer
    def test_timed_out(self):
        self.cli.sysctl("ipv4.tcp_syn_retries", 1)
        self.srv.nft(DROP_ALL.format(port=self.to[1]))
        self.start()
        client = self.client()
        self.fails(client, lib.errno.ETIMEDOUT)
        again = self.cli.netstat()["TCPSynRetrans"]
        self.assertGreater(again, 0)
        [r] = self.done(connections=1)
        self.check_active(r, client, outcome="timed_out", reason="ETIMEDOUT",
                          syn_retransmits=again,
                          steps="syn_sent" + " syn_retransmit" * again + " failed")

    def test_no_route(self):
        self.start()
        client = self.client()
        to = ("192.0.2.1", 80)
        self.fails(client, lib.errno.ENETUNREACH, to)
        [r] = self.done(connections=1)
        self.check_active(r, client, to=to, outcome="unreachable", reason="ENETUNREACH",
                          steps="syn_sent failed")

    @lib.by_timer
    def test_no_such_host(self):
        """The neighbour does not answer: the kernel says so after a while."""
        with self.cli, open("/proc/sys/net/ipv4/neigh/cli0/retrans_time_ms", "w") as f:
            f.write("100")
        self.start()
        client = self.client()
        to = ("10.77.0.99", 80)
        self.fails(client, lib.errno.EHOSTUNREACH, to)
        [r] = self.done(connections=1)
        self.check_active(r, client, to=to, outcome="unreachable", reason="EHOSTUNREACH")

    def test_port_range_used_up(self):
        self.cli.sysctl("ipv4.ip_local_port_range", "40000 40000")
        self.client().connect(self.to)
        self.start()
        client = self.client()
        self.fails(client, lib.errno.EADDRNOTAVAIL)
        [r] = self.done(connections=1)
        self.check_active(r, client, outcome="aborted", reason="EADDRNOTAVAIL",
                          steps="syn_sent failed")

    def test_given_up(self):
        """The caller closes before an answer came."""
        self.srv.nft(DROP_ALL.format(port=self.to[1]))
        self.start()
        client = self.client()
        client.setblocking(False)
        self.assertRaises(BlockingIOError, client.connect, self.to)
        fd, port = client.fileno(), port_of(client)
        client.close()
        self.sockline.wait_for(outcome="aborted")
        [r] = self.done(connections=1)
        self.check(r, role="active", outcome="aborted", reason=None, complete=True,
                   local__port=port, remote__port=self.to[1], process__fd=fd,
                   process__pid=os.getpid())

    def test_open_at_the_end(self):
        self.srv.nft(DROP_ALL.format(port=self.to[1]))
        self.start()
        client = self.client()
        client.setblocking(False)
        self.assertRaises(BlockingIOError, client.connect, self.to)
        [r] = self.done(connections=1)
        self.check_active(r, client, outcome="open", state="syn_sent", steps="syn_sent",
                          local__port=port_of(client))

    def test_one_socket_tries_twice(self):
        self.listener.close()
        self.start()
        client = self.client()
        self.fails(client, lib.errno.ECONNREFUSED)
        listener = self.listen(port=self.to[1])
        client.connect(self.to)
        found = self.done(connections=2)
        self.assertEqual(listener.getsockname(), self.to)
        self.check_active(found[0], client, outcome="refused", steps="syn_sent failed")
        self.check_active(found[1], client, outcome="established", local__port=port_of(client),
                          steps="syn_sent established")


if __name__ == "__main__":
    lib.main()
