# SPDX-License-Identifier: GPL-2.0-only
"""Connections that are accepted: every family, every kind of accept()."""
import os
import socket

import lib
from lib import port_of

WHOLE = "syn synack queued accepted"


class Accepted(lib.LiveTest):
    def check_accepted(self, r, listener, conn, **want):
        self.check(r, role="passive", outcome="accepted", steps=WHOLE, complete=True,
                   netns=self.srv.inode, listener__port=port_of(listener),
                   local__port=port_of(conn), local__addr=conn.getsockname()[0],
                   remote__port=conn.getpeername()[1], remote__addr=conn.getpeername()[0],
                   process__pid=os.getpid(), process__comm=lib.comm(), process__fd=conn.fileno(),
                   synack_retransmits=0, syn_retransmits=0, syncookie=False, **want)

    def test_ipv4_veth(self):
        listener = self.listen(backlog=16)
        self.watch()
        client = self.connect(listener)
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.assertEqual(conn.getpeername(), client.getsockname())
        self.check_accepted(r, listener, conn, family="ipv4", ifname="srv0",
                            listener__addr=lib.V4_SRV, synq={"depth": 1, "limit": 16},
                            acceptq={"depth": 1, "limit": 16})


if __name__ == "__main__":
    lib.main()
