# SPDX-License-Identifier: BSD-3-Clause
"""braid's shared counters (lib/api/stats.h), mapped read-only: looking costs workers nothing."""

import ctypes
import mmap

from benchlib.process import BenchError

MAGIC = 0x62726169
VERSION = 4
WORKERS_MAX, STAGES_MAX, DROPS_MAX, PORTS_MAX, INTERFACES_MAX, NAME_MAX = 17, 40, 128, 16, 64, 32
SERVICES_MAX, BACKENDS_MAX = 1024, 4096
LB_DROPS_MAX, TCP_WORDS, KV_WORDS = 16, 52, 44
SERVICE_BYTES, BACKEND_BYTES, PROBE_BYTES = (3 + LB_DROPS_MAX + 4) * 8, 8 * 8, 4 * 8
RATES_BYTES = (SERVICES_MAX + BACKENDS_MAX) * 8
CACHE_LINE = 64
U64, U32, U16, U8 = ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint16, ctypes.c_uint8


def words(*names):
    return [(name, U64) for name in names]


class Stage(ctypes.Structure):
    _fields_ = words("calls", "pkts", "sampled_pkts", "sampled_cycles")


class Traffic(ctypes.Structure):
    _fields_ = words("rx_pkts", "rx_bytes", "tx_pkts", "tx_bytes")


class Worker(ctypes.Structure):
    """What comes before the counters of services and backends."""
    _fields_ = words(
        "rx_pkts", "generated_pkts", "tx_pkts", "consumed_pkts", "handoff_out_pkts",
        "handoff_in_pkts", "loops", "empty_loops", "sleeps", "busy_cycles", "idle_cycles",
        "held_pkts", "flows",
    ) + [
        ("pad", U64 * 3), ("tcp", U64 * TCP_WORDS), ("kv", U64 * KV_WORDS),
        ("drops", U64 * DROPS_MAX),
        ("stages", Stage * STAGES_MAX), ("ports", Traffic * PORTS_MAX),
        ("interfaces", Traffic * INTERFACES_MAX),
    ]


class Service(ctypes.Structure):
    _fields_ = words("new_flows", "unstored_rate", "unstored_full") + [
        ("drops", U64 * LB_DROPS_MAX), ("gone", U64 * 4),
    ]


class Gauges(ctypes.Structure):
    _fields_ = words("generation", "held_pkts", "mbufs_in_use", "mbufs_total", "neighbors",
                     "routes4", "routes6", "route_bytes", "nexthops", "heartbeat")


class Head(ctypes.Structure):
    _fields_ = [
        ("magic", U32), ("version", U32), ("bytes", U32), ("pid", U32), ("tsc_hz", U64),
        ("n_workers", U32), ("n_stages", U32), ("n_drops", U32), ("n_ports", U32),
        ("n_interfaces", U32), ("n_lb_drops", U32), ("lb_drops", U8 * LB_DROPS_MAX),
        ("worker_cpu", U16 * WORKERS_MAX),
        ("drop_severity", U8 * DROPS_MAX),
        ("stage_names", ctypes.c_char * NAME_MAX * STAGES_MAX),
        ("drop_names", ctypes.c_char * NAME_MAX * DROPS_MAX),
        ("drop_texts", ctypes.c_char * 96 * DROPS_MAX),
        ("port_names", ctypes.c_char * NAME_MAX * PORTS_MAX),
        ("interface_names", ctypes.c_char * NAME_MAX * INTERFACES_MAX),
        ("gauges", Gauges), ("backend_service", U16 * BACKENDS_MAX),
    ]


PROBES_AT = ctypes.sizeof(Head)
WORKERS_AT = ((PROBES_AT + BACKENDS_MAX * PROBE_BYTES + RATES_BYTES + CACHE_LINE - 1)
              // CACHE_LINE * CACHE_LINE)
SERVICES_AT = ctypes.sizeof(Worker)
BACKENDS_AT = SERVICES_AT + SERVICES_MAX * SERVICE_BYTES
WORKER_BYTES = ((BACKENDS_AT + BACKENDS_MAX * BACKEND_BYTES + CACHE_LINE - 1)
                // CACHE_LINE * CACHE_LINE)
FILE_BYTES = WORKERS_AT + WORKERS_MAX * WORKER_BYTES


class Counters:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.map = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self.map) < FILE_BYTES:
            raise BenchError(f"{path}: {len(self.map)} bytes, expected {FILE_BYTES}: "
                             "adapt scripts/benchlib/counters.py to lib/api/stats.h")
        head = self.head()
        if (head.magic, head.version, head.bytes) != (MAGIC, VERSION, FILE_BYTES):
            raise BenchError(f"{path}: not the counters this benchmark knows; adapt "
                             "scripts/benchlib/counters.py to lib/api/stats.h")
        self.tsc_hz = head.tsc_hz
        self.n_workers = head.n_workers
        self.stage_names = [name.value.decode() for name in head.stage_names[:head.n_stages]]
        self.drop_names = [name.value.decode() for name in head.drop_names[:head.n_drops]]

    def close(self):
        self.map.close()

    def head(self):
        return Head.from_buffer_copy(self.map)

    def gauges(self):
        return Gauges.from_buffer_copy(self.map, Head.gauges.offset)

    def worker(self, index):
        """A copy of one worker's counters, taken within microseconds."""
        return Worker.from_buffer_copy(self.map, WORKERS_AT + index * WORKER_BYTES)

    def service(self, worker, index):
        """A copy of what one worker counted for one service."""
        at = WORKERS_AT + worker * WORKER_BYTES + SERVICES_AT + index * SERVICE_BYTES
        return Service.from_buffer_copy(self.map, at)

    def workers(self):
        return [self.worker(i) for i in range(self.n_workers)]

    def drops(self):
        """Packets dropped so far by all workers: {reason: packets}, no reason without any."""
        sums = [sum(column) for column in zip(*(w.drops for w in self.workers()))]
        return {name: n for name, n in zip(self.drop_names, sums) if n}

    def drop_count(self, reason):
        """Packets dropped for one reason by all workers; cheap enough to be polled."""
        at = WORKERS_AT + Worker.drops.offset + 8 * self.drop_names.index(reason)
        return sum(U64.from_buffer_copy(self.map, at + i * WORKER_BYTES).value
                   for i in range(self.n_workers))


def difference(before, after):
    """What was counted between two drops()."""
    return {name: n - before.get(name, 0) for name, n in after.items() if n != before.get(name, 0)}


def stage_cycles(names, before, after):
    """Per stage that ran between two copies of a worker: packets, per call, and cycles of each."""
    rows = []
    for name, a, b in zip(names, before.stages, after.stages):
        calls, pkts = b.calls - a.calls, b.pkts - a.pkts
        sampled = b.sampled_pkts - a.sampled_pkts
        if calls:
            cycles = (b.sampled_cycles - a.sampled_cycles) / sampled if sampled else None
            rows.append({"stage": name, "pkts": pkts, "pkts_per_call": round(pkts / calls, 1),
                         "cycles_per_packet": cycles and round(cycles, 1)})
    return rows


def imbalance(before, after):
    """Packets that went in but not out between two copies: those still in the worker's lanes."""
    def of(field):
        return getattr(after, field) - getattr(before, field)

    dropped = sum(after.drops) - sum(before.drops)
    return (of("rx_pkts") + of("generated_pkts") + of("handoff_in_pkts") - of("tx_pkts")
            - of("consumed_pkts") - of("handoff_out_pkts") - of("held_pkts") - dropped)
