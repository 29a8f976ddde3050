#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boots other kernels under emulation, and lets sockline watch a connection there.

  run.py BUILD_DIR [SUITE]...    suites of Debian: bullseye bookworm trixie trixie-backports

The kernels are Debian's cloud ones, fetched with apt from the machine's own sources into a place of
their own.  Each boots into an initramfs that holds busybox, sockline and its libraries; what sockline
said comes back over the serial line, between marks.  The last line is `N passed, N failed, N skipped`.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SUITES = {  # name: the archive's suites, and the kernel that is wanted of them
    "bullseye": (["bullseye", "bullseye-security"], "5.10."),
    "bookworm": (["bookworm", "bookworm-security"], "6.1."),
    "trixie": (["trixie", "trixie-security"], "6.12."),
    "trixie-backports": (["trixie-backports"], ""),
}
BOOT_SECONDS = 240
NAME = re.compile(r"linux-(?:image|binary)-([0-9][0-9.]+)[^ ]*-cloud-amd64(?:-unsigned)?$")


def sh(*cmd, **kwargs):
    return subprocess.run(cmd, check=True, text=True, capture_output=True, **kwargs).stdout


def archives():
    """The URIs of Debian and of its security archive, as this machine has them."""
    text = ""
    for path in glob.glob("/etc/apt/sources.list") + glob.glob("/etc/apt/sources.list.d/*"):
        with open(path) as f:
            text += "".join(line for line in f if not line.startswith("#"))
    uris = re.findall(r"https?://[^\s\]]+", text)
    main = next((u for u in uris if u.rstrip("/").endswith("/debian")), None)
    security = next((u for u in uris if u.rstrip("/").endswith("-security")), None)
    return main, security


class Apt:
    """An apt of its own: its sources, lists and cache touch nothing of the machine's."""

    def __init__(self, top, suite):
        self.top, self.wanted = os.path.abspath(top), SUITES[suite][1]
        for sub in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d"):
            os.makedirs(f"{self.top}/{sub}", exist_ok=True)
        main, security = archives()
        with open(f"{self.top}/etc/sources.list", "w") as f:
            for name in SUITES[suite][0]:
                uri = security if name.endswith("-security") else main
                if uri:
                    f.write(f"deb {uri} {name} main\n")
        open(f"{self.top}/state/status", "w").close()
        self.options = ["-o", f"Dir::State={self.top}/state", "-o", f"Dir::Cache={self.top}/cache",
                        "-o", f"Dir::State::status={self.top}/state/status",
                        "-o", f"Dir::Etc::sourcelist={self.top}/etc/sources.list",
                        "-o", "Dir::Etc::sourceparts=-", "-o", "APT::Architecture=amd64",
                        "-o", "APT::Sandbox::User=root", "-qq"]

    def kernel(self):
        """Path of the newest cloud kernel's image."""
        sh("apt-get", *self.options, "update")
        found = sh("apt-cache", *self.options, "search", "--names-only", "cloud-amd64")
        names = [line.split(" ")[0] for line in found.splitlines()]
        names = [n for n in names if NAME.match(n) and NAME.match(n).group(1).startswith(self.wanted)]
        if not names:
            raise LookupError("the archive has no cloud kernel")

        def version(name):
            return [int(n) for n in re.findall(r"\d+", name)]
        for name in sorted(names, key=lambda n: (version(n), n.endswith("-unsigned")), reverse=True):
            try:
                sh("apt-get", *self.options, "download", name, cwd=self.top)
            except subprocess.CalledProcessError:
                continue  # in the index, but gone
            [deb] = glob.glob(f"{self.top}/{name}_*.deb")
            shutil.rmtree(f"{self.top}/root", ignore_errors=True)
            sh("dpkg-deb", "-x", deb, f"{self.top}/root")
            images = [p for p in glob.glob(f"{self.top}/root/**/vmlinuz*", recursive=True)
                      if os.path.isfile(p)]
            if images:
                return images[0]
        raise LookupError("no kernel could be fetched")


def libraries(program):
    for line in sh("ldd", program).splitlines():
        found = re.search(r"(/\S+) \(0x", line)
        if found:
            yield found.group(1)


def initramfs(build, path):
    top = path + ".d"
    shutil.rmtree(top, ignore_errors=True)
    for sub in ("bin", "proc", "sys", "dev", "run", "tmp", "etc"):
        os.makedirs(f"{top}/{sub}")
    shutil.copy(shutil.which("busybox"), f"{top}/bin/busybox")
    shutil.copy(f"{build}/sockline", f"{top}/bin/sockline")
    for lib in libraries(f"{build}/sockline"):
        os.makedirs(top + os.path.dirname(lib), exist_ok=True)
        shutil.copy(lib, top + lib)
    shutil.copy(f"{HERE}/init", f"{top}/init")
    files = sh("find", ".", cwd=top)
    with open(path, "wb") as out:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=top, input=files.encode(),
                       stdout=out, check=True)
    shutil.rmtree(top)


def boot(kernel, initrd):
    cmd = ["qemu-system-x86_64", "-accel", "tcg", "-smp", "1", "-m", "1G", "-cpu", "qemu64",
           "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio", "-initrd", initrd,
           "-kernel", kernel, "-append",
           "console=ttyS0 panic=-1 quiet mitigations=off nokaslr"]
    try:
        return subprocess.run(cmd, timeout=BOOT_SECONDS, capture_output=True,
                              stdin=subprocess.DEVNULL).stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as e:
        return (e.stdout or b"").decode(errors="replace")


def section(text, name):
    found = re.search(rf"BEGIN {name}\r*\n(.*?)^END {name}\r*$", text, re.S | re.M)
    return found.group(1).replace("\r", "") if found else None


def objects(text, name):
    """What a command said in JSON."""
    return [json.loads(line) for line in section(text, name).splitlines() if line.startswith("{")]


def of_port(rows, port, kind="listener"):
    """The last row of that port, {} if there is none."""
    return next((r for r in reversed(rows) if r["type"] == kind and r.get("port") == port), {})


def watched(text):
    rows = objects(text, "watch")
    if not rows or rows[-1]["type"] != "summary" or rows[-1]["lost"]:
        yield f"no summary without losses: {section(text, 'watch')}"
        return
    rows = [r for r in rows if r["type"] == "connection" and r["local"]["port"] in (8080, 8081)]
    whole = [r for r in rows if r["outcome"] == "accepted" and r["complete"]]
    if len(whole) != 1 or [s["step"] for s in whole[0]["steps"]] != [
            "syn", "synack", "queued", "accepted"]:
        yield f"not one whole accepted connection: {rows}"
    elif (whole[0]["acceptq"]["depth"] != 1 or whole[0]["process"]["comm"] != "nc" or
          whole[0]["cookie"] is None):
        yield f"wrong depth, process or cookie: {whole[0]}"
    refused = [r for r in rows if r["outcome"] == "refused"]
    if len(refused) != 1:
        yield f"{len(refused)} refused: {refused}"


def listened(text):
    """Listeners, as found, as followed, and what their calls were."""
    if not of_port(objects(text, "listeners"), 8080).get("process"):
        yield f"the listener has no owner: {section(text, 'listeners')}"
    [check] = objects(text, "why")
    if check["errno"] != "EADDRINUSE" or check["conflicts"][0]["process"]["comm"] != "nc":
        yield f"why: {check}"
    late = of_port(objects(text, "again"), 8082)
    if not late or late["backlog"]["asked"] != late["acceptq"]["limit"]:
        yield f"listen()'s backlog: {late}"
    binds = objects(text, "binds")
    late = of_port(binds, 8082, "listen")
    if not late or late["backlog"] != late["limit"]:
        yield f"watch --binds: listen()'s backlog: {late}"
    if of_port(binds, 8080, "call").get("errno") != "EADDRINUSE":
        yield f"watch --binds: no failed bind: {binds}"


def counted(text):
    row = of_port(objects(text, "top"), 8080)
    if not row:
        yield f"top: {section(text, 'top')}"
    else:
        counters, by = row["counters"], row["last_accept"]
        if [counters[c] for c in ("syns", "synacks", "queued", "accepts")] != [1] * 4:
            yield f"top: {counters}"
        if row["handshake"]["count"] != 1 or row["accept_wait"]["count"] != 1 or by["comm"] != "nc":
            yield f"top: not timed: {row}"
    metrics = section(text, "metrics")
    for name, value in ("listener_accepts_total{.*port=\"8080\".*}", 1), (
            "bind_failures_total{syscall=\"bind\",errno=\"EADDRINUSE\"}", 1):
        if not re.search(rf"^sockline_{name} {value}$", metrics, re.M):
            yield f"export: not {name} {value}: {section(text, 'export')}{metrics}"


def judge(text):
    """What is wrong with what sockline said there; an empty list if nothing is."""
    if section(text, "export") is None:
        return ["it did not come to its end", *text.splitlines()[-15:]]
    if section(text, "release").startswith("5.10."):
        return [f"{name}: {section(text, name)}" for name in ("watch", "binds", "again", "top", "export")
                if "this kernel is too old: Linux 5.12" not in section(text, name)]
    wrong = [f"doctor: {check}" for check in objects(text, "doctor")
             if check.get("verdict", "ok") not in ("ok", "not_for_this_kernel")]
    return [*wrong, *watched(text), *listened(text), *counted(text)]


def main():
    build, suites = sys.argv[1], sys.argv[2:] or list(SUITES)
    top = os.path.abspath(f"{build}/kernels")
    os.makedirs(top, exist_ok=True)
    initramfs(build, f"{top}/initrd")
    passed = failed = skipped = 0
    for suite in suites:
        try:
            kernel = Apt(f"{top}/{suite}", suite).kernel()
        except (subprocess.CalledProcessError, LookupError) as e:
            print(f"skip {suite}: {getattr(e, 'stderr', None) or e}".strip())
            skipped += 1
            continue
        text = boot(kernel, f"{top}/initrd")
        with open(f"{top}/{suite}.log", "w") as f:
            f.write(text)
        wrong = judge(text)
        release = (section(text, "release") or "it did not boot").strip()
        print(f"{'FAIL' if wrong else 'ok  '} {suite}: {release}", flush=True)
        for line in wrong:
            print("     " + line)
        passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
