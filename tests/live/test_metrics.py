# SPDX-License-Identifier: GPL-2.0-only
"""`sockline export` without a store: what its metrics say of traffic that is known."""
import errno
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import lib
import lib_metrics
from lib import ROOT, SOCKLINE, port_of, until
from lib_metrics import LOOK, OPEN, TEXT, select, total

REUSEPORT = [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)]
REUSEADDR = [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]
MEMORY = 64 << 20
SERIES = 48  # of one listener that has not accepted yet


class MetricsTest(lib.LiveTest):
    def export(self, *args, **kwargs):
        self.sockline = lib_metrics.Export("--netns", self.srv.path, *args, **kwargs)
        self.addCleanup(self.sockline.stop)
        return self.sockline

    def until(self, want, what, **kwargs):
        """The samples, once they are as wanted."""
        def samples():
            found = self.sockline.samples(**kwargs)
            return found if want(found) else None
        return until(samples, what)

    def serve(self, listener, clients):
        for _ in range(clients):
            client = self.connect(listener)
            self.accept(listener).close()
            client.close()

    def overflow(self, backlog=1, clients=6):
        """A listener that is full, and what the kernel counts of it."""
        listener = self.listen(backlog=backlog)
        before = self.srv.netstat()["ListenOverflows"]
        sockets = [self.connect(listener, wait=i <= backlog) for i in range(clients)]
        dropped = self.srv.netstat()["ListenOverflows"] - before
        for sock in sockets[backlog + 1:]:
            sock.close()  # so that its SYN does not come again
        self.assertEqual(dropped, clients - backlog - 1)
        return listener, dropped


class Counted(MetricsTest):
    def test_overflow(self):
        self.export()
        listener, dropped = self.overflow()
        port = port_of(listener)
        s = self.until(lambda s: total(s, "sockline_listener_drops_total", port=port) == dropped,
                       "the drops")
        name = "sockline_listener_"

        def value(what, **labels):
            [v] = select(s, name + what, port=port, address=lib.V4_SRV, netns=self.srv.inode,
                         comm=lib.comm(), **labels)
            return v

        self.assertEqual(sum(("port", str(port)) in labels for _, labels in s), SERIES)
        self.assertEqual(value("drops_total", packet="syn", reason="accept_queue_full"), dropped)
        self.assertEqual(value("syns_total"), 6)
        self.assertEqual(value("synacks_total"), 2)
        self.assertEqual(value("accepts_total"), 0)
        self.assertEqual(value("accept_queue_length"), 2)
        self.assertEqual(value("accept_queue_limit"), 1)
        self.assertEqual(value("accept_queue_high_water"), 2)
        self.assertEqual(value("accept_queue_fill_ratio"), 2)
        self.assertEqual(value("syn_queue_length"), 0)
        self.assertEqual(value("syn_queue_limit"), 1)
        self.assertEqual(value("handshake_seconds_count"), 2)
        self.assertEqual(value("accept_wait_seconds_count"), 0)
        self.assertEqual(select(s, name + "last_accept_age_seconds", port=port), [])
        time.sleep(0.3)
        for _ in range(2):
            self.accept(listener)
        s = self.until(lambda s: total(s, name + "accepts_total", port=port) == 2, "the accepts")
        self.assertEqual(value("accept_queue_length"), 0)
        self.assertEqual(value("accept_queue_high_water"), 2)
        self.assertEqual(value("accept_wait_seconds_count"), 2)
        self.assertGreater(value("accept_wait_seconds_sum"), 0.6)
        self.assertEqual(value("accept_wait_seconds_bucket", le="0.262144"), 0)
        self.assertEqual(value("accept_wait_seconds_bucket", le="67.108864"), 2)
        age = value("last_accept_age_seconds")
        self.assertTrue(0 <= age < 5, age)
        again = self.until(lambda s: total(s, name + "last_accept_age_seconds", port=port) > age,
                           "time to pass")
        self.assertEqual(total(again, name + "accepts_total", port=port), 2)

    def test_bind_failures(self):
        """Only those of TCP, only of the namespace that is watched."""
        taken = self.listen()
        elsewhere = self.listen(ns=self.cli, addr=lib.V4_CLI)
        self.export()
        before = self.sockline.samples()

        def fails(name, ns=None, family=socket.AF_INET, kind=socket.SOCK_STREAM):
            sock = self.keep((ns or self.srv).socket(family, kind))
            with self.assertRaises(OSError):
                sock.bind(name)

        for _ in range(3):
            fails(taken.getsockname())
        fails(("192.0.2.1", 80))
        with self.assertRaises(OSError):
            taken.bind((lib.V4_SRV, 7001))  # it is bound already: EINVAL
        fails(elsewhere.getsockname(), ns=self.cli)
        fails(("192.0.2.1", 80), kind=socket.SOCK_DGRAM)
        # Two may bind with SO_REUSEADDR; the second may not listen.
        first, second = (self.keep(self.srv.socket()) for _ in range(2))
        for sock in (first, second):
            sock.setsockopt(*REUSEADDR[0])
            sock.bind((lib.V4_SRV, 7000))
        first.listen()
        with self.assertRaises(OSError):
            second.listen()

        def failures(s, **labels):
            return total(s, "sockline_bind_failures_total", **labels)

        s = self.until(lambda s: failures(s, syscall="listen") == 1, "the failed listen()")
        self.assertEqual(failures(before), 0)
        self.assertEqual(len(select(before, "sockline_bind_failures_total", errno="EADDRINUSE")), 2)
        self.assertEqual(failures(s, syscall="bind", errno="EADDRINUSE"), 3)
        self.assertEqual(failures(s, syscall="bind", errno="EADDRNOTAVAIL"), 1)
        self.assertEqual(failures(s, syscall="listen", errno="EADDRINUSE"), 1)
        self.assertEqual(failures(s, syscall="bind"), 5)

    def test_bind_failures_through_io_uring(self):
        taken = self.listen(addr="127.0.0.1")
        self.export()
        done = self.srv.start(f"{lib.BUILD}/live/do_uring_bind", str(port_of(taken)),
                              stdout=subprocess.PIPE, text=True)
        said, _ = done.communicate(timeout=lib.SOON)
        if done.returncode == 77:
            self.skipTest("io_uring has no bind before Linux 6.11")
        self.assertEqual(said, f"bind {-errno.EADDRINUSE} listen 0\n")
        self.until(lambda s: total(s, "sockline_bind_failures_total", syscall="bind",
                                   errno="EADDRINUSE") == 1, "the failed bind")

    def test_a_member_that_closes(self):
        """The counts of a reuseport group stay, also what came just before."""
        members = [self.listen(64, options=REUSEPORT)]
        port = port_of(members[0])
        members += [self.listen(64, port=port, options=REUSEPORT) for _ in range(2)]
        self.export()
        clients = [self.connect(members[0]) for _ in range(30)]
        s = self.until(lambda s: total(s, "sockline_listener_syns_total", port=port) == 30,
                       "30 SYNs")
        [length] = select(s, "sockline_listener_accept_queue_length", port=port)
        [limit] = select(s, "sockline_listener_accept_queue_limit", port=port)
        self.assertEqual((length, limit), (30, 3 * 64))
        clients += [self.connect(members[0]) for _ in range(12)]
        members.pop().close()
        self.assertEqual(total(self.until(
            lambda s: total(s, "sockline_listener_accept_queue_limit", port=port) == 2 * 64,
            "one to be gone"), "sockline_listener_syns_total", port=port), 42)
        for member in members:
            member.close()
        s = self.until(lambda s: not select(s, "sockline_listener_accept_queue_limit", port=port),
                       "all to be gone")
        self.assertEqual(total(s, "sockline_listener_syns_total", port=port), 42)
        self.assertEqual(select(s, "sockline_listener_info", port=port), [])
        again = self.listen(port=port, options=REUSEPORT + REUSEADDR)
        self.serve(again, 3)
        self.until(lambda s: total(s, "sockline_listener_syns_total", port=port) == 45,
                   "it to count on")

    def test_a_listener_that_pauses(self):
        """shutdown() and listen() of one socket, as some servers pause: nothing counts twice."""
        port = 8080  # one that the kernel chose would go with shutdown()
        listener = self.listen(64, port=port, options=REUSEADDR)
        self.export()

        def accepts(s):
            return total(s, "sockline_listener_accepts_total", port=port)

        def listens(s):
            return select(s, "sockline_listener_accept_queue_limit", port=port) == [64]

        self.serve(listener, 5)
        self.until(lambda s: accepts(s) == 5, "5 accepts")
        listener.shutdown(socket.SHUT_RDWR)
        self.until(lambda s: not listens(s), "it to be gone")
        listener.listen(64)
        self.serve(listener, 3)
        s = self.until(lambda s: listens(s) and accepts(s) >= 8, "it to count on")
        self.assertEqual(accepts(s), 8)

    def test_bound(self):
        listeners = [self.listen() for _ in range(8)]
        ports = [port_of(sock) for sock in listeners]
        self.export("--max-listeners", "3")

        def shown(s):
            return {int(dict(labels)["port"]) for (name, labels) in s
                    if name == "sockline_listener_syns_total"}

        s = self.sockline.samples()
        self.assertEqual(total(s, "sockline_listeners"), 8)
        self.assertEqual(total(s, "sockline_listeners_omitted"), 5)
        self.assertEqual(total(s, "sockline_listeners_shown_max"), 3)
        self.assertEqual(len(shown(s)), 3)
        hidden = [sock for sock in listeners if port_of(sock) not in shown(s)]
        self.serve(hidden[0], 2)
        self.until(lambda s: port_of(hidden[0]) in shown(s), "the one with traffic")
        full, _ = self.overflow()
        s = self.until(lambda s: port_of(full) in shown(s), "the one that drops")
        self.assertIn(port_of(hidden[0]), shown(s))
        self.assertEqual(len(shown(s)), 3)
        self.assertEqual(total(s, "sockline_listeners_omitted"), 6)
        self.assertLess(shown(s), set(ports) | {port_of(full)})

    def test_two_thousand_listeners(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        listeners = [self.listen() for _ in range(2000)]
        self.export()
        for listener in listeners[::20]:
            self.serve(listener, 1)
        accepts = re.compile(r"^sockline_listener_accepts_total\{.* (\d+)$", re.M)
        until(lambda: sum(map(int, accepts.findall(self.sockline.get()[2]))) == 100, "the accepts")
        s = self.sockline.samples()
        self.assertEqual(total(s, "sockline_listeners"), 2000)
        self.assertEqual(total(s, "sockline_listeners_omitted"), 1000)
        for _ in range(5):
            self.sockline.get()
        memory = re.search(r"\nprocess_resident_memory_bytes (\d+)\n", self.sockline.get()[2])
        self.assertLess(int(memory[1]), MEMORY)

    def test_filters(self):
        ours, other = self.listen(), self.listen()
        self.export("--port", port_of(ours))
        self.serve(ours, 2)
        self.serve(other, 2)
        s = self.until(lambda s: total(s, "sockline_listener_syns_total") == 2, "the SYNs")
        self.assertEqual(total(s, "sockline_listeners"), 1)
        self.assertEqual(select(s, "sockline_listener_syns_total", port=port_of(other)), [])

    def test_another_users_name(self):
        """A process may call itself anything."""
        name = 'a"b\\c\nd\u00e9'
        program = ("import socket,sys\n"
                   "open('/proc/self/comm','w').write(sys.argv[1])\n"
                   "s=socket.create_server(('127.0.0.1',0))\nprint(s.getsockname()[1],flush=True)\n"
                   "s.accept()")
        server = self.srv.start("python3", "-c", program, name, stdout=subprocess.PIPE, text=True)
        for cleanup in (server.wait, server.kill, server.stdout.close):
            self.addCleanup(cleanup)
        port = int(server.stdout.readline())
        self.export()
        for open_metrics in (False, True):
            s = self.sockline.samples(open_metrics)
            self.assertEqual(select(s, "sockline_listener_syns_total", port=port, comm=name), [0])

    def test_container(self):
        with open("/proc/self/mounts") as mounts:
            base = next((m.split()[1] for m in mounts if m.split()[2] == "cgroup2"), None)
        if not base:
            self.skipTest("cgroup2 is not mounted")
        uid, container = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0", "5e" * 32
        parts = [f"{lib.PREFIX}{os.getpid()}.slice", "kubepods.slice",
                 f"kubepods-pod{uid.replace('-', '_')}.slice", f"cri-containerd-{container}.scope"]
        for i in range(len(parts)):
            path = "/".join([base, *parts[:i + 1]])
            os.mkdir(path)
            self.addCleanup(os.rmdir, path)
        server = self.srv.start("python3", "-c",
                                "import socket,sys\nsys.stdin.readline()\n"
                                "s=socket.create_server(('127.0.0.1',0))\n"
                                "print(s.getsockname()[1],flush=True)\ns.accept()",
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for cleanup in (server.wait, server.kill, server.stdout.close, server.stdin.close):
            self.addCleanup(cleanup)
        with open(f"{path}/cgroup.procs", "w") as f:
            f.write(str(server.pid))
        server.stdin.write("\n")
        server.stdin.flush()
        port = int(server.stdout.readline())
        self.export()
        s = self.sockline.samples()
        self.assertEqual(select(s, "sockline_listener_info", port=port, container=container,
                                pod_uid=uid, cgroup="/" + "/".join(parts)), [1], s)


class Served(MetricsTest):
    def promtool(self, text):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                              capture_output=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_formats(self):
        """promtool has no complaint, both strict parsers read it, and both say the same."""
        self.export()
        listener, dropped = self.overflow()
        self.until(lambda s: total(s, "sockline_listener_drops_total") == dropped, "the drops")
        self.accept(listener)
        time.sleep(2.5 * LOOK)
        self.promtool(self.sockline.get(accept=TEXT)[2])
        moving = re.compile("process_|sockline_listener_last_accept_age")
        text, opened = ({k: v for k, v in self.sockline.samples(o).items() if not moving.match(k[0])}
                        for o in (False, True))
        self.assertEqual(text, opened)
        self.assertGreater(len(text), 40)
        units = {f.name: f.unit for f in self.sockline.families(True) if f.unit}
        self.assertEqual(units["sockline_listener_handshake_seconds"], "seconds")
        self.assertEqual(units["process_cpu_seconds"], "seconds")

    def test_negotiation(self):
        self.export()
        prometheus = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                      "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
        for accept, want in ((None, TEXT), ("*/*", TEXT), (OPEN, OPEN), (prometheus, OPEN),
                             ("text/plain;q=0.9,application/openmetrics-text;q=0.2", TEXT)):
            status, kind, body = self.sockline.get(accept=accept)
            self.assertEqual((status, kind), (200, want), accept)
            self.assertEqual(body.endswith("# EOF\n"), want == OPEN)

    def test_pages(self):
        listener = self.listen()
        self.export()
        status, kind, body = self.sockline.get("/healthz")
        self.assertEqual((status, kind, body), (200, "text/plain; charset=utf-8", "ok\n"))
        status, kind, body = self.sockline.get("/")
        self.assertEqual((status, kind), (200, "text/html; charset=utf-8"))
        version = lib.run(SOCKLINE, "--version").strip()
        for part in (version, "1 listening socket in one network namespace", 'href="metrics"', 'href="healthz"'):
            self.assertIn(part, body)
        self.assertEqual(self.sockline.get("/nothing")[0], 404)
        self.assertEqual(self.sockline.get("/metrics?name[]=x")[0], 200)
        listener.close()

    def test_health(self):
        """When the counters cannot be read that is said, and no old number is served for a new one."""
        self.export()
        pid = self.sockline.process.pid
        kept = self.sockline.connect()
        self.addCleanup(kept.close)
        self.assertEqual(self.sockline.get("/healthz", connection=kept)[0], 200)
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, hard))
        self.listen()  # it is to be looked for, which takes a file
        until(lambda: self.sockline.get("/healthz", connection=kept)[0] == 503, "trouble")
        time.sleep(2.5 * LOOK)  # it lasts
        for path in ("/healthz", "/metrics"):
            status, _, body = self.sockline.get(path, connection=kept)
            self.assertEqual((status, body), (503, "the counters cannot be read: "
                                                   f"{os.strerror(errno.EMFILE)}\n"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        until(lambda: self.sockline.get("/healthz", connection=kept)[0] == 200, "health")
        self.assertEqual(total(self.sockline.samples(), "sockline_listeners"), 1)

    def test_own_process(self):
        self.export()
        pid = self.sockline.process.pid
        kept = self.sockline.connect()
        self.addCleanup(kept.close)
        s = self.sockline.samples(connection=kept)
        self.assertLess(total(s, "process_resident_memory_bytes"), MEMORY)
        self.assertEqual(total(s, "process_open_fds"), len(os.listdir(f"/proc/{pid}/fd")))
        started = total(s, "process_start_time_seconds")
        self.assertTrue(0 <= time.time() - started < 60, started)
        self.assertGreater(total(s, "process_cpu_seconds_total"), 0)

    def test_many_scrapers_cost_one_read(self):
        """What was read once is told to all who ask before the next look."""
        self.export()
        listener = self.listen()
        self.serve(listener, 1)
        kept = self.sockline.connect()
        self.addCleanup(kept.close)
        ages = []
        end = time.monotonic() + 2.5 * LOOK
        while time.monotonic() < end:
            text = self.sockline.get(connection=kept)[2]
            ages += re.findall(r"last_accept_age_seconds\{.*\} (.*)", text)
        self.assertGreater(len(ages), 20)
        self.assertLessEqual(len(set(ages)), 4)

    def test_end(self):
        for sig in (signal.SIGTERM, signal.SIGINT):
            self.export()
            self.sockline.get()
            self.assertEqual(self.sockline.stop(sig), 0, self.sockline.talk())
            self.assertIn("scrapes answered: 1, listeners: 0\n", self.sockline.talk())
        done = subprocess.run([SOCKLINE, "export", "--listen", "127.0.0.1:0", "-d", "0.5"],
                              text=True, capture_output=True, timeout=lib.SOON)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_bad_arguments(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            in_use = f"127.0.0.1:{port_of(taken)}"
            for args, word in ((["--listen", in_use], "in use"),
                               (["--listen", "192.0.2.1:80"], "not an address"),
                               (["--listen", "127.0.0.1"], "--listen"),
                               (["--listen", "127.0.0.1:99999"], "--listen"),
                               (["--listen", "name:80"], "--listen"),
                               (["--max-listeners", "0"], "from 1"),
                               (["--web-config", "/nowhere"], "--web-config"),
                               (["--no-metrics"], "--store"),
                               (["--no-metrics", "--listen", in_use], "--no-metrics"),
                               (["--from", "x"], "--store"),
                               (["--from", "x", "--store", "sqlite:y", "--listen", in_use],
                                "--from"),
                               (["--store", "sqlite:/x/y", "--store", "sqlite:/x/y"], "twice"),
                               (["--spool", "x"], "clickhouse"),
                               (["word"], "word")):
                done = subprocess.run([SOCKLINE, "export", *args], text=True, capture_output=True,
                                      timeout=lib.SOON)
                self.assertEqual(done.returncode, 2, args)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(word, done.stderr)

    def test_stores(self):
        directory = tempfile.mkdtemp(prefix="sockline-metrics-")
        self.addCleanup(shutil.rmtree, directory)
        target = f"sqlite:{directory}/rows.db"
        self.export("--store", target)
        listener = self.listen()
        self.serve(listener, 20)
        s = self.until(lambda s: total(s, "sockline_store_rows_total", store=target,
                                       table="connections") == 20, "the rows")
        self.assertEqual(select(s, "sockline_store_rows_lost_total", store=target), [0])
        self.assertEqual(select(s, "sockline_store_spooled_rows", store=target), [0])
        self.assertEqual(select(s, "sockline_events_lost_total", where="ring"), [0])
        # Rows and counters go two ways.
        s = self.until(lambda s: total(s, "sockline_listener_accepts_total",
                                       port=port_of(listener)) == 20, "the accepts")
        self.promtool(self.sockline.get(accept=TEXT)[2])
        self.assertEqual(self.sockline.samples(True).keys(), self.sockline.samples().keys())
        self.check_documented(s)
        self.assertEqual(self.sockline.stop(), 0, self.sockline.talk())
        self.assertIn("20 connections", self.sockline.talk())

    def check_documented(self, samples):
        """What is served, what metrics.def has and what docs/metrics.md says are the same."""
        with open(f"{ROOT}/user/core/metrics.def") as f:
            rows = re.findall(r'METRIC\(\w+, "(\w+)",\s+(\w+),\s+"\w*",\s+"(.*?)",\s+"(.*?)"\)',
                              f.read())
        self.assertGreater(len(rows), 25)
        with open(f"{ROOT}/docs/metrics.md") as f:
            told = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*?) \| .+ \|$", f.read(), re.M)
        self.assertEqual([(n, t, ls.replace("`", ""), h) for n, t, ls, h in told],
                         [(n, t.lower(), ls or "–", h) for n, t, ls, h in rows])
        labels = {}
        for name, have in samples:
            name = re.sub("_(bucket|count|sum)$", "", name)
            labels.setdefault(name, set()).update(k for k, _ in have)
        self.assertEqual(set(labels), {n for n, *_ in rows})
        for name, _, want, _ in rows:
            self.assertLessEqual(labels[name], set(want.split(", ")) - {""}, name)


if __name__ == "__main__":
    lib.main()
