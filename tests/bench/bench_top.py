#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The price of `top`, on a terminal of its own.

  bench_top.py BUILD_DIR [--pairs N] [--seconds S] [--out FILE]

A storm of connections with and without it, in alternated pairs: by the clock, and by the CPU time
of the storm for each connection, which other work on the machine disturbs less.  Then its own CPU
time beside ten thousand listeners to which nothing comes.
"""
import argparse
import fcntl
import os
import platform
import pty
import resource
import select
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time

sys.dont_write_bytecode = True

from lib_storm import Storms, ratio

PORT = 17778
NETNS = "sockline-top"
LISTENERS = 10000
HOLD = """
import resource, socket, sys, time
first, count = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 64, count + 64))
held = [socket.create_server(("127.0.0.1", first + i)) for i in range(count)]
print("held", flush=True)
time.sleep(600)
"""


class Top:
    """`sockline top` on a pseudo-terminal, whose screen is read and thrown away."""

    def __init__(self, build):
        self.pid, self.master = pty.fork()
        if not self.pid:
            os.environ["TERM"] = "xterm"
            os.execv(f"{build}/sockline", ["sockline", "top"])
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.bytes = 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while True:
                select.select([self.master], [], [])
                self.bytes += len(os.read(self.master, 65536))
        except OSError:
            pass

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_kib(self):
        with open(f"/proc/{self.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))

    def stop(self, storm=None):
        os.write(self.master, b"q")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.master)
        if status or not self.bytes:
            sys.exit(f"top ended with {status}, after {self.bytes} bytes")


def used_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class TimedStorms(Storms):
    """Knows microseconds of CPU for each connection, too."""

    def run(self, seconds):
        before = used_cpu()
        found = super().run(seconds)
        found["cpu_us"] = (used_cpu() - before) * 1e6 / found["connections"]
        return found


def idle(build, inside, seconds):
    """Percent of a CPU, and peak KiB, beside listeners to which nothing comes."""
    holders = [subprocess.Popen(inside + [sys.executable, "-c", HOLD, str(20000 + i), "5000"],
                                stdout=subprocess.PIPE) for i in range(0, LISTENERS, 5000)]
    for h in holders:
        h.stdout.readline()
    top = Top(build)
    try:
        time.sleep(5)
        before = top.cpu_seconds()
        time.sleep(seconds)
        used = top.cpu_seconds() - before
        return 100 * used / seconds, top.peak_kib()
    finally:
        top.stop()
        for h in holders:
            h.kill()
            h.wait()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("build")
    ap.add_argument("--pairs", type=int, default=10)
    ap.add_argument("--seconds", type=float, default=1)
    ap.add_argument("--out")
    args = ap.parse_args()
    with TimedStorms(args.build, NETNS, PORT, args.seconds) as storms:
        pairs = [storms.pair(i, lambda: Top(args.build), Top.stop) for i in range(args.pairs)]
        percent, kib = idle(args.build, storms.inside, 20)
    wall = [ratio(pair) for pair in pairs]
    cpu = [without["cpu_us"] / during["cpu_us"] for during, without in pairs]
    text = (f"`sockline top` on a terminal; {args.pairs} pairs of {args.seconds} s; Linux "
            f"{platform.release()}, {os.cpu_count()} CPUs.\n\n"
            "| | median | lowest | highest |\n|---|---|---|---|\n"
            f"| conn/s with ÷ without | {statistics.median(wall):.3f} | {min(wall):.3f} | "
            f"{max(wall):.3f} |\n"
            f"| CPU per connection without ÷ with | {statistics.median(cpu):.3f} | "
            f"{min(cpu):.3f} | {max(cpu):.3f} |\n\n"
            f"Beside {LISTENERS} idle listeners: {percent:.2f} % of a CPU, "
            f"{kib / 1024:.1f} MiB at most.\n")
    print(text)
    if args.out:
        with open(args.out, "w") as f:
            f.write(text)


main()
