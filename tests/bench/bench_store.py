#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What stores cost: timelines a second from a recording, and an accept storm with and without.

  bench_store.py BUILD_DIR [--connections N] [--runs N] [--pairs N] [--seconds S] [--out FILE]

A ratio is conn/s with `export --store` divided by conn/s without; the median of the pairs is told.  Absolute figures are the machine's, and only printed.
"""
import argparse
import glob
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))

import lib_clickhouse
from lib_storm import Storms, ratio

PORT = 17778
NETNS = "sklbenchstore"
TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid):
    """Seconds of CPU that each thread of a process has used."""
    used = {}
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path) as f:
            used[int(path.split("/")[4])] = int(f.read().split()[0]) / 1e9
    return used


class Sqlite:
    name = "SQLite"

    def __init__(self, directory):
        self.file = f"{directory}/rows.db"
        self.target = f"sqlite:{self.file}"

    def empty(self):
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(self.file + suffix):
                os.unlink(self.file + suffix)

    def cpu(self):
        return 0.0

    def rows(self):
        text = subprocess.run(["sqlite3", self.file, "SELECT count(*) FROM connections"],
                              capture_output=True, text=True, check=True).stdout
        return int(text)

    def close(self):
        pass


class ClickHouse:
    name = "ClickHouse"

    def __init__(self, directory):
        self.server = lib_clickhouse.ClickHouse(f"{directory}/clickhouse")
        self.server.start()
        self.target = f"clickhouse:{self.server.url}"

    def empty(self):
        self.server.query("DROP TABLE IF EXISTS connections")

    def cpu(self):
        return sum(cpu_of(self.server.process.pid).values())

    def rows(self):
        return int(self.server.query("SELECT count() FROM connections"))

    def close(self):
        self.server.kill()


def replay(args, store, recording):
    """Of each run: timelines a second, CPU seconds of sockline and of the server."""
    found = []
    for _ in range(args.runs):
        store.empty()
        server, begun = store.cpu(), time.monotonic()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([f"{args.build}/sockline", "export", "--from", recording, "--store",
                        store.target], check=True, stderr=subprocess.DEVNULL)
        seconds, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        if store.rows() != args.connections:
            sys.exit(f"{store.name} has {store.rows()} of {args.connections} connections")
        found.append((args.connections / seconds,
                      after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
                      store.cpu() - server))
    return found


class Export:
    """`export` into these stores, and the CPU seconds that all of them have used since it began."""

    def __init__(self, build, stores):
        for store in stores:
            store.empty()
        self.stores, self.server = stores, sum(s.cpu() for s in stores)
        self.process = subprocess.Popen([f"{build}/sockline", "export", "--netns",
                                         f"/run/netns/{NETNS}", "--listen", "127.0.0.1:0",
                                         *[w for s in stores for w in ("--store", s.target)]],
                                        stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        self.begun = cpu_of(self.process.pid)

    def stop(self, storm):
        pid = self.process.pid
        until_written(pid)
        used = {t: c - self.begun.get(t, 0) for t, c in cpu_of(pid).items()}
        self.process.terminate()
        text = self.process.communicate(timeout=60)[1]
        if not storm:
            return
        for store in self.stores:
            if self.process.returncode or store.rows() != storm["made"]:
                print(f"problem: {storm['made']} made, {store.rows()} in {store.name}: {text}",
                      file=sys.stderr)
        each = 1e6 / storm["made"]
        storm["reader_us"] = used.pop(pid) * each
        storm["writers_us"] = sum(used.values()) * each
        storm["server_us"] = (sum(s.cpu() for s in self.stores) - self.server) * each


def until_written(pid):
    """Nothing is left to do: no thread has used more than a moment of the last second."""
    before = cpu_of(pid)
    for _ in range(30):
        time.sleep(1)
        after = cpu_of(pid)
        if sum(after.values()) - sum(before.values()) < 0.05:
            return
        before = after


def measure(args, storms, directory):
    recording = f"{directory}/bench.rec"
    subprocess.run([f"{args.build}/live/do_timelines", recording, str(args.connections)],
                   check=True)
    stores = [Sqlite(directory)]
    if not lib_clickhouse.missing():
        stores.append(ClickHouse(directory))
    lines = [f"Linux {platform.release()}, {os.cpu_count()} CPUs, load before "
             f"{os.getloadavg()[0]:.1f}.", "",
             f"Replays of {args.connections} connections:", "",
             "| store | timelines/s, median | best | CPU µs a timeline: sockline | server |",
             "|---|---|---|---|---|"]
    each = 1e6 / args.connections
    for store in stores:
        rate, own, server = zip(*replay(args, store, recording))
        lines.append(f"| {store.name} | {statistics.median(rate):.0f} | {max(rate):.0f} | "
                     f"{statistics.median(own) * each:.1f} | "
                     f"{statistics.median(server) * each:.1f} |")
    lines += ["", f"{args.pairs} pairs of storms of {args.seconds} s:", "",
              "| stores | with ÷ without, median | lowest | CPU µs a connection: reader | writers | "
              "server |", "|---|---|---|---|---|---|"]
    for some in [[s] for s in stores] + [stores] * (len(stores) > 1):
        pairs = [storms.pair(i, lambda: Export(args.build, some), Export.stop)
                 for i in range(args.pairs)]
        ratios = [ratio(pair) for pair in pairs]
        cpu = [statistics.median(during[what] for during, _ in pairs)
               for what in ("reader_us", "writers_us", "server_us")]
        lines.append(f"| {' and '.join(s.name for s in some)} | {statistics.median(ratios):.3f} | "
                     f"{min(ratios):.3f} | " + " | ".join(f"{c:.1f}" for c in cpu) + " |")
    for store in stores:
        store.close()
    return "\n".join(lines) + "\n"


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("build")
    ap.add_argument("--connections", type=int, default=1000000)
    ap.add_argument("--runs", type=int, default=3)
    ap.add_argument("--pairs", type=int, default=6)
    ap.add_argument("--seconds", type=float, default=1)
    ap.add_argument("--out")
    args = ap.parse_args()
    directory = tempfile.mkdtemp(prefix="sockline-bench-")
    try:
        with Storms(args.build, NETNS, PORT, args.seconds) as storms:
            text = measure(args, storms, directory)
    finally:
        shutil.rmtree(directory)
    print(text)
    if args.out:
        with open(args.out, "w") as f:
            f.write(text)


main()
