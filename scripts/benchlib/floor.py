# SPDX-License-Identifier: BSD-3-Clause
"""The floor: dpdk-testpmd in io mode on braid's devices, which is what the devices alone cost."""

import itertools
import os
import pathlib
import shutil
import subprocess

from benchlib import node, telemetry
from benchlib.process import BenchError, wait_until

OUT = 1             # DPDK's number of the port that swallows
BURST = 64          # as braid's workers receive
MBUF_CACHE = 256    # as braid's pool has
MBUFS_SPARE = 30000 # beyond those that the pcap device keeps
HUGE_FREE = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
numbers = itertools.count()


def memory_arguments(memory_mb):
    """What braid-dataplane chooses with huge: auto."""
    free_mb = int(HUGE_FREE.read_text()) * 2 if HUGE_FREE.exists() else 0
    if free_mb >= memory_mb:
        return ["--in-memory"]
    return ["--no-huge", "--no-shconf"]


class Floor:
    def __init__(self, bench, files, memory_mb=node.MEMORY_MB):
        if not shutil.which("dpdk-testpmd"):
            raise BenchError("dpdk-testpmd is not there: run scripts/setup")
        self.bench = bench
        self.prefix = f"bench-floor-{os.getpid()}-{next(numbers)}"
        bench.cleanups.append(lambda: telemetry.forget(self.prefix))
        argv = ["dpdk-testpmd", "-l", f"{node.MAIN_CPU},{node.WORKER_CPU}",
                "--main-lcore", node.MAIN_CPU, "--no-pci", "--file-prefix", self.prefix,
                *memory_arguments(memory_mb), "-m", memory_mb]
        for device in node.loop_devices(files.pcap):
            argv += ["--vdev", device]
        argv += ["--", "--forward-mode=io", f"--burst={BURST}", f"--mbcache={MBUF_CACHE}",
                 f"--total-num-mbufs={files.n_frames + MBUFS_SPARE}"]
        self.process = bench.start(argv, stdin=subprocess.PIPE)
        try:
            wait_until("starting dpdk-testpmd", self.is_up, node.START_SECONDS, self.process)
        except BaseException:
            self.stop()
            raise

    def is_up(self):
        """Whether packets flow; testpmd does not flush what it says into a file."""
        if telemetry.socket_path(self.prefix) is None:
            return False
        port = telemetry.Telemetry(self.prefix)
        try:
            return port.packets(OUT)[1] > 0
        finally:
            port.close()

    def stop(self):
        self.bench.stop(self.process)
        telemetry.forget(self.prefix)
