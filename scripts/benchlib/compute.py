# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench compute: users' programs on braid's workers, beside what users have today. Five
numbers from a client over veth; many from the process itself; all records of the store; and what
those whose packets and GETs pass the same worker notice of it."""

import json
import statistics

from benchlib import chart, compute_peers, lab, lb, node, plot, report, store
from benchlib.process import BenchError, log_tail, run, say, wait_until

TITLE = "Compute"
CLIENT = compute_peers.POOL.with_name("compute_client.py")
CALLS, PROGRAM_CALLS = 3000, 40       # of five numbers, per repetition
MANY = 10_000_000                     # items, and records
QUANTUM_RECORDS = 1_000_000
PACKETS_PER_SECOND, GETS_PER_SECOND = 200_000, 100_000
QUANTA = ("auto", "1us", "2us", "5us", "10us", "20us", "50us", "100us")
QUANTUM_REPS_PER_REP = 2
NODE_BENCH_MB = 1024 + 512
# Name, what it is, unit, the least or the most that it shall be, and which of the two.
CASES = {
    "seed-warm": ("FMAP of five numbers, an open connection over veth", "us", 50, "max"),
    "seed-cli": ("braidctl map of five numbers, process to process", "ms", 15, "max"),
    "map-1": ("FMAPs of one item, 64 connections, 16 in a pipeline", "M/s", 2, "min"),
    "map-auto": ("10 M items, one job, one worker", "M/s", 100, "min"),
    "each-sum": ("count, sum, min, max of 10 M records of 64 B, one worker", "M/s", 30, "min"),
    "isolation": ("GETs and packets beside an FEACH of 10 M records", "us", None, "max"),
    "quantum": ("packets beside an FEACH, by quantum", "us", None, "max"),
}
NAMES = list(CASES)
ISOLATION = {  # name: what, options of store_latency, us that the p99 may grow
    "isolation-get": ("GETs, 100 k/s, beside an FEACH of 10 M records",
                      ["--rate", GETS_PER_SECOND], 10),
    "isolation-packets": ("forwarded packets, 200 k/s, beside it",
                          ["--rate", PACKETS_PER_SECOND, "--packets"], 5),
}


def result_of(name, values, best, **more):
    """A row of a case out of its repetitions."""
    what, unit, limit, kind = CASES[name]
    value = statistics.median(values)
    met = None if limit is None else (value <= limit if kind == "max" else value >= limit)
    return {"case": name, "text": what, "kind": "value", "value": round(value, 2),
            "best": round(best(values), 2), "unit": unit, "limit": limit, "limit_kind": kind,
            "met": met, "notes": [], "peers": [], "problems": [], "valid": True, **more}


def failed(name, error):
    """A row of a case that could not be measured."""
    what, unit, limit, kind = CASES[name]
    return {"case": name, "text": what, "kind": "value", "value": None, "best": None,
            "unit": unit, "limit": limit, "limit_kind": kind, "met": False, "notes": [],
            "peers": [], "problems": [str(error)], "valid": False}


def programs(args):
    return store.program(args.build, "bench.bpf")


# --- five numbers, over veth ---

class Client:
    """A node with the programs, and a client in the namespace beside it."""

    def __init__(self, bench, args, idle):
        self.bench = bench
        self.place = store.Place(bench)
        try:
            self.place.give_to_braid()
            text = node.config(lab.devices(args.device), idle=idle)
            text += (f"store: {{listen: [{store.ADDRESS}], memory: 64M, "
                     "protected_mode: \"no\"}\n")
            self.running = node.Node(bench, args.build, text, netns=self.place.sides["node"])
            wait_until("braid", self.place.answers, store.START_SECONDS, self.running.dataplane)
            self.ask("load", store.ADDRESS, programs(args))
        except BaseException:
            self.place.end()
            raise

    def ask(self, *argv):
        """What compute_client.py says in the client's namespace."""
        child = self.bench.start(["ip", "netns", "exec", self.place.sides["gen"],
                                  compute_peers.SYSTEM_PYTHON, CLIENT, *argv],
                                 cpus={node.MAIN_CPU})
        child.wait()
        if child.returncode != 0:
            raise BenchError(f"{argv[0]}: {log_tail(child)}")
        self.bench.stop(child)
        return json.loads(child.log_path.read_text())

    def end(self):
        try:
            self.running.stop()
        finally:
            self.place.end()


def measure_client(bench, args, wanted, samples):
    """One repetition; adds the p50 of each way to ask, in us."""
    def add(how, said):
        samples.setdefault(how, []).append(statistics.median(said["us"]))

    for idle in ("poll", "adaptive"):
        client = Client(bench, args, idle)
        try:
            if "seed-warm" in wanted:
                add(f"socket-{idle}", client.ask("socket", store.ADDRESS, CALLS))
                add(f"redis-py-{idle}", client.ask("redis-py", store.ADDRESS, CALLS))
            if "seed-cli" in wanted:
                argv = [client.running.programs["braidctl"], "map", programs(args), "twice",
                        *map(str, range(1, 6)), "--server", store.ADDRESS]
                add(f"program-{idle}", client.ask("program", PROGRAM_CALLS, *argv))
        finally:
            client.end()


def over_veth(bench, args, wanted):
    """Rows of the cases that go over veth."""
    names = [name for name in ("seed-warm", "seed-cli") if name in wanted]
    if not names:
        return []
    say("compute: five numbers over veth")
    samples = {}
    try:
        store.choose_device(bench, args)
        for _ in range(args.reps):
            measure_client(bench, args, names, samples)
    except (BenchError, OSError) as error:
        say(f"seed: {error}")
        return [failed(name, error) for name in names]
    rows = []
    for name, how, scale in (("seed-warm", "socket", 1), ("seed-cli", "program", 1000)):
        if name not in names:
            continue
        row = result_of(name, [us / scale for us in samples[f"{how}-poll"]], min,
                        device=args.device)
        adaptive = statistics.median(samples[f"{how}-adaptive"]) / scale
        row["notes"].append(f"with idle: adaptive {adaptive:.2f} {row['unit']}")
        rows.append(row)
    if "seed-warm" in names:
        rows[0]["notes"].append("by redis-py {:.1f} us, adaptive {:.1f} us".format(
            *(statistics.median(samples[f"redis-py-{idle}"]) for idle in ("poll", "adaptive"))))
    return rows


# --- in the same process ---

IN_PROCESS = {"seed-warm": ["seed"], "map-1": ["map-1"], "map-auto": ["map-auto", "map-auto-2"],
              "each-sum": ["each-sum"]}


def run_compute_bench(args, cases):
    with lb.hugepages(NODE_BENCH_MB):
        said = run([store.program(args.build, "compute_bench"), "--program", programs(args),
                    "--seconds", args.seconds, "--reps", args.reps, *cases])
    samples = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return {case: [s for s in samples if s["case"] == case] for case in cases}


def map_1_row(samples):
    rates = [s["ops"] / s["seconds"] / 1e6 for s in samples["map-1"]]
    cycles = [s["cycles_per_op"] for s in samples["map-1"]]
    row = result_of("map-1", rates, max, cycles_per_op=round(statistics.median(cycles), 1))
    busy = statistics.median(s["busy"] for s in samples["map-1"])
    row["notes"].append(f"{row['cycles_per_op']:.0f} cycles each, the worker {busy:.0%} busy")
    return row


def map_auto_row(samples):
    one, two = samples["map-auto"], samples["map-auto-2"]
    row = result_of("map-auto", [s["items"] / s["seconds"] / 1e6 for s in one], max)
    both = statistics.median(s["seconds"] / s["items"] * 1e9 for s in two)
    row["ns_on_all"] = round(both, 3)
    row["notes"].append(f"{statistics.median(s['cycles_per_item'] for s in one):.1f} cycles each; "
                        f"two workers {1e3 / both:.1f} M/s")
    return row


def each_sum_row(samples):
    runs = samples["each-sum"]
    row = result_of("each-sum", [s["records"] / s["p50_us"] for s in runs], max)
    row["notes"].append(f"{statistics.median(s['p50_us'] for s in runs) / 1e3:.0f} ms for all; "
                        f"{statistics.median(s['cycles_per_op'] / s['records'] for s in runs):.1f}"
                        " cycles each")
    return row


def in_process(args, wanted):
    """Rows of the cases with clients in the same process; and, by name, what belongs to others."""
    rows, in_process_us = [], None
    for name, make in (("seed-warm", None), ("map-1", map_1_row), ("map-auto", map_auto_row),
                       ("each-sum", each_sum_row)):
        if name not in wanted:
            continue
        say(f"compute: {name} in the same process")
        try:
            samples = run_compute_bench(args, IN_PROCESS[name])
            if make:
                rows.append(make(samples))
            else:
                in_process_us = statistics.median(s["p50_us"] for s in samples["seed"])
        except (BenchError, OSError) as error:
            say(f"{name}: {error}")
            rows += [failed(name, error)] if make else []
    return rows, in_process_us


# --- those who share the worker ---

def run_latency(args, options, reps):
    with lb.hugepages(NODE_BENCH_MB):
        said = run([store.program(args.build, "store_latency"), "--program", programs(args),
                    "--seconds", args.seconds * store.LATENCY_PART, "--reps", reps, *options,
                    "feach-p999"])
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def shared_row(name, what, samples):
    """A row of what others see, alone and beside."""
    row = store.latency_row((name, what), samples)
    for part in ("alone", "with"):
        for field in ("lost", "drops"):
            row[part][field] = sum(sample[part][field] for sample in samples)
    return {**row, "text": what, "kind": "shared", "limit": None, "peers": [], "notes": []}


def isolation_row(name, samples):
    what, _, limit = ISOLATION[name]
    row = shared_row(name, what, samples)
    lost = row["with"]["lost"] - row["alone"]["lost"]
    row["limit"] = limit
    row["met"] = row["difference_us"]["p99_us"] <= limit and lost <= 0
    if name == "isolation-packets":
        row["notes"].append(f"{row['with']['lost']} packets lost beside it, "
                            f"{row['alone']['lost']} alone")
    return row


def isolation(args):
    rows = []
    for name, (what, options, _) in ISOLATION.items():
        say(f"compute: {name}")
        try:
            samples = run_latency(args, [*options, "--keys", MANY],
                                  args.reps * store.LATENCY_REPS_PER_REP + 1)
            rows.append(isolation_row(name, samples))
        except (BenchError, OSError) as error:
            say(f"{name}: {error}")
            rows.append({**failed("isolation", error), "case": name, "text": what})
    return rows


def quantum_row(quantum, samples):
    row = shared_row(f"quantum-{quantum}", f"packets, 200 k/s, quantum {quantum}", samples)
    us = statistics.median(sample["with"]["command_us"] for sample in samples)
    row["kind"], row["quantum"] = "quantum", quantum
    row["records_per_us"] = round(QUANTUM_RECORDS / us, 2)
    row["notes"].append(f"{row['records_per_us']:.1f} M records/s meanwhile")
    return row


def quanta(args):
    rows = []
    for quantum in QUANTA:
        say(f"compute: quantum {quantum}")
        try:
            samples = run_latency(
                args, ["--rate", PACKETS_PER_SECOND, "--packets", "--keys", QUANTUM_RECORDS,
                       "--settings", f"compute: {{quantum: {quantum}}}\n"],
                args.reps * QUANTUM_REPS_PER_REP + 1)
            rows.append(quantum_row(quantum, samples))
        except (BenchError, OSError) as error:
            say(f"quantum {quantum}: {error}")
            rows.append({**failed("quantum", error), "case": f"quantum-{quantum}"})
    return rows


def add_peers(bench, args, rows):
    for row in rows:
        if row["case"] in compute_peers.CASES:
            row["peers"] = compute_peers.CASES[row["case"]](bench, args)


def main(bench, args):
    wanted = args.compute_cases
    node.programs(args.build)
    rows = over_veth(bench, args, wanted)
    inside, in_process_us = in_process(args, wanted)
    if in_process_us is not None and rows:
        rows[0]["notes"].append(f"in one process {in_process_us:.1f} us")
    rows += inside
    if "isolation" in wanted:
        rows += isolation(args)
    if "quantum" in wanted:
        rows += quanta(args)
    if args.peers:
        add_peers(bench, args, rows)
    return {"bench": "compute", "reps": args.reps, "seconds": args.seconds, "cases": rows}


# --- tables and charts ---

HEAD = ["case", "what", "measured (best)", "beside braid", "target", ""]


def in_peers_unit(row):
    """What braid takes, in the unit of its peers."""
    if row["value"] is None:
        return None
    if "ns_on_all" in row:
        return row["ns_on_all"]
    return 1e3 / row["value"] if row["unit"] == "M/s" else row["value"]


def peer_cells(row, peer):
    own = in_peers_unit(row)
    return ["", f"{peer['text']} ({peer['count']:,})",
            f"{peer['value']:,.1f} {peer['unit']} ({peer['best']:,.1f})",
            f"x {peer['value'] / own:,.1f}" if own else "-", "-", ""]


def value_cells(row):
    if row["value"] is None:
        return ["INVALID", "-"]
    return [f"{row['value']} {row['unit']} ({row['best']})", "-"]


def shared_cells(row):
    return [store.times(row["with"]),
            f"alone {store.times(row['alone'])}: p99 {row['difference_us']['p99_us']:+.1f} us"]


def target_of(row):
    if row["limit"] is None:
        return "-"
    if row["kind"] == "shared":
        return f"p99 <= +{row['limit']} us, none lost"
    return f"{'<=' if row['limit_kind'] == 'max' else '>='} {row['limit']} {row['unit']}"


def table_rows(result):
    rows = []
    for row in result["cases"]:
        cells = value_cells(row) if row["kind"] == "value" else shared_cells(row)
        rows.append([row["case"], row["text"], *cells, target_of(row),
                     "" if row["met"] is None else report.verdict(row["met"])])
        rows += [peer_cells(row, peer) for peer in row["peers"]]
    return rows


def remarks(result):
    """A line for each case that there is more to say about."""
    return [f"{row['case']}: " + "; ".join(
        [f"INVALID: {problem.splitlines()[-1]}" for problem in row["problems"]] + row["notes"])
        for row in result["cases"] if row["problems"] or row["notes"]]


def text(result):
    lines = [report.text_table(HEAD, table_rows(result)), "", *remarks(result)]
    lines.append("Peers: for each item or record, on both CPUs where they can use them; x is how "
                 "many times braid's time it is.")
    lines += store.latency_notes([{**row, "kind": "latency"} for row in result["cases"]
                                  if row["kind"] != "value"])
    return "\n".join(lines)


def markdown(result):
    return "\n".join([report.markdown_table(HEAD, table_rows(result)), "",
                      *(f"- {remark}" for remark in remarks(result))])


def rate_bars(row):
    """Bars of a case and its peers: millions per second."""
    own = in_peers_unit(row)
    rates = [("braid", row["text"], 1e3 / own if own else 0)]
    rates += [(peer["peer"], peer["text"], 1e3 / peer["value"]) for peer in row["peers"]]
    return [chart.Bar(label=name, text=what, value=rate, behind=None, mark=None, note="",
                      style="bar" if name == "braid" else "second")
            for name, what, rate in rates]


def svg_of(result, case, title, unit):
    bars = [bar for row in result["cases"] if row["case"] == case for bar in rate_bars(row)]
    return chart.draw(chart.Chart(title=title, unit=unit, legend=(None, None, None), bars=bars,
                                  digits=2))


def svg(result):
    return svg_of(result, "each-sum", "Count, sum, min, max of all records",
                  "million records per second")


def quantum_svg(rows):
    """Packets' latency by quantum; the one that adapts has no place on the axis."""
    rows = [row for row in rows if row["quantum"] != "auto"]
    lines = [plot.Line("p99 beside an FEACH", [row["with"]["p99_us"] for row in rows]),
             plot.Line("p99 alone", [row["alone"]["p99_us"] for row in rows]),
             plot.Line("p50 beside an FEACH", [row["with"]["p50_us"] for row in rows])]
    return plot.draw(plot.Plot(
        title="What packets wait for programs", x_unit="quantum, us; below it, million records per "
        "second that the programs did", y_unit="us",
        xs=[int(row["quantum"].removesuffix("us")) for row in rows],
        notes=[f"{row['records_per_us']:.0f} M/s" for row in rows], lines=lines))


def more_svgs(result):
    """Charts besides the first, by name."""
    made = {}
    if any(row["case"] == "map-auto" for row in result["cases"]):
        made["map"] = svg_of(result, "map-auto", "Doubling numbers on two CPUs",
                             "million items per second")
    rows = [row for row in result["cases"] if row["kind"] == "quantum"]
    if any(row["quantum"] != "auto" for row in rows):
        made["quantum"] = quantum_svg(rows)
    return made
