# SPDX-License-Identifier: BSD-3-Clause
"""Three network namespaces in a row: generator, node, sink, joined by veth links."""

import os
import pathlib
import subprocess
import time

from benchlib import cases, node
from benchlib.process import run

STRANGE_MAC = "02:00:00:00:00:ee"  # nobody's: frames to it end where they arrive
DESTINATION = "20.1.2.3"
SOURCE = "192.0.2.2"
ROUTE = f"prefix: 20.0.0.0/8, via: {cases.HOPS4[0]}"
XDP_OPTIONS = "start_queue=0,queue_count=1"
PACKET_OPTIONS = "framesz=4096,framecnt=1024,blocksz=4096"


class Lab:
    """The namespaces; ended by end(), at the latest with the benchmark."""

    count = 0

    def __init__(self, bench):
        Lab.count += 1
        self.prefix = f"bb{os.getpid()}x{Lab.count}"
        self.sides = {side: f"{self.prefix}-{side}" for side in ("gen", "node", "sink")}
        bench.cleanups.append(self.end)
        for name in self.sides.values():
            run(["ip", "netns", "add", name])
        self.link("gen", "eth0", "lan0")
        self.link("sink", "eth0", "wan0")
        self.inside("node", "ip", "link", "set", "lan0", "address", node.PORT_MAC)

    def link(self, host, host_end, node_end):
        run(["ip", "link", "add", node_end, "netns", self.sides["node"], "type", "veth",
             "peer", "name", host_end, "netns", self.sides[host]])
        for side, end in ((host, host_end), ("node", node_end)):
            self.sysctl(side, f"net.ipv6.conf.{end}.disable_ipv6=1")
            self.inside(side, "ethtool", "-K", end, "tx", "off", "rx", "off", "gso", "off",
                        "gro", "off", "tso", "off")
            self.inside(side, "ip", "link", "set", end, "up")

    def inside(self, side, *argv):
        return run(["ip", "netns", "exec", self.sides[side], *argv])

    def sysctl(self, side, setting):
        self.inside(side, "sysctl", "-qw", setting)

    def give_to_braid(self):
        """The kernel keeps off the node's ends of the links."""
        for end in ("lan0", "wan0"):
            self.sysctl("node", f"net.ipv4.conf.{end}.arp_ignore=8")

    def give_to_linux(self, receive_cpus):
        """Linux forwards between the ends; `receive_cpus` (hexadecimal mask) work on it, 0: the
        sender's."""
        for end, address in (("lan0", "192.0.2.1/24"), ("wan0", "198.51.100.1/24")):
            self.inside("node", "ip", "addr", "add", address, "dev", end)
        self.inside("node", "ip", "neigh", "replace", cases.HOPS4[0], "lladdr", node.HOP_MAC,
                    "dev", "wan0", "nud", "permanent")
        self.inside("node", "ip", "route", "add", "20.0.0.0/8", "via", cases.HOPS4[0])
        self.sysctl("node", "net.ipv4.conf.all.rp_filter=0")
        self.sysctl("node", "net.ipv4.conf.lan0.rp_filter=0")
        self.sysctl("node", "net.ipv4.ip_forward=1")
        self.inside("node", "sh", "-c",
                    f"echo {receive_cpus} >/sys/class/net/lan0/queues/rx-0/rps_cpus")

    def received(self):
        """Packets that arrived at the sink so far."""
        path = "/sys/class/net/eth0/statistics/rx_packets"
        return int(self.inside("sink", "cat", path))

    def end(self):
        listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
        for name in self.sides.values():
            if name in listed.split():
                subprocess.run(["ip", "netns", "del", name], capture_output=True)


def devices(kind, busy_poll=True):
    """Device strings for the node's ends of the links; without busy_poll, AF_XDP's driver does not
    ask the kernel to poll them, which veth cannot do."""
    options = XDP_OPTIONS if kind == "af_xdp" else PACKET_OPTIONS
    if kind == "af_xdp" and not busy_poll:
        options += ",busy_budget=0"
    return tuple(f"net_{kind}_{end},iface={end},{options}" for end in ("lan0", "wan0"))


def busy_seconds():
    """CPU seconds that all CPUs together have worked, up to a constant: the time that they were not
    idle. The kernel measures idle time at its start and end; its times of work are samples by the
    clock tick, which misses what runs between ticks by a timer."""
    words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()
    idle, iowait = (int(word) for word in words[4:6])
    return os.cpu_count() * time.monotonic() - (idle + iowait) / os.sysconf("SC_CLK_TCK")
