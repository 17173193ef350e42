# SPDX-License-Identifier: BSD-3-Clause
"""Users' functions with Debian's python3-redis: compute_client.py HOST PORT OBJECT, an object file
of tests/unit/task_programs/good.c. Ends with 1 and a traceback when an answer is wrong."""
import hashlib
import struct
import sys

import redis


def pairs(flat):
    """A map as RESP2 has it."""
    return dict(zip(flat[::2], flat[1::2]))


def refused(call, *words):
    try:
        call()
    except redis.ResponseError as e:
        assert all(w in str(e) for w in words), e
        return
    raise AssertionError(f"no error with {words}")


def libraries(r, code, obj):
    assert r.function_load(code) == "py"
    refused(lambda: r.function_load(code), "Library 'py' already exists")
    assert r.function_load(code, replace=True) == "py"
    (library,) = (pairs(one) for one in r.function_list(library="p*", withcode=True))
    assert library["library_name"] == "py" and library["engine"] == "BPF", library
    assert library["library_code"].encode("utf-8", "surrogateescape") == code
    assert library["sha256"] == hashlib.sha256(obj).hexdigest()
    functions = {f["name"]: f for f in map(pairs, library["functions"])}
    assert functions["twice"]["kind"] == "map" and functions["twice"]["cost"] > 300, functions
    assert functions["is_large"]["kind"] == "filter" and functions["add"]["kind"] == "merge"
    assert "no-writes" in functions["sum"]["flags"] and functions["sum"]["description"] is None
    assert r.function_list(library="nosuch") == []
    refused(lambda: r.function_load("#!lua name=x\nreturn 1"), "Engine 'lua' not found")
    refused(lambda: r.function_load("#!bpf name=x\nreturn 1"), "ELF")


def calls(r):
    assert r.execute_command("FMAP", "py.twice", 1, 2, 3, 4, 5) == ["2", "4", "6", "8", "10"]
    assert r.fcall("twice", 0, 21) == "42" and r.fcall_ro("py.twice", 0, -1) == "-2"
    for i in range(100):
        r.set(f"n:{i}", i)
        assert r.fcall("twice", 1, f"n:{i}") == str(2 * i)
    assert r.fcall("twice", 1, "nosuch") is None
    assert r.fcall_ro("is_large", 1, "n:1") == 0
    items = [str(i) for i in range(5000)]
    assert r.execute_command("FMAP", "twice", *items) == [str(2 * i) for i in range(5000)]
    refused(lambda: r.fcall("twice", 0, "x"), "py.twice: line ", "not what the program is for")
    refused(lambda: r.fcall("nosuch", 0, "x"), "Function not found", "nosuch")
    answer = r.execute_command("FMAP", "twice", 1, "x", 3)
    assert answer[0] == "2" and answer[2] == "6", answer
    assert isinstance(answer[1], redis.ResponseError) and "item 1: py.twice" in str(answer[1])
    with r.pipeline(transaction=True) as pipe:
        pipe.set("t", 4)
        pipe.fcall("twice", 1, "t")
        assert pipe.execute() == [True, "8"]
    with r.pipeline(transaction=False) as pipe:
        for i in range(1000):
            pipe.execute_command("FMAP", "twice", i)
        assert pipe.execute() == [[str(2 * i)] for i in range(1000)]


def visits(host, port):
    """Accumulators are bytes."""
    r = redis.Redis(host, port)
    r.set("abcd", b"0123456789abcdef")
    acc, emitted = r.fcall("ratio", 1, "abcd")
    assert len(acc) == 256 and struct.unpack("<Q", acc[:8]) == (4,), acc
    assert emitted == [b"abcd", b"01234567"], emitted


def dumps(host, port):
    r = redis.Redis(host, port)
    payload = r.function_dump()
    refused(lambda: r.function_restore(payload), "already exists")
    assert r.function_flush("SYNC") and r.function_list() == []
    refused(lambda: r.function_restore(payload[:-1]), "DUMP payload version or checksum are wrong")
    assert r.function_restore(payload, "FLUSH") and len(r.function_list()) == 1
    assert r.fcall("twice", 0, 3) == b"6"
    assert r.function_delete("py") and r.function_list() == []
    refused(lambda: r.function_delete("py"), "Library not found")
    refused(r.function_kill, "No scripts in execution")


def main():
    host, port = sys.argv[1], int(sys.argv[2])
    with open(sys.argv[3], "rb") as file:
        obj = file.read()
    code = b"#!bpf name=py\n" + obj
    r = redis.Redis(host, port, decode_responses=True, encoding_errors="surrogateescape")
    libraries(r, code, obj)
    calls(r)
    visits(host, port)
    dumps(host, port)


if __name__ == "__main__":
    main()
