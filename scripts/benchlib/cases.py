# SPDX-License-Identifier: BSD-3-Clause
"""The cases of `scripts/bench route`: traffic, routes and targets, made in a work directory."""

import dataclasses
import random

from benchlib import pcap

FEW, MANY = 4096, 65536
HOPS = 16
SOURCE4 = 192 << 24 | 2 << 8 | 2  # 192.0.2.2
SOURCE6 = 0x20010DB8000100000000000000000002
HOPS4 = [f"198.51.100.{2 + i}" for i in range(HOPS)]
HOPS6 = [f"2001:db8:2::{2 + i:x}" for i in range(HOPS)]
# Frame sizes without the frame check sequence, so that the last one carries an IP packet of 1500.
IMIX = [(64, 7), (576, 4), (1514, 1)]


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    text: str
    net_cycles_max: float | None  # target, on top of the floor
    ratio_min: float | None       # target, share of the floor's rate
    build: callable               # (seed) -> Input


@dataclasses.dataclass
class Input:
    """What a case needs in files: frames, and routes as (prefixes, next hops)."""
    frames: list
    prefixes: list
    hops: list


def frames4(destinations, sizes=((64, 1),)):
    """One frame per destination with a source port of its own; sizes in turn by their weights."""
    wheel = [size for size, weight in sizes for _ in range(weight)]
    random.Random(len(wheel)).shuffle(wheel)
    return [pcap.ip4_frame(SOURCE4, dst, 1024 + i % 60000, 9, wheel[i % len(wheel)])
            for i, dst in enumerate(destinations)]


def frames6(destinations):
    return [pcap.ip6_frame(SOURCE6.to_bytes(16, "big"), dst.to_bytes(16, "big"),
                           1024 + i % 60000, 9, 64) for i, dst in enumerate(destinations)]


def ip4_small(seed, sizes=((64, 1),)):
    route = (20 << 24, 8)
    dsts = random.Random(seed).sample(range(route[0], route[0] + (1 << 24)), FEW)
    return Input(frames4(dsts, sizes), [pcap.ip4_text(*route)], HOPS4[:1])


def ip4_mixed(seed):
    return ip4_small(seed, IMIX)


def ip4_many(seed):
    routes = pcap.ip4_routes(1_000_000, seed)
    dsts = pcap.addresses_inside(routes, MANY, 32, seed)
    return Input(frames4(dsts), [pcap.ip4_text(*r) for r in routes], HOPS4)


def ip6_small(seed):
    route = (0x2A00 << 112, 16)
    rng = random.Random(seed)
    dsts = [route[0] | rng.getrandbits(112) for _ in range(FEW)]
    return Input(frames6(dsts), [pcap.ip6_text(*route)], HOPS6[:1])


def ip6_many(seed):
    routes = pcap.ip6_routes(250_000, seed)
    dsts = pcap.addresses_inside(routes, MANY, 128, seed)
    return Input(frames6(dsts), [pcap.ip6_text(*r) for r in routes], HOPS6)


CASES = [
    Case("ip4-small", "1 route, 4096 destinations", 25, 0.85, ip4_small),
    Case("ip4-1m", "1 M routes, 65536 destinations", 90, None, ip4_many),
    Case("ip6-small", "1 route, 4096 destinations", 45, None, ip6_small),
    Case("ip6-250k", "250 k routes, 65536 destinations", 120, None, ip6_many),
    Case("ip4-mixed", "1 route, 4096 destinations, IMIX", None, None, ip4_mixed),
]


class Files:
    """The files of one case in a directory, made once and used by all its repetitions."""

    def __init__(self, directory, case, seed=1):
        made = case.build(seed)
        self.pcap = directory / f"{case.name}.pcap"
        self.routes = directory / f"{case.name}.routes"
        self.n_frames = len(made.frames)
        self.n_routes = len(made.prefixes)
        pcap.write(self.pcap, made.frames)
        pcap.write_routes(self.routes, made.prefixes, made.hops)
