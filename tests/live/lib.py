# SPDX-License-Identifier: GPL-2.0-only
"""The harness of the live tests: own network namespaces, sockline beside them, and its records.

Knows nothing of what a single test wants.  A test file ends with `lib.main()`, which prints a line
a test and `N passed, N failed, N skipped` as the last one.
"""
import ctypes
import errno
import functools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
SOCKLINE = os.path.join(BUILD, "sockline")
PREFIX = "skl"  # of every namespace's name: the runner removes what a killed test left
SOON = 10  # seconds until something that must happen is taken not to happen

V4_SRV, V4_CLI = "10.77.0.1", "10.77.0.2"
V6_SRV, V6_CLI = "fd77::1", "fd77::2"

CLONE_NEWNET = 0x40000000
SO_COOKIE = 57
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def call(ret):
    """The result of a libc function, or OSError."""
    if ret < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return ret


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(*cmd, **kwargs):
    kwargs.setdefault("timeout", 60)
    done = subprocess.run(cmd, text=True, capture_output=True, **kwargs)
    if done.returncode:
        raise AssertionError(f"{' '.join(cmd)}: {done.stderr.strip()}")
    return done.stdout


def comm(pid="self"):
    with open(f"/proc/{pid}/comm") as f:
        return f.read().strip()


def until(condition, what, seconds=SOON):
    """Waits for a true value, and returns it.  No look counts for more than a second: where the whole
    machine stood still, nothing is late."""
    waited = 0
    while True:
        begun = time.monotonic()
        value = condition()
        if value:
            return value
        if waited > seconds:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.005)
        waited += min(time.monotonic() - begun, 1)


class Netns:
    """A network namespace; `with ns:` puts this thread into it."""

    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self.inode = os.fstat(self.fd).st_ino

    def __enter__(self):
        call(libc.setns(self.fd, CLONE_NEWNET))

    def __exit__(self, *exc):
        call(libc.setns(self.home, CLONE_NEWNET))

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        with self:
            return socket.socket(family, kind, protocol)

    def sysctl(self, name, value=None):
        """Sets net.NAME, or reads it."""
        with self, open(f"/proc/sys/net/{name.replace('.', '/')}",
                        "r" if value is None else "w") as f:
            if value is None:
                return f.read().strip()
            return f.write(str(value))

    def run(self, *cmd, **kwargs):
        with self:
            return run(*cmd, **kwargs)

    def start(self, *cmd, **kwargs):
        with self:
            return subprocess.Popen(cmd, preexec_fn=die_with_parent, **kwargs)

    def nft(self, rules):
        self.run("nft", "-f", "-", input=rules)

    def netstat(self):
        """The counters of /proc/net/netstat and /proc/net/snmp, by name."""
        counters = {}
        for path in ("netstat", "snmp"):
            with self, open(f"/proc/thread-self/net/{path}") as f:
                for names in f:
                    keys, values = names.split()[1:], next(f).split()[1:]
                    counters.update(zip(keys, map(int, values)))
        return counters

    def remove(self):
        os.close(self.fd)
        subprocess.run(["ip", "netns", "del", self.name], check=False)


# Server and client share a veth.  Raw-socket clients use ports below 20000, for which the client's own
# kernel must not answer: it knows nothing of their connections.
PAIR = """
netns add {s}
netns add {c}
link add srv0 netns {s} type veth peer name cli0 netns {c}
-netns {s} link set lo up
-netns {c} link set lo up
-netns {s} addr add {V4_SRV}/24 dev srv0
-netns {c} addr add {V4_CLI}/24 dev cli0
-netns {s} addr add {V6_SRV}/64 dev srv0 nodad
-netns {c} addr add {V6_CLI}/64 dev cli0 nodad
-netns {s} link set srv0 up
-netns {c} link set cli0 up
"""
RAW_MARK = 7
RST_DROP = f"""
table inet sockline {{
	chain out {{
		type filter hook output priority 0;
		tcp sport 1024-19999 tcp flags & rst == rst meta mark != {RAW_MARK} drop
	}}
}}
"""
serial = 0


def netns_pair():
    global serial
    serial += 1
    names = {"s": f"{PREFIX}{os.getpid()}s{serial}", "c": f"{PREFIX}{os.getpid()}c{serial}"}
    for line in PAIR.strip().format(**names, **globals()).split("\n"):
        run("ip", *line.split())
    srv, cli = Netns(names["s"]), Netns(names["c"])
    cli.nft(RST_DROP)
    return srv, cli


class Sockline:
    """A running `sockline`; records() are what it has told so far."""

    def __init__(self, *args, attached=True, stdout=None, cmd=(), **kwargs):
        self.args = [*cmd, SOCKLINE, *map(str, args)]
        # Appended to: to read is to seek in the file that sockline writes.
        self.out = tempfile.TemporaryFile("a+")
        self.err = tempfile.TemporaryFile("a+")
        self.process = subprocess.Popen(self.args, stdout=stdout or self.out, stderr=self.err,
                                        stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
                                        **kwargs)
        if attached:
            until(self.is_ready, "sockline to start")

    def is_ready(self):
        """The program at the cgroup is attached last, and then it waits for events."""
        if self.process.poll() is not None:
            raise AssertionError(f"sockline ended at once: {self.talk()}")
        base = f"/proc/{self.process.pid}"
        with open(f"{base}/wchan") as f:
            if "poll" not in f.read():
                return False
        for fd in os.listdir(f"{base}/fdinfo"):
            try:
                with open(f"{base}/fdinfo/{fd}") as f:
                    if "link_type:\tcgroup" in f.read():
                        return True
            except FileNotFoundError:
                pass
        return False

    def text(self):
        self.out.seek(0)
        return self.out.read()

    def talk(self):
        self.err.seek(0)
        return self.err.read()

    def records(self):
        text = self.text()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def wait_for(self, what="a record", **want):
        """The first connection that matches; see match()."""
        return until(lambda: next((r for r in self.records() if match(r, want)), None),
                     f"{what} {want}")

    def stop(self, sig=signal.SIGTERM):
        """Ends it; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(SOON)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


def dig(record, path):
    for key in path.split("__"):
        record = record.get(key) if isinstance(record, dict) else None
    return record


def match(record, want):
    """want: remote__port=4000, outcome="accepted", …; and port= for the remote port."""
    return all(dig(record, {"port": "remote__port"}.get(k, k)) == v for k, v in want.items())


def steps(record):
    return [s["step"] for s in record["steps"]]


def port_of(sock):
    return sock.getsockname()[1]


def addr_of(name):
    """As sockline writes it: a v4-mapped address is an IPv4 address."""
    return name[0].removeprefix("::ffff:")


def cookie_of(sock):
    return struct.unpack("Q", sock.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]


def by_timer(test):
    """For what a timer of the kernel brings about: tried up to three times.

    A timer's softirq runs on top of whatever task is current, and on some virtual machines no BPF
    program runs on top of the guest's supervisor: the event is in no probe's sight, uncounted."""
    @functools.wraps(test)
    def tries(self):
        for _ in range(2):
            try:
                return test(self)
            except AssertionError as error:
                print(f"again {self.id().replace('__main__.', '')}: {str(error).splitlines()[0]}")
                self.doCleanups()
                self.setUp()
        return test(self)
    return tries


class LiveTest(unittest.TestCase):
    """Each test has two namespaces, joined by a veth: self.srv and self.cli."""

    maxDiff = None

    def setUp(self):
        self.srv, self.cli = netns_pair()
        self.addCleanup(self.srv.remove)
        self.addCleanup(self.cli.remove)
        self.sockline = None

    def keep(self, sock):
        self.addCleanup(sock.close)
        return sock

    def watch(self, *args, netns=None, **kwargs):
        """`sockline watch --json` on the server's namespace."""
        where = (netns or self.srv).path if netns != "all" else "all"
        self.sockline = Sockline("watch", "--json", "--netns", where, *args, **kwargs)
        self.addCleanup(self.sockline.stop)
        return self.sockline

    def done(self, status=0, connections=None):
        """Ends sockline; its connections, of which nothing may be lost or malformed."""
        s = self.sockline
        self.assertEqual(s.stop(), status, s.talk())
        records = s.records()
        self.assertTrue(records, s.talk())
        summary = records[-1]
        self.assertEqual(summary["type"], "summary")
        for key in ("lost", "evicted", "malformed"):
            self.assertEqual(summary[key], 0, summary)
        found = [r for r in records if r["type"] == "connection"]
        for r in found:
            check_connection(self, r)
        if connections is not None:
            self.assertEqual(len(found), connections, found)
        return found

    def one(self, records, **want):
        found = [r for r in records if match(r, want)]
        self.assertEqual(len(found), 1, f"{want} in {json.dumps(records, indent=1)}")
        return found[0]

    def check(self, record, **want):
        """record has each of these values, and the steps, if `steps` are given, in this order."""
        if "steps" in want:
            self.assertEqual(steps(record), want.pop("steps").split(), record)
        for key, value in want.items():
            self.assertEqual(dig(record, key), value, f"{key} of {record}")

    def listen(self, backlog=16, addr=None, port=0, ns=None, options=(), protocol=0):
        addr = V4_SRV if addr is None else addr
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        sock = self.keep((ns or self.srv).socket(family, socket.SOCK_STREAM, protocol))
        for level, name, value in options:
            sock.setsockopt(level, name, value)
        sock.bind((addr, port))
        if backlog is not None:
            sock.listen(backlog)
        sock.settimeout(SOON)
        return sock

    def connect(self, to, ns=None, addr=None, wait=True):
        """A client of this listener; its own port is port_of(it)."""
        host, port = to.getsockname()[:2]
        addr = addr or host
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        sock = self.keep((ns or self.cli).socket(family))
        sock.settimeout(SOON if wait else 0)
        try:
            sock.connect((addr, port))
        except BlockingIOError:
            pass
        return sock

    def accept(self, listener):
        conn, _ = listener.accept()
        return self.keep(conn)

    def accept_all(self, listener):
        """Whatever waits there."""
        listener.setblocking(False)
        try:
            while True:
                self.accept(listener)
        except BlockingIOError:
            pass


COUNT, TEXT, FLAG, MAP = (int,), (str,), (bool,), (dict,)
NULL = (type(None),)
CONNECTION = {
    "type": TEXT, "time": TEXT, "role": TEXT, "outcome": TEXT, "netns": COUNT, "family": TEXT,
    "ifname": TEXT + NULL, "cookie": COUNT + NULL, "local": MAP, "remote": MAP,
    "listener": MAP + NULL, "process": MAP + NULL, "synq": MAP + NULL, "acceptq": MAP + NULL,
    "handshake_us": COUNT + NULL, "queued_us": COUNT + NULL, "total_us": COUNT + NULL,
    "synack_retransmits": COUNT, "syn_retransmits": COUNT, "syncookie": FLAG, "complete": FLAG,
    "steps": (list,),
}
OUTCOMES = {
    "passive": {"accepted", "syn_dropped", "ack_dropped", "expired", "reset", "closed",
                "listener_closed", "refused", "open"},
    "active": {"established", "refused", "timed_out", "unreachable", "aborted", "open"},
}


def check_connection(test, r):
    """What holds for every connection, whatever its story."""
    for key, types in CONNECTION.items():
        test.assertIn(key, r)
        test.assertIn(type(r[key]), types, f"{key} of {r}")
    test.assertIn(r["outcome"], OUTCOMES[r["role"]])
    test.assertRegex(r["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
    test.assertEqual("state" in r, r["outcome"] == "open", r)
    times = [s["at_us"] for s in r["steps"]]
    test.assertEqual(times, sorted(times), r)
    test.assertEqual(times[0], 0)
    if r["complete"] and r["role"] == "passive":
        test.assertEqual(steps(r)[0], "syn", r)


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = 0

    def say(self, word, test, why=""):
        print(f"{word:5}{test.id().replace('__main__.', '')}{why}", flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self.say("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("skip", test, f": {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("FAIL", test, "\n" + self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.say("FAIL", test, "\n" + self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.say("FAIL", subtest, "\n" + (self.failures + self.errors)[-1][1])


def missing_capability():
    """The first capability that the tests need and do not have."""
    with open("/proc/self/status") as f:
        have = next(int(line.split()[1], 16) for line in f if line.startswith("CapEff"))
    needed = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38,
              "CAP_BPF": 39}
    return next((name for name, bit in needed.items() if not have >> bit & 1), None)


def main():
    missing = missing_capability()
    wanted = sys.argv[1:] or None
    suite = unittest.TestLoader().loadTestsFromModule(sys.modules["__main__"])
    result = Result()
    for test in (t for group in suite for t in group):
        if wanted and not any(w in test.id() for w in wanted):
            continue
        if missing:
            result.addSkip(test, f"{missing} is missing")
        else:
            test.run(result)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    sys.exit(1 if failed else 0)
