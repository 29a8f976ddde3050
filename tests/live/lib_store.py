# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of stores share: recordings, exports, and something in the way of a server."""
import atexit
import calendar
import collections
import glob
import itertools
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

import lib
from lib import SOCKLINE, port_of, until
import lib_clickhouse

TABLES = ("connections", "bind_failures", "listeners")
QUERIES = sorted(glob.glob(f"{lib.ROOT}/packaging/queries/*.sql"))
STORED = re.compile(r": (\d+) connections, (\d+) bind failures, (\d+) listener samples stored, "
                    r"(\d+) rows lost(?:, (\d+) in )?")


def columns(table, dialect="sqlite"):
    """Names, as `sockline schema` prints them."""
    text = lib.run(SOCKLINE, "schema", dialect)
    body = re.search(rf"CREATE TABLE IF NOT EXISTS {table} \(.*?\n(.*?)\n\)", text, re.S)[1]
    return [line.split()[0] for line in body.split("\n")]


def recording(path, connections, per_second=100000):
    lib.run(f"{lib.BUILD}/live/do_timelines", path, str(connections), str(per_second))
    return path


def export(*args, status=0, **kwargs):
    """Runs `sockline export` to its end: (connections, bind failures, samples, lost, spooled)."""
    done = subprocess.run([SOCKLINE, "export", *args], text=True, capture_output=True, timeout=100,
                          **kwargs)
    if done.returncode != status:
        raise AssertionError(f"exit status {done.returncode}: {done.stderr}")
    return account(done.stderr), done.stderr


def account(text):
    return tuple(int(n or 0) for n in STORED.search(text).groups())


class StoreTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="sockline-store-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.file = f"{self.dir}/rows.db"
        self.sqlite = f"sqlite:{self.file}"

    def select(self, sql):
        db = sqlite3.connect(self.file)
        self.addCleanup(db.close)
        return [list(row) for row in db.execute(sql)]


class ClickHouseTest(StoreTest):
    """Each test has a server of its own, which it starts."""

    def setUp(self):
        super().setUp()
        if lib_clickhouse.missing():
            self.skipTest(lib_clickhouse.missing())
        self.server = self.have_server()
        self.clickhouse = f"clickhouse:{self.server.url}"
        self.spool = f"{self.dir}/spool"

    def have_server(self):
        server = lib_clickhouse.ClickHouse(f"{self.dir}/clickhouse")
        self.addCleanup(server.kill)
        return server

    def both(self, sql):
        """The answer of either, which must be the same."""
        answer = self.select(sql)
        for ours, theirs in itertools.zip_longest(answer, self.server.rows(sql)):
            if ours != theirs:
                self.fail(f"{ours} in SQLite, {theirs} in ClickHouse: {sql}")
        return answer

    def spooled(self):
        return glob.glob(f"{self.spool}/*.rows")

    def check_whole(self, truth):
        """ClickHouse has each of the truth's connections, (time_us, remote_port), once."""
        found = collections.Counter(
            tuple(r) for r in self.server.rows("SELECT time_us, remote_port FROM connections"))
        self.assertEqual(sum(found.values()), sum(truth.values()))
        self.assertEqual(found, truth)


def unix_us(text):
    """Of RFC 3339 with nanoseconds."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * 10**6 + int(text[20:26])


def told(path):
    """What `watch --json` says of a recording: the connections."""
    records = map(json.loads, lib.run(SOCKLINE, "watch", "--from", path, "--json").splitlines())
    return [r for r in records if r["type"] == "connection"]


def keys(records):
    return collections.Counter((unix_us(r["time"]), r["remote"]["port"]) for r in records)


class OneServerTest(ClickHouseTest):
    """All tests of a file have one server, which runs, and is empty."""

    shared = []

    def have_server(self):
        if not self.shared:
            directory = tempfile.mkdtemp(prefix="sockline-store-")
            atexit.register(shutil.rmtree, directory)
            server = lib_clickhouse.ClickHouse(f"{directory}/clickhouse")
            atexit.register(server.kill)
            server.start()
            self.shared.append(server)
        for [name] in self.shared[0].rows("SHOW TABLES"):
            self.shared[0].query(f"DROP TABLE {name}")
        return self.shared[0]


class Proxy:
    """Between sockline and the server; act(head, body) says what becomes of an INSERT: bytes of the
    body to pass on, or None for all; and whether the answer comes back."""

    def __init__(self, server, act):
        self.server, self.act, self.inserts = server, act, 0
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"clickhouse:http://127.0.0.1:{port_of(self.sock)}"
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def serve(self):
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            with client:
                self.one(client)

    def one(self, client):
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
        while len(body) < length:
            body += client.recv(1 << 20)
        keep, answers = len(body), True
        if b"query=INSERT" in head.split(b"\r\n")[0]:
            self.inserts += 1
            keep, answers = self.act(self.inserts, head, body)
        with socket.create_connection(("127.0.0.1", self.server.port)) as out:
            out.sendall(head + b"\r\n\r\n" + body[:keep])
            if keep is not None and keep < len(body):
                out.shutdown(socket.SHUT_WR)
            answer = b""
            while answers and not (b"\r\n\r\n0\r\n\r\n" in answer or
                                   answer.endswith(b"\n\r\n0\r\n\r\n")):
                more = out.recv(65536)
                if not more:
                    break
                answer += more
            if not answers:
                until(lambda: not self.busy(), "the server to finish")
        if answers:
            client.sendall(answer)

    def busy(self):
        return self.server.rows("SELECT count() FROM system.processes "
                                "WHERE query LIKE 'INSERT%'") != [[0]]


WIDTHS = {"UInt8": 1, "UInt16": 2, "UInt32": 4, "UInt64": 8, "Int32": 4, "DateTime('UTC')": 4}


def row_ends(body, types):
    """Where each row of a RowBinary body ends."""
    at, ends = 0, []
    while at < len(body):
        for kind in types:
            if kind.startswith("Nullable("):
                kind, at = kind[9:-1], at + 1
                if body[at - 1]:
                    continue
            if kind == "String":
                length = shift = 0
                while True:
                    length, shift, at = length | (body[at] & 127) << shift, shift + 7, at + 1
                    if body[at - 1] < 128:
                        break
                at += length
            else:
                at += WIDTHS[kind]
        ends.append(at)
    return ends
