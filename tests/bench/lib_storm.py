# SPDX-License-Identifier: GPL-2.0-only
"""Accept storms in a namespace of their own, and pairs of them that are alike but for an observer.

A storm that follows another one at once is some percent faster than one after a pause: so each that is
measured begins with the same pause and the same short storm.  The order within a pair changes from
one pair to the next, so that a drift of the machine evens out.
"""
import json
import subprocess
import time

PAUSE = 1.2  # seconds: an observer is up by then
WARM_UP = 0.3


class Storms:
    """`with Storms(build, "name", port, seconds) as storms:`"""

    def __init__(self, build, netns, port, seconds):
        self.build, self.netns, self.port, self.seconds = build, netns, port, seconds
        self.inside = ["ip", "netns", "exec", netns]

    def __enter__(self):
        subprocess.run(["ip", "netns", "del", self.netns], stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        subprocess.run(["ip", "-n", self.netns, "link", "set", "lo", "up"], check=True)
        return self

    def __exit__(self, *exc):
        subprocess.run(["ip", "netns", "del", self.netns])

    def run(self, seconds):
        """What bench/storm prints."""
        out = subprocess.run(self.inside + [f"{self.build}/bench/storm", str(self.port),
                                            str(seconds)],
                             check=True, capture_output=True, text=True).stdout
        return json.loads(out)

    def measured(self):
        """One storm after a pause and a warm-up; `made` counts the connections of both."""
        time.sleep(PAUSE)
        warm = self.run(WARM_UP)
        found = self.run(self.seconds)
        found["made"] = warm["connections"] + found["connections"]
        return found

    def pair(self, number, start, stop):
        """One storm with an observer and one without, as measured() returns them.

        start() returns what stop(observer, storm) ends; storm is None if there was none.
        """
        without = self.measured() if number % 2 else None
        observer, during = start(), None
        try:
            during = self.measured()
        finally:
            stop(observer, during)
        return during, without or self.measured()


def ratio(pair):
    """conn/s with ÷ without."""
    return pair[0]["per_second"] / pair[1]["per_second"]
