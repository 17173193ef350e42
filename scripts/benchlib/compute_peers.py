# SPDX-License-Identifier: BSD-3-Clause
"""The peers in scripts/bench compute: what users have today to double numbers (Python's Pool, GNU
parallel, xargs, OpenMP) and to sum up records (Redis, sqlite3, awk). Each does as many as it can in
reasonable time on all CPUs that it can use, and what it said is checked."""

import json
import pathlib
import shutil
import sqlite3
import statistics
import sys
import time

from benchlib import node
from benchlib.process import BenchError, log_tail, run, say, wait_until

CPUS = 2
POOL = pathlib.Path(__file__).with_name("compute_pool.py")
REDIS = pathlib.Path(__file__).with_name("compute_redis.py")
SYSTEM_PYTHON = "/usr/bin/python3"  # which has Debian's packages
POOL_PROCESSES = 4          # as in the example that braid is held against
WARM_CALLS = 300
SEED_PROGRAM = """from multiprocessing import Pool


def double(x):
    return 2 * x


if __name__ == "__main__":
    print(Pool(4).map(double, [1, 2, 3, 4, 5]))
"""
SEED_SAYS = "[2, 4, 6, 8, 10]"
# Items and chunks that each does; the best is reported, a chunk of one as well.
POOL_MAPS = ((20_000, 1), (2_000_000, 1_000), (2_000_000, 10_000), (2_000_000, 100_000))
PARALLEL_MAPS = ((300, 1), (100_000, 100), (100_000, 1_000))
XARGS_MAPS = ((2_000, 1), (200_000, 100), (200_000, 1_000), (200_000, 5_000))
OMP_ITEMS = 10_000_000
OMP_SCHEDULES = ("dynamic,1", "static")
EACH_RECORDS = 1_000_000
VALUE_BYTES, NUMBER_BYTES = 64, 8
START_SECONDS = 10
AWK = """{ n++; x = $2; s += x; if (n == 1 || x < min) min = x; if (x > max) max = x }
END { printf "%.0f %.0f %.0f %.0f\\n", n, s, min, max }
"""


def row(name, what, values, unit, count):
    """A peer in a case: `values` of its repetitions, less is better."""
    return {"peer": name, "text": what, "value": round(statistics.median(values), 3),
            "best": round(min(values), 3), "unit": unit, "count": count}


def finish(bench, argv, cpus=None, **popen):
    """Runs a program on all CPUs (or those) to its end: seconds, what it said."""
    begin = time.monotonic()
    child = bench.start(argv, cpus=cpus, **popen)
    child.wait()
    seconds = time.monotonic() - begin
    if child.returncode != 0:
        raise BenchError(f"{argv[0]} ended with {child.returncode}; it said:\n{log_tail(child)}")
    bench.stop(child)
    said = child.log_path.read_text()
    child.log_path.unlink()
    return seconds, said


def check_sum(name, got, items):
    """Whether the doubles of 0 to items - 1 sum up to what was got."""
    if got != items * (items - 1):
        raise BenchError(f"{name} doubled {items} numbers and they sum up to {got}")


def check_each(name, got, records=EACH_RECORDS):
    """Whether count, sum, min and max of the numbers 0 to records - 1 are those."""
    want = [records, records * (records - 1) // 2, 0, records - 1]
    if [int(x) for x in got] != want:
        raise BenchError(f"{name} says {got} of its records and not {want}")


def skipping(function, *args):
    """The rows of one peer; none, with the reason said, where it is not to be had."""
    try:
        return function(*args)
    except (BenchError, OSError) as error:
        say(f"{function.__name__}: left out: {error}")
        return []


# --- five items ---

def pool_warm(bench, args):
    _, said = finish(bench, [sys.executable, POOL, "warm", POOL_PROCESSES,
                             WARM_CALLS * args.reps])
    return [row("python-pool", "Pool(4), open", json.loads(said)["us"], "us", 5)]


def pool_cold(bench, args):
    script = bench.dir / "seed.py"
    script.write_text(SEED_PROGRAM)
    took = []
    for _ in range(4 * args.reps + 1):
        seconds, said = finish(bench, [sys.executable, script])
        if said.strip() != SEED_SAYS:
            raise BenchError(f"Python's Pool says {said}")
        took.append(seconds * 1e3)
    return [row("python-pool", "Pool(4), the whole script", took, "ms", 5)]


def seed_warm(bench, args):
    return skipping(pool_warm, bench, args)


def seed_cli(bench, args):
    return skipping(pool_cold, bench, args)


# --- many items ---

def chunked(name, what, maps, args, measure):
    """Rows of a peer: one item at a time, and with the chunk that suits it best."""
    ns = {chunk: [measure(items, chunk) / items * 1e9 for _ in range(args.reps)]
          for items, chunk in maps}
    counts = {chunk: items for items, chunk in maps}
    best = min(ns, key=lambda chunk: statistics.median(ns[chunk]))
    return [row(name, f"{what}, chunks of {chunk}", ns[chunk], "ns", counts[chunk])
            for chunk in dict.fromkeys((1, best)) if chunk in ns]


def pool_map(bench, args):
    def measure(items, chunk):
        _, said = finish(bench, [sys.executable, POOL, "map", CPUS, items, chunk])
        check_sum("Pool", json.loads(said)["sum"], items)
        return json.loads(said)["seconds"]

    return chunked("python-pool", "multiprocessing.Pool", POOL_MAPS, args, measure)


def numbers_file(bench, items):
    path = bench.dir / f"numbers-{items}"
    if not path.exists():
        path.write_text("\n".join(map(str, range(items))) + "\n")
    return path


def shell_map(bench, args, name, what, maps, argv):
    """A peer that starts commands with the numbers as their arguments."""
    if not shutil.which(name):
        raise BenchError(f"{name} is not installed: scripts/setup")

    def measure(items, chunk):
        with open(numbers_file(bench, items), "rb") as numbers:
            seconds, said = finish(bench, argv(chunk), stdin=numbers)
        check_sum(name, sum(map(int, said.split())), items)
        return seconds

    return chunked(name, what, maps, args, measure)


def parallel_map(bench, args):
    def argv(chunk):
        return ["env", "SHELL=/bin/sh", "parallel", "--will-cite", "-j", CPUS, "-N", chunk,
                "for i in {} ; do echo $((2 * i)); done"]

    return shell_map(bench, args, "parallel", "GNU parallel, sh", PARALLEL_MAPS, argv)


def xargs_map(bench, args):
    def argv(chunk):
        return ["xargs", "-P", CPUS, "-n", chunk, "sh", "-c",
                "for i; do echo $((2 * i)); done", "sh"]

    return shell_map(bench, args, "xargs", "xargs, sh", XARGS_MAPS, argv)


def openmp_map(bench, args):
    program = args.build / "tests" / "bench" / "openmp_map"
    if not program.exists():
        raise BenchError(f"{program} is not there: its compiler has no OpenMP")
    rows = []
    for schedule in OMP_SCHEDULES:
        ns = []
        for _ in range(args.reps):
            _, said = finish(bench, ["env", f"OMP_SCHEDULE={schedule}", f"OMP_NUM_THREADS={CPUS}",
                                     program, OMP_ITEMS])
            check_sum("OpenMP", json.loads(said)["sum"], OMP_ITEMS)
            ns.append(json.loads(said)["seconds"] / OMP_ITEMS * 1e9)
        rows.append(row("openmp", f"OpenMP, {schedule}", ns, "ns", OMP_ITEMS))
    return rows


def map_auto(bench, args):
    say("compute: peers that double many numbers")
    return [r for peer in (pool_map, parallel_map, xargs_map, openmp_map)
            for r in skipping(peer, bench, args)]


# --- records ---

def value_of(number):
    return number.to_bytes(NUMBER_BYTES, "little") + b"v" * (VALUE_BYTES - NUMBER_BYTES)


def write_sets(path, records=EACH_RECORDS):
    """A file of SETs in RESP, for redis-cli --pipe."""
    with open(path, "wb") as f:
        for i in range(records):
            f.write(b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%s\r\n"
                    % (i, VALUE_BYTES, value_of(i)))


def redis_each(bench, args):
    """EVAL inside of redis-server, and a client that asks for all."""
    path = bench.dir / "redis.sock"
    server = bench.start(["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                          "--appendonly", "no", "--lua-time-limit", "0", "--dir", bench.dir],
                         cpus={node.WORKER_CPU})
    try:
        wait_until("redis-server", path.exists, START_SECONDS, server)
        sets = bench.dir / "sets"
        write_sets(sets)
        with open(sets, "rb") as f:
            run(["redis-cli", "-s", path, "--pipe"], stdin=f)
        sets.unlink()
        return [row(f"redis-{how}", what, redis_ns(bench, args, how, path), "ns", EACH_RECORDS)
                for how, what in (("eval", "redis-server, EVAL of SCAN and GET"),
                                  ("mget", "redis-py, SCAN and MGET of 1000"))]
    finally:
        bench.stop(server)


def redis_ns(bench, args, how, path):
    """ns per record of each repetition."""
    _, said = finish(bench, [SYSTEM_PYTHON, REDIS, how, path, args.reps], cpus={node.MAIN_CPU})
    ns = []
    for line in said.splitlines():
        one = json.loads(line)
        check_each(how, one["said"])
        ns.append(one["seconds"] / EACH_RECORDS * 1e9)
    return ns


def sqlite_each(bench, args):
    db = sqlite3.connect(":memory:")
    db.execute("create table r (k text primary key, n integer, v blob)")
    rest = b"v" * (VALUE_BYTES - NUMBER_BYTES)
    db.executemany("insert into r values (?, ?, ?)",
                   ((f"key:{i:012d}", i, rest) for i in range(EACH_RECORDS)))
    ns = []
    for _ in range(args.reps):
        begin = time.perf_counter()
        got = db.execute("select count(n), sum(n), min(n), max(n) from r").fetchone()
        ns.append((time.perf_counter() - begin) / EACH_RECORDS * 1e9)
        check_each("sqlite3", got)
    db.close()
    return [row("sqlite3", f"sqlite {sqlite3.sqlite_version}, a table in memory", ns, "ns",
                EACH_RECORDS)]


def awk_each(bench, args):
    path = bench.dir / "records"
    with open(path, "w") as f:
        for i in range(EACH_RECORDS):
            f.write(f"key:{i:012d} {i:<{NUMBER_BYTES}} {'v' * (VALUE_BYTES - NUMBER_BYTES)}\n")
    ns = []
    for _ in range(args.reps):
        seconds, said = finish(bench, ["awk", AWK, path])
        check_each("awk", said.split())
        ns.append(seconds / EACH_RECORDS * 1e9)
    path.unlink()
    return [row("awk", "awk over lines of a file", ns, "ns", EACH_RECORDS)]


def each_sum(bench, args):
    say("compute: peers that sum up records")
    return [r for peer in (redis_each, sqlite_each, awk_each)
            for r in skipping(peer, bench, args)]


CASES = {"seed-warm": seed_warm, "seed-cli": seed_cli, "map-auto": map_auto, "each-sum": each_sum}
