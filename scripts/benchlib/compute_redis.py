# SPDX-License-Identifier: BSD-3-Clause
"""Sums up the records of a redis-server as its users can: by a script inside of it, or by a client
that fetches all. A script of its own, for the Python that has Debian's python3-redis. Prints a JSON
line for each repetition: seconds, and what came out.

  compute_redis.py eval|mget SOCKET REPETITIONS
"""

import json
import math
import sys
import time

import redis

MGET_KEYS = 1000
LUA = """local cursor, n, sum, min, max = "0", 0, 0, math.huge, -math.huge
repeat
  local page = redis.call("SCAN", cursor, "COUNT", 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local x = struct.unpack("<I8", redis.call("GET", key))
    n = n + 1
    sum = sum + x
    if x < min then min = x end
    if x > max then max = x end
  end
until cursor == "0"
return string.format("%.0f %.0f %.0f %.0f", n, sum, min, max)
"""


def by_script(client):
    """While it runs, nobody else is served."""
    return [int(word) for word in client.eval(LUA, 0).split()]


def by_client(client):
    cursor, n, total, least, most = 0, 0, 0, math.inf, -math.inf
    while True:
        cursor, keys = client.scan(cursor, count=MGET_KEYS)
        numbers = [int.from_bytes(value[:8], "little") for value in client.mget(keys)]
        n += len(numbers)
        total += sum(numbers)
        least, most = min(least, *numbers), max(most, *numbers)
        if cursor == 0:
            return [n, total, least, most]


def main(how, path, repetitions):
    client = redis.Redis(unix_socket_path=path)
    doing = {"eval": by_script, "mget": by_client}[how]
    for _ in range(int(repetitions)):
        begin = time.perf_counter()
        said = doing(client)
        print(json.dumps({"seconds": time.perf_counter() - begin, "said": said}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
