#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Stands at a socket in place of a program of another API version: other_version.py SOCKET

Answers every hello with version 99, in the layout of struct api_hello_reply.
"""

import os
import socket
import struct
import sys

HEADER = struct.Struct("=IHHiIQ")  # length, type, flags, status, sequence, generation
REPLY = struct.Struct("=IIQQ16s16s108s4x")
API_HELLO, FLAG_REPLY = 1, 1


def main():
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(sys.argv[1])
    server.listen()
    print("ready", flush=True)
    while True:
        client, _ = server.accept()
        request = client.recv(65536)
        if len(request) < HEADER.size:
            continue
        sequence = HEADER.unpack_from(request)[4]
        body = REPLY.pack(99, os.getpid(), 1, 1, b"n", b"99", b"/nowhere")
        length = HEADER.size + len(body)
        client.send(HEADER.pack(length, API_HELLO, FLAG_REPLY, 0, sequence, 1) + body)


main()
