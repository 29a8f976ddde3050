# SPDX-License-Identifier: GPL-2.0-only
"""A running `sockline export`, and what it serves, read by the parsers of Prometheus's own client."""
import http.client
import re
import sys

import lib

# Debian's own, also for another Python than Debian's.
sys.path.append("/usr/lib/python3/dist-packages")
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text

OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
LOOK = 1  # seconds between two looks of the exporter


class Export(lib.Sockline):
    """On a port of its own, in the namespace of the tests."""

    def __init__(self, *args, listen="127.0.0.1:0", **kwargs):
        super().__init__("export", "--listen", listen, *args, **kwargs)
        self.port = int(lib.until(self.told, "it to listen", 80)[1])

    def told(self):
        if self.process.poll() is not None:
            raise AssertionError(f"sockline ended: {self.talk()}")
        return re.search(r"metrics at .*:(\d+)$", self.talk(), re.M)

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=lib.SOON)

    def get(self, path="/metrics", accept=None, connection=None):
        """(status, content type, body)"""
        c = connection or self.connect()
        try:
            c.request("GET", path, headers={"Accept": accept} if accept else {})
            r = c.getresponse()
            return r.status, r.getheader("Content-Type"), r.read().decode()
        finally:
            if not connection:
                c.close()

    def families(self, open_metrics=False, connection=None):
        status, _, text = self.get(accept=OPEN if open_metrics else TEXT, connection=connection)
        if status != 200:
            raise AssertionError(text)
        return list((parse_open if open_metrics else parse_text)(text))

    def samples(self, open_metrics=False, connection=None):
        """{(name, labels): value}, labels being sorted pairs."""
        return {(s.name, tuple(sorted(s.labels.items()))): s.value
                for family in self.families(open_metrics, connection) for s in family.samples}


def select(samples, name, **labels):
    """The values of this name whose labels have these among them."""
    want = {(k, str(v)) for k, v in labels.items()}
    return [v for (n, have), v in samples.items() if n == name and want <= set(have)]


def total(samples, name, **labels):
    return sum(select(samples, name, **labels))
