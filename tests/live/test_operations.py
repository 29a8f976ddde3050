# SPDX-License-Identifier: GPL-2.0-only
"""sockline as a service: the systemd unit under a real systemd, the DaemonSet's container as the
manifest describes it, and the pods that they name."""
import glob
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import lib
import lib_sandbox
from lib import BUILD, ROOT, SOCKLINE, until
from lib_metrics import parse_text, select, total
from lib_sandbox import MANIFESTS, UNIT, manifest, unit, yaml

OPTIONS = f"{ROOT}/packaging/systemd/sockline.default"
EXPOSURE = 2.5  # of 10; what systemd calls "OK" ends at 5
UID = "7a9d1c3e-0b42-4f6e-9d58-c1f2a3b4c5d6"
CONTAINER = "00112233445566778899aabbccddeeff" * 2
POD = f"/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-{CONTAINER}.scope"
TRACEFS = ["unshare", "-m", "sh", "-c", """
grep -q ' /sys/kernel/tracing tracefs ' /proc/mounts || mount -t tracefs tracefs /sys/kernel/tracing
exec "$@" """, "sh"]


def without_prefix(names):
    return [n.removeprefix("CAP_") for n in names]


def as_nobody(caps):
    """A command prefix: uid 65534, with these capabilities and no way to more."""
    caps = ",".join(["-all"] + [f"+{c.lower()}" for c in caps])
    return [*TRACEFS, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
            "--no-new-privs", f"--inh-caps={caps}", f"--ambient-caps={caps}",
            f"--bounding-set={caps}"]


def expanded(filters):
    """The system calls of SystemCallFilter= lines, as systemd-analyze knows its sets."""
    calls = set()
    for line in filters:
        names = set()
        queue = line.lstrip("~").split()
        while queue:
            name = queue.pop()
            if name.startswith("@"):
                lines = lib.run("systemd-analyze", "syscall-filter", name).splitlines()[1:]
                queue += [line.strip() for line in lines if "#" not in line]
            names.add(name)
        calls = calls - names if line.startswith("~") else calls | names
    return calls


class Unit(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="sockline-unit-")
        self.addCleanup(shutil.rmtree, self.dir)
        os.chmod(self.dir, 0o755)
        self.program = shutil.copy(SOCKLINE, self.dir)  # the build may lie where nobody may look
        self.caps = without_prefix(unit("AmbientCapabilities")[0].split())

    def test_verify_and_security(self):
        path = f"{self.dir}/sockline-export.service"
        with open(UNIT) as f, open(path, "w") as to:
            to.write(f.read().replace("/usr/bin/sockline", self.program))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        told = lib.run("systemd-analyze", "security", "--offline=true", "--no-pager", path)
        exposure = float(re.search(r"Overall exposure level for .*: ([\d.]+) ", told)[1])
        self.assertLessEqual(exposure, EXPOSURE, told)

    def test_one_list_of_capabilities(self):
        """In the unit, in the manifest, in the manual of operations: and sockline knows each."""
        self.assertEqual(unit("CapabilityBoundingSet"), unit("AmbientCapabilities"))
        self.assertEqual([c.upper() for c in lib_sandbox.capabilities()], self.caps)
        with open(f"{ROOT}/docs/operations.md") as f:
            rows = re.findall(r"^\| `CAP_(\w+)` \|", f.read(), re.M)
        self.assertEqual(rows[:len(self.caps)], self.caps)
        with open(UNIT) as f:
            self.assertEqual(re.findall(r"^#   CAP_(\w+) ", f.read(), re.M), self.caps)
        known = re.findall(r'"name":"CAP_(\w+)"', subprocess.run(
            [SOCKLINE, "doctor", "--json"], text=True, capture_output=True, check=False).stdout)
        self.assertEqual(sorted(rows), sorted(known))

    def test_each_capability_is_needed(self):
        def export(caps):
            return subprocess.run([*as_nobody(caps), self.program, "export", "-d", "0.5",
                                   "--listen", "127.0.0.1:0"], text=True, capture_output=True,
                                  timeout=30, check=False)

        done = export(self.caps)
        self.assertEqual(done.returncode, 0, done.stderr)
        for cap in self.caps:
            done = export([c for c in self.caps if c != cap])
            self.assertEqual(done.returncode, 2, cap)
            self.assertIn("Operation not permitted" if cap == "DAC_READ_SEARCH" else f"CAP_{cap}",
                          done.stderr)

    def test_system_calls_are_allowed(self):
        """What it really calls, with metrics and both kinds of store, is what the filter allows."""
        allowed = expanded(unit("SystemCallFilter"))
        self.assertIn("bpf", allowed)
        self.assertNotIn("mount", allowed)
        self.assertNotIn("ptrace", allowed)
        state = f"{self.dir}/state"
        os.mkdir(state)
        os.chown(state, 65534, 65534)
        trace, said = f"{self.dir}/trace", f"{self.dir}/said"
        with open(said, "w") as err:
            process = subprocess.Popen(
                ["strace", "-f", "-qq", "-o", trace, *as_nobody(self.caps), self.program, "export",
                 "-d", "4", "--listen", "127.0.0.1:0", "--store", f"sqlite:{state}/rows.db",
                 "--keep-days", "1", "--store", "clickhouse:http://127.0.0.1:9",
                 "--spool", f"{state}/spool"],
                stderr=err, preexec_fn=lib.die_with_parent)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def port():
            with open(said) as f:
                return re.search(r"metrics at .*:(\d+)$", f.read(), re.M)

        port = until(port, "it to listen", 30)[1]
        for path in ("metrics", "healthz", ""):
            lib.run("curl", "-sf", f"http://127.0.0.1:{port}/{path}")
        with socket.create_server(("127.0.0.1", 0)) as server:
            for _ in range(3):
                socket.create_connection(server.getsockname()).close()
                server.accept()[0].close()
        # Rows were lost or not: the end of the trace is what matters.
        self.assertIn(process.wait(60), (0, 1))
        with open(trace) as f:
            lines = f.read().split("\n")
        own = next(i for i, line in enumerate(lines) if f'execve("{self.program}"' in line)
        call = re.compile(r"\d+ +(?:<\.\.\. )?(\w+)[( ]")
        called = {m[1] for m in map(call.match, lines[own:]) if m}
        for name in ("bpf", "perf_event_open", "open_by_handle_at", "accept4"):
            self.assertIn(name, called)
        self.assertEqual(called - allowed, set())

    def test_under_systemd(self):
        """It runs, restricted as it says; sees other namespaces; stores; comes back; ends well."""
        with open(OPTIONS) as f:
            options = re.search(r"^SOCKLINE_OPTS=.*$", f.read(), re.M)[0]
        world = lib_sandbox.Systemd(f"{options} --store sqlite:/var/lib/sockline/rows.db\n")
        self.addCleanup(world.close)
        started = world.ctl("start", "sockline-export.service")
        self.assertEqual(started.returncode, 0, started.stderr)
        self.answers(world)
        status = world.status()
        names = lib.run("capsh", f"--decode={status['CapEff']}").strip().split("=")[1].split(",")
        self.assertEqual(sorted(names), sorted(f"cap_{c.lower()}" for c in self.caps))
        for key in ("CapBnd", "CapPrm", "CapAmb"):
            self.assertEqual(status[key], status["CapEff"], key)
        self.assertNotIn("0", status["Uid"].split())
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))

        world.ctl("kill", "-s", "KILL", "sockline-export.service")
        until(lambda: world.show("NRestarts") == "1", "systemd to start it again")
        # Its own answers are connections, too: once one is stored, all are seen.
        until(lambda: total(self.metrics(world), "sockline_store_rows_total") > 0, "a row")
        self.serve_elsewhere(world)
        world.ctl("stop", "sockline-export.service")
        self.assertEqual((world.show("ActiveState"), world.show("Result")), ("inactive", "success"))
        rows = shutil.copy(f"/proc/{world.pid()}/root/var/lib/private/sockline/rows.db", self.dir)
        accepted = sqlite3.connect(rows).execute(
            "SELECT count(*) FROM connections WHERE listener_port = 8081 AND outcome = 'accepted' "
            "AND comm = 'python3'").fetchone()
        self.assertEqual(accepted, (5,))

    def test_doctor_as_the_service(self):
        """Only what the two other capabilities are for is missing, until they are given."""
        with open(f"{ROOT}/docs/operations.md") as f:
            documented = re.search(r"```ini\n(.*?)```", f.read(), re.S)[1]
        world = lib_sandbox.Systemd("")
        self.addCleanup(world.close)
        place = "/etc/systemd/system/sockline-export.service.d"
        world.inside("mkdir", place)
        for dropin, lacks in (("[Service]\n", {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE"}),
                              (documented, set())):
            world.inside("tee", f"{place}/more.conf", input=dropin + """Type=oneshot
Restart=no
ExecStart=
ExecStart=/usr/bin/sockline doctor --json
StandardOutput=truncate:/run/doctor
StandardError=null
""")
            world.ctl("daemon-reload")
            self.assertEqual(world.ctl("start", "sockline-export.service").returncode, 0)
            told = world.inside("cat", "/run/doctor").stdout
            checks = [json.loads(line) for line in told.splitlines()]
            self.assertEqual({c["name"] for c in checks if c["type"] == "check" and
                              c["verdict"] not in ("ok", "not_for_this_kernel")}, lacks)

    def metrics(self, world):
        text = world.inside("curl", "-s", "http://127.0.0.1:9435/metrics").stdout
        return {(s.name, tuple(sorted(s.labels.items()))): s.value
                for family in parse_text(text) for s in family.samples}

    def answers(self, world):
        until(lambda: world.inside("curl", "-s", "http://127.0.0.1:9435/healthz").stdout == "ok\n",
              "the service to answer")

    def serve_elsewhere(self, world):
        """Another user's server in another namespace: five are accepted, three wait."""
        server = """
import os, socket, subprocess, time
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
server = socket.create_server(("127.0.0.1", 8081), backlog=7)
os.setuid(1234)
clients = [socket.create_connection(server.getsockname()) for _ in range(8)]
taken = [server.accept() for _ in range(5)]
time.sleep(60)
"""
        command = ["nsenter", "-t", str(world.pid()), "-m", "-p", "-r", "-w", "unshare", "-n",
                   "/usr/bin/python3", "-c", server]
        process = subprocess.Popen(command, preexec_fn=lib.die_with_parent)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        name = "sockline_listener_"
        s = until(lambda: (m := self.metrics(world)) and
                  total(m, name + "accepts_total", port=8081) == 5 and m, "five to be accepted")
        labels = {"port": 8081, "address": "127.0.0.1", "comm": "python3"}
        self.assertEqual(select(s, name + "syns_total", **labels), [8])
        self.assertEqual(select(s, name + "accept_queue_length", **labels), [3])
        self.assertEqual(select(s, name + "accept_queue_limit", **labels), [7])


class Manifest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.set = manifest("DaemonSet")
        self.pod = self.set["spec"]["template"]["spec"]
        [self.container] = self.pod["containers"]

    def test_no_more_than_needed(self):
        security = self.container["securityContext"]
        self.assertEqual(security["capabilities"]["drop"], ["ALL"])
        for flag in ("privileged", "allowPrivilegeEscalation"):
            self.assertIs(security[flag], False)
        self.assertIs(security["readOnlyRootFilesystem"], True)
        self.assertEqual(self.pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
        self.assertIs(self.pod["hostPID"], True)
        for more in ("hostNetwork", "hostIPC"):
            self.assertNotIn(more, self.pod)
        self.assertTrue(all(m["readOnly"] for m in self.container["volumeMounts"]))
        self.assertIs(manifest("ServiceAccount")["automountServiceAccountToken"], False)
        self.assertIn("memory", self.container["resources"]["limits"])

    def test_parts_agree(self):
        labels = {"app.kubernetes.io/name": "sockline"}
        documents = {}
        with open(f"{MANIFESTS}/kustomization.yaml") as f:
            kustomization = yaml.safe_load(f)
        for path in glob.glob(f"{MANIFESTS}/*.yaml"):
            with open(path) as f:
                for d in yaml.safe_load_all(f):
                    documents[d["kind"]] = d
        for name in kustomization["resources"]:
            self.assertTrue(os.path.exists(f"{MANIFESTS}/{name}"), name)
        self.assertEqual(self.set["spec"]["selector"]["matchLabels"], labels)
        self.assertEqual(self.set["spec"]["template"]["metadata"]["labels"], labels)
        self.assertEqual(documents["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"], labels)
        self.assertEqual(documents["PodMonitor"]["spec"]["selector"]["matchLabels"], labels)
        space = documents["Namespace"]["metadata"]["name"]
        for d in documents.values():
            if d["kind"] not in ("Namespace", "Kustomization"):
                self.assertEqual(d["metadata"]["namespace"], space)
        [port] = self.container["ports"]
        [endpoint] = documents["PodMonitor"]["spec"]["podMetricsEndpoints"]
        [ingress] = documents["NetworkPolicy"]["spec"]["ingress"]
        self.assertEqual(endpoint["port"], port["name"])
        self.assertEqual([p["port"] for p in ingress["ports"]], [port["name"]])
        annotations = self.set["spec"]["template"]["metadata"]["annotations"]
        self.assertEqual(annotations["prometheus.io/port"], str(port["containerPort"]))
        self.assertIn(f"--listen=:{port['containerPort']}", self.container["args"])
        asked = {"path": "/healthz", "port": port["name"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.assertEqual(self.container[probe]["httpGet"], asked)
        self.assertEqual({m["name"] for m in self.container["volumeMounts"]},
                         {v["name"] for v in self.pod["volumes"]})
        version = lib.run(SOCKLINE, "--version").split()[1]
        self.assertEqual(self.container["image"], f"sockline:{version}")
        self.assertEqual(kustomization["images"], [{"name": "sockline", "newTag": version}])

    def test_as_a_container(self):
        """With nothing of the host but what is mounted: the pods of other containers are named."""
        logs = tempfile.mkdtemp(prefix="sockline-logs-")
        self.addCleanup(shutil.rmtree, logs)
        os.mkdir(f"{logs}/shop_cart-0_{UID}")
        cgroup = lib_sandbox.Cgroup(POD)
        self.addCleanup(cgroup.remove)
        # With a namespace of its own, as a pod has.
        server = subprocess.Popen(
            ["unshare", "-n", sys.executable, "-c", """
import socket, subprocess, sys, time
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
server = socket.create_server(("127.0.0.1", 8082), backlog=7)
sys.stdin.readline()
clients = [socket.create_connection(server.getsockname()) for _ in range(3)]
taken = [server.accept() for _ in range(2)]
time.sleep(60)
"""], stdin=subprocess.PIPE, text=True, preexec_fn=lambda: (lib.die_with_parent(), cgroup.enter()))
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        container = lib_sandbox.Container(logs)
        self.addCleanup(container.close)
        until(lambda: container.pid() and container.get("/healthz")[0] == 200,
              "the container to answer")
        server.stdin.write("go\n")
        server.stdin.flush()

        def samples():
            found = {(s.name, tuple(sorted(s.labels.items()))): s.value
                     for family in parse_text(container.get("/metrics")[1]) for s in family.samples}
            return total(found, "sockline_listener_accepts_total", port=8082) == 2 and found

        s = until(samples, "two to be accepted")
        # The SYNs of another container: the program is attached to the host's root.
        self.assertEqual(select(s, "sockline_listener_syns_total", port=8082), [3])
        self.assertEqual(select(s, "sockline_listener_info", port=8082, pod="cart-0",
                                pod_namespace="shop", container=CONTAINER, cgroup=cgroup.path), [1])


class Pods(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="sockline-pods-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.logs = f"{self.dir}/logs"
        self.process = subprocess.Popen([f"{BUILD}/live/do_pod", self.logs], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.process.communicate)

    def ask(self, cgroup="-", pid=0):
        self.process.stdin.write(f"{pid} {cgroup}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def test_names_come_and_go(self):
        path = f"/kubepods/pod{UID}/{CONTAINER}"
        self.assertEqual(self.ask(path), f"{UID}|{CONTAINER}||")
        os.mkdir(self.logs)
        self.assertEqual(self.ask(path), f"{UID}|{CONTAINER}||")
        os.mkdir(f"{self.logs}/not-a-pod")
        # Each at once after the one before: the directory's time need not have changed.
        for i in range(9):
            uid = f"{i}{UID[1:]}"
            os.mkdir(f"{self.logs}/shop_cart-{i}_{uid}")
            self.assertEqual(self.ask(f"/kubepods/pod{uid}"), f"{uid}||shop|cart-{i}")
        self.assertEqual(self.ask("/system.slice/nginx.service"), "|||")
        shutil.rmtree(self.logs)
        self.assertEqual(self.ask(path), f"{UID}|{CONTAINER}|shop|cart-7")

    def test_by_process_in_each_hierarchy(self):
        """Where the path of cgroup2 does not tell, as under cgroup v1."""
        cgroup = lib_sandbox.Cgroup(POD)
        self.addCleanup(cgroup.remove)
        self.assertTrue(cgroup.places)
        for where, kind in cgroup.places:
            process = subprocess.Popen(["sleep", "60"], preexec_fn=lib.die_with_parent)
            try:
                with open(f"{where}{cgroup.path}/cgroup.procs", "w") as f:
                    f.write(str(process.pid))
                self.assertEqual(self.ask(pid=process.pid), f"{UID}|{CONTAINER}||", where)
                if kind == "cgroup":
                    self.assertEqual(self.ask("/", process.pid), f"{UID}|{CONTAINER}||", where)
            finally:
                process.kill()
                process.wait()
        self.assertEqual(self.ask(pid=1 << 22), "|||")


if __name__ == "__main__":
    lib.main()
