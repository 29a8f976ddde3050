# SPDX-License-Identifier: GPL-2.0-only
"""Connections that end before accept(): expired, reset, closed, with their listener, refused; and
those that are still open when sockline stops."""
import os
import socket
import struct

import lib
import lib_raw
from lib import cookie_of, port_of

RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # struct linger


class EndedTest(lib.LiveTest):
    def raw(self, listener, **kwargs):
        return lib_raw.Client(self, listener, **kwargs)


class Expired(EndedTest):
    def expired(self, retries, addr=lib.V4_SRV):
        self.srv.sysctl("ipv4.tcp_synack_retries", retries)
        listener = self.listen(addr=addr)
        self.watch()
        client = self.raw(listener).half_open()
        self.sockline.wait_for(port=client.port)
        [r] = self.done(connections=1)
        self.check(r, outcome="expired", complete=True, synack_retransmits=retries, process=None,
                   steps="syn synack" + " synack_retransmit" * retries + " expired",
                   listener__cookie=cookie_of(listener), handshake_us=None, queued_us=None)

    @lib.by_timer
    def test_without_retries(self):
        self.expired(0)

    @lib.by_timer
    def test_after_one_retry(self):
        self.expired(1)

    @lib.by_timer
    def test_ipv6(self):
        self.expired(0, lib.V6_SRV)


class Reset(EndedTest):
    def in_syn_queue(self, addr):
        listener = self.listen(addr=addr)
        self.watch()
        client = self.raw(listener).half_open()
        client.rst()
        self.sockline.wait_for(port=client.port)
        [r] = self.done(connections=1)
        self.check(r, outcome="reset", steps="syn synack reset", complete=True, process=None,
                   listener__cookie=cookie_of(listener), handshake_us=None)

    def test_in_syn_queue(self):
        self.in_syn_queue(lib.V4_SRV)

    def test_in_syn_queue_ipv6(self):
        self.in_syn_queue(lib.V6_SRV)

    def test_wrong_reset_in_syn_queue(self):
        """A reset with a sequence number that is not the client's changes nothing."""
        listener = self.listen()
        self.watch()
        client = self.raw(listener).half_open()
        client.send(lib_raw.RST, client.seq + 2**31)
        client.ack()
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="accepted", steps="syn synack queued accepted", complete=True,
                   process__fd=conn.fileno())

    def gone_while_waiting(self, hard, outcome, step):
        listener = self.listen()
        self.watch()
        client = self.connect(listener)
        port = port_of(client)
        if hard:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        client.close()
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome=outcome, steps=f"syn synack queued {step} accepted", complete=True,
                   remote__port=port, listener__cookie=cookie_of(listener),
                   local__port=port_of(listener), process__pid=os.getpid(),
                   process__fd=conn.fileno())

    def test_in_accept_queue(self):
        self.gone_while_waiting(True, "reset", "reset")

    def test_closed_in_accept_queue(self):
        self.gone_while_waiting(False, "closed", "closed")

    def test_in_accept_queue_and_never_accepted(self):
        listener = self.listen()
        self.watch()
        clients = [self.connect(listener) for _ in range(2)]
        ports = [port_of(c) for c in clients]
        clients[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        for c in clients:
            c.close()
        listener.close()
        found = self.done(connections=2)
        self.check(self.one(found, port=ports[0]), outcome="reset", process=None, complete=True,
                   steps="syn synack queued reset")
        r = self.one(found, port=ports[1])
        self.check(r, outcome="listener_closed", process=None, complete=True,
                   steps="syn synack queued closed listener_closed")

    def test_still_in_accept_queue_at_the_end(self):
        """The client has gone; nobody has accepted it when sockline stops."""
        listener = self.listen()
        self.watch()
        client = self.connect(listener)
        client.close()
        lib.until(lambda: "CLOSE-WAIT" in self.srv.run("ss", "-tan"), "the FIN to arrive")
        [r] = self.done(connections=1)
        self.check(r, outcome="closed", process=None, steps="syn synack queued closed")


class ListenerClosed(EndedTest):
    """Three that wait and one half-open, when their listener goes."""

    def closed(self, close, listener=None):
        listener = listener or self.listen()
        self.watch()
        cookie = cookie_of(listener)
        waiting = [port_of(self.connect(listener)) for _ in range(3)]
        half_open = self.raw(listener).half_open().port
        close(listener)
        for port in [*waiting, half_open]:
            self.sockline.wait_for(port=port)
        found = self.done(connections=4)
        for port in waiting:
            self.check(self.one(found, port=port), outcome="listener_closed", process=None,
                       steps="syn synack queued listener_closed", complete=True,
                       listener__cookie=cookie)
        self.check(self.one(found, port=half_open), outcome="listener_closed", process=None,
                   steps="syn synack listener_closed", complete=True, listener__cookie=cookie)

    def test_by_close(self):
        self.closed(lambda listener: listener.close())

    def test_by_shutdown(self):
        self.closed(lambda listener: listener.shutdown(socket.SHUT_RD))

    def test_by_exit(self):
        """Its last holder exits."""
        def leave(listener):
            wait, go = os.pipe()
            pid = os.fork()
            if not pid:
                os.close(go)
                os.read(wait, 1)
                os._exit(0)
            listener.close()
            self.assertEqual(self.sockline.records(), [])
            os.close(go)
            os.close(wait)
            os.waitpid(pid, 0)
        self.closed(leave)


class Refused(EndedTest):
    def refused(self, addr, family):
        listener = self.listen(addr=addr)
        name = listener.getsockname()
        listener.close()
        self.watch()
        client = self.keep(self.cli.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET))
        client.bind((lib.V6_CLI if ":" in addr else lib.V4_CLI, 0))
        self.assertRaises(ConnectionRefusedError, client.connect, name)
        [r] = self.done(connections=1)
        self.check(r, role="passive", outcome="refused", reason=None, steps="syn refused",
                   local={"addr": addr, "port": name[1]}, remote__port=port_of(client),
                   listener=None, process=None, synq=None, acceptq=None, family=family,
                   ifname="srv0", complete=True, handshake_us=None)

    def test_ipv4(self):
        self.refused(lib.V4_SRV, "ipv4")

    def test_ipv6(self):
        self.refused(lib.V6_SRV, "ipv6")

    def test_by_a_socket_that_only_binds(self):
        sock = self.listen(backlog=None)
        self.watch()
        client = self.keep(self.cli.socket())
        self.assertRaises(ConnectionRefusedError, client.connect, sock.getsockname())
        [r] = self.done(connections=1)
        self.check(r, outcome="refused", steps="syn refused", local__port=port_of(sock))


class Open(EndedTest):
    def test_in_each_state(self):
        listener = self.listen()
        self.watch()
        queued = port_of(self.connect(listener))
        half_open = self.raw(listener).half_open().port
        self.srv.sysctl("ipv4.tcp_syncookies", 2)
        cookie = self.raw(listener).half_open().port
        found = self.done(connections=3)
        self.check(self.one(found, port=queued), outcome="open", state="accept_queue",
                   steps="syn synack queued", complete=True, process=None, queued_us=None)
        self.check(self.one(found, port=half_open), outcome="open", state="syn_queue",
                   steps="syn synack", complete=True, handshake_us=None)
        self.check(self.one(found, port=cookie), outcome="open", state="syncookie_sent",
                   steps="syn synack", complete=True, syncookie=True)


if __name__ == "__main__":
    lib.main()
