#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Questions and answers over UDP, as DNS has them, of any size.

  udp_ask.py serve NAME ADDRESS:PORT...
      answers a question with its number, NAME and its padding
  udp_ask.py ask ADDRESS PORT --count N --bytes B
      asks from N sockets; prints each server's name and how many answers it gave; exit code 1 if
      one is missing or wrong
"""

import argparse
import collections
import errno
import random
import selectors
import socket
import struct
import sys

HEAD = struct.Struct("!H16s")
SECONDS = 2
IP_MTU_DISCOVER, PMTUDISC_DONT = 10, 0


def open_socket(address):
    """A UDP socket whose IPv4 datagrams may be fragmented anywhere."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return sock


def serve(name, places):
    selector = selectors.DefaultSelector()
    for place in places:
        address, _, port = place.rpartition(":")
        sock = open_socket(address)
        sock.bind((address.strip("[]"), int(port)))
        selector.register(sock, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            question, client = key.fileobj.recvfrom(65535)
            number, _ = HEAD.unpack_from(question)
            answer = HEAD.pack(number, name.encode()) + question[HEAD.size:]
            key.fileobj.sendto(answer, client)


def exchange(sock, question):
    """The answer to a question, which is asked again when the path turns out to be smaller."""
    while True:
        try:
            sock.send(question)
            return sock.recv(65535)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise


def ask_one(args, number):
    """Asks from a socket of its own; the server's name, or why there is none."""
    padding = random.Random(number).randbytes(max(args.bytes - HEAD.size, 0))
    with open_socket(args.address) as sock:
        sock.settimeout(SECONDS)
        sock.connect((args.address, args.port))
        try:
            answer = exchange(sock, HEAD.pack(number, b"") + padding)
        except OSError as error:
            return None, type(error).__name__
    got, name = HEAD.unpack_from(answer)
    if (got, answer[HEAD.size:]) != (number, padding):
        return None, "wrong answer"
    return name.rstrip(b"\0").decode(), None


def ask(args):
    names, problems = collections.Counter(), collections.Counter()
    for number in range(args.count):
        name, problem = ask_one(args, number)
        (problems if problem else names)[problem or name] += 1
    for name, count in sorted(names.items()):
        print(name, count)
    for problem, count in sorted(problems.items()):
        print(f"no answer, {problem}:", count)
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("serve")
    server.add_argument("name")
    server.add_argument("places", nargs="+", metavar="ADDRESS:PORT")
    client = commands.add_parser("ask")
    client.add_argument("address")
    client.add_argument("port", type=int)
    client.add_argument("--count", type=int, default=1)
    client.add_argument("--bytes", type=int, default=64)
    args = parser.parse_args()
    return ask(args) if args.command == "ask" else serve(args.name, args.places)


sys.exit(main())
