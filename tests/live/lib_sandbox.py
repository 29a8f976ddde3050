# SPDX-License-Identifier: GPL-2.0-only
"""What an operator runs sockline in: a systemd of its own, and a container as a manifest describes
it.  Both have mount and network namespaces of their own, and leave nothing on the host."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import lib
from lib import ROOT, SOCKLINE, until

# Debian's own, also for another Python than Debian's.
sys.path.append("/usr/lib/python3/dist-packages")
import yaml

UNIT = f"{ROOT}/packaging/systemd/sockline-export.service"
MANIFESTS = f"{ROOT}/packaging/kubernetes"


def unit(key):
    """The values of all lines KEY=VALUE of the unit, in order."""
    with open(UNIT) as f:
        return re.findall(rf"^{key}=(.*)$", f.read(), re.M)


def manifest(kind):
    with open(f"{MANIFESTS}/sockline.yaml") as f:
        return next(d for d in yaml.safe_load_all(f) if d["kind"] == kind)


def capabilities():
    """Those of the container, "bpf" and so on."""
    pod = manifest("DaemonSet")["spec"]["template"]["spec"]
    return [c.lower() for c in pod["containers"][0]["securityContext"]["capabilities"]["add"]]


class Cgroup:
    """One of this name in each hierarchy of the host that takes a process without more ado."""

    serial = 0

    def __init__(self, path=""):
        Cgroup.serial += 1
        self.top = f"{lib.PREFIX}{os.getpid()}g{Cgroup.serial}"
        self.path = f"/{self.top}{path}"
        self.places = []
        with open("/proc/self/mounts") as f:
            mounts = [line.split()[1:4] for line in f]
        for where, kind, options in mounts:
            if kind in ("cgroup", "cgroup2") and "cpuset" not in options.split(","):
                os.makedirs(where + self.path, exist_ok=True)
                self.places.append((where, kind))

    def enter(self):
        """Puts the calling process into it."""
        for where, _ in self.places:
            with open(f"{where}{self.path}/cgroup.procs", "w") as f:
                f.write("0")

    def empty(self):
        for where, _ in self.places:
            for path, _, _ in os.walk(f"{where}/{self.top}", topdown=False):
                try:
                    os.rmdir(path)
                except OSError:
                    return False
        return True

    def remove(self):
        until(self.empty, "a cgroup to become empty")


class Sandbox:
    """A script in namespaces of its own, in a cgroup of its own; ends with its first process."""

    def __init__(self, script, *args, namespaces, path=""):
        self.dir = tempfile.mkdtemp(prefix="sockline-sandbox-")
        self.cgroup = Cgroup(path)
        self.log = open(f"{self.dir}/log", "w+")

        def prepare():
            lib.die_with_parent()
            self.cgroup.enter()

        self.process = subprocess.Popen(
            ["unshare", *namespaces, "--fork", "--kill-child", "sh", "-ec", script, "sh", self.dir,
             *args], preexec_fn=prepare, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def talk(self):
        self.log.seek(0)
        return self.log.read()

    def pid(self):
        """Of its first process, in the host's numbering."""
        if self.process.poll() is not None:
            raise AssertionError(f"the sandbox ended at once: {self.talk()}")
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], text=True,
                               capture_output=True, check=False).stdout
        return int(found.split()[0]) if found else None

    def inside(self, *cmd, namespaces=("-m", "-n", "-p", "-r", "-w"), **kwargs):
        return subprocess.run(["nsenter", "-t", str(self.pid()), *namespaces, *cmd], text=True,
                              capture_output=True, timeout=30, check=False, **kwargs)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.cgroup.remove()
        shutil.rmtree(self.dir)


# $1: an empty directory.  $2: sockline.  $3, $4: the unit and its options.  Everything that is
# written goes to memory; the sysctls are the host's, and systemd must not raise them.
SYSTEMD = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" overlay "$1/root"
cd "$1/root"
ip link set lo up
mount -t proc proc proc
mount --bind -o ro proc/sys proc/sys
mount --rbind /sys sys
mount -t tmpfs tmpfs dev
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx dev
mkdir dev/pts dev/shm dev/mqueue dev/hugepages
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
cp "$2" usr/bin/sockline
units=etc/systemd/system
cp "$3" $units/sockline-export.service
cp "$4" etc/default/sockline
printf '[Unit]\\nDefaultDependencies=no\\nAllowIsolate=yes\\n' >$units/alone.target
exec chroot . env -i PATH="$PATH" container=sockline /lib/systemd/systemd --unit=alone.target \
	--log-target=null --show-status=no
"""


class Systemd(Sandbox):
    """systemd as process 1 of its own world, which starts nothing but what it is told to."""

    def __init__(self, options):
        with tempfile.NamedTemporaryFile("w") as defaults:
            defaults.write(options)
            defaults.flush()
            super().__init__(SYSTEMD, SOCKLINE, UNIT, defaults.name,
                             namespaces=("-m", "-n", "-p", "-i", "-u"))
            until(lambda: self.pid() and
                  self.ctl("is-system-running").stdout.strip() in ("running", "degraded"),
                  "systemd to start")

    def ctl(self, *args):
        return self.inside("systemctl", "--no-pager", *args)

    def show(self, key):
        return self.ctl("show", "-P", key, "sockline-export.service").stdout.strip()

    def status(self):
        """/proc/PID/status of the service, as a dictionary."""
        text = self.inside("cat", f"/proc/{self.show('MainPID')}/status").stdout
        return {k: v.strip() for k, v in (line.split(":", 1) for line in text.splitlines())}


# $1: an empty directory.  $2: sockline.  $3: capabilities.  $4: environment.  $5: mounts, "FROM TO"
# a line.  Then the arguments.  The host is not seen but for those mounts, and /usr for a program
# that is not static.
CONTAINER = """
dir=$1 sockline=$2 caps=$3 environment=$4 mounts=$5
shift 5
grep -q ' /sys/kernel/tracing tracefs ' /proc/mounts || mount -t tracefs tracefs /sys/kernel/tracing
mount -t tmpfs tmpfs "$dir"
cd "$dir"
ip link set lo up
cp "$sockline" sockline
for name in usr bin sbin lib lib64; do
	if [ -L /$name ]; then cp -P /$name .; else mkdir $name; mount --bind -o ro /$name $name; fi
done
mkdir proc sys
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
echo "$mounts" | while read -r from to; do
	[ -d "./$to" ] || mkdir -p "./$to"
	mount --rbind "$from" "./$to"
	mount -o remount,bind,ro "./$to"
done
mount -o remount,ro .
exec chroot . env -i $environment setpriv --bounding-set=-all,$caps --inh-caps=-all --no-new-privs \
	/sockline "$@"
"""


class Container(Sandbox):
    """As the DaemonSet's; but for the runtime's seccomp profile."""

    def __init__(self, logs):
        pod = manifest("DaemonSet")["spec"]["template"]["spec"]
        [container] = pod["containers"]
        sources = {v["name"]: v["hostPath"]["path"] for v in pod["volumes"]}
        sources["pod-logs"] = logs
        mounts = "\n".join(f"{sources[m['name']]} {m['mountPath']}"
                           for m in container["volumeMounts"])
        args = [a.replace("$(NODE_NAME)", "node1") for a in container["args"]]
        super().__init__(CONTAINER, SOCKLINE, ",".join(f"+{c}" for c in capabilities()),
                         "NODE_NAME=node1", mounts, *args,
                         namespaces=("-m", "-n", "-C", "-i", "-u"))

    def get(self, path):
        """The status, and the answer's body."""
        done = self.inside("curl", "-s", "-w", "\n%{http_code}", f"http://127.0.0.1:9435{path}",
                           namespaces=("-n",))
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body
