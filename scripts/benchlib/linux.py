# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench linux: the same traffic on the same veth links through Linux and through braid."""

import json
import statistics
import time

from benchlib import chart, lab, node, report
from benchlib.node import Node, config
from benchlib.process import BenchError, run, say

TITLE = "Beside Linux forwarding"
RATE_PPS = 200_000  # for the CPU time per packet: below what each of them can do
FLOWS = 1024
SETTLE_SECONDS = 0.3
LOST_SHARE_MAX = 0.001
BACKGROUND_SECONDS = 1
STEADY_SECONDS_MIN = 4  # of the load for the CPU time per packet, whose clock has steps of 10 ms
BACKGROUND_MAX = 0.1  # CPUs; with more, CPU time per packet cannot be told
SYSTEMS = {
    "linux": "Linux, on the sender's CPU",
    "linux-rps": "Linux, on a CPU of its own (RPS)",
    "braid": "braid, one worker",
}


def flood_program(build):
    path = build / "tests" / "bench" / "flood"
    if not path.exists():
        raise BenchError(f"{path} is not there: ninja -C {build}")
    return path


def flood(place, args, seconds, rate=None, mac=node.PORT_MAC):
    """Sends through the lab: packets sent and received, seconds, CPU seconds of the machine."""
    argv = ["ip", "netns", "exec", place.sides["gen"], flood_program(args.build),
            "--interface", "eth0", "--mac", mac, "--source", lab.SOURCE,
            "--destination", lab.DESTINATION, "--flows", FLOWS, "--seconds", seconds]
    before, busy, start = place.received(), lab.busy_seconds(), time.monotonic()
    said = json.loads(run(argv + (["--rate", rate] if rate else [])))
    others = args.background * (time.monotonic() - start)
    said["busy_seconds"] = lab.busy_seconds() - busy - others
    time.sleep(SETTLE_SECONDS)
    said["received"] = place.received() - before
    return said


def both_loads(place, args, mac=node.PORT_MAC):
    """Full speed, then RATE_PPS for longer."""
    flood(place, args, SETTLE_SECONDS, mac=mac)
    full = flood(place, args, args.seconds, mac=mac)
    return full, flood(place, args, max(args.seconds, STEADY_SECONDS_MIN), RATE_PPS, mac)


def load(place, args, generator):
    """CPU time is that of the machine without what sending alone takes, as just measured."""
    full, steady = both_loads(place, args)
    if not full["received"] or not steady["received"]:
        raise BenchError("no packet came through")
    own = full["busy_seconds"] - full["sent"] * generator["full_ns"] / 1e9
    return {
        "pps": full["received"] / full["seconds"],
        "cpu_ns_full": own / full["received"] * 1e9,
        "cpu_ns": steady["busy_seconds"] / steady["received"] * 1e9 - generator["steady_ns"],
        "lost": 1 - steady["received"] / steady["sent"],
    }


def measure_background():
    """CPUs that are busy with something else, on average over a while."""
    busy, start = lab.busy_seconds(), time.monotonic()
    time.sleep(BACKGROUND_SECONDS)
    return (lab.busy_seconds() - busy) / (time.monotonic() - start)


def measure_generator(bench, args):
    """What sending costs: the same frames for a MAC address that nobody has."""
    place = lab.Lab(bench)
    full, steady = both_loads(place, args, lab.STRANGE_MAC)
    place.end()
    return {"pps": full["sent"] / full["seconds"],
            "full_ns": full["busy_seconds"] / full["sent"] * 1e9,
            "steady_ns": steady["busy_seconds"] / steady["sent"] * 1e9}


def measure_linux(bench, args, generator, receive_cpus):
    place = lab.Lab(bench)
    place.give_to_linux(receive_cpus)
    try:
        return load(place, args, generator)
    finally:
        place.end()


def measure_braid(bench, args, generator, kind):
    place = lab.Lab(bench)
    place.give_to_braid()
    text = config(lab.devices(kind), routes=[lab.ROUTE], idle="adaptive")
    try:
        running = Node(bench, args.build, text, netns=place.sides["node"])
        try:
            return load(place, args, generator)
        finally:
            running.stop()
    finally:
        place.end()


def choose_kind(bench, args, generator):
    """AF_XDP where braid starts on it, else AF_PACKET."""
    try:
        measure_braid(bench, args, generator, "af_xdp")
        return "af_xdp"
    except BenchError as error:
        say(f"AF_XDP is not to be had here, taking AF_PACKET: {error}")
        return "af_packet"


def one_repetition(bench, args, kind, samples):
    """Each system's run has a look at the background and at the generator just before it."""
    measures = {
        "linux": lambda generator: measure_linux(bench, args, generator, "0"),
        "linux-rps": lambda generator: measure_linux(bench, args, generator,
                                                     f"{1 << node.WORKER_CPU:x}"),
        "braid": lambda generator: measure_braid(bench, args, generator, kind),
    }
    for name, measure in measures.items():
        args.background = measure_background()
        samples["background"].append(args.background)
        samples["generator"].append(measure_generator(bench, args))
        samples[name].append(measure(samples["generator"][-1]))
    say("; ".join(f"{name} {samples[name][-1]['pps'] / 1e3:.0f} kpps, "
                  f"{samples[name][-1]['cpu_ns']:.0f} ns" for name in SYSTEMS))


def row_of(name, samples, kind, quiet=True):
    """A system's row of the JSON; without CPU times if the machine was not quiet."""
    def middle(field):
        return statistics.median(sample[field] for sample in samples)

    def cpu(field):
        return round(middle(field)) if quiet else None

    def spread(field):
        values = [sample[field] for sample in samples]
        return [round(min(values)), round(max(values))] if quiet else None

    pps = [sample["pps"] for sample in samples]
    lost = max(middle("lost"), 0)  # a frame of the node's own makes it a trifle negative
    problems = []
    if lost > LOST_SHARE_MAX:
        problems.append(f"{lost * 100:.2f} % of the packets were lost at {RATE_PPS} packets/s")
    return {
        "case": name,
        "text": SYSTEMS[name] + (f", {kind}" if name == "braid" else ""),
        "mpps": round(middle("pps") / 1e6, 3),
        "mpps_min": round(min(pps) / 1e6, 3),
        "mpps_max": round(max(pps) / 1e6, 3),
        "cpu_ns_per_packet_at_full_load": cpu("cpu_ns_full"),
        "cpu_ns_per_packet_at_full_load_spread": spread("cpu_ns_full"),
        "cpu_ns_per_packet": cpu("cpu_ns"),
        "cpu_ns_per_packet_spread": spread("cpu_ns"),
        "lost_share": round(lost, 5),
        "problems": problems,
        "valid": not problems,
    }


def main(bench, args):
    node.programs(args.build)
    flood_program(args.build)
    args.background = measure_background()
    say("linux: looking which device braid can take")
    kind = choose_kind(bench, args, measure_generator(bench, args))
    samples = {name: [] for name in (*SYSTEMS, "generator", "background")}
    for i in range(args.reps):
        say(f"linux: repetition {i + 1} of {args.reps}")
        one_repetition(bench, args, kind, samples)
    background = statistics.median(samples["background"])
    quiet = background <= BACKGROUND_MAX
    return {
        "bench": "linux",
        "reps": args.reps,
        "seconds": args.seconds,
        "rate_pps": RATE_PPS,
        "device": kind,
        "background_cpus": round(background, 3),
        "generator_mpps": round(statistics.median(g["pps"] for g in samples["generator"]) / 1e6, 3),
        "cases": [row_of(name, samples[name], kind, quiet) for name in SYSTEMS],
    }


HEAD = ["forwarded by", "Mpps", "min-max", "CPU ns/packet, full load", "min-max",
        "CPU ns/packet, 200 kpps", "min-max", "lost at 200 kpps"]


def spread_text(spread):
    return "-" if spread is None else f"{spread[0]} to {spread[1]}"


def table_rows(result):
    return [[row["text"], report.number(row["mpps"], 3), f"{row['mpps_min']}-{row['mpps_max']}",
             report.number(row["cpu_ns_per_packet_at_full_load"], 0),
             spread_text(row["cpu_ns_per_packet_at_full_load_spread"]),
             report.number(row["cpu_ns_per_packet"], 0),
             spread_text(row["cpu_ns_per_packet_spread"]), f"{row['lost_share'] * 100:.2f} %"]
            for row in result["cases"]]


def text(result):
    lines = [report.text_table(HEAD, table_rows(result)), "",
             f"64-byte frames between two namespaces; the generator alone sends "
             f"{result['generator_mpps']} Mpps.",
             "CPU time of the whole machine, less what sending to nobody takes in the same "
             "repetition; medians."]
    if result["background_cpus"] > BACKGROUND_MAX:
        lines.append(f"Other processes kept {result['background_cpus']:.2f} CPUs busy, so it is "
                     "not known: repeat it on a quiet machine.")
    return "\n".join(lines + [f"  INVALID: {row['case']}: {problem}" for row in result["cases"]
                              for problem in row["problems"]])


def markdown(result):
    return report.markdown_table(HEAD, table_rows(result))


def svg(result):
    def note(cpu_ns):
        return "" if cpu_ns is None else f"{cpu_ns} ns CPU per packet"

    bars = [chart.Bar(label=row["case"], text=row["text"], value=row["mpps"], behind=None,
                      mark=None, note=note(row["cpu_ns_per_packet_at_full_load"]),
                      style="bar" if row["case"] == "braid" else "second")
            for row in result["cases"]]
    return chart.draw(chart.Chart(
        title="The same veth links: Linux forwarding and braid", unit="Mpps",
        legend=(None, None, None), bars=bars, digits=2))
