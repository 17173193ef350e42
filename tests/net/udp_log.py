#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Receives the datagrams of udp_send.py and writes "source-port sequence" for each to a file."""

import socket
import sys

SO_RCVBUFFORCE = 33
RECEIVE_BYTES = 8 << 20


def main():
    path, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
    sock.bind(("::", port))
    with open(path, "a", buffering=1) as out:
        print("ready", flush=True)
        while True:
            payload, sender = sock.recvfrom(65535)
            out.write(f"{sender[1]} {int(payload)}\n")


main()
