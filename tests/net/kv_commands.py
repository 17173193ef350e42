# SPDX-License-Identifier: BSD-3-Clause
"""Random commands for kv_differential.py: every command with its options, and mistakes in them.

A command is (how, args): how its two replies are compared, and its arguments. Times to live are
either long past, far in the future and unlike each other, or short and of keys that are left alone
until they have expired, so that two servers a millisecond apart give equal replies.
"""

import struct

import kv_dumps

INT_MAX = 2 ** 63 - 1
INT_MIN = -2 ** 63

KEYS = ([b"k%d" % i for i in range(24)] + [b"{tag}%d" % i for i in range(6)]
        + [b"", b" ", b"\x00", b"bin\x00\xff\r\n", b"\r\n", b"a" * 45, b"b" * 300, b"\xff\xfe",
           b"h?llo", b"hello", b"hallo", b"h[a-c]llo", b"*", b"K0", b"user:1:name", b"user:2:name"])
VOLATILE = [b"volatile%d" % i for i in range(8)]

INTS = [0, 1, -1, 2, 7, 10, 100, 9999, 10000, -10000, 2 ** 31 - 1, 2 ** 31, -2 ** 31 - 1, 2 ** 32,
        INT_MAX, INT_MIN, INT_MAX - 1, INT_MIN + 1, INT_MAX // 1000, INT_MAX // 1000 + 1]
NOT_INTS = [b"", b"abc", b" 1", b"1 ", b"+1", b"01", b"-0", b"0x10", b"1.5", b"9223372036854775808",
            b"-9223372036854775809", b"1\x00", b"--1", b"-", b"1e3", b"18446744073709551616",
            b"99999999999999999999999", b"\xff"]
FLOATS = [b"0", b"1.5", b"-1.5", b"3.0e3", b"5e-1", b"1e-17", b"-1e-18", b"0.1", b"10.50", b"+2.25",
          b"1e400", b"1e4932", b"-1e4932", b"1e5000", b"1e-5000", b"inf", b"-inf", b"+Infinity",
          b"nan", b"0x1p3", b"0X.8p1", b".5", b"5.", b".", b"1e", b"1e+", b" 1", b"1 ", b"1,5",
          b"123456789012345678901234567890.5", b"0.30000000000000004", b"-0.0", b"1\x002", b"",
          b"99999999999999999.99999999999999999", b"1" * 200, b"0." + b"3" * 300]
TEXTS = [b"", b"x", b"hello world", b"ohmytext", b"mynewtext", b"\x00\x01\xfe\xff", b"\r\n",
         b"$-1\r\n", b"y" * 43, b"z" * 44, b"w" * 45, b"v" * 63, b"u" * 64, b"t" * 1000,
         b"s" * 16383, b"r" * 16384, b"q" * 16385, b"p" * 40000]
PATTERNS = [b"*", b"k*", b"k?", b"k[0-4]", b"k[^0-4]", b"h?llo", b"h*llo", b"h[ae]llo", b"h\\?llo",
            b"h\\[a-c\\]llo", b"\\*", b"nothing*", b"", b"[", b"k[", b"[z-a]*", b"*\x00*", b"?",
            b"user:*:name", b"*a*a*a*a*b", b"{tag}*", b"**", b"k[a", b"[^]", b"\\", b"K*"]
JUNK = ([b"%d" % i for i in (0, -1, INT_MAX, INT_MIN, INT_MAX // 1000, -INT_MAX // 1000)] + NOT_INTS
        + [b"EX", b"nx", b"XX", b"GET", b"KEEPTTL", b"PERSIST", b"GT", b"LT", b"REPLACE", b"DB",
           b"u8", b"i64", b"#3", b"COUNT", b"MATCH", b"TYPE", b"IDX", b"LEN", b"ASYNC"])

# How replies are compared.
EXACT, SET, SECONDS, MILLISECONDS, KIND, LOOSE, SCAN, ROWS = (
    "exact set seconds milliseconds kind loose scan rows".split())

GROUPS = {}


def command(weight, how=EXACT, keep=False):
    """Declares a generator of arguments; keep: mistakes in them could block or disturb the run."""
    def add(function):
        name = function.__name__.strip("_").replace("__", " ")
        GROUPS[name] = (weight, how, keep, function)
        return function
    return add


class Source:
    """Random arguments from one seed."""

    def __init__(self, rng, now_s):
        self.rng = rng
        self.now_s = now_s
        self.dumps = kv_dumps.Dumps(self)

    def key(self):
        return self.rng.choice(KEYS)

    def keys(self, most=6):
        return [self.key() for _ in range(self.rng.randint(1, most))]

    def chance(self, percent):
        return self.rng.random() * 100 < percent

    def int(self):
        if self.chance(10):
            return self.rng.choice(NOT_INTS)
        if self.chance(40):
            return b"%d" % self.rng.choice(INTS)
        return b"%d" % self.rng.randint(-2000, 12000)

    def float(self):
        if self.chance(40):
            return self.rng.choice(FLOATS)
        if self.chance(20):
            return b"%r" % struct.unpack("<d", self.rng.randbytes(8))[0]
        return b"%r" % (self.rng.randint(-10 ** 6, 10 ** 6) / 1000)

    def value(self):
        kind = self.rng.randrange(10)
        if kind < 4:
            return self.int()
        if kind < 5:
            return self.float()
        if kind < 8:
            return self.rng.choice(TEXTS[:13]) if self.chance(90) else self.rng.choice(TEXTS)
        return self.rng.randbytes(self.rng.randint(0, 80))

    def word(self, *words):
        word = self.rng.choice(words)
        if self.chance(30):
            word = "".join(self.rng.choice((c.upper(), c)) for c in word)
        return word.encode()

    def options(self, *words, most=2):
        return [self.word(*words) for _ in range(self.rng.randint(0, most))]

    def after_s(self):
        """Seconds from now: none, past, or some no other command has."""
        if self.chance(12):
            return self.rng.choice(NOT_INTS)
        if self.chance(12):
            return b"%d" % self.rng.choice((0, -1, -100, INT_MIN, INT_MAX, INT_MAX // 1000,
                                           INT_MIN // 1000, INT_MAX // 1000 - self.now_s + 10 ** 6,
                                           INT_MAX // 1000 - self.now_s - 10 ** 6))
        return b"%d" % self.rng.randint(10 ** 4, 10 ** 9)

    def after_ms(self):
        if self.chance(12):
            return self.rng.choice(NOT_INTS)
        if self.chance(12):
            return b"%d" % self.rng.choice((0, -1, -100, INT_MIN, INT_MAX))
        return b"%d" % self.rng.randint(10 ** 7, 10 ** 12)

    def at_s(self):
        if self.chance(12):
            return self.rng.choice(NOT_INTS)
        if self.chance(12):
            return b"%d" % self.rng.choice((0, -1, 1, INT_MIN, INT_MAX, INT_MAX // 1000))
        return b"%d" % (self.now_s + self.rng.choice((-1000, 1, 2, 3, 5)) * 10 ** 4)

    def at_ms(self):
        if self.chance(12):
            return self.rng.choice(NOT_INTS)
        if self.chance(12):
            return b"%d" % self.rng.choice((0, -1, 1, INT_MIN, INT_MAX))
        return b"%d" % ((self.now_s + self.rng.choice((-1000, 1, 2, 3, 5)) * 10 ** 4) * 1000 + 7)

    def lifetime(self):
        kind = self.rng.choice(("ex", "px", "exat", "pxat"))
        word = self.word(kind)
        if self.chance(3):
            return [word]
        return [word, {"ex": self.after_s, "px": self.after_ms, "exat": self.at_s,
                       "pxat": self.at_ms}[kind]()]

    def pattern(self):
        return self.rng.choice(PATTERNS)

    def db(self):
        return b"%d" % self.rng.randrange(4) if self.chance(80) else self.rng.choice(
            (b"15", b"16", b"-1", b"abc", b"99999999999", b"4294967296", b""))


@command(10)
def get(s):
    return [s.key()]


@command(14)
def set(s):
    args = [s.key(), s.value()]
    if s.chance(45):
        args += s.options("nx", "xx", "get", "keepttl", most=2)
    if s.chance(35):
        args += s.lifetime()
    if s.chance(5):
        args += s.options("nx", "xx", "get", "keepttl", "persist", "ex", most=2)
    if s.chance(2):
        args += s.lifetime()
    return args


@command(2)
def setnx(s):
    return [s.key(), s.value()]


@command(2)
def setex(s):
    return [s.key(), s.after_s(), s.value()]


@command(2)
def psetex(s):
    return [s.key(), s.after_ms(), s.value()]


@command(3)
def getset(s):
    return [s.key(), s.value()]


@command(2)
def getdel(s):
    return [s.key()]


@command(4)
def getex(s):
    args = [s.key()]
    if s.chance(60):
        args += s.lifetime() if s.chance(70) else [s.word("persist")]
    if s.chance(4):
        args += s.options("persist", "keepttl", "nx", "get")
    return args


@command(3)
def mget(s):
    return s.keys()


@command(3)
def mset(s):
    args = []
    for _ in range(s.rng.randint(1, 4)):
        args += [s.key(), s.value()]
    return args


@command(3)
def msetnx(s):
    return mset(s)


@command(4)
def append(s):
    return [s.key(), s.value()]


@command(3)
def strlen(s):
    return [s.key()]


@command(4)
def setrange(s):
    offset = b"%d" % s.rng.randint(0, 100) if s.chance(80) else s.rng.choice(
        (b"-1", b"536870912", b"536870913", b"4294967296", b"4294967297",
         b"9223372036854775807", b"abc", b""))
    return [s.key(), offset, s.rng.choice((b"", b"x", b"hello", b"\x00\xff", b"y" * 60))]


@command(3)
def getrange(s):
    def index():
        return b"%d" % s.rng.randint(-60, 60) if s.chance(80) else s.int()
    return [s.key(), index(), index()]


@command(1)
def substr(s):
    return getrange(s)


@command(3)
def incr(s):
    return [s.key()]


@command(3)
def decr(s):
    return [s.key()]


@command(4)
def incrby(s):
    return [s.key(), s.int()]


@command(4)
def decrby(s):
    return [s.key(), s.int()]


@command(5)
def incrbyfloat(s):
    return [s.key(), s.float()]


@command(3)
def lcs(s):
    args = [s.key(), s.key()]
    args += s.options("len", "idx", "withmatchlen", most=3) if s.chance(60) else []
    if s.chance(30):
        args += [s.word("minmatchlen"), b"%d" % s.rng.randint(-1, 5) if s.chance(90) else s.int()]
    if s.chance(3):
        args += [s.word("minmatchlen")]
    return args


@command(5)
def del_(s):
    return s.keys(4)


@command(2)
def unlink(s):
    return s.keys(4)


@command(3)
def exists(s):
    return s.keys()


@command(1)
def touch(s):
    return s.keys()


@command(2)
def type(s):
    return [s.key()]


@command(3)
def rename(s):
    return [s.key(), s.key()]


@command(3)
def renamenx(s):
    return [s.key(), s.key()]


@command(4)
def copy(s):
    args = [s.key(), s.key()]
    if s.chance(30):
        args += [s.word("db"), s.db()]
    if s.chance(40):
        args += [s.word("replace")]
    if s.chance(3):
        args += [s.word("db", "replace", "nx")]
    return args


@command(3)
def move(s):
    return [s.key(), s.db()]


@command(1)
def swapdb(s):
    return [s.db(), s.db()] if s.chance(90) else [s.int(), s.db()]


@command(4)
def dump(s):
    return [s.key()]


@command(5)
def restore(s):
    args = [s.key()]
    absolute = s.chance(15)
    args.append(b"0" if s.chance(50) else s.at_ms() if absolute else s.after_ms())
    args.append(s.dumps.payload())
    if absolute:
        args.append(s.word("absttl"))
    if s.chance(60):
        args.append(s.word("replace"))
    if s.chance(15):
        args += [s.word("idletime", "freq"), b"%d" % s.rng.choice((0, 1, 100, 255, 256, -1))
                 if s.chance(80) else s.int()]
    if s.chance(4):
        args += [s.word("idletime", "freq", "replace", "absttl", "nx")]
    return args


def expire_options(s):
    return s.options("nx", "xx", "gt", "lt", most=2) if s.chance(50) else []


@command(4)
def expire(s):
    return [s.key(), s.after_s()] + expire_options(s)


@command(3)
def pexpire(s):
    return [s.key(), s.after_ms()] + expire_options(s)


@command(4)
def expireat(s):
    return [s.key(), s.at_s()] + expire_options(s)


@command(3)
def pexpireat(s):
    return [s.key(), s.at_ms()] + expire_options(s) + ([b"a\r\nb"] if s.chance(1) else [])


@command(4, SECONDS)
def ttl(s):
    return [s.key()]


@command(4, MILLISECONDS)
def pttl(s):
    return [s.key()]


@command(3, SECONDS)
def expiretime(s):
    return [s.key()]


@command(3, MILLISECONDS)
def pexpiretime(s):
    return [s.key()]


@command(3)
def persist(s):
    return [s.key()]


@command(1.5, SET)
def keys(s):
    return [s.pattern()]


@command(1, SCAN)
def scan(s):
    args = [b"0" if s.chance(90) else s.rng.choice(
        (b"abc", b"", b"-1", b"+0", b" 0", b"18446744073709551615", b"18446744073709551616",
         b"0 "))]
    if s.chance(50):
        args += [s.word("match"), s.pattern()]
    if s.chance(50):
        args += [s.word("count"), b"%d" % s.rng.choice((1, 3, 10, 100, 5000)) if s.chance(85)
                 else s.rng.choice((b"0", b"-1", b"x", b"9223372036854775807", b"1e3"))]
    if s.chance(25):
        args += [s.word("type"), s.word("string", "list", "hash", "foo")]
    if s.chance(5):
        args += [s.word("match", "count", "type", "nx")]
    return args


@command(1, KIND)
def randomkey(s):
    return []


@command(3)
def object__encoding(s):
    return [s.key()]


@command(2)
def object__refcount(s):
    return [s.key()]


@command(1, KIND)
def object__idletime(s):
    return [s.key()]


@command(1)
def object__freq(s):
    return [s.key()]


@command(0.2)
def object__help(s):
    return []


@command(1, LOOSE)      # Redis counts an expired key that nobody has asked for since
def memory__usage(s):
    args = [s.key()]
    if s.chance(40):
        args += [s.word("samples"), b"%d" % s.rng.randint(-2, 20) if s.chance(80) else s.int()]
    return args


def bit_offset(s):
    if s.chance(85):
        return b"%d" % s.rng.randint(0, 700)
    return s.rng.choice((b"-1", b"4294967296", b"4294967295999", b"9223372036854775807", b"x", b"",
                         b"1.5", b"#1"))


@command(3)
def setbit(s):
    return [s.key(), bit_offset(s), s.rng.choice((b"0", b"1", b"0", b"1", b"2", b"-1", b"x"))]


@command(2)
def getbit(s):
    return [s.key(), bit_offset(s)]


def bit_range(s, least):
    """Some of start, end and unit, at least so many of them."""
    args = [b"%d" % s.rng.randint(-50, 50) if s.chance(90) else s.int() for _ in range(2)]
    args.append(s.word("bit", "byte", "bit", "byte", "bits"))
    return args[:s.rng.randint(least, 3)]


@command(3)
def bitcount(s):
    return [s.key()] + (bit_range(s, 2) if s.chance(80) else [])


@command(4)
def bitpos(s):
    return [s.key(), s.rng.choice((b"0", b"1", b"0", b"1", b"2", b"x"))] + bit_range(s, 0)


@command(3)
def bitop(s):
    return [s.word("and", "or", "xor", "not", "nand"), s.key()] + s.keys(4)


def field(s, writes):
    kind = s.rng.choice(("get", "set", "incrby", "overflow") if writes else ("get",))
    if kind == "overflow":
        return [s.word(kind), s.word("wrap", "sat", "fail", "wrap", "sat", "fail", "none")]
    width = s.rng.choice((1, 2, 5, 8, 13, 16, 32, 63, 64) if s.chance(97) else (0, 65, -1, 1000))
    args = [s.word(kind), b"%c%d" % (s.rng.choice(b"iu") if width < 64 else ord("i"), width)]
    args.append(s.rng.choice((b"", b"#")) + b"%d" % s.rng.randint(0, 90) if s.chance(96)
                else bit_offset(s))
    return args if kind == "get" else args + [s.int() if s.chance(95) else b"x"]


@command(5)
def bitfield(s):
    args = [s.key()]
    for _ in range(s.rng.randint(0, 5)):
        args += field(s, True)
    return args


@command(1)
def bitfield_ro(s):
    args = [s.key()]
    for _ in range(s.rng.randint(0, 3)):
        args += field(s, s.chance(10))
    return args


@command(0.3, keep=True)
def wait(s):
    return s.rng.choice(([b"0", b"0"], [b"0", b"100"], [b"-1", b"10"], [b"1", b"2"], [b"x", b"1"],
                         [b"0", b"x"], [b"0", b"-1"], [b"1"], []))


@command(3, keep=True)
def select(s):
    return [s.db()]


@command(0.05)
def flushdb(s):
    return s.options("async", "sync", most=1)


@command(0.02)
def flushall(s):
    return s.options("async", "sync", "foo", most=1)


@command(0.3, keep=True)
def ping(s):
    return [s.value()] if s.chance(50) else []


@command(0.3, keep=True)
def echo(s):
    return [s.value()]


@command(0.2)
def nosuchcommand(s):
    return s.keys()


@command(0.1)
def object__nosuchcommand(s):
    return s.keys(2)
