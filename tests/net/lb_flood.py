#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Floods services with what an attacker would send: lb_flood.py DEVICE --router MAC VIP...

SYNs, UDP from random sources, first fragments without the others and others without the first, ICMP
errors with invented quotes, in one seeded random mix over IPv4 and IPv6. Nothing is answered.
"""

import argparse
import errno
import random
import socket
import struct
import time

BATCH = 64
TCP, UDP, ICMP, ICMP6, FRAGMENT = 6, 17, 1, 58, 44
SYN = 2


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("device")
    parser.add_argument("vips", nargs="+")
    parser.add_argument("--router", required=True, help="MAC address of the node's port")
    parser.add_argument("--ports", default="80,53", help="of the services: TCP, UDP")
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--rate", type=float, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1]))
    if len(data) & 1:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def source4(rng):
    """A unicast address outside of the special ranges, mostly."""
    return struct.pack("!I", rng.randrange(1 << 24, 223 << 24))


def source6(rng):
    return b"\x2a\x00" + rng.randbytes(14)


def segment(protocol, src, dst, port, rng):
    """A SYN, or a UDP datagram with some data; the checksum is right."""
    sport = rng.randrange(1024, 65536)
    if protocol == TCP:
        body = struct.pack("!HHIIBBHHH", sport, port, rng.getrandbits(32), 0, 0x50, SYN, 65535, 0,
                           0)
        at = 16
    else:
        data = rng.randbytes(rng.randrange(2, 64) & ~1)
        body = struct.pack("!HHHH", sport, port, 8 + len(data), 0) + data
        at = 6
    pseudo = src + dst + struct.pack("!II", len(body), protocol)
    value = checksum(pseudo + body) or 0xFFFF
    return body[:at] + struct.pack("!H", value) + body[at + 2:]


def ip4(src, dst, protocol, body, fragment=0, number=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), number, fragment, 64, protocol, 0,
                       src, dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def ip6(src, dst, protocol, body):
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), protocol, 64, src, dst) + body


def fragment4(rng, src, dst, body):
    """One fragment of a datagram whose others never come."""
    offset = rng.choice((0x2000, 0x2000 | rng.randrange(1, 8000), rng.randrange(1, 8000)))
    body = (body + bytes(16))[:16] if offset & 0x1FFF == 0 else rng.randbytes(16)
    return ip4(src, dst, UDP, body, offset, rng.randrange(65536))


def fragment6(rng, src, dst, body):
    offset = rng.choice((1, rng.randrange(1, 8000) << 3 | 1, rng.randrange(1, 8000) << 3))
    body = (body + bytes(16))[:16] if offset >> 3 == 0 else rng.randbytes(16)
    return ip6(src, dst, FRAGMENT,
               struct.pack("!BBHI", UDP, 0, offset, rng.getrandbits(32)) + body)


def error4(rng, src, dst, body):
    """"Fragmentation needed" about a packet that the VIP would have sent."""
    quote = ip4(dst, source4(rng), TCP, body)[:28 + rng.randrange(-12, 1)]
    icmp = struct.pack("!BBHHH", 3, 4, 0, 0, 576) + quote
    return ip4(src, dst, ICMP, icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:])


def error6(rng, src, dst, body):
    quote = ip6(dst, source6(rng), TCP, body)[:48 + rng.randrange(-12, 1)]
    icmp = struct.pack("!BBHI", 2, 0, 0, 1280) + quote
    pseudo = src + dst + struct.pack("!II", len(icmp), ICMP6)
    value = struct.pack("!H", checksum(pseudo + icmp))
    return ip6(src, dst, ICMP6, icmp[:2] + value + icmp[4:])


def one_packet(rng, vip, ports):
    """A random packet for the VIP and its EtherType."""
    is6 = len(vip) == 16
    src = source6(rng) if is6 else source4(rng)
    protocol = rng.choice((TCP, TCP, UDP))
    body = segment(protocol, src, vip, ports[protocol == UDP], rng)
    kind = rng.random()
    if kind < 0.6:
        packet = ip6(src, vip, protocol, body) if is6 else ip4(src, vip, protocol, body)
    elif kind < 0.9:
        packet = (fragment6 if is6 else fragment4)(rng, src, vip, body)
    else:
        packet = (error6 if is6 else error4)(rng, src, vip, body)
    return packet, b"\x86\xdd" if is6 else b"\x08\x00"


def send(sock, frame):
    try:
        sock.send(frame)
        return 1
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
        return 0


def main():
    args = arguments()
    rng = random.Random(args.seed)
    router = bytes.fromhex(args.router.replace(":", ""))
    vips = [socket.inet_pton(socket.AF_INET6 if ":" in v else socket.AF_INET, v) for v in args.vips]
    ports = [int(port) for port in args.ports.split(",")]
    ether = router + bytes.fromhex("020000000777")
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((args.device, 0))
    started, sent = time.monotonic(), 0
    for i in range(args.count):
        packet, kind = one_packet(rng, rng.choice(vips), ports)
        sent += send(sock, ether + kind + packet)
        if i % BATCH == 0:
            time.sleep(max(0, started + i / args.rate - time.monotonic()))
    print(f"sent {sent} in {time.monotonic() - started:.1f} s")


main()
