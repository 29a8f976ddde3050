# SPDX-License-Identifier: GPL-2.0-only
"""`top` on a terminal: in tmux, its screen against traffic that is known, its keys, and the
terminal that it leaves behind."""
import os
import re
import socket
import subprocess
import time

import lib
import lib_raw
from lib import port_of

REUSEPORT = [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)]


class Tmux:
    """A terminal with a shell in it."""

    serial = 0

    def __init__(self, test, width=80, height=24, **env):
        Tmux.serial += 1
        self.name = f"skl{os.getpid()}-{Tmux.serial}"
        env = {"LC_ALL": "C.UTF-8", "PS1": "$ ", **env}
        words = [f"{k}={v}" for k, v in env.items()]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  "env", "-u", "NO_COLOR", *words, "sh")
        self.tmux("set-option", "-g", "window-size", "manual", check=False)
        test.addCleanup(self.tmux, "kill-server", check=False)

    def tmux(self, *args, check=True):
        # The test's own locale decides whether tmux keeps what is not ASCII.
        return subprocess.run(["tmux", "-u", "-L", self.name, *args], check=check,
                              capture_output=True, text=True, timeout=lib.SOON).stdout

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def key(self, *keys):
        self.tmux("send-keys", *keys)

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def until(self, pattern, seconds=lib.SOON):
        """Waits until the screen matches, and returns it."""
        def look():
            text = self.screen()
            return text if re.search(pattern, text, re.M) else None
        try:
            return lib.until(look, pattern, seconds)
        except AssertionError:
            raise AssertionError(f"{pattern} is not on:\n{self.screen()}") from None


class Screen(lib.LiveTest):
    def start(self, width=80, height=24, args="", **env):
        self.term = Tmux(self, width, height, **env)
        self.term.type(f"stty -a > /tmp/skl{os.getpid()}.before; {lib.SOCKLINE} top -i 0.2 "
                       f"--netns {self.srv.path} {args}; echo ended $?; "
                       f"stty -a > /tmp/skl{os.getpid()}.after\n")
        for end in ("before", "after"):
            self.addCleanup(self.forget, f"/tmp/skl{os.getpid()}.{end}")
        self.term.until(r"^LISTENER")

    def forget(self, path):
        if os.path.exists(path):
            os.unlink(path)

    def ended(self, status=0, first_screen=True):
        """The shell has its terminal back, as it was: modes, first screen, cursor, keypad."""
        text = self.term.until(rf"^ended {status}$")
        if first_screen:
            self.assertIn("stty -a", text)
            self.assertNotIn("LISTENER", text)
        self.assertEqual(self.term.tmux("display-message", "-p",
                                        "#{alternate_on} #{cursor_flag} #{keypad_cursor_flag}"),
                         "0 1 0\n")
        after = f"/tmp/skl{os.getpid()}.after"
        lib.until(lambda: os.path.exists(after) and os.path.getsize(after), "stty")
        with open(f"/tmp/skl{os.getpid()}.before") as a, \
                open(f"/tmp/skl{os.getpid()}.after") as b:
            self.assertEqual(*(re.sub(r"rows \d+; columns \d+", "", f.read()) for f in (a, b)))

    def process(self):
        out = subprocess.run(["pgrep", "-f", f"^{lib.SOCKLINE} top.*{self.srv.path}"],
                             capture_output=True, text=True).stdout
        return int(out.split()[0])

    def overfull(self, backlog=4, **kwargs):
        """A listener that nobody accepts from, its queue full; its clients come again and again."""
        listener = self.listen(backlog=backlog, **kwargs)
        for _ in range(backlog + 1):
            self.connect(listener)
        return listener

    def serve(self, listener, clients):
        for _ in range(clients):
            client = self.connect(listener)
            self.accept(listener).close()
            client.close()

    def test_known_traffic(self):
        full = self.overfull()
        busy = self.listen(backlog=32)
        idle = self.listen(backlog=7)
        self.start()
        for _ in range(4):
            self.connect(full, wait=False)
        self.serve(busy, 20)
        where = {s: re.escape(f"{lib.V4_SRV}:{port_of(s)}") for s in (full, busy, idle)}
        me = rf"{lib.comm()[:4]}\w*\[{os.getpid()}\]"
        text = self.term.until(rf"^{where[full]} accept queue 5/4: {me} has not accepted since")
        lines = text.splitlines()
        self.assertEqual(len(lines), 24)
        self.assertTrue(all(len(line) <= 80 for line in lines))
        rows = [line for line in lines[4:] if line.startswith(lib.V4_SRV)]
        self.assertRegex(rows[0], rf"^{where[full]} +█+ +5/4 .*{me}")
        self.assertEqual(len(rows), 3)
        self.term.until(rf"^{where[busy]} +░·+ +0/32 ")
        self.term.until(rf"^{where[idle]} +·+ +0/7 +0 +0 +– +0 {me}")
        # The panel is that of the first row.
        self.term.until(rf"── {where[full]} in namespace")
        self.term.until(r"^accept queue +█+ 5 of 4, full +high water 5$")
        self.term.until(r"^dropped +SYN, accept queue full [\d.]+/s \((4|5|6|7|8)\)")
        self.term.key("q")
        self.ended()

    def test_syncookies(self):
        """What answers a SYN is watched from where its rule does not tell."""
        self.srv.sysctl("ipv4.tcp_syncookies", 2)
        listener = self.listen(backlog=64)
        self.start(130, 40)
        lib_raw.Client(self, listener).half_open()
        deadline = time.monotonic() + lib.SOON
        while not re.search("cookies/s [1-9]", self.term.screen()):
            self.assertLess(time.monotonic(), deadline, self.term.screen())
            lib_raw.Client(self, listener).half_open()
            time.sleep(0.02)
        self.term.key("q")
        self.ended()

    def test_drops_taken_back(self):
        """The SYN queue is full, but who comes back out of TIME_WAIT is answered all the same."""
        self.srv.sysctl("ipv4.tcp_syncookies", 0)
        listener = self.listen(backlog=2)
        known = [lib_raw.Client(self, listener).half_open() for _ in range(3)]
        for client in known:
            client.ack()
            self.accept(listener).close()
            while not client.receive().flags & lib_raw.FIN:
                pass
            client.send(lib_raw.FIN | lib_raw.ACK, client.seq + 1, client.their_seq + 2)
        for _ in range(3):
            lib_raw.Client(self, listener).half_open()
        self.start(130, 40)
        self.assertFalse(lib_raw.Client(self, listener).syn().synack(0.2))
        dropped = r"^dropped +SYN queue full [\d.]+/s \(1\)"
        self.term.until(dropped)
        time.sleep(0.5)
        for client in known:
            again = lib_raw.Client(self, listener, sport=client.port, seq=client.seq + 100000)
            self.assertTrue(again.syn().synack())
        time.sleep(0.5)
        self.term.until(dropped)
        self.term.key("q")
        self.ended()

    def test_keys(self):
        ports = [port_of(self.listen(backlog=n)) for n in (3, 4, 5)]
        rows = [f"{lib.V4_SRV}:{p}" for p in ports]
        self.start(160, 40)

        def order():
            return re.findall(rf"^({re.escape(lib.V4_SRV)}:\d+)", self.term.screen(), re.M)

        lib.until(lambda: order() == sorted(rows, key=lambda r: int(r.split(":")[1])), "by port")
        self.term.key("r")
        lib.until(lambda: order() == sorted(rows, key=lambda r: -int(r.split(":")[1])), "reversed")
        self.term.until("ACCEPT QUEUE▲")
        self.term.key("r", "s")
        self.term.until("PEAK▼")
        self.term.key("S")
        self.term.until("ACCEPT QUEUE▼")
        self.term.key("Down", "j")
        last = sorted(ports)[2]
        self.term.until(rf"── {re.escape(lib.V4_SRV)}:{last} in")
        self.term.key("Up", "k")
        self.term.until(rf"── {re.escape(lib.V4_SRV)}:{sorted(ports)[0]} in")
        self.term.key("/")
        self.term.type(f":{ports[1]}")
        self.term.until(f"^filter: :{ports[1]}_")
        lib.until(lambda: order() == [rows[1]], "the filter")
        self.term.key("Enter")
        self.term.until(r"1 of 3 listeners")
        self.term.key("Escape")
        self.term.until(r"3 of 3 listeners")
        self.term.key("Space")
        self.term.until("PAUSED")
        before = self.term.until("PAUSED")
        self.listen(backlog=9)
        time.sleep(0.8)
        self.assertEqual(self.term.screen().splitlines()[1:], before.splitlines()[1:])
        self.term.key("Space")
        self.term.until("4 of 4 listeners", 30)
        self.term.key("?")
        self.term.until("any key: back")
        self.term.key("x", "q")
        self.ended()

    def test_one_listener(self):
        """Enter turns on events for its port; its slowest and its failed connections are shown."""
        listener = self.listen(backlog=2, options=REUSEPORT)
        self.listen(backlog=2, port=port_of(listener), options=REUSEPORT).close()
        self.start(130, 40, args=f"-P {port_of(listener)}")
        self.term.until(r"^10\.77")
        self.term.key("Enter")
        self.term.until("none accepted since this was opened")
        self.serve(listener, 3)
        for i in range(5):
            self.connect(listener, wait=i < 3)
        self.term.until(r"SLOWEST OF 3 ")
        text = self.term.until(r"FAILED, [2-9] SINCE")
        self.assertRegex(text, r"SYN dropped: accept queue full")
        self.assertRegex(text, rf"accepted by {lib.comm()[:4]}\w*\[{os.getpid()}\] as fd \d+")
        self.assertIn(f"in namespace {self.srv.name[:15]}", text)
        self.term.key("Escape")
        self.term.until("^LISTENER")
        self.term.key("q")
        self.ended()

    def test_group_side_by_side(self):
        first = self.listen(backlog=64, options=REUSEPORT)
        group = [first] + [self.listen(backlog=64, port=port_of(first), options=REUSEPORT)
                           for _ in range(2)]
        for _ in range(12):
            self.connect(first)
        for member in group[1:]:
            self.accept_all(member)
        self.start(130, 40)
        self.term.key("Enter")
        text = self.term.until("GROUP  3 share this port")
        after = text[text.index("GROUP"):]
        self.assertEqual(len(re.findall(rf":{port_of(first)} +[█░·]+ +\d+/64", after)), 3)
        self.assertIn("2 others idle", text)
        self.term.key("q", "q")
        self.ended()

    def test_sizes(self):
        self.overfull()
        self.start(200, 50)
        self.term.until("ACCEPTS, LAST MINUTE")
        for width, height in ((80, 24), (40, 10), (100, 30), (20, 5), (10, 3), (80, 24)):
            self.term.resize(width, height)
            lib.until(lambda: len(self.term.screen().splitlines()) >= min(height, 3) and
                      all(len(line) <= width for line in self.term.screen().splitlines()),
                      f"{width}x{height}")
            time.sleep(0.3)
        self.term.until(r"^LISTENER +ACCEPT QUEUE▼ +SYN/s +ACC/s WAIT 99 DROP/s OWNER")
        self.term.key("q")
        self.ended()

    def terminal(self, name, **ended):
        self.overfull()
        self.start(TERM=name)
        self.term.until(r"^10\.77.*5/4")
        self.term.key("Down", "q")
        self.ended(**ended)

    def test_xterm(self):
        self.terminal("xterm")

    def test_screen(self):
        self.terminal("screen")

    def test_linux_console(self):
        self.terminal("linux", first_screen=False)  # it has but one

    def test_vt100(self):
        self.terminal("vt100", first_screen=False)

    def test_colours(self):
        self.overfull()
        self.start()
        red = "\x1b\\[[0-9;]*31m"
        lib.until(lambda: re.search(red, self.term.screen("-e")), "red")
        self.term.key("q")
        self.ended()
        self.start(NO_COLOR="1")
        time.sleep(0.5)
        self.assertNotRegex(self.term.screen("-e"), "\x1b\\[[0-9;]*3[0-7]m")
        self.term.key("q")
        self.ended()

    def test_ascii(self):
        self.overfull()
        self.start(LC_ALL="C")
        text = self.term.until(r"^10\.77.* #+ +5/4")
        self.assertTrue(text.isascii(), text)
        self.term.key("q")
        self.ended()

    def signal(self, sig):
        self.overfull()
        self.start()
        os.kill(self.process(), sig)
        self.ended()

    def test_sigterm(self):
        self.signal(lib.signal.SIGTERM)

    def test_sigint(self):
        self.signal(lib.signal.SIGINT)

    def test_sighup(self):
        self.signal(lib.signal.SIGHUP)

    def test_ctrl_c(self):
        self.start()
        self.term.key("C-c")
        self.ended()

    def test_duration(self):
        self.start(args="-d 1")
        self.ended()

    def test_count(self):
        self.start(args="-n 3")
        self.ended()

    def test_sigterm_in_one_listener(self):
        self.overfull()
        self.start()
        self.term.key("Enter")
        self.term.until("FAILED")
        os.kill(self.process(), lib.signal.SIGTERM)
        self.ended()

    def test_terminal_that_is_none(self):
        self.term = Tmux(self, TERM="nonsense")
        self.term.type(f"{lib.SOCKLINE} top; echo ended $?\n")
        self.assertIn("sockline top: TERM=nonsense", self.term.until("^ended 2$"))


if __name__ == "__main__":
    lib.main()
