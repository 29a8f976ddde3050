# SPDX-License-Identifier: GPL-2.0-only
"""What people read.  The look is free; the facts are not: who, where, how deep, how long, and why."""
import os
import re
import socket

import lib
import lib_raw
from lib import port_of

CLOCK = r"\d\d:\d\d:\d\d"


class TextTest(lib.LiveTest):
    def start(self, *args):
        self.sockline = lib.Sockline("watch", "--netns", self.srv.path, *args)
        self.addCleanup(self.sockline.stop)

    def accepted(self, addr=lib.V4_SRV):
        listener = self.listen(addr=addr)
        client = self.connect(listener)
        return listener, client, self.accept(listener)

    def text(self):
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        text = self.sockline.text()
        self.assertNotIn("\033", text + self.sockline.talk())
        return text

    def lines(self):
        return self.text().splitlines()

    def matches(self, text, *parts):
        """These parts, in this order."""
        self.assertRegex(text, re.compile(".*?".join(parts), re.S))


class Lines(TextTest):
    def test_accepted(self):
        self.start()
        listener, client, conn = self.accepted()
        text = self.text()
        self.matches(text, CLOCK, re.escape(f"{lib.V4_CLI}:{port_of(client)}"),
                     re.escape(f"{lib.V4_SRV}:{port_of(listener)}"), r"\b1/16\b", r"\b1/16\b",
                     "accepted", re.escape(lib.comm()), str(os.getpid()),
                     f"fd {conn.fileno()}\\b")
        self.assertRegex(self.sockline.talk(), r"1 connection\b.*\b0 failed.*none lost")

    def test_header_once(self):
        self.start()
        self.accepted()
        self.accepted()
        lines = self.lines()
        self.assertEqual([("CLIENT" in line, "LISTENER" in line) for line in lines[:2]],
                         [(True, True), (False, False)])
        self.assertEqual(sum("CLIENT" in line for line in lines), 1)

    def test_no_header(self):
        self.start("--no-header")
        self.accepted()
        self.assertNotIn("CLIENT", self.text())

    def test_wall_clock_column(self):
        self.start("-T", "--no-header")
        self.accepted()
        self.assertRegex(self.lines()[0], rf"^{CLOCK}\.\d{{6}} ")

    def test_elapsed_column(self):
        self.start("-t", "--no-header")
        self.accepted()
        self.assertRegex(self.lines()[0], r"^ *\d+\.\d{6} ")

    def test_wide_cuts_nothing(self):
        self.start("-w", "--no-header")
        listener, client, _ = self.accepted("fd77::1")
        self.matches(self.text(), re.escape(f"[{lib.V6_CLI}]:{port_of(client)}"),
                     re.escape(f"[{lib.V6_SRV}]:{port_of(listener)}"))

    def test_dropped_names_the_culprit(self):
        listener = self.listen(backlog=0)
        self.start("--no-header", "-x")
        self.connect(listener)
        client = self.connect(listener, wait=False)
        lib.until(lambda: "dropped" in self.sockline.text(), "the drop")
        self.matches(self.text(), f":{port_of(client)}", r"\b1/0\b", "SYN dropped",
                     "accept queue full", f"{lib.comm()}.{os.getpid()}", "has not accepted")

    def test_reset(self):
        listener = self.listen()
        self.start("--no-header")
        client = lib_raw.Client(self, listener).half_open()
        client.rst()
        lib.until(lambda: "reset" in self.sockline.text(), "the reset")
        self.matches(self.text(), f":{client.port}", "reset by the client")

    def test_refused(self):
        self.start("--no-header")
        client = self.keep(self.cli.socket())
        self.assertRaises(ConnectionRefusedError, client.connect, (lib.V4_SRV, 5000))
        self.matches(self.text(), re.escape(lib.V4_CLI), re.escape(f"{lib.V4_SRV}:5000"),
                     "refused")

    def test_failed_and_incomplete_are_counted(self):
        listener = self.listen()
        self.connect(listener)
        self.start()
        self.accept(listener)
        client = self.keep(self.cli.socket())
        self.assertRaises(ConnectionRefusedError, client.connect, (lib.V4_SRV, 5000))
        self.text()
        self.assertRegex(self.sockline.talk(),
                         r"2 connections.*\b1 failed.*none lost.*\b1 incomplete")


class Steps(TextTest):
    def timeline(self, *args):
        self.start(*args)
        listener, client, conn = self.accepted()
        text = self.text()
        self.matches(text, str(port_of(client)), "SYN", "SYN-ACK", "ACK", r"accept\(\)",
                     str(os.getpid()), f"fd {conn.fileno()}\\b")
        self.assertIn(str(port_of(listener)), text)
        return text

    def test_steps(self):
        text = self.timeline("--steps")
        self.assertRegex(text, "(?i)syn queue|synq")
        self.assertRegex(text, "(?i)accept queue|accq")

    def test_short_option(self):
        self.timeline("-s")

    def test_explain_says_more(self):
        explained, short = self.timeline("--explain"), self.timeline("--steps")
        self.assertGreater(len(explained.split()), 2 * len(short.split()))

    @lib.by_timer
    def test_every_step_is_told_in_words(self):
        """A late success has the most of them."""
        listener = self.listen(backlog=1)
        self.start("--steps", "--explain")
        self.connect(listener)
        first, second = (lib_raw.Client(self, listener).half_open() for _ in range(2))
        first.ack()
        second.ack()
        self.accept(listener)
        self.assertTrue(second.synack())
        second.ack()
        self.accept(listener)
        self.accept(listener)
        text = self.text()
        self.matches(text, str(second.port), "SYN", "SYN-ACK", "thrown away", "sent again",
                     "ACK",
                     r"accept\(\)")


class Binds(TextTest):
    def test_listen_and_close(self):
        self.start("--binds", "--no-header")
        listener = self.listen(backlog=9)
        where, fd = f"{lib.V4_SRV}:{port_of(listener)}", listener.fileno()
        listener.close()
        self.matches(self.text(), f"{os.getpid()}.*listens on {re.escape(where)}", f"fd {fd}",
                     "backlog 9", "closed", re.escape(where))

    def test_failed_bind(self):
        taken = self.listen()
        self.start("--binds", "--no-header")
        sock = self.keep(self.srv.socket())
        self.assertRaises(OSError, sock.bind, taken.getsockname())
        self.matches(self.text(), re.escape(f"{lib.V4_SRV}:{port_of(taken)}"), "EADDRINUSE")


if __name__ == "__main__":
    lib.main()
