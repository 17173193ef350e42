#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends datagrams: each flow has its own source port, each datagram is its sequence number.

Sends --count rounds of one datagram per flow, at --rate datagrams a second in all, or rounds until
it is told to stop; says "sent N" at the end.
"""

import argparse
import signal
import socket
import time

BURST_SECONDS = 0.005  # how far behind its schedule it may be before it gives up catching up


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--sport", type=int, default=20000, help="source port of the first flow")
    parser.add_argument("--flows", type=int, default=1)
    parser.add_argument("--count", type=int, default=0, help="datagrams per flow, 0: endless")
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--size", type=int, default=0, help="of the IP packet, 0: the least")
    parser.add_argument("--ttl", type=int, default=64)
    parser.add_argument("--df", action="store_true", help="don't fragment, whatever the MTU is")
    return parser.parse_args()


def open_flow(args, sport):
    family = socket.AF_INET6 if ":" in args.address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, args.ttl)
        # IP_MTU_DISCOVER: IP_PMTUDISC_PROBE sets DF and ignores what is known of the path.
        sock.setsockopt(socket.IPPROTO_IP, 10, 3 if args.df else 0)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, args.ttl)
        sock.setsockopt(socket.IPPROTO_IPV6, 23, 3)
    sock.bind(("", sport))
    return sock


def send(sock, payload, address):
    """ICMP errors about earlier datagrams come out of sendto: the datagram is sent again then."""
    while True:
        try:
            sock.sendto(payload, address)
            return
        except ConnectionRefusedError:
            continue


def main():
    args = arguments()
    running = [True]
    signal.signal(signal.SIGTERM, lambda *_: running.clear())
    flows = [open_flow(args, args.sport + i) for i in range(args.flows)]
    headers = 48 if ":" in args.address else 28
    started, sent, sequence = time.monotonic(), 0, 0
    while running and (args.count == 0 or sequence < args.count):
        for sock in flows:
            payload = b"%d" % sequence
            send(sock, payload.ljust(args.size - headers), (args.address, args.port))
            sent += 1
            ahead = started + sent / args.rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            elif ahead < -BURST_SECONDS:
                started -= ahead
        sequence += 1
    print(f"sent {sent}", flush=True)


main()
