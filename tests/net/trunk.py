#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An 802.1Q trunk in user space, for kernels without one: trunk.py DEVICE VLAN...

Makes a tap device v<VLAN> for each VLAN. What the host sends there leaves DEVICE with the tag, and
what arrives at DEVICE with the tag appears there. VLAN 0 is priority tagging: sent with a tag that
has only a priority, received without a tag or with such a one.
"""

import contextlib
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP_NO_PI = 0x1002
SIOCGIFHWADDR, SIOCSIFHWADDR = 0x8927, 0x8924
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_AUXDATA, PACKET_OUTGOING = 263, 1, 8, 4
PACKET_MR_PROMISC = 1
TP_STATUS_VLAN_VALID = 0x10
TPID = b"\x81\x00"
PRIORITY = 5 << 13


def open_device(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((name, 3))
    index = socket.if_nametoindex(name)
    sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                    struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b""))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return sock


def open_tap(name, device):
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP_NO_PI))
    mac = fcntl.ioctl(device, SIOCGIFHWADDR, struct.pack("40s", device.getsockname()[0].encode()))
    fcntl.ioctl(device, SIOCSIFHWADDR, struct.pack("16s24s", name.encode(), mac[16:]))
    return tap


def receive(device):
    """The next frame and its tag (None: untagged); the kernel took the tag off the frame."""
    frame, ancillary, _, sender = device.recvmsg(65536, 64)
    if sender[2] == PACKET_OUTGOING:
        return None, None
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                return frame, tci & 0xFFF
    return frame, 0


def deliver(tap, frame):
    """Gives a frame to a tap; one that is not up yet loses it, as a real interface would."""
    with contextlib.suppress(OSError):
        os.write(tap, frame)


def main():
    device = open_device(sys.argv[1])
    taps = {int(vlan): open_tap("v" + vlan, device) for vlan in sys.argv[2:]}
    vlans = {tap: vlan for vlan, tap in taps.items()}
    print("ready", flush=True)
    while True:
        for fd in select.select([device, *vlans], [], [])[0]:
            if fd is device:
                frame, vlan = receive(device)
                if frame and vlan in taps:
                    deliver(taps[vlan], frame)
                continue
            frame, vlan = os.read(fd, 65536), vlans[fd]
            tci = vlan or PRIORITY
            device.send(frame[:12] + TPID + struct.pack("!H", tci) + frame[12:])


main()
