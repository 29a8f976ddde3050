# SPDX-License-Identifier: GPL-2.0-only
"""Bad input and bad places: one clear line, the right exit status, and nothing left attached."""
import glob
import json
import os
import signal
import subprocess

import lib
from lib import port_of

BAD = [  # arguments, and what the one line on stderr must name
    ("-P 0", "'0'"), ("-P 65536", "'65536'"), ("-P 80,", "'80,'"), ("-P 90-80", "'90-80'"),
    ("-P 80-", "'80-'"), ("-P -80", "'-80'"), ("-P http", "'http'"), ("-P 80,,81", "'80,,81'"),
    ("-P 99999999999999999999", "'99999999999999999999'"),
    ("--port=1-65536", "--port"), ("-l 10.0.0", "'10.0.0'"), ("-l 10.0.0.0/33", "'10.0.0.0/33'"),
    ("-l fd00::/129", "'fd00::/129'"), ("-r host", "'host'"), ("-r 1.2.3.4/x", "--remote"),
    ("-p 0", "'0'"), ("-p x", "--pid"), ("--slow 0", "--slow"), ("--cgroup relative", "--cgroup"),
    ("-n 0", "--count"), ("-n x", "'x'"), ("-d 0", "--duration"), ("-d -1", "'-1'"),
    ("-d nan", "'nan'"), ("--netns nosuch", "nosuch"), ("--netns /nosuch", "/nosuch"),
    ("--netns 4194305", "4194305"), ("--netns /etc/passwd", "/etc/passwd"),
    ("--nosuch", "--nosuch"), ("-Q", "-Q"), ("--json=yes", "--json"), ("-P", "-P"),
    ("operand", "'operand'"), ("--max-connections x", "--max-connections"),
]


def run(*args, **kwargs):
    return subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=lib.SOON, **kwargs)


class BadInput(lib.LiveTest):
    def setUp(self):
        pass

    def complains(self, done, *names):
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("sockline"), done.stderr)
        for name in names:
            self.assertIn(name, done.stderr)

    def test_arguments(self):
        for args, name in BAD:
            with self.subTest(args):
                self.complains(run(lib.SOCKLINE, "watch", *args.split()), name)

    def test_empty_argument(self):
        for option in ("-P", "-l", "-r", "-C", "--netns"):
            with self.subTest(option):
                self.complains(run(lib.SOCKLINE, "watch", option, ""))

    def test_unknown_command(self):
        done = run(lib.SOCKLINE, "nosuch")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nosuch", done.stderr)

    def test_version_and_help(self):
        for option in ("--version", "-V"):
            self.assertRegex(run(lib.SOCKLINE, option).stdout, r"^sockline \d+\.\d+\.\d+\n$")
        for args in (["--help"], ["-h"], ["watch", "--help"], ["watch", "-h"]):
            done = run(lib.SOCKLINE, *args)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("watch", done.stdout)
        for option in ("--steps", "--port", "--netns", "--json", "--duration"):
            self.assertIn(option, done.stdout)


class Privilege(BadInput):
    def test_each_missing_capability_is_named(self):
        for name in ("bpf", "perfmon", "net_admin"):
            with self.subTest(name):
                done = run("setpriv", "--bounding-set", f"-{name}", lib.SOCKLINE, "watch",
                           "-d", "0.1")
                self.complains(done, f"CAP_{name.upper()}")

    def test_no_privilege_at_all(self):
        # The build may lie where nobody else may look: it is given as an open file.
        with open(lib.SOCKLINE, "rb") as binary:
            done = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                       "--bounding-set=-all", f"/proc/self/fd/{binary.fileno()}", "watch",
                       pass_fds=[binary.fileno()])
        self.complains(done, "CAP_")


class Attached(lib.LiveTest):
    def held(self):
        """The ids of the programs and links that sockline holds."""
        ids = {"prog": set(), "link": set()}
        for path in glob.glob(f"/proc/{self.sockline.process.pid}/fdinfo/*"):
            with open(path) as f:
                info = dict(line.strip().split(":\t", 1) for line in f if ":\t" in line)
            for kind in ids:
                if f"{kind}_id" in info:
                    ids[kind].add(int(info[f"{kind}_id"]))
        self.assertTrue(ids["prog"] and ids["link"], ids)
        return ids

    def gone(self, held):
        def left():
            return [kind for kind, ids in held.items() if ids & {
                entry["id"] for entry in json.loads(lib.run("bpftool", "-j", kind, "list"))}]
        lib.until(lambda: not left(), "all programs and links to go")

    def ends(self, how, status=0):
        listener = self.listen()
        self.watch()
        held = self.held()
        port = port_of(self.connect(listener))
        self.sockline.stop(how)
        self.assertEqual(self.sockline.process.returncode, status)
        self.gone(held)
        return port

    def test_sigterm(self):
        port = self.ends(signal.SIGTERM)
        [r] = self.done(connections=1)
        self.check(r, remote__port=port, outcome="open")

    def test_sigint(self):
        port = self.ends(signal.SIGINT)
        [r] = self.done(connections=1)
        self.check(r, remote__port=port, outcome="open")

    def test_sighup(self):
        self.ends(signal.SIGHUP)
        self.done(connections=1)

    def test_sigkill(self):
        self.ends(signal.SIGKILL, -signal.SIGKILL)


class Output(lib.LiveTest):
    def serve(self, count):
        listener = self.listen()
        for _ in range(count):
            self.connect(listener)
            self.accept(listener)

    def test_reader_goes_away(self):
        """As in `sockline watch | head -1`: it ends by itself, without a complaint."""
        reader, writer = os.pipe()
        self.watch(stdout=writer)
        os.close(writer)
        self.serve(1)
        self.assertIn(b'"connection"', os.read(reader, 4096))
        os.close(reader)
        self.serve(1)
        self.assertEqual(self.sockline.process.wait(lib.SOON), 0)
        self.assertNotIn("writing", self.sockline.talk())

    def test_full_device(self):
        for args in ([], ["--json"]):
            with self.subTest(args), open("/dev/full", "w") as full:
                sockline = lib.Sockline("watch", "--netns", self.srv.path, *args, stdout=full)
                self.addCleanup(sockline.stop)
                self.serve(1)
                self.assertEqual(sockline.process.wait(lib.SOON), 2)
                self.assertIn("No space left", sockline.talk())

    def test_closed_stdout(self):
        done = run("sh", "-c", '"$@" >&-', "sh", lib.SOCKLINE, "watch", "-d", "0.1")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_summary_is_the_last_line_on_every_end(self):
        self.watch("-n", "1")
        self.serve(1)
        self.assertEqual(self.sockline.process.wait(lib.SOON), 0)
        self.done(connections=1)


class Mounts(lib.LiveTest):
    """What is not mounted where it usually is."""

    def works(self, script, netns=None):
        listener = self.listen()
        self.watch(cmd=["unshare", "-m", "--propagation", "private", "sh", "-ec",
                        f'{script}; exec "$@"', "sh"])
        self.connect(listener)
        conn = self.accept(listener)
        [r] = self.done(connections=1)
        self.check(r, outcome="accepted", steps="syn synack queued accepted", complete=True,
                   process__fd=conn.fileno(), ifname="srv0")
        return r

    def umount(self, kind):
        return (f"awk '$3 == \"{kind}\" {{ print $2 }}' /proc/self/mounts | "
                "while read dir; do umount -l $dir; done")

    def test_tracefs_mounted(self):
        self.works(f"{self.umount('tracefs')}; mount -t tracefs tracefs /sys/kernel/tracing")

    def test_tracefs_not_mounted(self):
        self.works(f"{self.umount('tracefs')}; {self.umount('debugfs')}")

    def test_cgroup2_not_mounted(self):
        r = self.works(self.umount("cgroup2"))
        self.assertTrue(r["process"]["cgroup"].startswith("/"))

    def test_bpffs_not_mounted(self):
        self.works(self.umount("bpf"))


if __name__ == "__main__":
    lib.main()
