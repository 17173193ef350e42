# SPDX-License-Identifier: BSD-3-Clause
"""Traffic for the benchmark: pcap files of frames, route files, both from a seed."""
import ipaddress
import random
import struct

SOURCE_MAC = bytes.fromhex("0200000000aa")
PORT_MAC = bytes.fromhex("020000000001")
TCP, UDP = 6, 17

# Shares of prefix lengths in a full IPv4 table, per mille (after the RIPE RIS and Route Views
# tables of 2023: /24 dominates, very few are longer).
IP4_LENGTHS = [(24, 597), (23, 100), (22, 118), (21, 50), (20, 50), (19, 30), (18, 20), (17, 10),
               (16, 15), (25, 2), (26, 2), (28, 1), (29, 2), (32, 3)]
# ... and of an IPv6 table, in percent.
IP6_LENGTHS = [(48, 46), (32, 12), (44, 10), (40, 10), (36, 5), (33, 3), (34, 3), (35, 2), (47, 3),
               (46, 3), (45, 2), (29, 1)]
# Where the regional registries allocate from: first 16 bits and length.
IP6_BLOCKS = [(0x2001, 16), (0x2400, 12), (0x2600, 12), (0x2800, 12), (0x2A00, 12), (0x2C00, 12)]


def checksum(data):
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ip4_frame(src, dst, sport, dport, size):
    """A UDP frame of `size` bytes (without the frame check sequence)."""
    length = size - 14
    head = struct.pack("!BBHHHBBHII", 0x45, 0, length, 0, 0, 64, 17, 0, src, dst)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    udp = struct.pack("!HHHH", sport, dport, length - 20, 0)
    return PORT_MAC + SOURCE_MAC + b"\x08\x00" + head + udp + bytes(length - 28)


def transport4_frame(source, destination, protocol, body):
    """A frame of 64 bytes with 20 bytes of TCP or UDP between (address, port) pairs; `body` is what
    follows the ports, its checksum 0 and the frame's right."""
    src, sport = source
    dst, dport = destination
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 40, 0, 0x4000, 64, protocol, 0, src, dst)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    body = struct.pack("!HH", sport, dport) + body
    at = 16 if protocol == TCP else 6
    value = checksum(struct.pack("!IIHH", src, dst, protocol, len(body)) + body) or 0xFFFF
    return (PORT_MAC + SOURCE_MAC + b"\x08\x00" + head + body[:at] + struct.pack("!H", value)
            + body[at + 2:] + bytes(10))


def tcp4_frame(source, destination, flags):
    """A TCP segment without data."""
    return transport4_frame(source, destination, TCP,
                            struct.pack("!IIBBHHH", 1, 1, 0x50, flags, 8192, 0, 0))


def udp4_frame(source, destination):
    """A UDP datagram with 12 bytes of data."""
    return transport4_frame(source, destination, UDP, struct.pack("!HH12s", 20, 0, b"x" * 12))


def ip6_frame(src, dst, sport, dport, size):
    """The same over IPv6. The UDP checksum is always 1, right or not: a router does not read it."""
    length = size - 14 - 40
    head = struct.pack("!IHBB16s16s", 6 << 28, length, 17, 64, src, dst)
    udp = struct.pack("!HHHH", sport, dport, length, 1)
    return PORT_MAC + SOURCE_MAC + b"\x86\xdd" + head + udp + bytes(length - 8)


def write(path, frames):
    """A pcap file of Ethernet frames."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            f.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)))
            f.write(frame)


def pick_length(rng, shares):
    """A prefix length, as often as its share says."""
    at = rng.randrange(sum(share for _, share in shares))
    for length, share in shares:
        if at < share:
            return length
        at -= share
    raise AssertionError("a share is negative")


def ip4_routes(n, seed):
    """`n` different prefixes in 1.0.0.0 - 223.255.255.255 without the special ranges."""
    rng = random.Random(seed)
    seen = set()
    while len(seen) < n:
        length = pick_length(rng, IP4_LENGTHS)
        addr = rng.randrange(1 << 24, 224 << 24) >> (32 - length) << (32 - length)
        if addr >> 24 in (10, 127, 192, 198):
            continue
        seen.add((addr, length))
    return sorted(seen)


def ip6_routes(n, seed):
    """`n` different prefixes in the registries' blocks, clustered as the real table is: several per
    allocation of 32 bits, numbered mostly from its start."""
    rng = random.Random(seed)
    allocations = []
    while len(allocations) < max(n // 6, 1):
        block, length = rng.choice(IP6_BLOCKS)
        addr = block << 112 | rng.randrange(1 << (32 - length)) << 96
        if addr >> 96 not in (0x20010000, 0x20010DB8):
            allocations.append(addr)
    seen = set()
    while len(seen) < n:
        length = pick_length(rng, IP6_LENGTHS)
        addr = rng.choice(allocations)
        if length > 32:
            addr |= rng.getrandbits(rng.randint(0, length - 32)) << (128 - length)
        seen.add((addr >> (128 - length) << (128 - length), length))
    return sorted(seen)


def ip4_text(addr, length):
    return "%d.%d.%d.%d/%d" % (addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255, length)


def ip6_text(addr, length):
    return "%s/%d" % (ipaddress.IPv6Address(addr), length)


def addresses_inside(routes, n, bits, seed):
    """`n` destinations spread over the routes, one random host in each chosen prefix."""
    rng = random.Random(seed)
    chosen = rng.sample(routes, min(n, len(routes)))
    return [addr | rng.randrange(1 << (bits - length)) for addr, length in chosen]


def write_routes(path, prefixes, hops):
    """A route file: the prefixes in turn over the next hops."""
    with open(path, "w") as f:
        for i, prefix in enumerate(prefixes):
            f.write(f"{prefix} via {hops[i % len(hops)]}\n")
