# SPDX-License-Identifier: GPL-2.0-only
"""`doctor`: with every privilege, with each taken away, with none; and sysctls that hold listeners
back."""
import json
import os
import shutil
import subprocess
import tempfile

import lib
from lib import SOCKLINE, port_of

ESSENTIAL = ["bpf", "perfmon", "net_admin"]
WANTED = ["sys_admin", "sys_ptrace", "dac_read_search"]
NOBODY = 65534


# In a mount namespace of its own: what is mounted nowhere can only be opened with CAP_SYS_ADMIN.
MOUNTED = ["unshare", "-m", "sh", "-c", """
grep -q ' tracefs ' /proc/mounts || mount -t tracefs none /sys/kernel/tracing
grep -q ' cgroup2 ' /proc/mounts || mount -t cgroup2 none /sys/fs/cgroup
exec "$@" """, "sh"]


def doctor(*args, drop=(), cmd=(), program=SOCKLINE, **kwargs):
    """Its exit status, its records, its talk."""
    bounding = ["setpriv", "--bounding-set", ",".join(f"-{c}" for c in drop)] if drop else []
    done = subprocess.run([*cmd, *bounding, program, "doctor", "--json", *args], text=True,
                          capture_output=True, timeout=30, **kwargs)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def named(records):
    return {r["name"]: r for r in records if r["type"] == "check"}


class Privileges(lib.LiveTest):
    def consistent(self, status, records):
        """The exit status, the summary and the lines say the same."""
        lines = [r for r in records if r["type"] == "check"]
        missing = [r for r in lines if r["verdict"] == "missing"]
        summary = records[-1]
        self.assertEqual(summary["type"], "summary")
        self.assertEqual(summary["ok"], not missing)
        self.assertEqual(summary["missing"], len(missing))
        self.assertEqual(status, 1 if missing else 0)
        for r in lines:
            self.assertIn(r["verdict"], ("ok", "partly", "missing", "not_for_this_kernel"))
            self.assertTrue(r["essential"] or r["verdict"] != "missing", r)
            if r["verdict"] in ("partly", "missing"):
                self.assertTrue(r["unseen"] or r["advice"], r)

    def test_all(self):
        status, records, talk = doctor()
        self.consistent(status, records)
        self.assertEqual(status, 0, talk)
        self.assertEqual({r["verdict"] for r in named(records).values()},
                         {"ok", "not_for_this_kernel"})
        self.assertIn("nothing essential is missing", talk)

    def test_each_probe_is_there(self):
        """Every program of the observer has its line, and each kernel has one variant of each."""
        with open(os.path.join(lib.ROOT, "user/host/probes.c")) as f:
            table = f.read().split("const struct probe probes[] = {")[1].split("\n};")[0]
        programs = [row.split('"')[1] for row in table.split("\n\t{")[1:]]
        self.assertGreater(len(programs), 10)
        found = named(doctor()[1])
        self.assertEqual([n for n, r in found.items() if r["group"] == "probe"], programs)
        self.assertEqual(found["kfree_skb"]["verdict"], "ok")
        self.assertEqual(found["kfree_skb_no_reason"]["verdict"], "not_for_this_kernel")

    def test_each_capability(self):
        for cap in ESSENTIAL + WANTED:
            status, records, _ = doctor(drop=[cap], cmd=MOUNTED)
            self.consistent(status, records)
            found = named(records)
            self.assertEqual(status, 1 if cap in ESSENTIAL else 0, cap)
            for other in ESSENTIAL + WANTED:
                want = "ok" if other != cap else "missing" if cap in ESSENTIAL else "partly"
                self.assertEqual(found[f"CAP_{other.upper()}"]["verdict"], want)

    def test_load_really_fails(self):
        """Without CAP_BPF and what stands in for it no program can be loaded: each line says so."""
        status, records, _ = doctor(drop=["bpf", "sys_admin"])
        self.consistent(status, records)
        for r in records:
            if r.get("group") == "probe" and r["verdict"] != "not_for_this_kernel":
                self.assertEqual(r["errno"], "EPERM", r)
        self.assertEqual(named(records)["sockets and owners"]["errno"], "EPERM")

    def test_attach_really_fails(self):
        """Without CAP_NET_ADMIN and CAP_SYS_ADMIN the root cgroup alone is out of reach."""
        status, records, _ = doctor(drop=["net_admin", "sys_admin"], cmd=MOUNTED)
        self.consistent(status, records)
        found = named(records)
        self.assertEqual(found["cgroup_skb_ingress"]["verdict"], "missing")
        self.assertEqual(found["inet_sock_set_state"]["verdict"], "ok")

    def test_nobody(self):
        with tempfile.TemporaryDirectory() as place: # the build may lie where nobody may look
            os.chmod(place, 0o755)
            copy = shutil.copy(SOCKLINE, place)
            status, records, talk = doctor(program=copy, cmd=[
                "setpriv", "--reuid", str(NOBODY), "--clear-groups", "--inh-caps=-all",
                "--bounding-set=-all"])
        self.consistent(status, records)
        self.assertEqual(status, 1)
        self.assertIn("essential missing", talk)
        sysctls = [r for r in records if r["type"] == "sysctl"]
        self.assertEqual(len(sysctls), 5)
        for r in sysctls:
            self.assertIsNotNone(r["value"])
            self.assertIsNone(r["listeners"])
            self.assertIsNone(r["holds_back"])

    def test_no_file_systems(self):
        """In a mount namespace of its own, without /sys and tracefs: no BTF, and it says so."""
        script = ("for m in $(awk '$3==\"tracefs\"{print $2}' /proc/mounts); do umount $m; done;"
                  "umount -R /sys 2>/dev/null; mount -t tmpfs none /sys; exec \"$@\"")
        status, records, _ = doctor(cmd=["unshare", "-m", "sh", "-c", script, "sh"])
        self.consistent(status, records)
        found = named(records)
        self.assertEqual(found["BTF"]["verdict"], "missing")
        self.assertEqual(found["BTF"]["errno"], "ENOENT")
        self.assertEqual(found["tracefs"]["verdict"], "ok")
        self.assertIn("mounted nowhere", found["tracefs"]["value"])
        self.assertEqual(status, 1)


class Sysctls(lib.LiveTest):
    def of(self, ns):
        return {r["name"].rsplit(".", 1)[1]: r for r in doctor()[1]
                if r["type"] == "sysctl" and r["netns"] == ns.inode}

    def held(self, r):
        return {h["port"] for h in r["holds_back"]}

    def test_who_is_held_back(self):
        self.srv.sysctl("core.somaxconn", 20)
        at, over = self.listen(backlog=20), self.listen(backlog=30)
        below = self.listen(backlog=19)
        found = self.of(self.srv)
        self.assertEqual(found["somaxconn"]["value"], 20)
        self.assertEqual(found["somaxconn"]["listeners"], 3)
        self.assertEqual(self.held(found["somaxconn"]), {port_of(at), port_of(over)})
        self.assertFalse(found["somaxconn"]["good"])
        self.assertEqual(found["somaxconn"]["holds_back"][0]["process"]["pid"], os.getpid())
        self.assertIn("net.core.somaxconn=4096", found["somaxconn"]["advice"])
        self.assertEqual(self.held(found["tcp_max_syn_backlog"]), set())
        self.srv.sysctl("ipv4.tcp_syncookies", 0)
        self.srv.sysctl("ipv4.tcp_max_syn_backlog", 24)
        found = self.of(self.srv)
        self.assertEqual(self.held(found["tcp_max_syn_backlog"]),
                         {port_of(at), port_of(over), port_of(below)})
        self.assertEqual(self.held(found["somaxconn"]), set())
        self.assertFalse(found["tcp_syncookies"]["good"])

    def test_values(self):
        self.listen(backlog=5)
        found = self.of(self.srv)
        self.assertEqual({name: r["good"] for name, r in found.items()}, dict.fromkeys(
            ("somaxconn", "tcp_max_syn_backlog", "tcp_syncookies", "tcp_abort_on_overflow",
             "tcp_synack_retries"), True))
        for name, value in {"tcp_syncookies": 2, "tcp_abort_on_overflow": 1,
                            "tcp_synack_retries": 1}.items():
            self.srv.sysctl(f"ipv4.{name}", value)
            r = self.of(self.srv)[name]
            self.assertEqual((r["value"], r["good"]), (value, False))
        self.assertIn("3 s", self.of(self.srv)["tcp_synack_retries"]["advice"])

    def test_a_namespace_without_listeners_has_no_lines(self):
        self.listen()
        self.assertEqual(len(self.of(self.srv)), 5)
        self.assertEqual(self.of(self.cli), {})


class Text(lib.LiveTest):
    def test_text(self):
        self.srv.sysctl("core.somaxconn", 20)
        port = port_of(self.listen(backlog=20))
        done = subprocess.run([SOCKLINE, "doctor"], text=True, capture_output=True, timeout=30)
        self.assertEqual(done.returncode, 0)
        for heading in ("KERNEL", "CAPABILITIES", "PROBES", "SYSCTLS OF THE QUEUES"):
            self.assertIn(f"{heading}\n", done.stdout)
        self.assertRegex(done.stdout, rf"somaxconn holds back {lib.V4_SRV}:{port} ")
        self.assertNotIn("\033", done.stdout)

    def test_bad_input(self):
        for args in (["x"], ["--nope"], ["-i", "1"], ["--json=1"]):
            done = subprocess.run([SOCKLINE, "doctor", *args], text=True, capture_output=True)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertRegex(done.stderr, r"^sockline doctor: .*\n\Z")


if __name__ == "__main__":
    lib.main()
