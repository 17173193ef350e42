# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench store: cycles per operation of the serving worker with clients in the same process;
how long GETs take while another client makes that worker do something huge; the same
redis-benchmark against redis-server and braid over the same veth link; the shard's index beside
rte_hash."""

import csv
import io
import json
import statistics
import time

from benchlib import chart, lab, lb, node, report
from benchlib.process import BenchError, cpu_seconds, run, say, wait_until

TITLE = "Store"
ADDRESS = "192.0.2.1"
KEY_SPACE, VALUE_BYTES, CLIENTS = 100_000, 64, 50
INDEX_KEYS = (100_000, 1_000_000, 10_000_000)
INDEX_RATIO_MIN = 1.5
CPU_SHARE_MIN = 0.98       # of the serving thread, or the machine is not quiet
GROWTH_MAX = 1.6           # cycles with 10 million keys, of those with 100 thousand
RATE_RATIO_MIN = {"rb-p16": 1.5, "rb-p64": 1.5}
CPU_RATIO_MAX = {"rb-p1": 0.5}
PIPELINES = {"rb-p1": 1, "rb-p16": 16, "rb-p64": 64}
REQUESTS = {1: 60_000, 16: 600_000, 64: 1_000_000}  # per second of args.seconds, about
BENCH_MB = 1024 + 512
INDEX_MB = 2048 + 512  # what kv-index-bench wants for its largest number of keys
START_SECONDS = 10
# Name, what it is, cycles per operation at most.
CASES = (
    ("get-p1", "GET, 64 connections, one at a time", 900),
    ("get-p16", "GET, 16 in a pipeline", 300),
    ("set-p1", "SET, one at a time", 1100),
    ("set-p16", "SET, 16 in a pipeline", None),
    ("get-1m-keys", "GET, 16 in a pipeline, a million keys", None),
    ("get-10m-keys", "GET, 16 in a pipeline, ten million keys", None),
    ("connect", "connect, one GET, close", 2600),
)
# Name, what the other client does, in a store of a million keys.
LATENCY_CASES = (
    ("keys-p999", "KEYS * again and again"),
    ("scan-p999", "SCAN through all, COUNT 100"),
    ("flushall-p999", "FLUSHALL, 100 ms each"),
    ("del-p999", "DEL of 64 MB, 200 us each"),
    ("swapdb-p999", "SWAPDB again and again"),
)
LATENCY_FIELDS = ("p50_us", "p99_us", "p999_us")
# Latencies are measured in many short repetitions: what the machine does beside, a few ms now and
# then, spoils some of them and not their median.
LATENCY_REPS_PER_REP, LATENCY_PART = 8, 0.2
NAMES = ([name for name, _, _ in CASES] + [name for name, _ in LATENCY_CASES] + list(PIPELINES) +
         ["index"])


def program(build, name):
    path = build / "tests" / "bench" / name
    if not path.exists():
        raise BenchError(f"{path} is not there: ninja -C {build}")
    return path


def in_process(args, wanted):
    """Rows of the cases with clients in the same process."""
    cases = [case for case in CASES if case[0] in wanted]
    if not cases:
        return []
    say("store: clients in the same process")
    with lb.hugepages(BENCH_MB):
        said = run([program(args.build, "store_bench"), "--seconds", args.seconds, "--reps",
                    args.reps, *(name for name, _, _ in cases)])
    samples = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [in_process_row(case, [s for s in samples if s["case"] == case[0]]) for case in cases]


def in_process_row(case, samples):
    name, what, limit = case
    cycles = [sample["cycles_per_op"] for sample in samples]
    middle = statistics.median(cycles)
    return {
        "case": name, "text": what, "kind": "in-process",
        "cycles_per_op": round(middle, 1), "cycles_per_op_min": round(min(cycles), 1),
        "cycles_per_op_max": round(max(cycles), 1), "cycles_per_op_limit": limit,
        "ops_per_second": round(statistics.median(s["ops"] / s["seconds"] for s in samples)),
        "busy": statistics.median(s["busy"] for s in samples),
        "met": None if limit is None else middle <= limit, "problems": [], "valid": True,
    }


def short_reps(args):
    """Options of store_latency for repetitions that are short, and many: 41 of 0.4 s unless asked
    for others."""
    return ["--seconds", args.seconds * LATENCY_PART,
            "--reps", args.reps * LATENCY_REPS_PER_REP + 1]


def best_decile(values):
    """What a tenth of the values is below, or at."""
    return sorted(values)[(len(values) - 1) // 10]


def latency(args, wanted):
    """Rows of GETs beside another client, in the same process."""
    cases = [case for case in LATENCY_CASES if case[0] in wanted]
    if not cases:
        return []
    say("store: GETs beside another client's huge commands")
    with lb.hugepages(BENCH_MB):
        said = run([program(args.build, "store_latency"), *short_reps(args),
                    *(name for name, _ in cases)])
    samples = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [latency_row(case, [s for s in samples if s["case"] == case[0]]) for case in cases]


def latency_row(case, samples):
    name, what = case
    row = {"case": name, "text": f"GET beside {what}", "kind": "latency", "met": None,
           "problems": [], "valid": True}
    for part in ("alone", "with"):
        runs = [sample[part] for sample in samples]
        row[part] = {field: round(statistics.median(run[field] for run in runs), 1)
                     for field in LATENCY_FIELDS}
        row[part]["best"] = {field: round(best_decile([run[field] for run in runs]), 1)
                             for field in LATENCY_FIELDS}
        row[part]["max_us"] = max(run["max_us"] for run in runs)
        row[part]["turn_max_us"] = max(run["turn_max_us"] for run in runs)
        row[part]["gets"] = sum(run["n"] for run in runs)
        row[part]["paused"] = sum(run["paused"] for run in runs)
    row["commands"] = sum(sample["with"]["commands"] for sample in samples)
    row["reps"] = len(samples)
    row["difference_us"] = {field: round(row["with"][field] - row["alone"][field], 1)
                            for field in LATENCY_FIELDS}
    row["cpu_share"] = round(min(sample[part]["cpu_share"] for sample in samples
                                 for part in ("alone", "with")), 3)
    return row


class Place(lab.Lab):
    """The lab with the client's address; the server is at the node's end of the left link."""

    def __init__(self, bench):
        super().__init__(bench)
        self.bench = bench
        self.inside("gen", "ip", "addr", "add", f"{lab.SOURCE}/24", "dev", "eth0")
        for side in ("gen", "node"):
            self.inside(side, "ip", "link", "set", "lo", "up")

    def answers(self):
        try:
            return "PONG" in self.inside("gen", "timeout", "1", "redis-cli", "-h", ADDRESS, "ping")
        except BenchError:
            return False

    def benchmark(self, pipeline, requests):
        """One run of redis-benchmark on CPU 0: GETs per second, p99 in ms, CPU seconds of the
        machine without the client's own."""
        self.inside("gen", "redis-benchmark", "-h", ADDRESS, "-q", "-t", "set", "-n", KEY_SPACE,
                    "-r", KEY_SPACE, "-d", VALUE_BYTES, "-P", 64, "-c", CLIENTS)
        busy = lab.busy_seconds()
        child = self.bench.start(
            ["ip", "netns", "exec", self.sides["gen"], "redis-benchmark", "-h", ADDRESS, "--csv",
             "-t", "get", "-n", requests, "-r", KEY_SPACE, "-P", pipeline, "-c", CLIENTS],
            cpus={node.MAIN_CPU})
        own = 0
        while child.poll() is None:
            try:
                own = max(own, cpu_seconds(child.pid))
            except (FileNotFoundError, ProcessLookupError):
                break
            time.sleep(0.01)
        busy = lab.busy_seconds() - busy
        said = child.log_path.read_text()
        self.bench.stop(child)
        rows = [row for row in csv.reader(io.StringIO(said)) if row and row[0] == "GET"]
        if not rows:
            raise BenchError(f"redis-benchmark: {said}")
        return {"rate": float(rows[0][1]), "p99_ms": float(rows[0][6]),
                "cpu_us": (busy - own) / requests * 1e6}


def measure_redis(bench, args, pipeline, requests):
    place = Place(bench)
    place.give_to_linux("0")
    child = bench.start(
        ["ip", "netns", "exec", place.sides["node"], "redis-server", "--bind", ADDRESS, "--save",
         "", "--appendonly", "no", "--protected-mode", "no", "--dir", bench.dir],
        cpus={node.WORKER_CPU})
    try:
        wait_until("redis-server", place.answers, START_SECONDS, child)
        return place.benchmark(pipeline, requests)
    finally:
        bench.stop(child)
        place.end()


def measure_braid(bench, args, pipeline, requests):
    place = Place(bench)
    place.give_to_braid()
    text = node.config(lab.devices(args.device, busy_poll=False), idle="adaptive")
    text += f"store: {{listen: [{ADDRESS}], memory: 256M, protected_mode: \"no\"}}\n"
    try:
        running = node.Node(bench, args.build, text, netns=place.sides["node"])
        try:
            wait_until("braid", place.answers, START_SECONDS, running.dataplane)
            return place.benchmark(pipeline, requests)
        finally:
            running.stop()
    finally:
        place.end()


def choose_device(bench, args):
    """AF_XDP where braid starts on it, else AF_PACKET."""
    args.device = "af_xdp"
    try:
        measure_braid(bench, args, 16, 1000)
    except BenchError as error:
        say(f"AF_XDP is not to be had here, taking AF_PACKET: {error}")
        args.device = "af_packet"


def over_veth(bench, args, wanted):
    """Rows of redis-benchmark, redis-server and braid in turn."""
    names = [name for name in PIPELINES if name in wanted]
    if not names:
        return []
    choose_device(bench, args)
    rows = []
    for name in names:
        pipeline = PIPELINES[name]
        requests = max(int(REQUESTS[pipeline] * args.seconds), 1000)
        samples = {"redis": [], "braid": []}
        for i in range(args.reps):
            samples["redis"].append(measure_redis(bench, args, pipeline, requests))
            samples["braid"].append(measure_braid(bench, args, pipeline, requests))
            say(f"store: {name}, {i + 1} of {args.reps}: " + "; ".join(
                f"{who} {runs[-1]['rate'] / 1e3:.0f} k/s, {runs[-1]['cpu_us']:.2f} us CPU"
                for who, runs in samples.items()))
        rows.append(veth_row(name, samples, args.device))
    return rows


def veth_row(name, samples, device):
    def middle(who, field):
        return statistics.median(sample[field] for sample in samples[who])

    rate = middle("braid", "rate") / middle("redis", "rate")
    cpu = middle("braid", "cpu_us") / middle("redis", "cpu_us")
    rate_min, cpu_max = RATE_RATIO_MIN.get(name), CPU_RATIO_MAX.get(name)
    met = (rate_min is None or rate >= rate_min) and (cpu_max is None or cpu <= cpu_max)
    row = {"case": name, "text": f"redis-benchmark -P {PIPELINES[name]}, {device}", "kind": "veth",
           "rate_ratio": round(rate, 2), "cpu_ratio": round(cpu, 2), "rate_ratio_min": rate_min,
           "cpu_ratio_max": cpu_max, "met": met, "problems": [], "valid": True}
    for who in samples:
        row[who] = {field: round(middle(who, field), 3) for field in ("rate", "p99_ms", "cpu_us")}
    return row


def index(args, wanted):
    """Rows of the shard's index beside rte_hash."""
    if "index" not in wanted:
        return []
    say("store: the index beside rte_hash")
    with lb.hugepages(INDEX_MB):
        said = json.loads(run([program(args.build, "kv-index-bench"), *INDEX_KEYS]))
    rows = []
    for row in said["cases"]:
        rows.append({"case": f"index-{row['keys']}", "text": f"index, {row['keys']} keys",
                     "kind": "index", **row, "met": row["ratio"] >= INDEX_RATIO_MIN,
                     "problems": [], "valid": True})
    return rows


def main(bench, args):
    wanted = args.store_cases
    rows = (in_process(args, wanted) + latency(args, wanted) + over_veth(bench, args, wanted) +
            index(args, wanted))
    cycles = {row["case"]: row["cycles_per_op"] for row in rows if row["kind"] == "in-process"}
    growth = None
    if "get-p16" in cycles and "get-10m-keys" in cycles:
        growth = round(cycles["get-10m-keys"] / cycles["get-p16"], 2)
    return {"bench": "store", "reps": args.reps, "seconds": args.seconds, "cases": rows,
            "growth_10m": growth, "growth_10m_max": GROWTH_MAX}


def times(part):
    return (f"p50 {part['p50_us']}, p99 {part['p99_us']}, p99.9 {part['p999_us']} "
            f"({part['best']['p999_us']}), max {part['max_us']:.0f} us")


def latency_notes(rows):
    """What must be known to read the latencies, if there are any."""
    reps = [row["reps"] for row in rows if row["kind"] == "latency"]
    if not reps:
        return []
    return [f"Latencies are medians of {min(reps)} short repetitions, their best decile in "
            "brackets, maxima of all.", *noise(rows)]


def noise(rows):
    """A line for each case in which the serving thread was not alone on its CPU."""
    return [f"{row['case']}: the machine was not quiet; the serving thread had "
            f"{row['cpu_share']:.1%} of its CPU, "
            f"{row['alone']['paused'] + row['with']['paused']} GETs are left out."
            for row in rows if row["kind"] == "latency" and row["cpu_share"] < CPU_SHARE_MIN]


HEAD = ["case", "what", "measured", "peer", "target", ""]


def cells(row):
    if row["kind"] == "in-process":
        limit = row["cycles_per_op_limit"]
        return [f"{row['cycles_per_op']:.0f} cycles/op ({row['cycles_per_op_min']:.0f} to "
                f"{row['cycles_per_op_max']:.0f})", "-", "-" if limit is None else f"<= {limit}"]
    if row["kind"] == "latency":
        return [times(row["with"]), f"alone {times(row['alone'])}: p99.9 "
                f"{row['difference_us']['p999_us']:+.1f} us", "-"]
    if row["kind"] == "index":
        return [f"{row['index_cycles']:.0f} cycles, {row['overhead_bytes_per_key']} B over each "
                "key and value", f"rte_hash bulk {row['rte_hash_cycles']:.0f}: x {row['ratio']}",
                f">= x {INDEX_RATIO_MIN}"]
    targets = []
    if row["rate_ratio_min"]:
        targets.append(f"rate >= x {row['rate_ratio_min']}")
    if row["cpu_ratio_max"]:
        targets.append(f"CPU <= x {row['cpu_ratio_max']}")
    braid, redis = row["braid"], row["redis"]
    return [f"{braid['rate'] / 1e3:.0f} k/s, p99 {braid['p99_ms']} ms, "
            f"{braid['cpu_us']:.2f} us CPU",
            f"{redis['rate'] / 1e3:.0f} k/s, p99 {redis['p99_ms']} ms, {redis['cpu_us']:.2f} us "
            f"CPU: rate x {row['rate_ratio']}, CPU x {row['cpu_ratio']}", ", ".join(targets) or "-"]


def table_rows(result):
    return [[row["case"], row["text"], *cells(row),
             "" if row["met"] is None else report.verdict(row["met"])] for row in result["cases"]]


def text(result):
    lines = [report.text_table(HEAD, table_rows(result)), ""]
    if result["growth_10m"]:
        lines.append(f"10 million keys cost x {result['growth_10m']} of 100 thousand "
                     f"(target <= {GROWTH_MAX}).")
    lines.append("Cycles are those of the serving worker's busy turns, TCP included; CPU is that "
                 "of the whole machine without redis-benchmark's own, per operation.")
    lines += latency_notes(result["cases"])
    return "\n".join(lines)


def markdown(result):
    return report.markdown_table(HEAD, table_rows(result))


def svg(result):
    bars = []
    for row in result["cases"]:
        if row["kind"] != "veth":
            continue
        for who in ("braid", "redis"):
            bars.append(chart.Bar(label=row["case"], text=f"{who}, {row['text']}",
                                  value=row[who]["rate"] / 1e6, behind=None, mark=None,
                                  note=f"{row[who]['cpu_us']:.2f} us CPU per operation",
                                  style="bar" if who == "braid" else "second"))
    return chart.draw(chart.Chart(title="The same veth link: redis-server and braid",
                                  unit="million GETs per second", legend=(None, None, None),
                                  bars=bars, digits=2))


def latency_svg(result):
    bars = [chart.Bar(label=row["case"], text=row["text"], value=row["with"]["p999_us"],
                      behind=None, mark=row["alone"]["p999_us"],
                      note=f"alone {row['alone']['p999_us']:.1f}; "
                           f"p99 {row['with']['p99_us']:.1f}")
            for row in result["cases"] if row["kind"] == "latency"]
    return chart.draw(chart.Chart(title="GETs beside another client's huge commands: p99.9",
                                  unit="us", legend=("beside it", None, "alone"), bars=bars))


def more_svgs(result):
    """Charts besides the first, by name."""
    if any(row["kind"] == "latency" for row in result["cases"]):
        return {"latency": latency_svg(result)}
    return {}
