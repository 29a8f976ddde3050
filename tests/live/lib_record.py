# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of recordings share: a recorder, a replay, and traffic to record."""
import glob
import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

import lib
import lib_raw

RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # struct linger


def replay(*args, data=None, env=None):
    """The exit status, stdout and stderr of watch --from."""
    done = subprocess.run([lib.SOCKLINE, "watch", *map(str, args)], input=data, env=env,
                          capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def parse(text):
    return [json.loads(line) for line in text.splitlines()]


class RecordTest(lib.LiveTest):
    def setUp(self):
        super().setUp()
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.path = os.path.join(self.dir.name, "a.rec")

    def record(self, *args, **kwargs):
        self.sockline = lib.Sockline("record", "-o", self.path, "--netns", self.srv.path, *args,
                                     **kwargs)
        self.addCleanup(self.sockline.stop)

    def ended(self, status=0):
        time.sleep(0.2)
        self.assertEqual(self.sockline.stop(), status, self.sockline.talk())
        return self.sockline.talk()

    def parts(self):
        return sorted(glob.glob(f"{self.path}.*"))

    def storm(self, listener, count):
        """So many connections, one after another, each accepted at once."""
        addr = listener.getsockname()

        def accept():
            for _ in range(count):
                listener.accept()[0].close()

        server = threading.Thread(target=accept)
        server.start()
        with self.cli:  # sockets are born in the thread's namespace
            for _ in range(count):
                with socket.create_connection(addr) as c:
                    c.recv(1)
                    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        server.join(lib.SOON)

    def some_of_each(self):
        """Traffic with several outcomes, also such that are concluded from silence."""
        self.srv.sysctl("ipv4.tcp_synack_retries", 0)
        open_one, small = self.listen(), self.listen(backlog=1)
        yield
        self.storm(open_one, 30)
        for i in range(5):
            self.connect(small, wait=i < 2)
        raw = [lib_raw.Client(self, open_one) for _ in range(3)]
        for c in raw:
            c.half_open()
        raw[0].rst()
        self.storm(open_one, 10)
        client = self.keep(self.cli.socket())
        self.assertRaises(ConnectionRefusedError, client.connect, (lib.V4_SRV, 1))
        time.sleep(1.2)  # SYNs come again, entries expire
        self.storm(open_one, 10)
        open_one.close()
        self.connect(small, wait=False)
