# SPDX-License-Identifier: BSD-3-Clause
"""A client of a node's store that doubles five numbers by FMAP again and again: over a socket, with
redis-py, or by starting a program each time. A script of its own, for the Python that has Debian's
python3-redis and for another network namespace. Prints JSON: the microseconds of each call.

  compute_client.py load HOST FILE
  compute_client.py socket|redis-py HOST CALLS
  compute_client.py program CALLS ARGUMENT...
"""

import json
import socket
import subprocess
import sys
import time

PORT = 6379
FUNCTION, ITEMS, RESULTS = "bench.twice", ["1", "2", "3", "4", "5"], ["2", "4", "6", "8", "10"]


def encode(*words):
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else word.encode()
        out.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(out)


def connect(host):
    s = socket.create_connection((host, PORT), timeout=10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def times(calls, call, want):
    """Microseconds of each call, which returns what is wanted."""
    took = []
    for _ in range(calls):
        begin = time.perf_counter()
        got = call()
        took.append(round((time.perf_counter() - begin) * 1e6, 2))
        if got != want:
            raise SystemExit(f"the answer is {got!r}")
    return {"us": took}


def load(host, path):
    with open(path, "rb") as f:
        payload = b"#!bpf name=bench\n" + f.read()
    with connect(host) as s:
        s.sendall(encode("FUNCTION", "LOAD", "REPLACE", payload))
        said = s.recv(4096)
    if not said.startswith(b"$5\r\nbench"):
        raise SystemExit(f"FUNCTION LOAD: {said!r}")
    return {}


def by_socket(host, calls):
    request, want = encode("FMAP", FUNCTION, *ITEMS), encode(*RESULTS)
    with connect(host) as s:
        def call():
            s.sendall(request)
            got = s.recv(4096)
            while got[:1] == b"*" and len(got) < len(want):
                got += s.recv(4096)
            return got

        return times(calls, call, want)


def by_redis_py(host, calls):
    import redis  # here, so that the others do not need it

    client = redis.Redis(host)
    return times(calls, lambda: client.execute_command("FMAP", FUNCTION, *ITEMS),
                 [result.encode() for result in RESULTS])


def by_program(calls, *argv):
    def call():
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
                              text=True).stdout.split()

    return times(calls, call, RESULTS)


def main(how, first, *rest):
    if how == "load":
        said = load(first, *rest)
    elif how == "program":
        said = by_program(int(first), *rest)
    else:
        said = {"socket": by_socket, "redis-py": by_redis_py}[how](first, int(rest[0]))
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
