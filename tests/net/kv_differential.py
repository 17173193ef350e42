#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares braid's replies with redis-server's: the same random commands to both, byte for byte.

Starts its own redis-server on a socket in a temporary folder; braid is reached at --connect
(HOST:PORT or a path) or started by --server PROGRAM, which gets the path of a socket to listen on
and a number of workers.
All randomness comes from SEED. On a mismatch it prints the commands on the same keys up to there
with both replies, empties both servers and goes on until --mismatches are found.
"""

import argparse
import collections
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time

import kv_commands
import kv_commands_server
from kv_commands import EXACT, KIND, LOOSE, MILLISECONDS, ROWS, SCAN, SECONDS, SET

BATCH_MAX = 60
HISTORY_SHOWN = 30
WAIT_SECONDS = 60
TOLERANCE = {SECONDS: 3, MILLISECONDS: 3000}
CHECK_EVERY = 10000     # commands between comparisons of all keys
DATABASES = 16
ROW_FIELDS = 7          # of COMMAND INFO that are Redis's: up to the categories


class Closed(Exception):
    """The other side closed the connection."""


class Link:
    """One connection that speaks RESP."""

    def __init__(self, where):
        host, colon, port = where.rpartition(":")
        if colon and "/" not in where:
            self.socket = socket.create_connection((host, int(port)), WAIT_SECONDS)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(WAIT_SECONDS)
            self.socket.connect(where)
        self.file = self.socket.makefile("rb", 1 << 16)

    def send(self, commands):
        out = []
        for args in commands:
            out.append(b"*%d\r\n" % len(args))
            out += [b"$%d\r\n%s\r\n" % (len(a), a) for a in args]
        self.socket.sendall(b"".join(out))

    def reply(self):
        """The next reply as (type, value): value is bytes, None, or a tuple of replies."""
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise Closed(f"closed after {line!r}")
        kind, rest = line[:1], line[1:-2]
        if kind in b"$*" and rest == b"-1":
            return kind, None
        if kind in b"$=":
            data = self.file.read(int(rest) + 2)
            if len(data) != int(rest) + 2 or data[-2:] != b"\r\n":
                raise Closed(f"a bulk string of {rest!r} bytes ends with {data[-4:]!r}")
            return kind, data[:-2]
        if kind in b"*~>%":
            return kind, tuple(self.reply() for _ in range(int(rest) * (2 if kind == b"%" else 1)))
        return kind, rest

    def ask(self, *args):
        self.send([[a if isinstance(a, bytes) else str(a).encode() for a in args]])
        return self.reply()


def scan_all(link, args):
    """The keys that a whole iteration gives."""
    found = []
    cursor = b"0"
    for _ in range(100000):
        kind, value = link.ask(b"SCAN", cursor, *args[2:])
        if kind != b"*":
            return kind, value
        cursor = value[0][1]
        found += value[1][1]
        if cursor == b"0":
            return b"*", tuple(sorted(set(found)))
    raise Closed("SCAN does not end")


def equal(how, a, b):
    """Whether the replies mean the same."""
    if a == b:
        return True
    if how == LOOSE:
        return b"-" not in (a[0], b[0])
    if a[0] != b[0] or a[0] == b"-":
        return False
    if how == SET:
        return a[0] == b"*" and sorted(a[1]) == sorted(b[1])
    if how in TOLERANCE:
        return (int(a[1]) > 0) == (int(b[1]) > 0) and abs(int(a[1]) - int(b[1])) <= TOLERANCE[how]
    if how == KIND:
        return None not in (a[1], b[1])
    if how == ROWS:
        return ([row[1] and row[1][:ROW_FIELDS] for row in a[1]] ==
                [row[1] and row[1][:ROW_FIELDS] for row in b[1]])
    if isinstance(how, tuple):
        return (isinstance(a[1], tuple) and isinstance(b[1], tuple) and len(a[1]) == len(b[1])
                and all(map(equal, how, a[1], b[1])))
    return False


class Run:
    """One comparison."""

    def __init__(self, options, redis, braid):
        self.options = options
        self.rng = random.Random(options.seed)
        self.source = kv_commands.Source(self.rng, int(time.time()))
        self.links = [(Link(redis), Link(braid)) for _ in range(2)]
        self.compared = 0
        self.counts = collections.Counter()
        self.history = collections.deque(maxlen=20000)
        self.mismatches = 0
        self.absent = [n for n in kv_commands_server.GROUPS
                       if "nosuch" not in n and self.lacks(n.split(" ")[0])]
        self.names = [n for n in kv_commands_server.GROUPS if n not in self.absent]
        self.weights = [kv_commands_server.GROUPS[n][0] for n in self.names]
        self.transactions = self.has("MULTI", "DISCARD")
        if self.has("HELLO", protocol=2):
            for link in self.links[1]:
                link.ask("HELLO", 3)

    def lacks(self, command):
        return b"unknown command" in (self.links[0][1].ask(command)[1] or b"")

    def has(self, *commands, protocol=None):
        """Whether braid knows the commands already."""
        link = self.links[0][1]
        replies = [link.ask(c, protocol) if protocol else link.ask(c) for c in commands]
        return not any(r[0] == b"-" for r in replies)

    def command(self):
        name = self.rng.choices(self.names, self.weights)[0]
        _, how, keep, generate = kv_commands_server.GROUPS[name]
        args = generate(self.source)
        if not keep and self.source.chance(4):
            self.spoil(args)
        word = name.encode()
        if self.source.chance(20):
            word = word.upper()
        return how, word.split(b" ") + args

    def spoil(self, args):
        """Makes a mistake: an argument too many, too few, or of the wrong kind."""
        kind = self.rng.randrange(3)
        at = self.rng.randrange(len(args) + 1)
        if kind == 0:
            args.insert(at, self.rng.choice(kv_commands.JUNK))
        elif at < len(args) and kind == 1:
            del args[at]
        elif at < len(args):
            args[at] = self.rng.choice(kv_commands.JUNK)

    def watch(self):
        """WATCH, and often something that changes, or does not, what is watched."""
        if not self.source.chance(40):
            return []
        batch = [(EXACT, [b"WATCH"] + self.source.keys(8))]
        for _ in range(self.rng.randint(0, 2)):
            how, args = self.command()
            if how != SCAN and args[0].lower() != b"select":
                batch.append((how, args))
        return batch

    def transaction(self):
        """MULTI, some commands and their end, as a batch; what is queued is compared in EXEC."""
        batch = self.watch() + [(EXACT, [b"MULTI"])]
        hows = []
        for _ in range(self.rng.randint(0, 6)):
            how, args = self.command()
            if how == SCAN or args[0].lower() == b"select":
                continue
            # Redis counts its queue's reference to the value, too.
            hows.append(LOOSE if [a.lower() for a in args[1:2]] == [b"refcount"] else how)
            batch.append((EXACT, args))
        end = b"EXEC" if self.source.chance(80) else b"DISCARD"
        return batch + [(tuple(hows), [end])]

    def batch(self):
        """Commands that go out at once. A SCAN goes alone: it is followed to its end."""
        batch = []
        for _ in range(self.rng.randint(1, BATCH_MAX)):
            if self.transactions and self.source.chance(2):
                batch += self.transaction()
                continue
            how, args = self.command()
            if how == SCAN:
                return batch, (how, args)
            batch.append((how, args))
        return batch, None

    def mismatch(self, pair, args, replies):
        link = self.links.index(pair)
        self.mismatches += 1
        keys = set(args[1:])
        if args[0] == b"EXEC":
            for number, past, _ in reversed(self.history):
                keys |= set(past[1:]) if number == link else set()
                if past[0] == b"MULTI":
                    break
        print(f"\nmismatch {self.mismatches} after {self.compared} commands, "
              f"SEED={self.options.seed}")
        related = [h for h in self.history if keys & set(h[1][1:]) or h[1][0].lower() in
                   (b"select", b"flushall", b"flushdb", b"multi", b"exec", b"discard")]
        for number, past, past_replies in related[-HISTORY_SHOWN:]:
            print(f"  link {number}: {shown(past)}\n      -> {shown(past_replies[0])}")
        print(f"link {link}: {shown(args)}")
        print(f"  redis: {shown(replies[0])}\n  braid: {shown(replies[1])}", flush=True)
        if self.mismatches >= self.options.mismatches:
            raise SystemExit(f"{self.mismatches} mismatches in {self.compared} commands, "
                             f"SEED={self.options.seed}")
        self.history.clear()

    def recover(self):
        for pair in self.links:
            for link in pair:
                if self.transactions:
                    link.ask("DISCARD")
                link.ask("FLUSHALL")

    def note(self, pair, how, args, replies):
        """Compares the replies to one command."""
        self.compared += 1
        self.counts[args[0].lower()] += 1
        same = equal(how, *replies)
        if args[0].lower() == b"dump" and replies[0][0] == b"$" and replies[0][1]:
            self.source.dumps.keep(replies[0][1])
        if not same:
            self.mismatch(pair, args, replies)
        self.history.append((self.links.index(pair), args, replies))
        return same

    def exchange(self, pair, batch):
        """Sends a batch to both and compares; false: they differ."""
        for link in pair:
            link.send([args for _, args in batch])
        same = True
        for how, args in batch:
            try:
                replies = tuple(link.reply() for link in pair)
            except (Closed, OSError) as error:
                print(f"after {shown(args)}: {error}, SEED={self.options.seed}")
                raise
            same = same and self.note(pair, how, args, replies)
        return same

    def scan(self, pair, args):
        """One SCAN, and if it is a first one all that follow."""
        replies = tuple(link.ask(*args) for link in pair)
        if replies[0][0] == b"*" == replies[1][0]:
            if len(args) < 2 or args[1] not in (b"0", b"+0", b""):
                return True
            replies = tuple(scan_all(link, args) for link in pair)
        return self.note(pair, EXACT, args, replies)

    def brief_lives(self, pair):
        """Keys that live for milliseconds are there at first and gone soon after."""
        lives = [b"%d" % self.rng.randint(1, 25) for _ in kv_commands.VOLATILE]
        batch = []
        for key, ms in zip(kv_commands.VOLATILE, lives):
            batch.append((EXACT, self.rng.choice((
                [b"SET", key, b"v", b"PX", ms], [b"PSETEX", key, ms, b"v"],
                [b"SET", key, b"v", b"PX", ms, b"GET"]))))
        if not self.exchange(pair, batch):
            return False
        time.sleep(0.04)
        asked = self.rng.choice((b"GET", b"EXISTS", b"TTL", b"TYPE", b"STRLEN", b"PERSIST", b"DEL",
                                 b"GETDEL", b"INCR", b"TOUCH", b"PEXPIRETIME"))
        return self.exchange(pair, [(EXACT, [asked, key]) for key in kv_commands.VOLATILE]
                             + [(EXACT, [b"DEL", *kv_commands.VOLATILE])])

    def sizes(self, pair):
        """DBSIZE once neither has expired keys left: a SCAN deletes them in Redis."""
        time.sleep(0.01)
        for link in pair:
            scan_all(link, [b"SCAN", b"0", b"COUNT", b"1000"])
        return self.exchange(pair, [(EXACT, [b"DBSIZE"])])

    def everything(self, pair):
        """All keys of all databases, their values, times and encodings."""
        for db in range(1 if "select" in self.absent else DATABASES):
            for link in pair:
                link.ask("SELECT", str(db))
            keys = [scan_all(link, [b"SCAN", b"0"]) for link in pair]
            if not self.note(pair, EXACT, [b"SCAN"], tuple(keys)):
                return False
            batch = []
            for key in keys[0][1]:
                batch += [(EXACT, [b"GET", key[1]]), (MILLISECONDS, [b"PEXPIRETIME", key[1]]),
                          (EXACT, [b"OBJECT", b"ENCODING", key[1]])]
            if not self.exchange(pair, batch):
                return False
        return "select" in self.absent or self.exchange(pair, [(EXACT, [b"SELECT", b"0"])])

    def go(self):
        next_check = CHECK_EVERY
        while self.compared < self.options.commands:
            pair = self.rng.choice(self.links)
            batch, scan = self.batch()
            same = self.exchange(pair, batch) and (scan is None or self.scan(pair, scan[1]))
            kind = self.rng.randrange(60)
            if same and kind == 0:
                same = self.brief_lives(pair)
            elif same and kind < 4:
                same = self.sizes(pair)
            if same and self.compared >= next_check:
                next_check += CHECK_EVERY
                same = self.everything(self.links[0])
            if not same:
                self.recover()


def shown(value):
    text = repr(value)
    return text if len(text) < 400 else text[:390] + f"... ({len(text)})"


def wait_for(path):
    for _ in range(WAIT_SECONDS * 20):
        try:
            Link(str(path)).ask("GET", "")
            return
        except (OSError, Closed):
            pass
        time.sleep(0.05)
    raise SystemExit(f"nothing answers at {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connect", help="where braid listens: HOST:PORT or a path")
    parser.add_argument("--server", help="a program that serves at the path it is given")
    parser.add_argument("--workers", type=int, default=1, help="of --server")
    parser.add_argument("--commands", type=int, default=200000)
    parser.add_argument("--mismatches", type=int, default=1, help="stop after so many")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "1")))
    options = parser.parse_args()
    if bool(options.connect) == bool(options.server):
        parser.error("one of --connect and --server is needed")
    started = []
    with tempfile.TemporaryDirectory(prefix="kv-differential-") as folder:
        try:
            path = pathlib.Path(folder)
            redis = str(path / "redis.sock")
            started.append(subprocess.Popen(
                ["redis-server", "--enable-debug-command", "yes", "--port", "0", "--unixsocket",
                 redis, "--save", "", "--appendonly", "no", "--dir", folder],
                stdout=subprocess.DEVNULL))
            braid = options.connect
            if options.server:
                braid = str(path / "braid.sock")
                started.append(subprocess.Popen([options.server, braid, str(options.workers)]))
            wait_for(redis)
            wait_for(braid)
            run = Run(options, redis, braid)
            run.recover()
            run.go()
        finally:
            for process in started:
                process.terminate()
                process.wait()
    counts = ", ".join(f"{n.decode()} {c}" for n, c in sorted(run.counts.items()))
    print(f"{run.compared} commands compared, {run.mismatches} mismatches, SEED={options.seed}, "
          f"transactions: {'yes' if run.transactions else 'not there'}\n{counts}")
    if run.absent:
        print("not there: " + ", ".join(run.absent))
    return 1 if run.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
