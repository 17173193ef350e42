#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Opens many connections to the node's store at once, says PING on each, and keeps those that are
served.

  store_crowd.py --host H [--count N] [--seconds S]

After S seconds prints "ready: A answered, R not", and what they said; stays until it is ended."""

import argparse
import select
import socket
import time

PORT = 6379


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    return parser.parse_args()


def open_one(host):
    """A connection that is being opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.connect_ex((host, PORT))
    return sock


def main():
    args = parse()
    asked, said = {}, {}
    poll = select.poll()
    for _ in range(args.count):
        sock = open_one(args.host)
        asked[sock.fileno()] = sock
        poll.register(sock, select.POLLOUT)
    end = time.monotonic() + args.seconds
    while (left := end - time.monotonic()) > 0:
        for fd, what in poll.poll(left * 1000):
            try:
                if what & select.POLLOUT:
                    asked[fd].send(b"PING\r\n")
                    poll.modify(fd, select.POLLIN)
                    continue
                said[fd] = asked[fd].recv(100)
            except OSError as error:
                said[fd] = str(error).encode()
            poll.unregister(fd)
    answered = sum(text == b"+PONG\r\n" for text in said.values())
    print(f"ready: {answered} answered, {args.count - answered} not", flush=True)
    for text in sorted(set(said.values())):
        print(text.decode(errors="replace").strip(), flush=True)
    time.sleep(3600)


main()
