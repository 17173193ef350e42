# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's telemetry socket: port counters of a running DPDK process, read from outside."""

import json
import pathlib
import shutil
import socket
import time

RUNTIME = pathlib.Path("/var/run/dpdk")


def socket_path(prefix):
    """The socket of the process with this --file-prefix, or None while there is none."""
    found = sorted((RUNTIME / prefix).glob("dpdk_telemetry.v2*"))
    return found[0] if found else None


def forget(prefix):
    """Removes what the process with this --file-prefix left behind."""
    shutil.rmtree(RUNTIME / prefix, ignore_errors=True)


class Telemetry:
    def __init__(self, prefix):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(5)
        self.socket.connect(str(socket_path(prefix)))
        self.bytes_max = json.loads(self.socket.recv(4096))["max_output_len"]

    def close(self):
        self.socket.close()

    def ask(self, command):
        self.socket.send(command.encode())
        return json.loads(self.socket.recv(self.bytes_max))[command.partition(",")[0]]

    def packets(self, port):
        """(received, transmitted, seconds): the counters of a port (zeros while there is none) and
        when they were read."""
        before = time.monotonic()
        stats = self.ask(f"/ethdev/stats,{port}") or {"ipackets": 0, "opackets": 0}
        return stats["ipackets"], stats["opackets"], (before + time.monotonic()) / 2
