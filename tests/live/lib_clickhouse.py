# SPDX-License-Identifier: GPL-2.0-only
"""A real ClickHouse of Debian, on loopback, with its own configuration and data in a directory."""
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import lib

CONFIG = """
<yandex>
 <logger><level>warning</level><log>{dir}/log</log><errorlog>{dir}/errors</errorlog></logger>
 <http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
 <path>{dir}/data/</path><tmp_path>{dir}/tmp/</tmp_path>
 <users_config>{dir}/users.xml</users_config>
 <default_profile>default</default_profile><default_database>default</default_database>
 <mark_cache_size>16777216</mark_cache_size>
 <macros><shard>1</shard><replica>1</replica></macros>
 <remote_servers><alone><shard><internal_replication>true</internal_replication>
  <replica><host>127.0.0.1</host><port>{tcp}</port></replica></shard></alone></remote_servers>
</yandex>
"""
USERS = """
<yandex>
 <profiles><default/></profiles><quotas><default/></quotas>
 <users><default><password></password><networks><ip>127.0.0.1</ip></networks>
  <profile>default</profile><quota>default</quota></default>
  <keeper><password>se:cret</password><networks><ip>127.0.0.1</ip></networks>
  <profile>default</profile><quota>default</quota></keeper></users>
</yandex>
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return lib.port_of(s)


def missing():
    return None if shutil.which("clickhouse-server") else "clickhouse-server is not installed"


class ClickHouse:
    def __init__(self, directory):
        self.dir = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        for name in ("data", "tmp"):
            os.makedirs(f"{directory}/{name}")
        with open(f"{directory}/config.xml", "w") as f:
            f.write(CONFIG.format(dir=directory, http=self.port, tcp=free_port()))
        with open(f"{directory}/users.xml", "w") as f:
            f.write(USERS)

    def start(self):
        with open(f"{self.dir}/out", "a") as out:
            self.process = subprocess.Popen(
                ["clickhouse-server", f"--config-file={self.dir}/config.xml"], cwd=self.dir,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=lib.die_with_parent)
        lib.until(self.answers, "ClickHouse to answer", 30)

    def answers(self):
        try:
            return self.query("SELECT 1") == "1\n"
        except OSError:
            return False

    def kill(self):
        """As a crash: nothing is said, nothing is finished."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def query(self, sql, **params):
        params = urllib.parse.urlencode({"output_format_json_quote_64bit_integers": 0, **params})
        request = urllib.request.Request(f"{self.url}/?{params}", data=sql.encode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{sql}: {error.read().decode()}") from error

    def rows(self, sql):
        return [list(row) for row in
                json.loads(self.query(sql, default_format="JSONCompact"))["data"]]
