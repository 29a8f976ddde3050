# SPDX-License-Identifier: GPL-2.0-only
"""README's "A fleet", word by word: its commands bring up Prometheus and ClickHouse, fed by sockline,
in a copy of this host that is thrown away; and what it shows is what comes."""
import json
import os
import re
import shlex
import subprocess
import tempfile
import time
import unittest

import lib
from lib import ROOT, until
from lib_sandbox import Sandbox

# $1: an empty directory.  $2: this repository.  What is written goes to memory, and nothing is heard
# but loopback; there is no systemd.  /run/copy is not there before its first process is in it.
HOST = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" overlay "$1/root"
cd "$1/root"
[ -e ".$2/README.md" ] || { mkdir -p ".$2"; mount --bind -o ro "$2" ".$2"; }
hostname web1
ip link set lo up
mount -t proc proc proc
mount --bind -o ro proc/sys proc/sys
mount --rbind /sys sys
mount -t tmpfs tmpfs dev
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev
ln -s /proc/self/fd dev/fd
mkdir dev/shm
mount -t tmpfs tmpfs run
mkdir run/lock
touch run/copy
exec chroot . sh -c 'sleep infinity & wait'
"""
ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
       "B": os.path.relpath(lib.BUILD, ROOT)}
BLOCK = re.compile(r"^```(sh)?\n(.*?)^```$", re.M | re.S)
PORT = 8000  # of the server that hangs


def section(title):
    with open(f"{ROOT}/README.md") as f:
        return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", f.read(), re.M | re.S)[1]


def steps(text):
    """[(commands, what they print or None)]"""
    found = []
    for language, body in BLOCK.findall(text):
        if language:
            found.append((body, None))
        else:
            found[-1] = (found[-1][0], body)
    return found


def without_numbers(line):
    """Nor the width of a column."""
    return re.sub(r"[\d.]+", "0", " ".join(re.sub("─+", "─", line).split()))


def soon(condition, what):
    """Each look at it starts programs."""
    return until(lambda: condition() or time.sleep(0.3), what, 40)


class Fleet(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.host = Sandbox(HOST, ROOT, namespaces=("-m", "-n", "-p", "-i", "-u"))
        self.addCleanup(self.host.close)
        until(lambda: self.host.pid() and
              self.host.inside("test", "-e", "/run/copy", env=ENV).returncode == 0, "the copy")
        self.told = tempfile.TemporaryFile()
        self.addCleanup(self.told.close)

    def talk(self, since=0):
        return os.pread(self.told.fileno(), 1 << 20, since).decode()

    def shell(self, commands):
        """The exit status of bash, and what was printed.  What is in the background goes on."""
        at = os.fstat(self.told.fileno()).st_size
        done = subprocess.run(
            ["nsenter", "-t", str(self.host.pid()), "-m", "-n", "-p", "-i", "-u", "-r", "-w",
             "bash", "-ec", f"cd {ROOT}\n{commands}"], stdin=subprocess.DEVNULL,
            stdout=self.told, stderr=subprocess.STDOUT, env=ENV, timeout=60, check=False)
        return done.returncode, self.talk(at)

    def type(self, commands):
        status, text = self.shell(commands)
        self.assertEqual(status, 0, f"{commands}{text}")
        return text

    def shows(self, commands, want):
        """Whether they print each line of it to the last about the server that hangs, numbers aside:
        what else is seen is the whole machine's."""
        lines = want.splitlines()
        last = max(i for i, line in enumerate(lines) if str(PORT) in line)
        status, text = self.shell(commands)
        have = {without_numbers(line) for line in text.splitlines()}
        return status == 0 and {without_numbers(line) for line in lines[:last + 1]} <= have

    def follow(self, text):
        for commands, shown in steps(text):
            if shown:
                soon(lambda: self.shows(commands, shown), f"{shown}of {commands}")
            else:
                self.type(commands)
            if "sockline export" in commands:
                soon(lambda: "metrics at 127.0.0.1:9435" in self.talk(), "its word")

    def get(self, port, path):
        return self.type(f"curl -fsSg {shlex.quote(f'127.0.0.1:{port}/{path}')}")

    def prometheus(self, path):
        return json.loads(self.get(9090, f"api/v1/{path}"))["data"]

    def dropped(self):
        """{reason: count} of the server that hangs, as sockline, Prometheus and ClickHouse have it."""
        told = re.findall(rf'^sockline_listener_drops_total{{.*port="{PORT}".*reason="(\w+)"}} (\d+)$',
                          self.get(9435, "metrics"), re.M)
        metric = f'sockline_listener_drops_total{{port="{PORT}"}}>0'
        scraped = self.prometheus(f"query?query={metric}")["result"]
        rows = self.get(8123, "?query=SELECT+reason,count(*)+FROM+connections+WHERE+failed=1+AND+"
                        f"listener_port={PORT}+GROUP+BY+reason")
        return ({reason: int(count) for reason, count in told if count != "0"},
                {r["metric"]["reason"]: int(r["value"][1]) for r in scraped},
                {reason: int(count) for reason, count in map(str.split, rows.splitlines())})

    def test_fleet(self):
        try:
            self.follow(section("A fleet"))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.talk()[-4000:]}") from error

        self.type("while pgrep -x curl; do sleep 0.2; done")
        names, values = (line.split() for line in
                         self.type("grep ^TcpExt: /proc/self/net/netstat").splitlines())
        kernel = int(values[names.index("ListenOverflows")])

        def known():
            told, scraped, rows = self.dropped()
            return told == scraped and set(rows) == set(told) and (told, rows)
        for counts in soon(known, "Prometheus and ClickHouse to have it"):
            self.assertEqual(list(counts), ["accept_queue_full"])
            # See lib.by_timer(): of those that come again some may be missing.
            self.assertIn(counts["accept_queue_full"], range(2, kernel + 1))

        [target] = self.prometheus("targets")["activeTargets"]
        self.assertEqual((target["health"], target["labels"]["job"]), ("up", "sockline"))
        self.assertIn("SocklineConnectionsDropped",
                      [r["name"] for g in self.prometheus("rules")["groups"] for r in g["rules"]])


if __name__ == "__main__":
    lib.main()
