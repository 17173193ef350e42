# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench lb: cycles per balanced packet on top of the devices, one worker, beside what the
same machine's other balancers cost (peers.py)."""

import contextlib
import dataclasses
import pathlib
import random
import time

from benchlib import cases, counters, node, pcap, peers, report, route
from benchlib.process import BenchError, anonymous_bytes, restored, say

TITLE = "Balancing"
MANY, FEW = 1_000_000, 10_000
ROOM = 1_250_000                           # node.flows: at its limit 0.02 % find no place
HARDLY_ANY, FLOWS_MIN = 100, 1000          # ... and the least that node.flows can be
VIP = 203 << 24 | 113 << 8 | 10            # 203.0.113.10
POOL = 198 << 24 | 18 << 16                # 198.18.0.0, POOL_BITS long
POOL_BITS, POOL_ADDRESSES = 27, 32
NAT_PORT_MIN = 1024                        # braid gives the ports of its pool in order from here
CLIENTS = 20 << 24                         # 20.0.0.0/8
BACKEND = 198 << 24 | 51 << 16 | 100 << 8 | 2
SYN, ACK = 0x02, 0x10
MBUF_BYTES, MBUF_SHARE = 2432, 3           # of a buffer; braid gives them a third of its memory
MBUFS_SPARE, MEMORY_SPARE_MB = 30_000, 200
FLOWS_SHARE_MIN, NEW_SHARE_MIN = 0.999, 0.95
WARM_SECONDS = 5
HUGEPAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    text: str
    net_cycles_max: float | None
    mode: str
    n_flows: int            # that live, or of which each packet is a new one
    flags: int | None = ACK # of the clients' TCP segments; None: UDP
    replies: bool = False
    settings: str = "new_flows: 100M"
    expect: str = "live"    # live: all flows are remembered; new: each packet makes one; flood
    ratio_min: None = None

    def n_frames(self):
        return self.n_flows * (2 if self.replies else 1)

    def buffers_mb(self):
        return (self.n_frames() + MBUFS_SPARE) * MBUF_BYTES >> 20

    def floor_mb(self):
        return max(node.MEMORY_MB, self.buffers_mb() + MEMORY_SPARE_MB)

    def memory_mb(self):
        return max(node.MEMORY_MB, self.buffers_mb() * MBUF_SHARE + MEMORY_SPARE_MB)


# A node takes no TCP connection into NAT in its middle: the flows of nat-1m are UDP. New flows: a
# SYN of a flow that was idle for 100 ms makes a new one of it, and a round of a million frames
# takes longer. In the flood the limit is so low that most SYNs are not remembered.
CASES = [
    Case("dsr-10k", "dsr, 10 k flows", 90, "dsr", FEW),
    Case("ipip-10k", "ipip, 10 k flows", 90, "ipip", FEW),
    Case("ipip-1m", "ipip, 1 M flows", 160, "ipip", MANY),
    Case("nat-1m", "nat, UDP, 1 M flows, both directions", 190, "nat", MANY, None, True),
    Case("new-flows", "dsr, every packet a new flow", 300, "dsr", MANY, SYN,
         settings="new_flows: 100M, idle: {tcp_new: 100ms}", expect="new"),
    Case("syn-flood", "dsr, 1 M SYNs, 10 k new flows/s", None, "dsr", MANY, SYN,
         settings="new_flows: 10k", expect="flood"),
]


def clients(n):
    """(address, port) of n different clients."""
    rng = random.Random(n)
    return [(CLIENTS + address, rng.randrange(1024, 65536))
            for address in rng.sample(range(1 << 24), n)]


def reply_frames(n):
    """What the one backend sends to the ports of the pool that n flows have: braid gives them to
    new flows by turns over the addresses, ports in order, so that the set of them is known."""
    for i in range(n):
        to = (POOL + i % POOL_ADDRESSES, NAT_PORT_MIN + i // POOL_ADDRESSES)
        yield pcap.udp4_frame((BACKEND, 80), to)


def client_frame(case, client):
    if case.flags is None:
        return pcap.udp4_frame(client, (VIP, 80))
    return pcap.tcp4_frame(client, (VIP, 80), case.flags)


class Files:
    """The frames of one case, in random order."""

    def __init__(self, directory, case):
        made = [client_frame(case, client) for client in clients(case.n_flows)]
        if case.replies:
            made += reply_frames(case.n_flows)
        random.Random(1).shuffle(made)
        self.pcap = directory / f"{case.name}.pcap"
        self.n_frames = len(made)
        pcap.write(self.pcap, made)


def config(case, files, n_flows=ROOM, pool_bits=POOL_BITS):
    """A node with one service; NAT has one backend so that every reply is its own."""
    text = node.config(node.loop_devices(files.pcap), memory_mb=case.memory_mb(),
                       routes=[f"prefix: 20.0.0.0/8, via: {cases.HOPS4[0]}"])
    backends = cases.HOPS4[:1] if case.mode == "nat" else cases.HOPS4
    text = text.replace("  huge: auto\n", f"  huge: auto\n  flows: {n_flows}\n")
    if case.mode == "nat":
        text += f"nat: {{pool: [{pcap.ip4_text(POOL, pool_bits)}]}}\n"
    text += (f"lb: {{key: 000102030405060708090a0b0c0d0e0f, {case.settings}}}\n"
             f"services:\n  - name: web\n    vip: {pcap.ip4_text(VIP, 32)}\n    port: 80\n"
             f"    protocol: {'udp' if case.flags is None else 'tcp'}\n    mode: {case.mode}\n"
             "    health: {probe: none}\n    backends:\n")
    return text + "".join(f"      - {{address: {hop}}}\n" for hop in backends)


@contextlib.contextmanager
def hugepages(memory_mb):
    """Reserves what is missing of the memory for a while. Without the right to it, ordinary pages
    are used, by floor and braid alike."""
    total, free = (int((HUGEPAGES / name).read_text()) if HUGEPAGES.exists() else 0
                   for name in ("nr_hugepages", "free_hugepages"))
    missing = memory_mb // 2 + 1 - free
    if missing <= 0 or not HUGEPAGES.exists():
        yield
        return
    with restored(HUGEPAGES / "nr_hugepages"):
        (HUGEPAGES / "nr_hugepages").write_text(str(total + missing))
        now = int((HUGEPAGES / "nr_hugepages").read_text())
        if now < total + missing:
            say(f"only {now} of {total + missing} hugepages are to be had: using ordinary pages")
        yield


def grown_bytes(running):
    """How much memory of its own the dataplane has taken since it had no configuration."""
    return anonymous_bytes(running.dataplane.pid) - running.anonymous_bytes


def warm_up(running, case):
    """Waits until the flows are in the table: all of them, or nearly where it has no more room."""
    if case.expect != "live":
        time.sleep(route.WARM_SECONDS)
        return
    deadline = time.monotonic() + WARM_SECONDS
    missing = case.n_flows
    while missing and time.monotonic() < deadline:
        time.sleep(0.02)
        missing = case.n_flows - running.counters.worker(0).flows
    if missing > case.n_flows * (1 - FLOWS_SHARE_MIN):
        raise BenchError(f"{missing} of {case.n_flows} flows were not remembered")


def memory_without_flows(bench, args, case):
    """What grown_bytes() is with the same service and next to no flows."""
    small = dataclasses.replace(case, n_flows=HARDLY_ANY, replies=False)
    running = node.Node(bench, args.build, config(small, Files(bench.dir, small), FLOWS_MIN, 32))
    try:
        warm_up(running, small)
        return grown_bytes(running)
    finally:
        running.stop()


def problems_of(sample, case):
    """As in route.py, and whether the flows were those that the case is about."""
    found = route.problems_of(sample)
    before, after = sample["before"], sample["after"]
    packets = after["worker"].rx_pkts - before["worker"].rx_pkts
    new = after["service"].new_flows - before["service"].new_flows
    if case.expect == "live" and new > packets * (1 - FLOWS_SHARE_MIN):
        found.append(f"{new} of {packets} packets were new flows")
    if case.expect == "new" and new < packets * NEW_SHARE_MIN:
        found.append(f"only {new} of {packets} packets were new flows")
    unstored = after["service"].unstored_rate - before["service"].unstored_rate
    if case.expect == "flood" and unstored < packets * 0.5:
        found.append(f"only {unstored} of {packets} packets were beyond the limit of new flows")
    return found


def measure_braid(bench, build, files, case, seconds):
    running = node.Node(bench, build, config(case, files))

    def observe():
        return {"worker": running.counters.worker(0), "drops": running.counters.drops(),
                "service": running.counters.service(0, 0), "at": time.monotonic()}
    try:
        warm_up(running, case)
        grown = grown_bytes(running)
        sample = route.rate(running.dataplane, running.prefix, seconds, observe)
        return {
            **sample,
            "tsc_hz": running.counters.tsc_hz,
            "hugepages": running.uses_hugepages(),
            "grown_bytes": grown,
            "problems": problems_of(sample, case),
            "stages": counters.stage_cycles(running.counters.stage_names,
                                            sample["before"]["worker"], sample["after"]["worker"]),
        }
    finally:
        running.stop()


def run_case(bench, case, args):
    say(f"{case.name}: writing traffic ({case.text})")
    counts_memory = case.expect == "live" and case.n_flows == MANY
    fixed_bytes = memory_without_flows(bench, args, case) if counts_memory else 0
    files = Files(bench.dir, case)
    floors, runs = [], []
    with hugepages(case.memory_mb()):
        for i in range(args.reps):
            floors.append(route.measure_floor(bench, files, args.seconds, case.floor_mb()))
            runs.append(measure_braid(bench, args.build, files, case, args.seconds))
            say(f"{case.name}: {i + 1}/{args.reps}: floor {floors[-1]['pps'] / 1e6:.2f} Mpps, "
                f"braid {runs[-1]['pps'] / 1e6:.2f} Mpps"
                + "".join(f"; INVALID: {p}" for p in runs[-1]["problems"]))
    files.pcap.unlink()
    row = route.result_of(case, floors, runs)
    if counts_memory:
        row["bytes_per_flow"] = round((runs[-1]["grown_bytes"] - fixed_bytes) / case.n_flows, 1)
    return row


def main(bench, args):
    """Runs the chosen cases, then the peers; the JSON of all."""
    node.programs(args.build)
    rows = []
    for case in [case for case in CASES if case.name in args.lb_cases]:
        try:
            rows.append(run_case(bench, case, args))
        except (BenchError, OSError) as error:
            say(f"{case.name}: {error}")
            rows.append(route.failed(case, error))
    floors = {row["case"]: row["floor"] for row in rows if row["floor"]}
    result = {
        "bench": "lb",
        "reps": args.reps,
        "seconds": args.seconds,
        "floor": floors.get("dsr-10k") or next(iter(floors.values()), None),
        "cases": rows,
    }
    if args.peers:
        result["peers"] = peers.main(bench, args)
    return result


def text(result):
    lines = [route.text(result)]
    for row in result["cases"]:
        if "bytes_per_flow" in row:
            lines.append(f"\n{row['case']}: {report.number(row['bytes_per_flow'])} bytes of memory "
                         "per flow, slack of the tables included")
    if "peers" in result:
        lines.append("\n" + peers.text(result["peers"]))
    return "\n".join(lines)


def markdown(result):
    parts = [route.markdown(result)]
    if "peers" in result:
        parts.append(peers.markdown(result["peers"]))
    return "\n\n".join(parts)


def svg(result):
    return route.svg(result, "braid balances: packets per second, one core")
