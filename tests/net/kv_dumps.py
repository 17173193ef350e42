# SPDX-License-Identifier: BSD-3-Clause
"""Payloads of RESTORE for kv_differential.py: what was dumped, the like of it, and hostile ones."""

import struct

VERSION = 10
KEPT_MAX = 40           # answers to DUMP
VALUE_MAX = 5000        # of those whose checksum is counted here
POLYNOMIAL = 0x95ac9329ac4bc9b5
# Neither a string nor any other type that a dump can be of.
BAD_TYPES = (8, 22, 0x42, 0xc0, 0xff)
# What follows the type in hostile dumps: lengths that go on for ever, encodings that are none,
# packed strings that are longer or shorter than they say, or begin before their beginning.
BAD_STRINGS = [
    b"", b"\x40", b"\x80\x00\x00", b"\x81" + b"\x00" * 7, b"\x82\x00\x00\x00\x01x",
    b"\x3fshort", b"\x7f\xff" + b"s" * 300, b"\x80\xff\xff\xff\xffs", b"\x81" + b"\xff" * 8,
    b"\xc0", b"\xc1\x01", b"\xc2\x01\x02\x03", b"\xc4\x01x", b"\xff", b"\xc3", b"\xc3\x01",
    b"\xc3\x00\x00", b"\xc3\x00\x01", b"\xc3\x02\x01\x00x", b"\xc3\x02\x02\x00x",
    b"\xc3\x02\x01\x01x", b"\xc3\x02\x09\x20\x00", b"\xc3\x04\x05\x00x\x20\x00",
    b"\xc3\x04\x04\x00x\x20\x00", b"\xc3\x04\x04\x00x\x20\x01",
    b"\xc3\x05\x09\x00x\xe0\x00\x00", b"\xc3\x05\x0a\x00x\xe0\x00\x00",
    b"\xc3\xc5\x09\x00x\xe0\x00\x00", b"\xc3\x03\x80\x10\x00\x00\x00\x00x\xe0",
    b"\xc3\x81\xff\x00\x00\x00\x00\x00\x00\x00\x01",
]
CRC64_TABLE = []
for number in range(256):
    for _ in range(8):
        number = number >> 1 ^ (POLYNOMIAL if number & 1 else 0)
    CRC64_TABLE.append(number)


def crc64(data):
    """The checksum of a dump."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ CRC64_TABLE[(crc ^ byte) & 0xff]
    return crc


def closed(body, version=VERSION):
    """A dump with this body."""
    body += struct.pack("<H", version)
    return body + struct.pack("<Q", crc64(body))


class Dumps:
    """Random payloads."""

    def __init__(self, source):
        self.source = source
        self.rng = source.rng
        self.kept = [closed(b"\x00\x01x")]

    def keep(self, payload):
        """Remembers an answer to DUMP."""
        if len(self.kept) >= KEPT_MAX:
            del self.kept[self.rng.randrange(KEPT_MAX)]
        self.kept.append(payload)

    def string(self):
        """A body in one of the ways that Redis reads but would not write."""
        value = self.source.value()[:VALUE_MAX]
        n = len(value)
        head = self.rng.choice((b"\x80" + struct.pack(">I", n), b"\x81" + struct.pack(">Q", n),
                                bytes((0x40 | n >> 8, n & 255))))
        if self.source.chance(30):
            size = self.rng.choice((1, 2, 4))
            head, value = bytes((0xc0 | size >> 1,)), self.rng.randbytes(size)
        elif self.source.chance(30) and 0 < n <= 32:
            head, value = b"\xc3" + bytes((n + 1, n)), bytes((n - 1,)) + value
        return b"\x00" + head + value

    def damaged(self):
        """One with a bit that is not as it was, perhaps with a checksum that says it is right."""
        payload = self.rng.choice(self.kept)
        at = self.rng.randrange(1, len(payload))
        bit = 1 << self.rng.randrange(8)
        payload = payload[:at] + bytes((payload[at] ^ bit,)) + payload[at + 1:]
        if len(payload) > VALUE_MAX or self.source.chance(50):
            return payload
        return closed(payload[:-10])

    def payload(self):
        """A dump of any kind."""
        kind = self.rng.randrange(12)
        kept = self.rng.choice(self.kept)
        if kind < 5:
            return kept
        if kind < 7:
            return closed(self.string())
        if kind == 7:
            return closed(b"\x00" + self.rng.choice(BAD_STRINGS))
        if kind == 8:
            return closed(bytes((self.rng.choice(BAD_TYPES),)) + kept[1:-10][:VALUE_MAX],
                          self.rng.choice((0, 9, 10, 11, 65535)))
        if kind == 9:
            return kept[:self.rng.randrange(len(kept) + 1)]
        return self.damaged()
