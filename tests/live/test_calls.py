# SPDX-License-Identifier: GPL-2.0-only
"""`watch --binds`: bind, listen and close of listeners, and those that fail."""
import errno
import os
import socket

import lib
from lib import cookie_of, port_of


class Binds(lib.LiveTest):
    def records(self, count, kind=None):
        """Everything that is no connection; so many of them."""
        self.done()
        found = [r for r in self.sockline.records()[:-1]
                 if r["type"] == kind or (not kind and r["type"] != "connection")]
        self.assertEqual(len(found), count, found)
        return found

    def check_call(self, r, sock, **want):
        self.check(r, netns=self.srv.inode, process__pid=os.getpid(),
                   process__comm=lib.comm(), process__fd=sock, **want)

    def test_bind_listen_close(self):
        self.watch("--binds")
        sock = self.listen(backlog=9, port=5000)
        fd, cookie = sock.fileno(), cookie_of(sock)
        sock.close()
        found = self.records(4)
        self.assertEqual([r.get("syscall", r["type"]) for r in found],
                         ["bind", "listen", "listen", "close"])
        bind, call = [r for r in found if r["type"] == "call"]
        self.check_call(bind, fd, addr=lib.V4_SRV, port=5000, errno=None)
        self.check_call(call, fd, addr=lib.V4_SRV, port=5000, errno=None)
        [listens] = [r for r in found if r["type"] == "listen"]
        self.check_call(listens, fd, addr=lib.V4_SRV, port=5000, backlog=9, limit=9,
                        cookie=cookie, family="ipv4")
        self.check(found[3], type="close", addr=lib.V4_SRV, port=5000, cookie=cookie,
                   process__pid=os.getpid())

    def failing(self, code, name, family=socket.AF_INET):
        """The address is the one that was asked for, although the kernel has zeroed it since."""
        self.watch("--binds")
        sock = self.keep(self.srv.socket(family))
        with self.assertRaises(OSError) as failed:
            sock.bind(name)
        self.assertEqual(failed.exception.errno, code)
        [r] = self.records(1)
        self.check_call(r, sock.fileno(), type="call", syscall="bind", addr=name[0],
                        port=name[1], errno=errno.errorcode[code])

    def test_bind_in_use(self):
        taken = self.listen()
        self.failing(errno.EADDRINUSE, taken.getsockname())

    def test_bind_in_use_ipv6(self):
        taken = self.listen(addr=lib.V6_SRV)
        self.failing(errno.EADDRINUSE, taken.getsockname()[:2], socket.AF_INET6)

    def test_bind_address_of_another_host(self):
        self.failing(errno.EADDRNOTAVAIL, (lib.V4_CLI, 5000))

    def test_listen_in_use(self):
        """Two sockets of one port with SO_REUSEADDR: only one of them may listen."""
        reuse = [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]
        first, second = (self.listen(None, port=5000, options=reuse) for _ in range(2))
        first.listen(4)
        self.watch("--binds")
        with self.assertRaises(OSError) as failed:
            second.listen(4)
        self.assertEqual(failed.exception.errno, errno.EADDRINUSE)
        [r] = self.records(1)  # and no listener that came and went
        self.check_call(r, second.fileno(), syscall="listen", errno="EADDRINUSE",
                        addr=lib.V4_SRV, port=5000)

    def test_second_listen(self):
        """Changes the limit, with no state change."""
        sock = self.listen(backlog=3)
        self.watch("--binds")
        sock.listen(8)
        [r] = self.records(1, "listen")
        self.check_call(r, sock.fileno(), backlog=8, limit=8, cookie=cookie_of(sock))

    def test_port_of_the_kernels_choice(self):
        self.watch("--binds")
        sock = self.listen(None)
        [r] = self.records(1)
        self.check_call(r, sock.fileno(), syscall="bind", errno=None, addr=lib.V4_SRV)

    def test_without_binds_nothing_is_told(self):
        self.watch()
        self.listen().close()
        self.records(0)


if __name__ == "__main__":
    lib.main()
