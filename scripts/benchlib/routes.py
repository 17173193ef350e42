# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench routes: a million routes come and go under traffic; time, loss and memory."""

import random
import statistics
import subprocess
import time

from benchlib import cases, counters, pcap, report
from benchlib.node import APPLY_SECONDS, MAIN_CPU, Node, config, loop_devices
from benchlib.process import BenchError, cpu_seconds, log_tail, memory_bytes, say

TITLE = "A million routes"
ROUTES = 1_000_000
SECONDS_MAX = 4.0
BYTES_MAX = 256 << 20
# The last route of the file is inside a prefix that is a blackhole all the time: a packet to it is
# dropped as "blackhole" before it is there and forwarded after. All others have a route always.
PROBE = (223 << 24 | 255 << 16 | 254 << 8, 24)
COVER = (223 << 24 | 255 << 16, 16)
STEADY = (20 << 24, 8)
FRAMES, PROBE_EVERY = 4096, 64
SETTLE_SECONDS = 0.3
POLL_SECONDS = 0.001
BASE = [f"prefix: {pcap.ip4_text(*STEADY)}, via: {cases.HOPS4[0]}",
        f"prefix: {pcap.ip4_text(*COVER)}, action: blackhole"]
EXPECTED_DROP = "ip4_blackhole"
IN_FLIGHT_MAX = 256


def write_files(directory):
    """The traffic and the route file."""
    rng = random.Random(1)
    dsts = [STEADY[0] | rng.getrandbits(24) for _ in range(FRAMES)]
    dsts[::PROBE_EVERY] = [PROBE[0] | rng.getrandbits(8) for _ in dsts[::PROBE_EVERY]]
    pcap.write(directory / "routes.pcap", cases.frames4(dsts))
    spare = ROUTES // 1000
    routes = [r for r in pcap.ip4_routes(ROUTES + spare, 1) if r[0] >> 16 != COVER[0] >> 16]
    routes = [r for r in routes if r != STEADY][:ROUTES - 1] + [PROBE]
    texts = [pcap.ip4_text(*r) for r in routes]
    pcap.write_routes(directory / "routes.txt", texts, cases.HOPS4)
    return directory / "routes.pcap", directory / "routes.txt"


class Watch:
    """Looks at the counters again and again: when probes were dropped, when the worker stood."""

    def __init__(self, node):
        self.node = node
        self.start = time.monotonic()
        self.probes = node.counters.drop_count(EXPECTED_DROP)
        self.received = node.counters.worker(0).rx_pkts
        self.progress_at = self.start
        self.first_drop = self.last_drop = None
        self.pause_max = 0.0

    def look(self):
        now = time.monotonic()
        received = self.node.counters.worker(0).rx_pkts
        if received == self.received:
            self.pause_max = max(self.pause_max, now - self.progress_at)
        else:
            self.received, self.progress_at = received, now
        probes = self.node.counters.drop_count(EXPECTED_DROP)
        if probes != self.probes:
            self.probes = probes
            self.first_drop = self.first_drop or now
            self.last_drop = now

    def since_start(self, at):
        return at - self.start if at is not None else None


def losses(before, after):
    """What was lost between two snapshots of (drops, worker): sentences."""
    lost = counters.difference(before[0], after[0])
    lost.pop(EXPECTED_DROP, None)
    found = [f"{n} packets dropped: {name}" for name, n in lost.items()]
    left = counters.imbalance(before[1], after[1])
    if abs(left) > IN_FLIGHT_MAX:
        found.append(f"{left} packets are not accounted for")
    return found


def snapshot(node):
    return node.counters.drops(), node.counters.worker(0)


def apply(bench, node, path):
    """braidctl apply under watch: (Watch, seconds until it returned, losses)."""
    before = snapshot(node)
    watch = Watch(node)
    argv = [node.programs["braidctl"], "--runtime", node.runtime, "apply", path]
    child = bench.start(argv, cpus=[MAIN_CPU], stdin=subprocess.DEVNULL)
    returned = None
    while returned is None or time.monotonic() - watch.start < returned + SETTLE_SECONDS:
        watch.look()
        if returned is None and child.poll() is not None:
            returned = time.monotonic() - watch.start
        if time.monotonic() - watch.start > APPLY_SECONDS:
            break
        time.sleep(POLL_SECONDS)
    said = log_tail(child)
    code = bench.stop(child)
    if code != 0:
        raise BenchError(f"braidctl apply ended with {code}; it said:\n{said}")
    return watch, returned, losses(before, snapshot(node))


def memory(node):
    """Bytes now in the two processes, and the sum of the most that each ever had."""
    dataplane, dataplane_peak = memory_bytes(node.dataplane.pid)
    control, control_peak = memory_bytes(node.control.pid)
    return {"dataplane": dataplane, "control": control, "peak": dataplane_peak + control_peak}


def effort(node):
    """CPU seconds of control and of the dataplane's main thread so far."""
    pid = node.dataplane.pid
    return cpu_seconds(node.control.pid) + cpu_seconds(pid, thread=pid)


def one_round(bench, node, files):
    """Installs and withdraws the routes once."""
    cpu = effort(node)
    watch, applied, lost = apply(bench, node, files["full"])
    if watch.last_drop is None or watch.last_drop - watch.start > applied + SETTLE_SECONDS / 2:
        raise BenchError("the last route is not in force after braidctl apply")
    if node.counters.gauges().routes4 < ROUTES:
        raise BenchError(f"{node.counters.gauges().routes4} routes are in force, not {ROUTES}")
    sample = {"install_apply": applied, "install": watch.since_start(watch.last_drop),
              "memory": memory(node), "pause": watch.pause_max, "install_cpu": effort(node) - cpu}
    watch, applied, lost_again = apply(bench, node, files["base"])
    if watch.first_drop is None:
        raise BenchError("the last route is still in force after it was withdrawn")
    return {**sample, "withdraw_apply": applied, "withdraw": watch.since_start(watch.first_drop),
            "pause": max(sample["pause"], watch.pause_max), "lost": lost + lost_again}


def time_row(name, text, samples, field):
    """The slower of "forwarded" and "apply returned" counts."""
    total = [max(s[field], s[field + "_apply"]) for s in samples]
    middle = statistics.median(total)
    return {"case": name, "text": text, "unit": "s", "value": round(middle, 3),
            "min": round(min(total), 3), "max": round(max(total), 3),
            "forwarding_s": round(statistics.median(s[field] for s in samples), 3),
            "apply_s": round(statistics.median(s[field + "_apply"] for s in samples), 3),
            "target": SECONDS_MAX, "met": middle <= SECONDS_MAX, "valid": True}


def plain_row(name, text, unit, value, target=None):
    return {"case": name, "text": text, "unit": unit, "value": value, "min": None, "max": None,
            "target": target, "met": None if target is None else value <= target, "valid": True}


def rows_of(samples, before):
    lost = sorted({text for s in samples for text in s["lost"]})
    most = {name: max(s["memory"][name] for s in samples) for name in before}
    used = {name: most[name] - before[name] for name in ("dataplane", "control")}
    peak = most["peak"] - before["dataplane"] - before["control"]

    def megabytes(n):
        return round(n / (1 << 20), 1)

    loss = plain_row("loss", "rounds with packets lost", "rounds",
                     sum(1 for s in samples if s["lost"]), 0)
    loss["problems"] = lost
    return [
        time_row("install", "braidctl apply until the last route forwards", samples, "install"),
        time_row("withdraw", "braidctl apply until the last route is gone", samples, "withdraw"),
        plain_row("install-cpu", "CPU time of control and dataplane to install", "s",
                  round(statistics.median(s["install_cpu"] for s in samples), 3)),
        loss,
        plain_row("pause", "longest time the worker received nothing", "ms",
                  round(max(s["pause"] for s in samples) * 1e3, 1)),
        plain_row("memory", "resident memory for the routes, both processes", "MB",
                  megabytes(sum(used.values())), megabytes(BYTES_MAX)),
        plain_row("memory-dataplane", "of it braid-dataplane", "MB", megabytes(used["dataplane"])),
        plain_row("memory-control", "of it braid-control", "MB", megabytes(used["control"])),
        plain_row("memory-peak", "the most both had while applying", "MB", megabytes(peak)),
    ]


def main(bench, args):
    say("routes: writing traffic and a million routes")
    traffic, table = write_files(bench.dir)
    base = config(loop_devices(traffic), routes=BASE)
    samples = []
    node = Node(bench, args.build, base)
    try:
        files = {"base": node.write_config("base.yaml", base),
                 "full": node.write_config("full.yaml", config(
                     loop_devices(traffic), routes=BASE, route_files=[table]))}
        time.sleep(SETTLE_SECONDS)
        before = memory(node)
        for i in range(args.reps):
            samples.append(one_round(bench, node, files))
            say(f"routes: {i + 1}/{args.reps}: installed in {samples[-1]['install']:.2f} s, "
                f"withdrawn in {samples[-1]['withdraw']:.2f} s"
                + "".join(f"; LOST: {text}" for text in samples[-1]["lost"]))
    finally:
        node.stop()
    return {"bench": "routes", "routes": ROUTES, "reps": args.reps,
            "cases": rows_of(samples, before)}


HEAD = ["million routes", "median", "min-max", "unit", "target", "result"]


def table_rows(result):
    rows = []
    for row in result["cases"]:
        spread = "-" if row["min"] is None else f"{row['min']}-{row['max']}"
        target = "-" if row["target"] is None else f"<= {row['target']:g}"
        rows.append([row["text"], f"{row['value']:g}", spread, row["unit"], target,
                     report.verdict(row["met"])])
    return rows


def text(result):
    problems = [f"  {p}" for row in result["cases"] for p in row.get("problems", ())]
    return "\n".join([report.text_table(HEAD, table_rows(result)), *problems])


def markdown(result):
    return report.markdown_table(HEAD, table_rows(result))
