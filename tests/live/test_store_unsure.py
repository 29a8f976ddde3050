# SPDX-License-Identifier: GPL-2.0-only
"""A way to the server that fails: no row is lost, none is stored twice."""
import re

import lib
from lib import SOCKLINE
from lib_store import OneServerTest, Proxy, export, keys, recording, row_ends, told


class Unsure(OneServerTest):
    """INSERTs whose outcome is not known."""

    def setUp(self):
        super().setUp()
        self.rec = recording(f"{self.dir}/some.rec", 120000)

    def through(self, act):
        proxy = Proxy(self.server, act)
        self.addCleanup(proxy.close)
        stored, text = export("--from", self.rec, "--store", proxy.url)
        self.assertEqual((stored[0], stored[3]), (120000, 0), text)
        self.check_whole(keys(told(self.rec)))
        self.assertEqual(self.server.rows("SELECT count() FROM bind_failures"), [[120]])
        return proxy

    def test_answers_lost(self):
        """The rows are there, and nobody said so."""
        proxy = self.through(lambda n, head, body: (None, n % 2 == 0))
        self.assertGreaterEqual(proxy.inserts, 4)

    def test_cut_in_a_row(self):
        self.through(lambda n, head, body: (len(body) // 2 if n % 2 else None, n % 2 == 0))

    def test_cut_between_rows(self):
        """The server takes the end of the connection for the end of the rows: half are stored."""
        def act(n, head, body):
            if n % 2 == 0 or b"connections" not in head:
                return None, True
            ends = row_ends(body, types)
            return ends[len(ends) // 2], False

        text = lib.run(SOCKLINE, "schema", "clickhouse")
        text = re.search(r"EXISTS connections \(.*?\n(.*?)\n\)", text, re.S)[1]
        types = [re.split(r",? -- ", line)[0].split()[1] for line in text.split("\n")]
        self.through(act)


if __name__ == "__main__":
    lib.main()
