# SPDX-License-Identifier: BSD-3-Clause
"""Random commands about the server, its clients and itself, for kv_differential.py: those whose
replies must be Redis's byte for byte. What tells of one node only (INFO, CLUSTER, CLIENT LIST) is
not among them but for its mistakes."""

from kv_commands import EXACT, GROUPS, KIND, ROWS, command

NAMES = [b"name", b"another-name", b"a name", b"a\nname", b"", b"\xff", b"n" * 100]
SETTINGS = [b"hash-max-listpack-entries", b"set-max-intset-entries", b"list-compress-depth",
            b"lfu-log-factor", b"lfu-decay-time", b"maxmemory-samples", b"activerehashing",
            b"appendfsync", b"tcp-keepalive", b"list-max-listpack-size",
            b"zset-max-listpack-value", b"LFU-log-factor"]
SETTING_VALUES = [b"0", b"1", b"128", b"1000", b"-1", b"1mb", b"2GB", b"yes", b"no", b"always",
                  b"everysec", b"x", b"", b"1.5", b"99999999999999999999"]
COMMANDS = [b"get", b"set", b"mget", b"mset", b"append", b"incr", b"lcs", b"getex", b"expire",
            b"ttl", b"scan", b"keys", b"copy", b"rename", b"exists", b"watch", b"exec", b"ping",
            b"dump", b"restore", b"bitop", b"bitfield", b"setrange", b"touch", b"unlink",
            b"nosuch", b"GET"]


@command(0.3)
def unwatch(s):
    return []


@command(0.3)
def client__setname(s):
    return [s.rng.choice(NAMES)]


@command(0.3)
def client__getname(s):
    return []


@command(0.1, KIND)
def client__id(s):
    return []


@command(0.2)
def client__no_evict(s):
    return [s.word("on", "off", "x")]


@command(0.1, keep=True)
def client__reply(s):
    return [s.word("on", "x")]


@command(0.2, keep=True)
def client__kill(s):
    return s.rng.choice((
        [b"1.2.3.4:5"], [b"type", b"nosuch"], [b"id", b"x"], [b"id", b"0"], [b"user", b"nosuch"],
        [b"addr", b"1.2.3.4:5"], [b"laddr", b"1.2.3.4:5"], [b"skipme", b"x"], [b"id"], [],
        [b"type", b"master"], [b"type", b"pubsub", b"skipme", b"no"], [b"nosuch", b"x"]))


@command(0.1, keep=True)
def client__list(s):
    return s.rng.choice(([b"type", b"nosuch"], [b"type"], [b"id", b"x"], [b"id"], [b"x"],
                         [b"type", b"pubsub"], [b"type", b"master"]))


@command(0.1, keep=True)
def client__pause(s):
    return s.rng.choice(([b"x"], [b"-1"], [b"0"], [b"0", b"write"], [b"0", b"all"], [b"0", b"x"],
                         []))


@command(0.1)
def client__unpause(s):
    return []


@command(0.2, keep=True)
def auth(s):
    return s.rng.choice(([b"secret"], [b"default", b"x"], [b"nosuch", b"x"], [b"a", b"b", b"c"],
                         []))


@command(0.2, keep=True)
def hello(s):
    return s.rng.choice(([b"1"], [b"4"], [b"x"], [b"3", b"auth", b"x"], [b"3", b"nosuch"],
                         [b"2", b"setname"], [b"3", b"auth", b"nosuch", b"x"],
                         [b"2", b"setname", b"a name"]))


@command(0.3, keep=True)
def config__get(s):
    return [s.rng.choice(SETTINGS + [b"nosuch"])]


@command(0.5, keep=True)
def config__set(s):
    args = []
    for _ in range(s.rng.randint(1, 2)):
        args += [s.rng.choice(SETTINGS + [b"nosuch"]), s.rng.choice(SETTING_VALUES)]
    return args if s.chance(95) else args[:-1]


@command(0.1)
def config__resetstat(s):
    return []


@command(0.1)
def slowlog__reset(s):
    return []


@command(0.1, keep=True)
def slowlog__get(s):
    return s.rng.choice(([b"0"], [b"-2"], [b"x"], [b"1", b"2"]))


@command(0.1)
def latency__latest(s):
    return []


@command(0.1)
def latency__history(s):
    return [s.rng.choice((b"command", b"fork", b"nosuch"))]


@command(0.1)
def latency__reset(s):
    return [s.key()] if s.chance(30) else []


@command(0.1, keep=True)
def latency__histogram(s):
    return [b"nosuch"]


@command(1)
def command__getkeys(s):
    name = s.rng.choice([n for n in GROUPS if " " not in n])
    return [name.encode()] + GROUPS[name][3](s)


@command(0.3, ROWS, keep=True)
def command__info(s):
    return s.rng.sample(COMMANDS, s.rng.randint(1, 3))


@command(0.1, KIND)
def time(s):
    return []


@command(0.1)
def role(s):
    return []


@command(0.1, keep=True)
def acl__whoami(s):
    return []


@command(0.05, keep=True)
def debug__sleep(s):
    return [b"0"]


@command(0.1, keep=True)
def info(s):
    return [b"nosuch"]


def declare(names, make):
    """Rows for @names that differ in nothing else."""
    for name in names:
        GROUPS[name] = (0.05, EXACT, True, make)


declare([f"{name} nosuchcommand" for name in ("client", "config", "memory", "slowlog", "latency",
                                              "command", "acl")], lambda s: s.keys(2))
# Too few arguments, or too many.
declare(("client", "config", "memory", "slowlog", "latency", "debug", "acl", "hello x y", "time x",
         "role x", "exec x", "multi x", "discard x", "unwatch x", "dbsize x", "readonly x",
         "asking x", "readwrite x", "lastsave x", "randomkey x", "flushdb x y"), lambda s: [])
