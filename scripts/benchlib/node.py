# SPDX-License-Identifier: BSD-3-Clause
"""A braid node of the benchmark: its configuration, its two processes, its counters."""

import os
import signal
import socket

from benchlib import cases, telemetry
from benchlib.counters import Counters
from benchlib.process import BenchError, anonymous_bytes, wait_until

MEMORY_MB = 768
PORT_MAC = "02:00:00:00:00:01"
HOP_MAC = "02:00:00:00:00:b2"
START_SECONDS = 120  # with many GB of memory to clear
APPLY_SECONDS = 120
WORKER_CPU, MAIN_CPU = 1, 0


def programs(build):
    """The paths of the three programs in a build directory."""
    found = {name: build / folder / name for folder, name in (
        ("dataplane", "braid-dataplane"), ("control", "braid-control"), ("control", "braidctl"))}
    for path in found.values():
        if not os.access(path, os.X_OK):
            raise BenchError(f"{path} is not there: meson setup {build} && ninja -C {build}, or "
                             "name another build directory with --build")
    return found


def loop_devices(pcap_path):
    """Device strings that give the same frames again and again, and swallow everything."""
    return f"net_pcap0,rx_pcap={pcap_path},infinite_rx=1", "net_null0,copy=0,no-rx=1"


def free_port():
    """A TCP port on which nobody listens now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def config(devices, route_files=(), routes=(), idle="poll", memory_mb=MEMORY_MB):
    """The configuration of a node with two ports, `in` and `out`, but for NAME and METRICS."""
    text = f"""node:
  name: NAME
  workers: [{WORKER_CPU}]
  main: {MAIN_CPU}
  memory: {memory_mb}M
  huge: auto
  idle: {idle}
  ports:
    - name: in
      device: "{devices[0]}"
      mac: {PORT_MAC}
      addresses: [192.0.2.1/24, "2001:db8:1::1/64"]
    - name: out
      device: "{devices[1]}"
      addresses: [198.51.100.1/24, "2001:db8:2::1/64"]
neighbors:
"""
    for hop in cases.HOPS4 + cases.HOPS6:
        text += f'  - {{interface: out, address: "{hop}", mac: {HOP_MAC}}}\n'
    if routes:
        text += "routes:\n" + "".join(f"  - {{{route}}}\n" for route in routes)
    if route_files:
        text += "route_files: [" + ", ".join(str(path) for path in route_files) + "]\n"
    return text + "metrics: {listen: METRICS}\n"


class Node:
    """Starts dataplane and control on a text of config(); ready when the routes are in force."""

    count = 0

    def __init__(self, bench, build, text, netns=None):
        Node.count += 1
        self.bench = bench
        self.programs = programs(build)
        self.name = f"bn{os.getpid()}x{Node.count}"
        self.dir = bench.dir / self.name
        self.runtime = self.dir / "run"
        self.dir.mkdir()
        self.runtime.mkdir()
        self.metrics = f"127.0.0.1:{free_port()}"
        self.config = self.write_config("braid.yaml", text)
        self.enter = ["ip", "netns", "exec", netns] if netns else []
        self.prefix = f"braid-{self.name}"
        bench.cleanups.append(lambda: telemetry.forget(self.prefix))
        self.counters = None
        self.children = []
        try:
            self.start_both()
        except BaseException:
            self.end_children()
            raise

    def start_both(self):
        self.dataplane = self.start("braid-dataplane")
        wait_until("starting braid-dataplane", self.dataplane_is_up, START_SECONDS, self.dataplane)
        self.counters = Counters(self.runtime / "counters")
        self.anonymous_bytes = anonymous_bytes(self.dataplane.pid)  # before there is anything
        self.control = self.start("braid-control", cpus=[MAIN_CPU])
        wait_until("installing the configuration", self.is_installed, APPLY_SECONDS, self.control)

    def write_config(self, file_name, text):
        path = self.dir / file_name
        path.write_text(text.replace("NAME", self.name).replace("METRICS", self.metrics))
        return path

    def start(self, program, cpus=None):
        argv = [self.programs[program], "--config", self.config, "--runtime", self.runtime]
        self.children.append(self.bench.start(self.enter + argv, cpus=cpus))
        return self.children[-1]

    def dataplane_is_up(self):
        return b"is up" in self.dataplane.log_path.read_bytes()

    def is_installed(self):
        return self.counters.gauges().generation > 0

    def uses_hugepages(self):
        return b"using ordinary memory" not in self.dataplane.log_path.read_bytes()

    def end_children(self):
        """Ends control, then the dataplane; those that did not end as they should, as sentences."""
        ended = [(child.args[len(self.enter)], self.bench.stop(child))
                 for child in reversed(self.children)]
        self.children = []
        if self.counters:
            self.counters.close()
        telemetry.forget(self.prefix)
        return [f"{program} ended with {code}" for program, code in ended
                if code not in (0, -signal.SIGTERM)]

    def stop(self):
        problems = self.end_children()
        if problems:
            raise BenchError("; ".join(problems))
