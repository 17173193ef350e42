# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench route: cycles per packet of braid-dataplane on top of its devices, one worker."""

import math
import statistics
import time

from benchlib import chart, counters, report
from benchlib.cases import CASES, Files
from benchlib.floor import OUT, Floor
from benchlib.node import MEMORY_MB, Node, config, loop_devices, programs
from benchlib.process import BenchError, polling_thread, say, thread_seconds
from benchlib.telemetry import Telemetry

TITLE = "Cycles per packet"
WARM_SECONDS = 0.5
CPU_SHARE_MIN = 0.97
IN_FLIGHT_MAX = 256  # packets in a worker's lanes when its counters are copied
COUNTERS_DIFFER_MAX = 0.02


def rate(process, prefix, seconds, observe=lambda: None):
    """Rate of packets out of port OUT and what observe() saw before and after. The rate is one per
    second of the polling thread's CPU time, so that a CPU taken away for a while does not count."""
    port = Telemetry(prefix)
    thread = polling_thread(process.pid)
    try:
        time.sleep(WARM_SECONDS)
        before = observe()
        cpu0 = thread_seconds(thread)
        _, sent0, at0 = port.packets(OUT)
        time.sleep(seconds)
        _, sent1, at1 = port.packets(OUT)
        cpu = thread_seconds(thread) - cpu0
        after = observe()
    finally:
        port.close()
    return {"pps": (sent1 - sent0) / cpu, "wall_pps": (sent1 - sent0) / (at1 - at0),
            "cpu_share": min(cpu / (at1 - at0), 1), "before": before, "after": after}


def measure_floor(bench, files, seconds, memory_mb=MEMORY_MB):
    floor = Floor(bench, files, memory_mb)
    try:
        sample = rate(floor.process, floor.prefix, seconds)
    finally:
        floor.stop()
    if sample["pps"] == 0:
        raise BenchError("dpdk-testpmd forwards nothing")
    return sample


def problems_of(sample):
    """Why a measurement does not count: sentences. Every packet must have been sent."""
    before, after, pps = sample["before"], sample["after"], sample["wall_pps"]
    found = []
    lost = counters.difference(before["drops"], after["drops"])
    if lost:
        found.append("packets were dropped: " + ", ".join(f"{k} {v}" for k, v in lost.items()))
    sent = after["worker"].tx_pkts - before["worker"].tx_pkts
    received = after["worker"].rx_pkts - before["worker"].rx_pkts
    if sent == 0:
        found.append("nothing was sent")
    elif abs(received - sent) > IN_FLIGHT_MAX:
        found.append(f"{received} packets were received, but {sent} sent")
    left = counters.imbalance(before["worker"], after["worker"])
    if abs(left) > IN_FLIGHT_MAX:
        found.append(f"{left} packets are not accounted for")
    if abs(sent / (pps * (after["at"] - before["at"])) - 1 if pps else 1) > COUNTERS_DIFFER_MAX:
        found.append(f"the device sent {pps:.0f} packets/s, but braid counts "
                     f"{sent / (after['at'] - before['at']):.0f}")
    return found


def measure_braid(bench, build, files, seconds):
    text = config(loop_devices(files.pcap), route_files=[files.routes])
    node = Node(bench, build, text)

    def observe():
        return {"worker": node.counters.worker(0), "drops": node.counters.drops(),
                "at": time.monotonic()}
    try:
        gauges = node.counters.gauges()
        if gauges.routes4 + gauges.routes6 < files.n_routes:
            raise BenchError(f"{gauges.routes4 + gauges.routes6} routes are installed, "
                             f"expected {files.n_routes}")
        sample = rate(node.dataplane, node.prefix, seconds, observe)
        return {
            **sample,
            "tsc_hz": node.counters.tsc_hz,
            "hugepages": node.uses_hugepages(),
            "problems": problems_of(sample),
            "stages": counters.stage_cycles(node.counters.stage_names, sample["before"]["worker"],
                                            sample["after"]["worker"]),
        }
    finally:
        node.stop()


def summary(samples, tsc_hz):
    """Median, minimum and maximum of packet rates, and the cycles of the median."""
    rates = [sample["pps"] for sample in samples]
    middle = statistics.median(rates)
    return {
        "mpps": round(middle / 1e6, 2),
        "mpps_min": round(min(rates) / 1e6, 2),
        "mpps_max": round(max(rates) / 1e6, 2),
        "cycles_per_packet": round(tsc_hz / middle, 1) if middle else None,
        "cpu_share": round(statistics.median(sample["cpu_share"] for sample in samples), 3),
    }


def result_of(case, floors, runs):
    """One case's row of the JSON."""
    tsc_hz = runs[0]["tsc_hz"]
    row = {"case": case.name, "text": case.text, **summary(runs, tsc_hz)}
    row["floor"] = summary(floors, tsc_hz)
    row["problems"] = sorted({p for r in runs for p in r["problems"]})
    row["valid"] = not row["problems"]
    if row["cycles_per_packet"] is None:
        row["valid"] = False
        return {**row, "net_cycles_per_packet": None, "target": None, "met": False}
    net = row["cycles_per_packet"] - row["floor"]["cycles_per_packet"]
    ratio = row["mpps"] / row["floor"]["mpps"]
    row["net_cycles_per_packet"] = round(net, 1)
    row["floor_ratio"] = round(ratio, 3)
    row["best"] = best_of(row, tsc_hz)
    row["target"] = {"net_cycles_per_packet": case.net_cycles_max, "floor_ratio": case.ratio_min}
    row["met"] = met(case, net, ratio, row["valid"])
    row["stages"] = least_cycles([run["stages"] for run in runs])
    row["hugepages"] = runs[0]["hugepages"]
    return row


def best_of(row, tsc_hz):
    """Floor and case at their best repetitions: on a machine whose speed changes under the run, the
    medians may come from different times, the best ones are both undisturbed."""
    fastest, floor = row["mpps_max"], row["floor"]["mpps_max"]
    return {"mpps": fastest, "floor_mpps": floor, "floor_ratio": round(fastest / floor, 3),
            "net_cycles_per_packet": round(tsc_hz / 1e6 / fastest - tsc_hz / 1e6 / floor, 1)}


def least_cycles(stages_of_runs):
    """Each stage's best repetition: a CPU taken away in a timed call only ever adds cycles."""
    best = {}
    for stage in (stage for stages in stages_of_runs for stage in stages):
        known = best.get(stage["stage"])
        cycles = stage["cycles_per_packet"]
        if known is None or (cycles or math.inf) < (known["cycles_per_packet"] or math.inf):
            best[stage["stage"]] = stage
    return list(best.values())


def met(case, net, ratio, valid):
    if not valid:
        return False
    if case.net_cycles_max is None and case.ratio_min is None:
        return None
    return ((case.net_cycles_max is None or net <= case.net_cycles_max)
            and (case.ratio_min is None or ratio >= case.ratio_min))


def run_case(bench, case, args):
    say(f"{case.name}: writing traffic and routes ({case.text})")
    files = Files(bench.dir, case)
    floors, runs = [], []
    for i in range(args.reps):
        floors.append(measure_floor(bench, files, args.seconds))
        runs.append(measure_braid(bench, args.build, files, args.seconds))
        say(f"{case.name}: {i + 1}/{args.reps}: floor {floors[-1]['pps'] / 1e6:.2f} Mpps, "
            f"braid {runs[-1]['pps'] / 1e6:.2f} Mpps"
            + "".join(f"; INVALID: {p}" for p in runs[-1]["problems"]))
    files.pcap.unlink()
    files.routes.unlink()
    return result_of(case, floors, runs)


def failed(case, error):
    return {"case": case.name, "text": case.text, "mpps": None, "cycles_per_packet": None,
            "net_cycles_per_packet": None, "floor": None, "target": None, "met": False,
            "valid": False, "problems": [str(error)]}


def main(bench, args):
    """Runs the chosen cases; the JSON of all."""
    programs(args.build)
    chosen = [case for case in CASES if case.name in args.cases]
    rows = []
    for case in chosen:
        try:
            rows.append(run_case(bench, case, args))
        except (BenchError, OSError) as error:
            say(f"{case.name}: {error}")
            rows.append(failed(case, error))
    floors = {row["case"]: row["floor"] for row in rows if row["floor"]}
    return {
        "bench": "route",
        "reps": args.reps,
        "seconds": args.seconds,
        "floor": floors.get("ip4-small") or next(iter(floors.values()), None),
        "cases": rows,
    }


def target_text(target):
    if not target:
        return "-"
    parts = []
    if target["net_cycles_per_packet"] is not None:
        parts.append(f"net <= {target['net_cycles_per_packet']}")
    if target["floor_ratio"] is not None:
        parts.append(f"floor x {target['floor_ratio']}")
    return ", ".join(parts) or "-"


HEAD = ["case", "Mpps", "min-max", "floor Mpps", "of floor", "cycles", "net cycles", "best net",
        "target", "result"]


def table_rows(result):
    rows = []
    for row in result["cases"]:
        if row["mpps"] is None or not row.get("floor_ratio"):
            rows.append([row["case"]] + ["-"] * 8 + ["INVALID"])
            continue
        rows.append([
            row["case"], report.number(row["mpps"], 2), f"{row['mpps_min']}-{row['mpps_max']}",
            report.number(row["floor"]["mpps"], 2), report.number(row["floor_ratio"], 2),
            report.number(row["cycles_per_packet"]), report.number(row["net_cycles_per_packet"]),
            report.number(row["best"]["net_cycles_per_packet"]),
            target_text(row["target"]),
            report.verdict(row["met"]) if row["valid"] else "INVALID",
        ])
    return rows


def text(result):
    """The table for a terminal, with the cycles of each stage and the problems below."""
    out = [report.text_table(HEAD, table_rows(result))]
    kinds = {row["hugepages"] for row in result["cases"] if "hugepages" in row}
    if kinds:
        names = ("hugepages" if kind else "ordinary pages" for kind in kinds)
        out.append("\nMemory: " + " and ".join(names))
    if any(row.get("cpu_share", 1) < CPU_SHARE_MIN or row["floor"]["cpu_share"] < CPU_SHARE_MIN
           for row in result["cases"] if row["floor"]):
        out.append("\nOther processes took the worker's CPU away: Mpps are per second of CPU time, "
                   "caches were disturbed.\nRepeat it on a quiet machine before believing it.")
    for row in result["cases"]:
        out.append(f"\n{row['case']}: {row['text']}")
        out += [f"  INVALID: {problem}" for problem in row["problems"]]
        for stage in row.get("stages", ()):
            cycles = report.number(stage["cycles_per_packet"])
            out.append(f"  {stage['stage']:<14} {cycles:>7} cycles/packet, "
                       f"{stage['pkts_per_call']} packets/call")
    return "\n".join(out)


def markdown(result):
    return report.markdown_table(HEAD, table_rows(result))


def svg(result, title="braid routes: packets per second, one core"):
    """The chart: one bar per case, the floor behind it, the target as a mark."""
    bars = []
    for row in result["cases"]:
        if not row.get("floor_ratio"):
            continue
        note = f"{row['net_cycles_per_packet']:.0f} net cycles"
        bars.append(chart.Bar(label=row["case"], text=row["text"], value=row["mpps"],
                              behind=row["floor"]["mpps"], mark=target_mpps(row), note=note))
    return chart.draw(chart.Chart(
        title=title,
        unit="Mpps", legend=("braid", "device alone (testpmd io)", "target"), bars=bars))


def target_mpps(row):
    """The rate that a case's targets amount to on this machine, or None."""
    floor, target = row["floor"], row["target"]
    rates = []
    if target["net_cycles_per_packet"] is not None:
        budget = floor["cycles_per_packet"] + target["net_cycles_per_packet"]
        rates.append(floor["mpps"] * floor["cycles_per_packet"] / budget)
    if target["floor_ratio"] is not None:
        rates.append(floor["mpps"] * target["floor_ratio"])
    return max(rates, default=None)
