# SPDX-License-Identifier: GPL-2.0-only
"""What is installed, and what a package holds: put in place, used there, and taken away again."""
import functools
import glob
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import unittest

import lib
from lib import ROOT, run, until

ALONE = True  # the package is compiled
B = os.path.relpath(lib.BUILD, ROOT)
ENV = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
MINUTES = 60


def make(*args, **kwargs):
    return run("make", "-C", ROOT, f"B={B}", *args, env=ENV, **kwargs)


def files(place):
    return sorted(os.path.relpath(os.path.join(where, name), place)
                  for where, _, names in os.walk(place) for name in names)


def commands():
    return re.findall(r"^  (\w+) ", run(lib.SOCKLINE, "--help"), re.M)


def long_options(command):
    return re.findall(r"^  (?:-\w, |    )(--[\w-]+)", run(lib.SOCKLINE, command, "--help"), re.M)


@functools.cache
def installed():
    """Once for all tests; gone when they are."""
    place = tempfile.TemporaryDirectory()
    make("install", f"DESTDIR={place.name}", "PREFIX=/opt/s")
    return place


@functools.cache
def package():
    make("deb", timeout=4 * MINUTES)
    [deb] = glob.glob(f"{lib.BUILD}/sockline_*.deb")
    return deb


class Place(unittest.TestCase):
    """Installed below a directory, as a package's builder does."""

    def setUp(self):
        self.root = installed().name

    def path(self, name):
        return os.path.join(self.root, "opt/s", name)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()


def source(name, pattern):
    """What a file of the project says."""
    with open(os.path.join(ROOT, name)) as f:
        return re.findall(pattern, f.read(), re.M)


class Install(Place):
    def test_version(self):
        """The Makefile's; what cannot take it from there says the same."""
        version = source("Makefile", r"^VERSION := (\S+)$")
        self.assertEqual(run(self.path("bin/sockline"), "--version"), f"sockline {version[0]}\n")
        self.assertEqual(source("CHANGELOG.md", r"^## (\S+)")[:1], version)
        for name in ("sockline.yaml", "kustomization.yaml"):
            self.assertEqual(source(f"packaging/kubernetes/{name}",
                                    r"(?:image: sockline:|newTag: )(\S+)$"), version, name)

    def test_names_its_places(self):
        self.assertIn("ExecStart=/opt/s/bin/sockline ",
                      self.read("lib/systemd/system/sockline-export.service"))
        manual = run("gzip", "-dc", self.path("share/man/man8/sockline.8.gz"))
        self.assertIn("/opt/s/share/sockline", manual)
        self.assertNotRegex(manual, r"@[A-Z]+@|^@")

    def test_links_of_the_documents(self):
        doc = self.path("share/doc/sockline")
        for page in glob.glob(f"{doc}/**/*.md", recursive=True):
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", open(page).read()):
                with self.subTest(page=os.path.relpath(page, doc), link=link):
                    self.assertTrue(os.path.exists(os.path.join(os.path.dirname(page), link)))

    def test_uninstall(self):
        """Removes what install has put there, and nothing else."""
        with tempfile.TemporaryDirectory() as place:
            make("install", f"DESTDIR={place}")
            self.assertIn("usr/local/bin/sockline", files(place))
            others = ["usr/local/bin/other", "usr/local/share/sockline/queries/mine.sql"]
            for name in others:
                with open(os.path.join(place, name), "w"):
                    pass
            make("uninstall", f"DESTDIR={place}")
            self.assertEqual(files(place), others)
            self.assertFalse(os.path.exists(f"{place}/usr/local/share/doc/sockline"))


class Manual(Place):
    def setUp(self):
        super().setUp()
        self.page = os.path.join(self.root, "sockline.8")
        with open(self.page, "w") as f:
            f.write(run("gzip", "-dc", self.path("share/man/man8/sockline.8.gz")))

    def test_no_warning(self):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", self.page], text=True,
                              capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        done = subprocess.run(["groff", "-mdoc", "-Tutf8", "-ww", "-z", self.page], text=True,
                              capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_every_command_and_option(self):
        text = re.sub(r".\x08", "", run("mandoc", "-T", "ascii", "-O", "width=200", self.page))
        shared = text[text.index("\nOPTIONS"):]
        for command in commands():
            section = re.search(rf"^   sockline {command}\b.*\n((?:(?:  .*)?\n)*?)(?=^ ? ?\S|^   \S)",
                                text, re.M)
            self.assertTrue(section, f"{command} has no section")
            for option in long_options(command):
                self.assertRegex(section[1] + shared, rf"(^|\s){option}\b", f"{option} of {command}")

    def test_environment(self):
        """What is asked of the environment, and nothing else."""
        asked = set()
        for path in glob.glob(f"{ROOT}/user/**/*.c", recursive=True):
            with open(path) as f:
                asked |= set(re.findall(r'getenv\("(\w+)"\)', f.read()))
        with open(self.page) as f:
            told = set(re.findall(r"^\.It Ev (.*)$", f.read(), re.M))
        self.assertEqual({name for row in told for name in row.split(" , ")}, asked)

    def test_json_types(self):
        kinds = set()
        for path in glob.glob(f"{ROOT}/user/**/*.c", recursive=True):
            with open(path) as f:
                kinds |= set(re.findall(r'json_str\(.*"type", "(\w+)"\)', f.read()))
        self.assertIn("connection", kinds)
        with open(self.page) as f:
            section = f.read().split(".Sh JSON")[1].split(".Sh ")[0]
        told = {name for row in re.findall(r"^\.It Cm (.*)$", section, re.M) for name in row.split(" , ")}
        self.assertEqual(kinds - told, set())


TAB = r"""
source "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=("${@:3}") COMP_CWORD=$(($# - 3))
compopt() { :; }
_sockline
printf '%s\n' "${COMPREPLY[@]}"
"""


class Completion(Place):
    def bash(self, *words):
        """What bash offers for the last word, it having been taken apart at ':' and '='."""
        line = "".join(word if word in ":=" and word else f" {word}" for word in words)[1:]
        script = self.path("share/bash-completion/completions/sockline")
        out = run("bash", "-uc", TAB, "bash", script, line, *words, cwd=self.root)
        return out.split()

    def test_bash_commands(self):
        self.assertEqual(self.bash("sockline", "wa"), ["watch"])
        self.assertEqual(self.bash("sockline", ""), commands())

    def test_bash_options(self):
        self.assertEqual(self.bash("sockline", "watch", "--ex"), ["--explain"])
        self.assertEqual(self.bash("sockline", "--ex"), ["--explain"])
        for command in commands():
            self.assertEqual([w for w in self.bash("sockline", command, "-") if w[1] == "-"],
                             long_options(command))

    def test_bash_arguments(self):
        for name in ("one.rec", "two.rec"):
            open(os.path.join(self.root, name), "w").close()
        os.makedirs(os.path.join(self.root, "onedir"), exist_ok=True)
        for words, want in (
                (("watch", "--from", "one"), ["one.rec", "onedir"]),
                (("watch", "--from", "=", "tw"), ["two.rec"]),
                (("report", "tw"), ["two.rec"]),
                (("export", "--spool", "one"), ["onedir"]),
                (("export", "--store", "sq"), ["sqlite:"]),
                (("export", "--store", "sqlite", ":", "tw"), ["two.rec"]),
                (("export", "--store", "sqlite", ":", "tw", "--kee"), ["--keep-days"]),
                (("why", "--family", ""), ["4", "6"]),
                (("top", "--sort", "p"), ["pressure"]),
                (("schema", "s"), ["sqlite"]),
                (("completion", ""), ["bash", "zsh"]),
                (("watch", "--netns", "al"), ["all"]),
                (("why", "--device", "l"), ["lo"]),
                (("watch", "--port", "8"), []),
                (("who", ""), [])):
            with self.subTest(words=words):
                self.assertEqual(sorted(self.bash("sockline", *words)), want)
        self.assertIn("/dev/", "".join(f"{d}/" for d in self.bash("sockline", "report", "/de")))
        self.assertIn("bash", self.bash("sockline", "watch", "--", "bas"))

    def on_terminal(self, shell, rc, typed):
        """What Tab makes of what is typed; rc has Ctrl-T write the line into `got`."""
        got = os.path.join(self.root, "got")
        with open(os.path.join(self.root, ".zshrc"), "w") as f:
            f.write(f"PS1='ready> '\n{rc}\n")
        pid, fd = pty.fork()
        if not pid:
            os.chdir(self.root)
            os.execvpe(shell[0], shell, {**os.environ, "ZDOTDIR": self.root, "TERM": "dumb"})
        seen = ""

        def shows():
            nonlocal seen
            if select.select([fd], [], [], 0.1)[0]:
                seen += os.read(fd, 4096).decode(errors="replace")
            return "ready> " in seen
        try:
            until(shows, "the prompt", MINUTES)
            os.write(fd, typed.encode() + b"\t\x14")
            until(lambda: shows() and os.path.exists(got), f"what becomes of {typed}", MINUTES)
            with open(got) as f:
                return f.read()
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(fd)
            if os.path.exists(got):
                os.remove(got)

    def zsh(self, typed):
        return self.on_terminal(["zsh", "-i"], f"fpath=({self.path('share/zsh/site-functions')} $fpath)\n"
                                "autoload -Uz compinit; compinit -uD\n"
                                "tell() { print -rn -- $BUFFER >new; mv new got }\n"
                                "zle -N tell; bindkey '^T' tell", typed)

    def bash_on_terminal(self, typed):
        rc = os.path.join(self.root, ".zshrc")
        return self.on_terminal(["bash", "--rcfile", rc, "-i"],
                                f"source {self.path('share/bash-completion/completions/sockline')}\n"
                                "tell() { printf %s \"$READLINE_LINE\" >new; mv new got; }\n"
                                "bind -x '\"\\C-t\": tell'", typed)

    def test_bash_on_terminal(self):
        open(os.path.join(self.root, "a file.rec"), "w").close()
        for typed, want in (
                ("sockline wa", "sockline watch "),
                ("sockline --ex", "sockline --explain "),
                ("sockline watch --from a", "sockline watch --from a\\ file.rec "),
                ("sockline export --store sqlite:a", "sockline export --store sqlite:a\\ file.rec "),
                ("sockline export --store cl", "sockline export --store clickhouse:http://"),
                ("sockline export --spool=/de", "sockline export --spool=/dev/"),
                ("sockline watch -- mkdi", "sockline watch -- mkdir ")):
            with self.subTest(typed=typed):
                self.assertEqual(self.bash_on_terminal(typed), want)

    def test_zsh(self):
        open(os.path.join(self.root, "three.rec"), "w").close()
        for typed, want in (
                ("sockline wa", "sockline watch "),
                ("sockline watch --ex", "sockline watch --explain "),
                ("sockline --ex", "sockline --explain "),
                ("sockline watch --from thr", "sockline watch --from three.rec "),
                ("sockline watch --from=thr", "sockline watch --from=three.rec "),
                ("sockline report thr", "sockline report three.rec "),
                ("sockline export --store sq", "sockline export --store sqlite:"),
                ("sockline export --store sqlite:thr", "sockline export --store sqlite:three.rec "),
                ("sockline export --store sqlite:a --store cl",
                 "sockline export --store sqlite:a --store clickhouse:http"),
                ("sockline top --sort pr", "sockline top --sort pressure "),
                ("sockline schema cl", "sockline schema clickhouse "),
                ("sockline watch -- mkdi", "sockline watch -- mkdir "),
                ("sockline watch -sP 80 --expl", "sockline watch -sP 80 --explain ")):
            with self.subTest(typed=typed):
                self.assertEqual(self.zsh(typed), want)


# All of this host, as it is, under a layer of its own that takes what is written.
OVERLAY = """
mount -t tmpfs none "$1"
mkdir "$1/new" "$1/work" "$1/root"
mount -t overlay -o lowerdir=/,upperdir="$1/new",workdir="$1/work" none "$1/root"
mount -t proc none "$1/root/proc"
mount --rbind /sys "$1/root/sys"
mount --bind /dev "$1/root/dev"
cp "$2" "$1/root/tmp/sockline.deb"
inside() { chroot "$1/root" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "${@:2}"; }
inside "$1" dpkg -i /tmp/sockline.deb >&2
inside "$1" sockline --version
inside "$1" sockline doctor >&2
inside "$1" sockline watch -- true >&2
inside "$1" dpkg -L sockline | while read -r path; do [ -e "$1/root$path" ]; done
cat "$1/root/etc/default/sockline" >&2
inside "$1" dpkg --purge sockline >&2
find "$1/new" ! -type d -printf '/%P\\n'
"""
DPKGS_OWN = re.compile(r"/(var/(lib/dpkg|log|cache|lib/systemd)/|tmp/sockline\.deb$)")


class Debian(unittest.TestCase):
    def setUp(self):
        self.deb = package()

    def test_lintian(self):
        out = run("lintian", "--allow-root", "--fail-on", "error,warning", "--display-level",
                  ">=warning", self.deb)
        self.assertEqual(out, "")

    def test_fields(self):
        depends = run("dpkg-deb", "--field", self.deb, "Depends")
        for library in ("libbpf1", "libsqlite3-0", "libcurl", "libmicrohttpd12"):
            self.assertIn(library, depends)
        listed = run("dpkg-deb", "--contents", self.deb)
        for path in ("./usr/bin/sockline", "./usr/share/man/man8/sockline.8.gz",
                     "./etc/default/sockline", "sockline-export.service",
                     "./usr/share/bash-completion/completions/sockline",
                     "./usr/share/zsh/vendor-completions/_sockline",
                     "./usr/share/doc/sockline/copyright", "./usr/share/doc/sockline/changelog.gz"):
            self.assertIn(path, listed)
        self.assertEqual(run("dpkg-deb", "--info", self.deb, "conffiles"), "/etc/default/sockline\n")

    def test_installs_and_purges(self):
        with tempfile.TemporaryDirectory() as place:
            out = run("unshare", "--mount", "bash", "-euo", "pipefail", "-c", OVERLAY, "bash", place,
                      self.deb, timeout=2 * MINUTES)
        version, *left = out.splitlines()
        self.assertRegex(version, r"^sockline \d")
        self.assertEqual([path for path in left if not DPKGS_OWN.match(path)], [])


if __name__ == "__main__":
    lib.main()
