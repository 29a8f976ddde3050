# SPDX-License-Identifier: GPL-2.0-only
"""A TCP client made of single segments, for what no kernel would send: half-open connections, a SYN
that comes again, a reset at the right moment."""
import itertools
import os
import select
import socket
import struct
import time

import lib

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ports = itertools.count(2000 + os.getpid() % 100 * 50)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Segment:
    def __init__(self, raw):
        (self.sport, self.dport, self.seq, self.ack, offset, self.flags) = \
            struct.unpack("!HHIIBB", raw[:14])
        self.data = raw[(offset >> 4) * 4:]


class Client:
    """A connection of the namespace `cli` to a listener, from a port of its own."""

    def __init__(self, test, to, sport=None, addr=None, ns=None, seq=1000):
        host, self.dport = to.getsockname()[:2]
        self.v6 = ":" in host
        self.dst = addr or host
        self.src = lib.V6_CLI if self.v6 else lib.V4_CLI
        self.port = sport or next(ports)
        self.seq = seq  # of the SYN
        self.their_seq = None
        family = socket.AF_INET6 if self.v6 else socket.AF_INET
        self.sock = test.keep((ns or test.cli).socket(family, socket.SOCK_RAW,
                                                      socket.IPPROTO_TCP))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, lib.RAW_MARK)
        self.sock.bind((self.src, 0))

    def send(self, flags, seq, ack=0, data=b"", options=b""):
        family = socket.AF_INET6 if self.v6 else socket.AF_INET
        head = struct.pack("!HHIIBBHHH", self.port, self.dport, seq % 2**32, ack % 2**32,
                           (20 + len(options)) // 4 << 4, flags, 64240, 0, 0) + options + data
        length = struct.pack("!IHBB" if self.v6 else "!HH", *(
            (len(head), 0, 0, 6) if self.v6 else (6, len(head))))
        pseudo = socket.inet_pton(family, self.src) + socket.inet_pton(family, self.dst) + length
        total = checksum(pseudo + head)
        self.sock.sendto(head[:16] + struct.pack("!H", total) + head[18:], (self.dst, 0))

    def receive(self, seconds=lib.SOON):
        """The next segment for this connection, or None."""
        deadline = time.monotonic() + seconds
        while select.select([self.sock], [], [], max(0, deadline - time.monotonic()))[0]:
            raw = self.sock.recv(65535)
            if not self.v6:
                raw = raw[(raw[0] & 15) * 4:]
            segment = Segment(raw)
            if (segment.sport, segment.dport) == (self.dport, self.port):
                return segment
        return None

    def syn(self):
        self.send(SYN, self.seq)
        return self

    def synack(self, seconds=lib.SOON):
        """Waits for a SYN-ACK; True if it came."""
        segment = self.receive(seconds)
        if not segment or segment.flags & (SYN | ACK) != SYN | ACK:
            return False
        self.their_seq = segment.seq
        return True

    def half_open(self):
        self.syn()
        if not self.synack():
            raise AssertionError("no SYN-ACK came")
        return self

    def ack(self, data=b""):
        self.send(ACK | (PSH if data else 0), self.seq + 1, self.their_seq + 1, data)

    def rst(self):
        self.send(RST, self.seq + 1)

    def fin(self):
        self.send(FIN | ACK, self.seq + 1, self.their_seq + 1)
