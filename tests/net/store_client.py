# SPDX-License-Identifier: BSD-3-Clause
"""Clients of the store with Debian's python3-redis: store_client.py HOST PORT [cluster]. Ends with
1 and a traceback when an answer is wrong."""
import os
import sys

import redis
from redis.cluster import RedisCluster

KEYS = 2000


def common(client):
    assert client.set("py:message", "Hello, World!") is True
    assert client.get("py:message") == b"Hello, World!"
    assert client.get("py:none") is None
    big = os.urandom(3 << 20)
    client.set("py:big", big)
    assert client.get("py:big") == big
    assert client.strlen("py:big") == len(big)
    assert client.incrby("py:n", 41) + client.incr("py:n") == 41 + 42
    client.delete("py:nx")
    assert client.set("py:nx", 1, nx=True) is True and client.set("py:nx", 2, nx=True) is None
    assert client.expire("py:nx", 100) and 98 <= client.ttl("py:nx") <= 100
    try:
        client.incr("py:message")
        raise AssertionError("INCR of a text is no error")
    except redis.ResponseError as e:
        assert "not an integer" in str(e), e
    assert client.delete("py:n") == 1


def single(host, port):
    client = redis.Redis(host, port)
    common(client)
    with client.pipeline(transaction=False) as pipe:
        for i in range(KEYS):
            pipe.set("py:%d" % i, i)
        assert pipe.execute() == [True] * KEYS
    assert client.mget("py:%d" % i for i in range(KEYS)) == [b"%d" % i for i in range(KEYS)]
    with client.pipeline() as pipe:
        pipe.watch("py:1", "py:2")
        one = int(pipe.get("py:1"))
        pipe.multi()
        pipe.incr("py:1").incr("py:2").mget("py:1", "py:2")
        assert pipe.execute()[2] == [b"%d" % (one + 1), b"3"]
    with client.pipeline() as pipe:
        pipe.watch("py:1")
        client.set("py:1", "other")
        pipe.multi()
        pipe.set("py:1", "mine")
        try:
            pipe.execute()
            raise AssertionError("a watched key has changed, and EXEC ran")
        except redis.WatchError:
            pass
    found = set(client.scan_iter(match="py:[0-9]*", count=100))
    assert len(found) == KEYS, len(found)
    assert client.info()["redis_version"] and client.config_get("maxmemory-policy")
    peer = "[2001:db8:1::2]:" if ":" in host else "192.0.2.2:"
    assert any(c["addr"].startswith(peer) for c in client.client_list())
    assert client.delete(*found) == KEYS


def cluster(host, port):
    client = RedisCluster(host=host, port=port)
    common(client)
    nodes = client.get_nodes()
    assert len(nodes) == 2 and {n.port for n in nodes} == {port, port + 1}, nodes
    for i in range(KEYS):
        assert client.set("pc:%d" % i, i)
    for i in range(KEYS):
        assert client.get("pc:%d" % i) == b"%d" % i
    some = range(50)
    assert client.mget_nonatomic(*("pc:%d" % i for i in some)) == [b"%d" % i for i in some]
    pipe = client.pipeline()
    for i in range(KEYS):
        pipe.incr("pc:%d" % i)
    assert pipe.execute() == [i + 1 for i in range(KEYS)]


if __name__ == "__main__":
    (cluster if "cluster" in sys.argv[3:] else single)(sys.argv[1], int(sys.argv[2]))
