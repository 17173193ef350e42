# SPDX-License-Identifier: BSD-3-Clause
"""Records and jobs with Debian's python3-redis: compute_jobs.py HOST PORT KEYS. Libraries "shop"
and "records" are loaded, keys "shop:<n>:price" with the values 1 to KEYS and some "note:<n>" are
there. Ends with 1 and a traceback when an answer is wrong."""
import socket
import struct
import sys
import threading
import time

import redis

HOST, PORT, KEYS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
SUM = ("FEACH", "shop.sum", "MATCH", "shop:*", "REDUCE")
WANT = (KEYS, KEYS * (KEYS + 1) // 2, 1, KEYS)


def connect():
    return redis.Redis(HOST, PORT, decode_responses=False)


def total(acc):
    return struct.unpack("<4Q", acc[:32])


def pairs(flat):
    """A map as RESP2 has it."""
    return dict(zip(flat[::2], flat[1::2]))


def others(stop, failed):
    """A client whose keys come and go, so that the index grows under whoever visits it."""
    r, i = connect(), 0
    try:
        while not stop.is_set():
            with r.pipeline(transaction=False) as p:
                for _ in range(100):
                    i += 1
                    p.set(f"other:{i}", i)
                    p.get(f"other:{i}")
                for a, b in zip(*[iter(p.execute())] * 2):
                    assert a and int(b) > 0
        for at in range(1, i, 1000):
            r.delete(*(f"other:{n}" for n in range(at, min(at + 1000, i + 1))))
    except Exception as e:  # pylint: disable=broad-except
        failed.append(e)


def sums_beside_others():
    stop, failed = threading.Event(), []
    t = threading.Thread(target=others, args=(stop, failed))
    t.start()
    r = connect()
    for _ in range(30):
        acc, flat = r.execute_command(*SUM)
        assert total(acc) == WANT and flat == [], total(acc)
    stop.set()
    t.join()
    assert not failed, failed


def submitted():
    r = connect()
    job = r.execute_command("JOB", "SUBMIT", *SUM)
    assert pairs(r.execute_command("JOB", "WAIT", job))[b"state"] == b"done"
    status = pairs(connect().execute_command("JOB", "STATUS", job))
    assert status[b"function"] == b"shop.sum" and status[b"faults"] == 0, status
    assert str(int(job)).encode() in repr(r.execute_command("JOB", "LIST")).encode()
    cheap = r.execute_command("JOB", "SUBMIT", "FEACH", "shop.cheap")
    r.execute_command("JOB", "WAIT", cheap)
    cursor, page = r.execute_command("JOB", "RESULT", cheap)
    assert int(cursor) == 0, cursor
    assert b"shop:1:price" in repr(page).encode() and b"shop:2:price" in repr(page).encode(), page
    for one in (job, cheap):
        assert r.execute_command("JOB", "CANCEL", one) == 0  # it has ended, and is forgotten
        try:
            r.execute_command("JOB", "STATUS", one)
            raise AssertionError("it is still there")
        except redis.ResponseError as e:
            assert str(e).startswith("NOJOB"), e


def cancelled():
    """A cancelled job ends, whether it was faster or not."""
    r = connect()
    for _ in range(20):
        job = r.execute_command("JOB", "SUBMIT", *SUM)
        r.execute_command("JOB", "CANCEL", job)
        try:
            state = pairs(r.execute_command("JOB", "WAIT", job, 5000))[b"state"]
            assert state in (b"cancelled", b"done"), state
            r.execute_command("JOB", "CANCEL", job)  # forgets it
        except redis.ResponseError as e:
            assert str(e).startswith("NOJOB"), e  # it had ended


def faults():
    try:
        connect().execute_command("FEACH", "shop.sum", "MATCH", "note:*", "REDUCE")
        raise AssertionError("no fault")
    except redis.ResponseError as e:
        assert str(e).startswith('FAULT key "note:') and "shop.sum: line " in str(e), e


def vanished():
    """Clients that go in the middle leave nothing running."""
    for i in range(50):
        s = socket.create_connection((HOST, PORT))
        s.sendall((" ".join(SUM) + "\r\n").encode())
        if i % 2:
            s.shutdown(socket.SHUT_WR)
        s.close()
    r = connect()
    assert total(r.execute_command(*SUM)[0]) == WANT
    for _ in range(100):
        if r.info("compute")["jobs_running"] == 0:
            return
        time.sleep(0.1)
    raise AssertionError(r.info("compute"))


def pushes():
    """In RESP3 pairs come as pushes before the reply, and so does progress."""
    s = socket.create_connection((HOST, PORT))
    s.sendall(b"HELLO 3\r\nJOB PROGRESS ON\r\nFEACH shop.cheap STREAM\r\nECHO end\r\n")
    said = b""
    while not said.endswith(b"$3\r\nend\r\n"):
        more = s.recv(65536)
        assert more, said
        said += more
    s.close()
    assert said.count(b">3\r\n$9\r\njob-pairs\r\n") >= 1, said
    assert b"shop:1:price" in said and b"shop:2:price" in said, said
    assert said.index(b"shop:1:price") < said.index(b"*2\r\n_\r\n:2\r\n"), said


def stream(function, pattern, pairs_wanted, bytes_least):
    """A stream of more than the node may keep arrives whole."""
    s = socket.create_connection((HOST, PORT), timeout=30)
    s.sendall(f"HELLO 3\r\nFEACH {function} MATCH {pattern} STREAM\r\nECHO end\r\n".encode())
    tail = b""
    n = 0
    while not tail.endswith(b"$3\r\nend\r\n"):
        more = s.recv(1 << 20)
        assert more, tail
        n += len(more)
        tail = (tail + more)[-64:]
    s.close()
    assert b"*2\r\n_\r\n:%d\r\n" % pairs_wanted in tail and n > bytes_least, (tail, n)


def streams():
    stream("records.pairs", "shop:*", KEYS, 20 * KEYS)
    r = connect()
    with r.pipeline(transaction=False) as p:
        for i in range(4000):
            p.set(f"long:{i}", b"v" * 100)
        p.execute()
    stream("records.much", "long:*", 400000, 400000 * 576)


for check in (sums_beside_others, submitted, cancelled, faults, vanished, pushes, streams):
    print(check.__name__, flush=True)
    check()
