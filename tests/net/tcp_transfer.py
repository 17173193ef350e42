#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Transfers between this host's kernel and the node's TCP: values are set and got over the Redis
protocol, each on one of several connections, and compared. A seed says which sizes.

  tcp_transfer.py --host H [--count N] [--max BYTES] [--large BYTES] [--parallel N] [--seed N]

Prints one line with what was done; exits 1 at the first byte that is another one."""

import argparse
import hashlib
import random
import socket
import sys
import threading
import time

PORT = 6379
PATIENCE_S = 60


class Client:
    """One connection."""

    def __init__(self, host):
        self.socket = socket.create_connection((host, PORT), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", buffering=1 << 16)

    def say(self, *words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            parts += [b"$%d\r\n" % len(word), word, b"\r\n"]
        self.socket.sendall(b"".join(parts))

    def line(self):
        text = self.file.readline()
        if not text.endswith(b"\r\n"):
            raise EOFError("the node closed the connection")
        return text[:-2]

    def set(self, key, value):
        self.say(b"SET", key, value)
        answer = self.line()
        if answer != b"+OK":
            raise ValueError(f"SET says {answer!r}")

    def get(self, key):
        self.say(b"GET", key)
        head = self.line()
        if not head.startswith(b"$") or head == b"$-1":
            raise ValueError(f"GET says {head!r}")
        value = self.file.read(int(head[1:]) + 2)
        return value[:-2]

    def close(self):
        self.socket.shutdown(socket.SHUT_WR)
        if self.file.read(1) != b"":
            raise ValueError("the node says more than it was asked for")
        self.socket.close()


class Work:
    """Sizes to be transferred, and what came of them."""

    def __init__(self, options):
        rng = random.Random(options.seed)
        bits = options.max.bit_length()
        self.sizes = [min(options.max, 1 + rng.getrandbits(rng.randint(0, bits)))
                      for _ in range(options.count)]
        self.sizes += [options.large] if options.large else []
        self.options = options
        self.lock = threading.Lock()
        self.next = 0
        self.bytes = 0
        self.errors = []

    def take(self):
        with self.lock:
            if self.next == len(self.sizes) or self.errors:
                return None
            self.next += 1
            return self.next - 1

    def transfer(self, client, number):
        size = self.sizes[number]
        value = random.Random(self.options.seed * 1000003 + number).randbytes(size)
        key = b"transfer:%d" % number
        client.set(key, value)
        got = client.get(key)
        if got != value:
            sums = [hashlib.sha256(v).hexdigest()[:16] for v in (value, got)]
            raise ValueError(f"{size} bytes came back as {len(got)} others: {sums}")
        client.say(b"DEL", key)
        if client.line() != b":1":
            raise ValueError("the key is not there to be deleted")
        with self.lock:
            self.bytes += 2 * size

    def run(self):
        number = None
        try:
            client = Client(self.options.host)
            # A new connection now and then, so that many are opened and closed.
            for done in range(1, 1 << 30):
                number = self.take()
                if number is None:
                    break
                self.transfer(client, number)
                if done % 10 == 0:
                    client.close()
                    client = Client(self.options.host)
            client.close()
        except Exception as e:  # whatever it is, the test has failed
            with self.lock:
                size = self.sizes[number] if number is not None else 0
                self.errors.append(f"transfer {number} of {size} bytes: {e!r}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--max", type=int, default=1 << 16)
    parser.add_argument("--large", type=int, default=0)
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    work = Work(parser.parse_args())
    start = time.monotonic()
    threads = [threading.Thread(target=work.run) for _ in range(work.options.parallel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in work.errors:
        print(error, file=sys.stderr)
    print(f"{2 * work.next} transfers, {work.bytes} bytes, "
          f"{time.monotonic() - start:.1f} s", flush=True)
    return 1 if work.errors else 0


if __name__ == "__main__":
    sys.exit(main())
