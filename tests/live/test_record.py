# SPDX-License-Identifier: GPL-2.0-only
"""record and watch --from: what is replayed is what was seen live, to the byte; and what becomes of
a recording when it is rotated, and when the disk is full."""
import os
import re
import select
import signal
import subprocess
import threading
import time

import lib
import lib_raw
from lib_record import RecordTest, parse, replay


class Same(RecordTest):
    def test_replay_is_what_was_seen_live(self):
        traffic = self.some_of_each()
        next(traffic)
        self.record("--json")
        self.assertEqual(list(traffic), [])
        self.ended()
        status, out, err = replay("--from", self.path, "--json")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out, self.sockline.text())
        records = parse(out)
        kinds = {r["outcome"] for r in records if r["type"] == "connection"}
        self.assertLessEqual({"accepted", "syn_dropped", "expired", "reset", "refused", "open"}, kinds)
        self.assertEqual(records[-1]["lost"], 0)

    def test_storm(self):
        """On disk a connection takes at most 100 bytes; and the replay is the same again."""
        listener = self.listen(backlog=64)
        self.record("--json")
        self.storm(listener, 4000)
        talk = self.ended()
        status, out, _ = replay("--from", self.path, "--json")
        self.assertEqual(status, 0)
        self.assertEqual(out, self.sockline.text())
        self.assertEqual(parse(out)[-1]["connections"], 4000)
        each = os.path.getsize(self.path) / 4000
        self.assertLessEqual(each, 100)
        self.assertIn(f"{int(each)} bytes a connection", talk)

    def on_one_cpu(self):
        """So that there is one ring; the CPU's number."""
        cpus = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, cpus)
        os.sched_setaffinity(0, {min(cpus)})
        return min(cpus)

    def flood(self, listener):
        """More than a ring has room for."""
        client = lib_raw.Client(self, listener)
        for seq in range(30000):  # a SYN and a cookie each
            client.port = 2000 + seq % 10000
            client.send(lib_raw.SYN, seq)

    def test_with_losses(self):
        """sockline is held up until its rings overflow, twice; what was told of it is replayed."""
        cpu = self.on_one_cpu()
        listener = self.listen(backlog=64)
        self.record("--json")
        for _ in range(2):
            self.storm(listener, 20)
            self.sockline.process.send_signal(signal.SIGSTOP)
            self.flood(listener)
            self.sockline.process.send_signal(signal.SIGCONT)
            time.sleep(0.5)
        self.storm(listener, 20)
        self.ended()
        status, out, _ = replay("--from", self.path, "--json")
        self.assertEqual(status, 0)
        lost = [r for r in parse(out) if r["type"] == "lost" and r["cpu"] == cpu]
        self.assertGreater(len(lost), 1)
        self.assertEqual(out, self.sockline.text())

    def test_ended_by_count(self):
        """-n ends live and replay at the same place; without it the rest is shown too."""
        listener = self.listen()
        self.record("--json", "-n", "5")
        for _ in range(8):
            self.connect(listener)
        for _ in range(8):
            self.accept(listener)
        self.assertEqual(self.sockline.process.wait(lib.SOON), 0)
        _, out, _ = replay("--from", self.path, "--json", "-n", "5")
        self.assertEqual(out, self.sockline.text())
        self.assertEqual(parse(out)[-1]["connections"], 5)

    def test_filters_and_options_of_watch(self):
        one, other = self.listen(), self.listen(addr=lib.V6_SRV)
        self.record("--json")
        for listener in (one, other, other):
            self.connect(listener)
            self.accept(listener)
        self.ended()
        port = str(lib.port_of(one))
        lines = self.sockline.text().splitlines()
        for args, want in ((["-P", port], 1), (["-6"], 2), (["-x"], 0), (["-r", lib.V4_CLI], 1),
                           (["-n", "1"], 1), (["-C", lib.comm()], 3), (["-C", "nobody"], 0)):
            status, out, _ = replay("--from", self.path, "--json", *args)
            self.assertEqual(status, 0)
            found = out.splitlines()[:-1]
            self.assertEqual(len(found), want, args)
            self.assertLessEqual(set(found), set(lines))

    def test_connections_of_this_host(self):
        """Recorded with --active they are shown with --active, and only then."""
        listener = self.listen(ns=self.cli, addr=lib.V4_CLI)
        self.record("--active")
        self.connect(listener, ns=self.srv)
        self.ended()
        for args, want in (([], []), (["--active"], ["established"])):
            _, out, _ = replay("--from", self.path, "--json", *args)
            self.assertEqual([r["outcome"] for r in parse(out)[:-1]], want)

    def test_duration_is_recorded_time(self):
        listener = self.listen()
        self.record()
        for _ in range(2):
            self.connect(listener)
            self.accept(listener)
            time.sleep(1.5)
        self.ended()
        status, out, _ = replay("--from", self.path, "--json", "-d", "1")
        self.assertEqual((status, len(out.splitlines())), (0, 2))
        self.assertEqual(len(replay("--from", self.path, "--json")[1].splitlines()), 3)

    def test_through_a_pipe(self):
        listener = self.listen()
        watch = subprocess.Popen([lib.SOCKLINE, "watch", "--from", "-", "--json"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.path = "-"
        self.record(stdout=watch.stdin)
        watch.stdin.close()
        self.storm(listener, 20)
        # It is told while it goes on.
        self.assertTrue(select.select([watch.stdout], [], [], lib.SOON)[0])
        self.ended()
        out = watch.stdout.read()
        self.assertEqual(watch.wait(lib.SOON), 0)
        self.assertEqual(parse(out)[-1]["connections"], 20)

    def test_through_a_pipe_that_stalls(self):
        """What finds no room meanwhile is told, here and there; the rest is whole."""
        self.on_one_cpu()
        listener = self.listen(backlog=64)
        read, write = os.pipe()
        out, self.path = self.path, "-"
        self.record(stdout=write)
        os.close(write)
        self.storm(listener, 20)
        self.flood(listener)
        self.sockline.process.send_signal(signal.SIGTERM)
        with open(read, "rb") as pipe, open(out, "wb") as f:
            f.write(pipe.read())
        told = re.search(r"(\d+) lost$", self.ended().strip())
        status, text, _ = replay("--from", out, "--json")
        *records, summary = parse(text)
        self.assertEqual((status, summary["lost"]), (0, int(told[1])))
        self.assertEqual(summary["lost"], sum(r["events"] for r in records if r["type"] == "lost"))
        whole = [r for r in records if r["type"] == "connection" and r["outcome"] == "accepted"]
        self.assertEqual(len(whole), 20)

    def test_signal_while_a_pipe_is_silent(self):
        watch = subprocess.Popen([lib.SOCKLINE, "watch", "--from", "-", "--json"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        time.sleep(0.2)
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(5), 0)
        watch.communicate()


class Files(RecordTest):
    def test_for_its_owner_alone(self):
        with open(self.path, "w") as f:
            f.write("x" * 100000)
        os.chmod(self.path, 0o666)
        self.record()
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        self.ended()
        self.assertEqual(replay("--from", self.path, "--json")[0], 0)

    def test_rotation(self):
        """All parts together are what was seen live; each can be read alone."""
        listener = self.listen(backlog=64)
        self.record("--json", "--rotate", "64K")
        for _ in range(4):
            self.storm(listener, 2000)
        self.ended()
        parts = self.parts()
        self.assertGreater(len(parts), 3)
        self.assertEqual(os.path.basename(parts[0]), "a.rec.000001")
        for together in (["--from", *parts], ["--from", "-"]):
            data = b"".join(open(p, "rb").read() for p in parts) if "-" in together else None
            status, out, err = replay("--json", *together, data=data)
            self.assertEqual((status, err), (0, ""))
            self.assertEqual(out, self.sockline.text())
        status, out, _ = replay("--from", parts[2], "--json")
        self.assertEqual(status, 0)
        whole = [r for r in parse(out)[:-1] if r["complete"] and r["outcome"] == "accepted"]
        self.assertGreater(len(whole), 100)
        for r in whole:  # told at the start of each part again
            self.assertEqual(r["listener"]["port"], lib.port_of(listener))
            self.assertEqual((r["ifname"], r["process"]["comm"]), ("srv0", lib.comm()))
            self.assertIsNotNone(r["process"]["cgroup"])

    def test_keep(self):
        listener = self.listen(backlog=64)
        for first in (1, 0):  # a second run goes on behind the first, and counts its parts
            self.record("--rotate", "64K", "--keep", "2")
            self.storm(listener, 6000)
            self.ended()
            self.assertLessEqual(len(self.parts()), 2)
            newest = int(self.parts()[-1][-6:])
            self.assertGreater(newest, 2)
            if first:
                before = newest
        self.assertGreater(newest, before)

    def test_rotation_by_time(self):
        self.record("--rotate", "1")
        time.sleep(3.5)
        self.ended()
        self.assertIn(len(self.parts()), (3, 4, 5))
        for part in self.parts():
            self.assertEqual(replay("--from", part, "--json")[0], 0)

    def test_max_size(self):
        listener = self.listen(backlog=64)
        self.record("--max-size", "64K")
        self.storm(listener, 4000)
        self.sockline.process.wait(lib.SOON)  # by itself
        self.assertIn("--max-size", self.ended())
        self.assertLessEqual(os.path.getsize(self.path), 64 << 10)
        status, out, err = replay("--from", self.path, "--json")
        self.assertEqual((status, err), (0, ""))
        self.assertGreater(parse(out)[-1]["connections"], 500)

    def test_max_size_with_parts(self):
        listener = self.listen(backlog=64)
        self.record("--max-size", "256K", "--rotate", "1M")
        done = threading.Event()
        biggest = [0]

        def look():
            while not done.wait(0.01):
                biggest[0] = max(biggest[0], sum(os.path.getsize(p) for p in self.parts()
                                                 if os.path.exists(p)))

        looker = threading.Thread(target=look)
        looker.start()
        for _ in range(4):
            self.storm(listener, 4000)
        done.set()
        looker.join()
        self.ended()
        self.assertGreater(biggest[0], 100 << 10)
        self.assertLessEqual(biggest[0], 256 << 10)
        self.assertGreater(int(self.parts()[0][-6:]), 1)


class DiskFull(RecordTest):
    def setUp(self):
        super().setUp()
        self.mount = os.path.join(self.dir.name, "small")
        os.mkdir(self.mount)
        lib.run("mount", "-t", "tmpfs", "-o", "size=128k", "sockline-test", self.mount)
        self.addCleanup(lib.run, "umount", self.mount)
        self.path = os.path.join(self.mount, "a.rec")

    def test_the_newest_is_lost_and_said(self):
        listener = self.listen(backlog=64)
        self.record()
        self.storm(listener, 6000)
        talk = self.ended(status=2)
        lines = [line for line in talk.splitlines() if "could not be written" in line]
        self.assertEqual(len(lines), 1, talk)
        self.assertIn("No space left on device", lines[0])
        told = int(re.search(r"(\d+) events could not", lines[0]).group(1))
        status, out, err = replay("--from", self.path, "--json")
        self.assertIn(status, (0, 1))
        self.assertLessEqual(len(err.splitlines()), 1)
        records = parse(out)
        self.assertGreater(records[-1]["connections"], 500)
        kept = int(re.search(r"(\d+) events ", talk).group(1))
        self.assertEqual(records[-1]["events"], kept)
        self.assertGreater(told, 1000)

    def test_goes_on_when_there_is_room_again(self):
        listener = self.listen(backlog=64)
        filler = os.path.join(self.mount, "filler")
        self.record()
        self.storm(listener, 50)
        time.sleep(1.2)
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        self.storm(listener, 1000)
        listener = self.listen(backlog=64)  # its beginning is among what is lost
        time.sleep(1.5)
        os.unlink(filler)
        time.sleep(1.2)
        self.storm(listener, 50)
        time.sleep(1.2)
        talk = self.ended(status=2)
        status, out, err = replay("--from", self.path, "--json")
        self.assertEqual(status, 1, err)
        self.assertIn("could not be written", err)
        records = parse(out)
        lost = sum(r["events"] for r in records if r["type"] == "lost")
        self.assertGreater(lost, 0, talk)
        # Those of the end, whole and with their listener, in spite of the gap.
        last = [r for r in records if r["type"] == "connection"][-10:]
        for r in last:
            self.assertTrue(r["complete"], r)
            self.assertEqual(r["listener"]["port"], lib.port_of(listener))

    def test_nobody_reads(self):
        self.path = "-"
        read, write = os.pipe()
        self.record(stdout=write)
        os.close(write)
        os.close(read)
        listener = self.listen()
        self.connect(listener)
        self.accept(listener)
        self.assertEqual(self.sockline.process.wait(lib.SOON), 2)
        self.assertIn("Broken pipe", self.sockline.talk().splitlines()[-1])


if __name__ == "__main__":
    lib.main()
