# SPDX-License-Identifier: GPL-2.0-only
"""watch --from what is cut off, damaged, hostile or no recording at all; and bad arguments."""
import os
import pty
import re
import subprocess
import time

import lib
from lib_record import RecordTest, parse, replay


def all_said(terminal):
    """Until its other end is closed; it must be UTF-8."""
    said = b""
    while True:
        try:
            said += os.read(terminal, 4096)
        except OSError:
            break
    os.close(terminal)
    return said.decode()


class Bad(RecordTest):
    def made(self):
        listener = self.listen(backlog=64)
        self.record("--json")
        for _ in range(3):
            self.storm(listener, 20)
            time.sleep(1.1)  # a block each
        self.ended()
        with open(self.path, "rb") as f:
            return f.read()

    def put(self, data):
        path = os.path.join(self.dir.name, "bad.rec")
        with open(path, "wb") as f:
            f.write(data)
        return path

    def test_cut_off(self):
        """Wherever it is cut, what is read is the beginning, and one line says so."""
        data = self.made()
        whole = self.sockline.text().splitlines()[:-1]
        accepted = 0
        for at in [1, 7, 8, 100, 263, 264, 270, *range(300, len(data), len(data) // 40),
                   len(data) - 1]:
            status, out, err = replay("--from", self.put(data[:at]), "--json")
            self.assertEqual(status, 1, (at, err))
            self.assertEqual(len(err.splitlines()), 1, (at, err))
            self.assertIn(f"cut off at byte {at}", err)
            found = [line for line in out.splitlines()[:-1] if '"accepted"' in line]
            self.assertEqual(found, whole[:len(found)], at)
            self.assertGreaterEqual(len(found), accepted)
            accepted = len(found)
        self.assertGreater(accepted, 30)

    def test_damaged(self):
        """One block cannot be read: what lies before and behind it is shown, and the loss told.  In
        the stream it is a gap, if another event of that CPU comes behind it."""
        data = bytearray(self.made())
        whole = parse(self.sockline.text())[-1]
        blocks = [m.start() for m in re.finditer(b"lock(?=[\1]\0\0\0)", data)]
        self.assertGreater(len(blocks), 3)
        gaps = 0
        for at in blocks:
            data[at + 40] ^= 1
            status, out, err = replay("--from", self.put(data), "--json")
            data[at + 40] ^= 1
            self.assertEqual((status, len(err.splitlines())), (2, 1), err)
            unread = int(re.search(r"damaged at byte \d+: 1 block with (\d+) events? could", err)[1])
            *records, summary = parse(out)
            self.assertEqual(summary["events"] + unread, whole["events"])
            self.assertLessEqual(summary["lost"], unread)
            gaps += summary["lost"] > 10
            found = [r for r in records if r["type"] == "connection" and r["complete"]]
            self.assertGreater(len(found), 15)
        self.assertGreater(gaps, 0)
        # And the head of a block: what comes behind is not found any more.
        data[blocks[2] + 8] ^= 1
        status, out, err = replay("--from", self.put(data), "--json")
        self.assertEqual((status, len(err.splitlines())), (2, 1), err)
        self.assertIn("only what came before", err)

    def test_no_recording(self):
        header = self.made()[:264]
        for data, word in ((b"", "empty"), (b"hello\n" * 100, "not a recording"),
                           (header[:8] + header[11:7:-1] + header[12:], "byte order"),
                           (header[:12] + b"\x63" + header[13:], "version"),
                           (header[:40] + b"\xff" + header[41:], "damaged")):
            status, out, err = replay("--from", self.put(data), "--json")
            self.assertEqual((status, len(err.splitlines())), (2, 1), err)
            self.assertIn(word, err)
        status, _, err = replay("--from", "/nonexistent", "--json")
        self.assertEqual((status, len(err.splitlines())), (2, 1), err)
        self.assertIn("No such file", err)

    def test_one_bad_file_among_good_ones(self):
        data = self.made()
        good, bad = self.path, self.put(b"hello")
        status, out, err = replay("--from", bad, "--from", good, "--json")
        self.assertEqual((status, len(err.splitlines())), (2, 1), err)
        self.assertEqual(out, self.sockline.text())

    def replay_on_terminal(self, path):
        """What it says on a terminal, and what it prints."""
        main, terminal = pty.openpty()
        watch = subprocess.Popen([lib.SOCKLINE, "watch", "--no-header", "--from", path, "-C",
                                  "nobody"], stderr=terminal, stdout=subprocess.PIPE, text=True)
        os.close(terminal)
        said = all_said(main)
        out, _ = watch.communicate()
        self.assertEqual(watch.returncode, 0)
        return said, out

    def test_progress_on_a_terminal(self):
        """Long work says how far it is and how long it will take; on stderr, and only there."""
        progress = r"replaying . \d+ % . \d+ (s|min) still"
        for times in (4000, 16000, 64000):  # until it is long work for this machine
            said, out = self.replay_on_terminal(self.put(self.made() * times))
            if re.search(progress, said):
                break
        self.assertRegex(said, progress)
        self.assertNotIn("replaying", out)

    def test_hostile_names_on_a_terminal(self):
        """A recorded comm, interface or cgroup drives no terminal: only sockline's own colours."""
        path = os.path.join(lib.ROOT, "tests", "data", "hostile.rec")
        for args in ((), ("--steps", "--explain"), ("--wide",), ("--json",)):
            main, terminal = pty.openpty()
            watch = subprocess.Popen([lib.SOCKLINE, "watch", "--from", path, *args],
                                     stdout=terminal, stderr=terminal,
                                     env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
            os.close(terminal)
            text = all_said(main)
            self.assertEqual(watch.wait(), 0)
            self.assertIn("0;ha", text)
            text = re.sub(r"\x1b\[(0|1|2|31|32|33)m|\r\x1b\[K|\r?\n", "", text)
            self.assertEqual([c for c in text if not c.isprintable()], [], args)


class Usage(RecordTest):
    def test_bad_arguments(self):
        for args, word in (([], "-o FILE"), (["-o", "-", "--json"], "--json"),
                           (["-o", "x", "--keep", "2"], "--rotate"),
                           (["-o", "x", "--rotate", "1K"], "--rotate"),
                           (["-o", "x", "--rotate", "many"], "--rotate"),
                           (["-o", "x", "--max-size", "12"], "--max-size"),
                           (["-o", "/nonexistent/x"], "/nonexistent/x"), (["-o", "x", "y"], "'y'")):
            done = subprocess.run([lib.SOCKLINE, "record", *args], capture_output=True, text=True,
                                  timeout=10, stdin=subprocess.DEVNULL, cwd=self.dir.name)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done.stderr)
            self.assertIn(word, done.stderr)
        self.assertEqual(os.listdir(self.dir.name), [])

    def test_replay_runs_no_command(self):
        status, _, err = replay("--from", "x", "--", "true")
        self.assertEqual((status, len(err.splitlines())), (2, 1))
        status, out, err = replay("--from", "x", "y", "--json")
        self.assertEqual((status, len(err.splitlines())), (2, 2))
        self.assertEqual(parse(out)[-1]["type"], "summary")


if __name__ == "__main__":
    lib.main()
