# SPDX-License-Identifier: GPL-2.0-only
"""Recordings in SQLite and in ClickHouse: the same rows, none lost, none twice, whatever fails."""
import calendar
import collections
import json
import os
import re
import sqlite3
import subprocess
import time

import lib
from lib import SOCKLINE
from lib_store import (QUERIES, TABLES, OneServerTest, StoreTest, columns, export, keys, recording,
                       told, unix_us)


class Replay(OneServerTest):
    def setUp(self):
        super().setUp()
        self.rec = f"{self.dir}/some.rec"

    def fill(self, connections, per_second, *args):
        recording(self.rec, connections, per_second)
        return export("--from", self.rec, "--store", self.sqlite, "--store", self.clickhouse,
                      "--host", "it's \\ here", *args)[0]

    def test_both_hold_the_same_rows(self):
        self.assertEqual(self.fill(20000, 10000, "--sample-interval", "0.25")[:2], (20000, 20))
        for table in TABLES:
            names = ", ".join(columns(table))
            rows = self.both(f"SELECT {names} FROM {table} ORDER BY {names}")
            self.assertTrue(rows, table)
            self.assertEqual({r[0] for r in rows}, {"it's \\ here"})

    def test_rows_are_what_watch_tells(self):
        self.fill(3000, 10000)
        db = sqlite3.connect(self.file)
        self.addCleanup(db.close)
        db.row_factory = sqlite3.Row
        found = {(r["time_us"], r["remote_port"]): r for r in db.execute("SELECT * FROM connections")}
        records = told(self.rec)
        self.assertEqual(len(records), 3000)
        for r in records:
            row = found.pop((unix_us(r["time"]), r["remote"]["port"]))
            process = r["process"] or {}
            want = {
                "time": r["time"][:19].replace("T", " "), "role": r["role"],
                "outcome": r["outcome"], "reason": r.get("reason"), "state": r.get("state"),
                "failed": int("reason" in r), "complete": int(r["complete"]), "netns": r["netns"],
                "family": r["family"], "ifname": r["ifname"], "cookie": r["cookie"],
                "local_addr": r["local"]["addr"], "local_port": r["local"]["port"],
                "remote_addr": r["remote"]["addr"], "listener_addr": r["listener"]["addr"],
                "listener_port": r["listener"]["port"], "listener_cookie": r["listener"]["cookie"],
                "synack_retransmits": r["synack_retransmits"],
                "syn_retransmits": r["syn_retransmits"], "syncookie": int(r["syncookie"]),
                **{f"{q}_{k}": r[q] and r[q][k] for q in ("synq", "acceptq")
                   for k in ("depth", "limit")},
                **{k: r[k] for k in ("handshake_us", "queued_us", "total_us")},
                **{k: process.get(k) for k in ("pid", "tid", "comm", "fd", "cgroup")},
            }
            self.assertEqual({k: row[k] for k in want}, want)
            self.assertEqual(json.loads(row["steps"]), r["steps"])
        self.assertFalse(found)

    def test_queries(self):
        """Eleven hours, a night's end and a morning; each query gives the same on both."""
        self.fill(40000, 1, "--sample-interval", "600")
        answers = {}
        for path in QUERIES:
            with open(path) as f:
                answers[os.path.basename(path)] = self.both(f.read())
            with open(path) as f:
                lines = lib.run("sqlite3", self.file, stdin=f).splitlines()
            self.assertEqual(len(lines), len(answers[os.path.basename(path)]))
        for name, answer in answers.items():
            self.assertTrue(answer, name)
        self.check_answers(answers, told(self.rec))

    def check_answers(self, answers, records):
        six = calendar.timegm((2026, 1, 1, 6, 0, 0)) * 10**6
        night, whole, full = (collections.Counter() for _ in range(3))
        for r in records:
            port = r["listener"]["port"]
            whole[port] += 1
            if r.get("reason") == "accept_queue_full":
                full[port] += 1
                night[port] += unix_us(r["time"]) < six
        self.assertEqual({r[2]: (r[4], r[5], r[6]) for r in answers["worst-listeners.sql"]},
                         {p: (n, full[p], full[p]) for p, n in whole.items()})
        self.assertEqual({r[2]: r[4] for r in answers["overflowed-last-night.sql"]}, dict(night))
        slowest = sorted((r["queued_us"] for r in records if r["queued_us"]), reverse=True)
        self.assertEqual([r[8] for r in answers["slowest-accepts.sql"]], slowest[:20])
        self.assertEqual(sum(r[6] for r in answers["bind-failures.sql"]), 40)
        self.assertEqual(len(answers["queue-pressure.sql"]), 8)

    def test_distributed(self):
        """Through a Distributed table, as `schema --cluster` prints it; ZooKeeper's part, which is
        understood and wants a ZooKeeper, left out."""
        ddl = lib.run(SOCKLINE, "schema", "clickhouse", "--cluster", "alone")
        for statement in filter(str.strip, ddl.split(";\n")):
            with self.assertRaisesRegex(AssertionError, "DDL background thread is not init"):
                self.server.query(statement)
            here = statement.replace(" ON CLUSTER alone", "")
            if "ReplicatedMergeTree" in here:
                with self.assertRaisesRegex(AssertionError, "without ZooKeeper"):
                    self.server.query(here)
            self.server.query(re.sub(r"ReplicatedMergeTree\(.*?\)", "MergeTree", here))
        recording(self.rec, 2000, 1000)
        export("--from", self.rec, "--store", self.clickhouse)
        self.assertEqual(self.server.rows("SELECT count() FROM connections_local"), [[2000]])
        self.check_whole(keys(told(self.rec)))

    def test_user_and_password(self):
        recording(self.rec, 10, 1000)
        url = self.clickhouse.replace("//", "//keeper:{}@")
        _, text = export("--from", self.rec, "--store", url.format("se%3Acret"))
        self.assertNotIn("cret", text)
        export("--from", self.rec, "--store", self.clickhouse,
               env={"CLICKHOUSE_USER": "keeper", "CLICKHOUSE_PASSWORD": "se:cret"})
        self.assertEqual(self.server.rows("SELECT count() FROM connections"), [[20]])


class Sqlite(StoreTest):
    def test_schema_is_what_is_made(self):
        db = sqlite3.connect(":memory:")
        self.addCleanup(db.close)
        db.executescript(lib.run(SOCKLINE, "schema", "sqlite"))
        export("--from", recording(f"{self.dir}/some.rec", 1), "--store", self.sqlite)
        listed = "SELECT name, sql FROM sqlite_master ORDER BY name"
        self.assertEqual([list(r) for r in db.execute(listed)], self.select(listed))

    def test_documentation_is_what_is_made(self):
        with open(f"{lib.ROOT}/docs/queries.md") as f:
            text = f.read()
        for part in lib.run(SOCKLINE, "schema", "markdown").strip().split("\n\n"):
            self.assertIn(part, text)
        for path in QUERIES:
            self.assertIn(os.path.basename(path), text)

    def test_age(self):
        """Three and a half days of rows, of which the oldest go."""
        rec = recording(f"{self.dir}/some.rec", 3000, 0.01)
        days = int((time.time() - calendar.timegm((2026, 1, 3, 0, 0, 0))) / 86400)
        before = (int(time.time()) - days * 86400) * 10**6
        export("--from", rec, "--store", self.sqlite, "--keep-days", str(days))
        young = {k: n for k, n in keys(told(rec)).items() if k[0] >= before + 10 * 10**6}
        self.assertTrue(0 < len(young) < 3000)
        found = self.select("SELECT time_us, remote_port FROM connections")
        self.assertAlmostEqual(len(found), len(young), delta=1)
        self.assertGreaterEqual(min(found)[0], before)

    def test_size(self):
        """The file is made smaller again, and has the newest rows."""
        rec = recording(f"{self.dir}/some.rec", 100000)
        export("--from", rec, "--store", self.sqlite, "--max-size", "8M")
        self.assertLessEqual(os.path.getsize(self.file), 8 << 20)
        times = [r[0] for r in self.select("SELECT time_us FROM connections ORDER BY time_us")]
        all_times = sorted(unix_us(r["time"]) for r in told(rec))
        self.assertGreater(len(times), 10000)
        self.assertEqual(times, all_times[-len(times):])

    def test_events_lost(self):
        """Said as `watch` says it."""
        rec = f"{lib.ROOT}/tests/data/damaged.rec"
        lost = subprocess.run([SOCKLINE, "watch", "--json", "--from", rec], text=True,
                              capture_output=True).stdout.splitlines()[-1]
        text = subprocess.run([SOCKLINE, "export", "--from", rec, "--store", self.sqlite], text=True,
                              capture_output=True).stderr
        self.assertIn(f" {json.loads(lost)['lost']} events lost\n", text)

    def test_appends(self):
        rec = recording(f"{self.dir}/some.rec", 10)
        for _ in range(2):
            export("--from", rec, "--store", self.sqlite)
        self.assertEqual(self.select("SELECT count(*) FROM connections"), [[20]])

    def test_another_version(self):
        db = sqlite3.connect(self.file)
        db.execute("PRAGMA user_version = 99")
        db.close()
        with self.assertRaisesRegex(AssertionError, "exit status 2.*version 99"):
            export("--from", recording(f"{self.dir}/some.rec", 1), "--store", self.sqlite)

    def test_bad_arguments(self):
        for args in (["--store", "mysql:x"], ["--store", "sqlite:"], ["--no-metrics"],
                     ["--store", "sqlite:/nowhere/x.db"], ["--store", "clickhouse:127.0.0.1:8123"],
                     ["--store", self.sqlite, "--spool", self.dir],
                     ["--store", "clickhouse:http://127.0.0.1:1", "--keep-days", "3"]):
            done = subprocess.run([SOCKLINE, "export", *args], text=True, capture_output=True,
                                  timeout=10)
            self.assertEqual(done.returncode, 2, args)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    lib.main()
