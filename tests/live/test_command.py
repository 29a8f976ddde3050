# SPDX-License-Identifier: GPL-2.0-only
"""`watch -- CMD`: starts it, follows it and its children alone, ends with it and as it does."""
import os
import signal
import sys
import tempfile
import time

import lib
from lib import port_of

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])))"
SERVE = """
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
s.accept()
"""


class Command(lib.LiveTest):
    def run_it(self, *cmd, ns=None, options=()):
        """sockline runs in that namespace, and with it the command."""
        with ns or self.cli:
            return self.watch(*options, "--", *cmd, netns=ns or self.cli, attached=False)

    def ended(self, status, **kwargs):
        self.assertEqual(self.sockline.process.wait(lib.SOON), status, self.sockline.talk())
        return self.done(status=status, **kwargs)

    def test_exit_status(self):
        self.run_it("sh", "-c", "exit 7")
        self.ended(7, connections=0)

    def test_exit_status_0(self):
        self.run_it("true")
        self.ended(0, connections=0)

    def test_killed(self):
        self.run_it("sh", "-c", "kill -KILL $$")
        self.ended(128 + signal.SIGKILL, connections=0)

    def test_not_found(self):
        self.run_it("/does/not/exist")
        self.assertEqual(self.sockline.process.wait(lib.SOON), 2)
        self.assertIn("No such file or directory", self.sockline.talk())

    def test_its_own_connects(self):
        listener = self.listen()
        self.run_it(sys.executable, "-c", CONNECT, lib.V4_SRV, str(port_of(listener)))
        self.accept(listener)
        [r] = self.ended(0, connections=1)
        self.check(r, role="active", outcome="established", remote__port=port_of(listener),
                   process__comm=os.path.basename(sys.executable))

    def test_its_children_and_no_others(self):
        """A grandchild calls while we do: only the former is shown."""
        listener = self.listen()
        with tempfile.TemporaryDirectory() as place:
            script = (f"(touch {place}/up; until [ -e {place}/go ]; do sleep 0.05; done; "
                      f'"$@") & wait')
            self.run_it("sh", "-c", script, "sh", sys.executable, "-c", CONNECT, lib.V4_SRV,
                        str(port_of(listener)))
            lib.until(lambda: os.path.exists(f"{place}/up"), "the command to start")
            ours = port_of(self.connect(listener))
            self.accept(listener)
            with open(f"{place}/go", "w"):
                pass
            theirs = self.accept(listener).getpeername()[1]
            [r] = self.ended(0, connections=1)
        self.assertNotEqual(ours, theirs)
        self.check(r, role="active", outcome="established", local__port=theirs)
        self.assertNotIn(r["process"]["pid"], (self.sockline.process.pid, os.getpid()))

    def test_connections_that_come_to_it(self):
        """It listens and accepts; a listener that is not its own is not shown."""
        other = self.listen(port=6001)
        self.run_it("sh", "-c", '"$@"', "sh", sys.executable, "-c", SERVE, lib.V4_SRV, "6000",
                    ns=self.srv)
        def call():
            client = self.keep(self.cli.socket())
            return not client.connect_ex((lib.V4_SRV, 6000)) and client
        self.connect(other)
        client = lib.until(call, "the command to listen")
        found = [r for r in self.ended(0) if r["outcome"] != "refused"]
        [r] = found
        self.check(r, role="passive", outcome="accepted", local__port=6000,
                   remote__port=port_of(client), steps="syn synack queued accepted",
                   complete=True)

    def test_sigterm_ends_both(self):
        self.run_it("sleep", "60")
        lib.until(self.sockline.is_ready, "sockline to start")
        time.sleep(0.2)
        begun = time.monotonic()
        self.assertEqual(self.sockline.stop(signal.SIGTERM), 128 + signal.SIGTERM)
        self.assertLess(time.monotonic() - begun, lib.SOON)
        self.assertEqual(self.sockline.records()[-1]["type"], "summary")


if __name__ == "__main__":
    lib.main()
