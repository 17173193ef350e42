#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Floods a device with a seeded mix of good, broken and random frames of layers 2 to 4.

Builds a few hundred templates with scapy, then sends copies of them, some with random bytes changed
or cut off, so that every check of the receiver meets its case.
"""

import argparse
import errno
import logging
import random
import socket
import time

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import (  # noqa: E402  (after the logger is quiet)
    ARP, ICMP, IP, TCP, UDP, Dot1Q, Ether, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPOption, IPv6, IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw, fragment, raw)

BATCH = 32
OTHER = "02:00:00:00:09:09"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("device")
    parser.add_argument("--router", required=True, help="MAC address of the node's port")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--rate", type=float, default=15000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def ip4_packets(rng):
    """IPv4 packets: mostly to be forwarded, some for the node, some for nobody."""
    host = "192.0.2.2"
    for dst in ("198.51.100.2", "192.0.2.2", "203.0.113.9", "198.18.1.1", "198.20.1.1", "8.8.8.8",
                "192.0.2.1", "198.51.100.1", "127.0.0.1", "224.0.0.5", "255.255.255.255",
                "192.0.2.255", "198.51.100.77", "0.0.0.0", "240.1.1.1"):
        for src in (host, "198.51.100.2", "0.0.0.0", "127.0.0.1", "224.1.1.1", "255.255.255.255"):
            port = rng.randrange(1024, 65536)
            yield IP(src=src, dst=dst) / UDP(sport=port, dport=5000) / Raw(b"x" * rng.randrange(64))
            yield IP(src=src, dst=dst, ttl=rng.choice((0, 1, 2))) / UDP(sport=port) / Raw(b"y")
            yield IP(src=src, dst=dst) / TCP(sport=port, dport=80, flags=rng.choice("SARF"))
    for dst in ("198.51.100.2", "192.0.2.1"):
        yield IP(src=host, dst=dst) / ICMP() / Raw(b"z" * 32)
        yield IP(src=host, dst=dst) / ICMP(type=3, code=1) / Raw(b"z" * 8)
        yield IP(src=host, dst=dst) / ICMP(type=13)
        yield IP(src=host, dst=dst, proto=99) / Raw(b"q" * 20)
        yield IP(src=host, dst=dst, chksum=1) / UDP() / Raw(b"c")
        yield IP(src=host, dst=dst) / UDP(chksum=3) / Raw(b"c")
        yield IP(src=host, dst=dst, options=[IPOption(b"\x07\x07\x04\0\0\0\0")]) / UDP()
        yield IP(src=host, dst=dst, flags="DF") / UDP() / Raw(b"d" * 1400)
        yield IP(src=host, dst=dst) / UDP() / Raw(b"f" * 1400)
        yield from fragment(IP(src=host, dst=dst) / UDP() / Raw(b"g" * 3000), 1000)
        yield IP(src=host, dst=dst, frag=8191, flags="MF") / Raw(b"h" * 64)
        yield IP(src=host, dst=dst, len=10) / UDP()
        yield IP(src=host, dst=dst, len=1400) / UDP()
        yield IP(src=host, dst=dst, ihl=4) / UDP()
        yield IP(src=host, dst=dst, ihl=15) / UDP()
        yield IP(src=host, dst=dst, version=5) / UDP()


def ip6_packets(rng):
    host = "2001:db8:1::2"
    for dst in ("2001:db8:2::2", "2001:db8:1::2", "2001:db8:1::1", "2001:db8:9::1", "::1", "::",
                "fe80::9", "ff02::1", "ff05::2", "2001:db8:2::77", "::ffff:1.2.3.4"):
        for src in (host, "2001:db8:2::2", "::", "::1", "ff02::1", "fe80::2"):
            port = rng.randrange(1024, 65536)
            data = Raw(b"x" * rng.randrange(64))
            yield IPv6(src=src, dst=dst) / UDP(sport=port, dport=5000) / data
            yield IPv6(src=src, dst=dst, hlim=rng.choice((0, 1, 2))) / UDP(sport=port)
            yield IPv6(src=src, dst=dst) / TCP(sport=port, flags=rng.choice("SARF"))
    for dst in ("2001:db8:2::2", "2001:db8:1::1"):
        base = IPv6(src=host, dst=dst)
        yield base / ICMPv6EchoRequest(data=b"e" * 40)
        yield base / ICMPv6EchoRequest(data=b"e" * 40, cksum=5)
        yield base / UDP() / Raw(b"b" * 1400)
        yield base / IPv6ExtHdrHopByHop() / UDP()
        yield base / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / UDP()
        yield base / IPv6ExtHdrRouting(segleft=1, addresses=["2001:db8:2::9"]) / UDP()
        yield base / IPv6ExtHdrFragment(offset=10, m=1) / Raw(b"f" * 64)
        yield base / IPv6ExtHdrHopByHop(len=200)
        yield IPv6(src=host, dst=dst, nh=59)
        yield IPv6(src=host, dst=dst, nh=200) / Raw(b"p" * 8)
        yield IPv6(src=host, dst=dst, plen=1400) / UDP()
        yield IPv6(src=host, dst=dst, version=7) / UDP()
    for hop_limit in (255, 64):
        target = IPv6(src="2001:db8:1::66", dst="2001:db8:1::1", hlim=hop_limit)
        source, dest = ICMPv6NDOptSrcLLAddr(lladdr=OTHER), ICMPv6NDOptDstLLAddr(lladdr=OTHER)
        yield target / ICMPv6ND_NS(tgt="2001:db8:1::1") / source
        yield target / ICMPv6ND_NS(tgt="2001:db8:1::7")
        yield target / ICMPv6ND_NA(tgt="2001:db8:1::8") / dest
        yield target / ICMPv6ND_NS(tgt="ff02::1")


def arp_packets():
    for operation in (1, 2, 3):
        for sender, target in (("192.0.2.66", "192.0.2.1"), ("198.51.100.66", "198.51.100.1"),
                               ("192.0.2.7", "192.0.2.8"), ("8.8.8.8", "192.0.2.1"),
                               ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "192.0.2.1")):
            yield ARP(op=operation, psrc=sender, pdst=target, hwsrc="02:00:00:00:07:07")
    yield ARP(hwtype=6, psrc="192.0.2.66", pdst="192.0.2.1", hwsrc="02:00:00:00:07:07")


def templates(rng, router):
    """Frames to the node, and the same in odd wrappings. None claims an address of a real host for
    another MAC, so that pings work as before when all is over."""
    ether = Ether(src="02:00:00:00:07:07", dst=router)
    packets = [*ip4_packets(rng), *ip6_packets(rng), *arp_packets()]
    for packet in packets:
        yield raw(ether / packet)
    for packet in rng.sample(packets, 60):
        yield raw(ether / Dot1Q(vlan=10) / packet)
        yield raw(ether / Dot1Q(vlan=0, prio=6) / packet)
        yield raw(ether / Dot1Q(vlan=99) / packet)
        yield raw(ether / Dot1Q(vlan=10) / Dot1Q(vlan=10) / packet)
        yield raw(Ether(src="02:00:00:00:07:07", dst="02:00:00:00:00:01") / packet)
        yield raw(Ether(src="02:00:00:00:07:07", dst="ff:ff:ff:ff:ff:ff") / packet)
        yield raw(Ether(src="03:00:00:00:07:07", dst=router) / packet)
        yield raw(Ether(src="02:00:00:00:07:07", dst=router, type=0x88CC) / packet)


def spoiled(rng, frame):
    """The frame as it is, cut, or with bytes changed."""
    kind = rng.random()
    if kind < 0.6:
        return frame
    frame = bytearray(frame)
    if kind < 0.75:
        return frame[: rng.randrange(14, len(frame) + 1)]
    for _ in range(rng.randrange(1, 4)):
        frame[rng.randrange(12, len(frame))] = rng.randrange(256)
    return frame


def send(sock, frame):
    """Whether the frame went out: frames beyond the MTU of the other end do not."""
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
    frames = list(templates(rng, args.router))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((args.device, 0))
    started, sent = time.monotonic(), 0
    for i in range(args.count):
        sent += send(sock, spoiled(rng, rng.choice(frames)))
        if i % BATCH == 0:
            time.sleep(max(0, started + i / args.rate - time.monotonic()))
    print(f"sent {sent} of {len(frames)} kinds")


main()
