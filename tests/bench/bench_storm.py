#!/usr/bin/env python3
"""The price of watching: an accept storm with and without, in alternated pairs within one run.

  bench_storm.py BUILD_DIR [--pairs N] [--seconds S] [--out FILE]

Every ratio is conn/s with the observer divided by conn/s without; the median of the pairs is told.
"nothing" is a process that sleeps: how far its ratio is from 1 says how far the others can be trusted.
Absolute figures are the machine's, and only printed.
"""
import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

from lib_storm import Storms, ratio

PORT = 17777
NETNS = "sockline-bench"


class Observer:
    """A command that runs beside the storm, its output in a file."""

    def __init__(self, name, argv):
        self.name, self.argv = name, argv
        self.ratios, self.lines, self.peak_kib, self.problems = [], 0, 0, []
        self.lost = 0

    def start(self):
        self.file = tempfile.NamedTemporaryFile("w+")
        self.process = subprocess.Popen(self.argv, stdout=self.file, stderr=subprocess.DEVNULL)
        return self

    def stop(self, storm):
        time.sleep(0.3)
        with open(f"/proc/{self.process.pid}/status") as f:
            peak = re.search(r"VmHWM:\s+(\d+)", f.read())
        self.peak_kib = max(self.peak_kib, int(peak.group(1)) if peak else 0)
        if self.process.poll() is not None:
            self.problems.append(f"{self.name} ended by itself")
        self.process.terminate()
        self.process.wait(20)
        self.file.seek(0)
        if storm:
            self.check(self.file, storm["made"])
        self.file.close()

    def check(self, lines, made):
        self.lines = sum(1 for _ in lines)


class Sockline(Observer):
    def check(self, lines, made):
        rows = [json.loads(line) for line in lines]
        summary = rows[-1]
        whole = sum(r["type"] == "connection" and r["complete"] for r in rows)
        self.lines, self.events = len(rows), summary["events"]
        self.lost += summary["lost"]
        if summary["lost"] or whole != made:
            self.problems.append(f"{made} made, {whole} whole, {summary['lost']} lost")
            self.problems += [json.dumps(r) for r in rows
                              if r["type"] == "connection" and not r["complete"]][:3]


def programs_of(pid):
    ids = set()
    for entry in os.scandir(f"/proc/{pid}/fdinfo"):
        with open(entry.path) as f:
            ids.update(int(i) for i in re.findall(r"^prog_id:\s+(\d+)", f.read(), re.M))
    return ids


def program_costs(build, storms):
    """ns per run of each program, by the kernel's own count, during one storm."""
    subprocess.run(["sysctl", "-qw", "kernel.bpf_stats_enabled=1"], check=True)
    try:
        with open(os.devnull, "w") as null:
            p = subprocess.Popen([f"{build}/sockline", "watch", "--json", "-P", str(PORT)],
                                 stdout=null, stderr=null)
            time.sleep(1.2)
            made = storms.run(1)["connections"]
            shown = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True,
                                   text=True).stdout
            ours = programs_of(p.pid)
            p.terminate()
            p.wait(20)
    finally:
        subprocess.run(["sysctl", "-qw", "kernel.bpf_stats_enabled=0"], check=True)
    rows = []
    for prog in json.loads(shown):
        if prog["id"] in ours and prog.get("run_cnt"):
            rows.append((prog["name"], prog["run_cnt"] / made,
                         prog["run_time_ns"] / prog["run_cnt"]))
    return sorted(rows, key=lambda r: -r[1] * r[2])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("build")
    ap.add_argument("--pairs", type=int, default=10)
    ap.add_argument("--seconds", type=float, default=0.8)
    ap.add_argument("--out")
    args = ap.parse_args()

    observers = [Sockline("sockline watch --json",
                          [f"{args.build}/sockline", "watch", "--json", "--netns",
                           f"/run/netns/{NETNS}"])]
    # They need tracefs mounted; a mount namespace of their own leaves the host's as they are.
    mounted = ("mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing;"
               " exec ")
    observers += [Observer(tool, ["unshare", "-m", "sh", "-c", mounted + tool])
                  for tool in ("tcpstates", "tcplife") if shutil.which(tool)]
    observers.append(Observer("nothing", ["sleep", "600"]))
    with Storms(args.build, NETNS, PORT, args.seconds) as storms:
        for i in range(args.pairs):
            for o in observers:
                pair = storms.pair(i, o.start, Observer.stop)
                o.ratios.append(ratio(pair))
        costs = program_costs(args.build, storms)
    report(args, observers, costs, pair[1])


def report(args, observers, costs, without):
    out = [f"Accept storm over loopback, {args.pairs} pairs of {args.seconds} s; Linux "
           f"{platform.release()}, {os.cpu_count()} CPUs, about {without['per_second']:.0f} conn/s "
           "without an observer.", "",
           "| observer | conn/s with ÷ without, median | lowest | highest | peak RSS | lost |",
           "|---|---|---|---|---|---|"]
    for o in observers:
        out.append(f"| {o.name} | {statistics.median(o.ratios):.3f} | {min(o.ratios):.3f} | "
                   f"{max(o.ratios):.3f} | {o.peak_kib / 1024:.1f} MiB | "
                   f"{o.lost if isinstance(o, Sockline) else 'not told'} |")
    out += ["", "| program | runs per connection | ns per run |", "|---|---|---|"]
    out += [f"| {name} | {runs:.2f} | {ns:.0f} |" for name, runs, ns in costs]
    text = "\n".join(out) + "\n"
    print(text)
    if args.out:
        with open(args.out, "w") as f:
            f.write(text)
    problems = [p for o in observers for p in o.problems]
    for p in problems:
        print("problem:", p, file=sys.stderr)
    sys.exit(1 if problems else 0)


main()
