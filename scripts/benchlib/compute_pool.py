# SPDX-License-Identifier: BSD-3-Clause
"""Python's multiprocessing.Pool doubling numbers, a script of its own, so that its workers are
forked from a small process: how long five numbers take it when it is warm, and a number of many.

  compute_pool.py warm PROCESSES CALLS
  compute_pool.py map PROCESSES ITEMS CHUNK
"""

import json
import sys
import time
from multiprocessing import Pool

FEW = [1, 2, 3, 4, 5]


def double(x):
    return 2 * x


def warm(pool, calls):
    """Microseconds of each of so many calls."""
    took = []
    for _ in range(calls):
        begin = time.perf_counter()
        said = pool.map(double, FEW)
        took.append((time.perf_counter() - begin) * 1e6)
        if said != [2, 4, 6, 8, 10]:
            raise SystemExit(f"the pool said {said}")
    return {"us": took}


def many(pool, items, chunk):
    """Seconds for so many items, and what they sum up to."""
    pool.map(double, FEW)
    begin = time.perf_counter()
    said = pool.map(double, range(items), chunksize=chunk)
    return {"seconds": time.perf_counter() - begin, "sum": sum(said)}


def main(what, processes, *numbers):
    with Pool(int(processes)) as pool:
        doing = {"warm": warm, "map": many}[what]
        print(json.dumps(doing(pool, *(int(number) for number in numbers))))


if __name__ == "__main__":
    main(*sys.argv[1:])
