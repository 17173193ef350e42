# SPDX-License-Identifier: BSD-3-Clause
"""The peers in scripts/bench lb: new connections through braid, HAProxy, nftables and plain
routing, over the same veth links between the same client (wrk) and the same server (nginx)."""

import re
import shutil
import statistics
import time

from benchlib import cases, lab, node, report
from benchlib.process import BenchError, cpu_seconds, say, wait_until

VIP = "203.0.113.10"
SERVERS = cases.HOPS4[:3]
CONNECTIONS = 64
SETTLE_SECONDS = 0.3
START_SECONDS = 10
SYSTEMS = {
    "none": "plain routing by Linux, no balancer",
    "braid": "braid, nat, one worker",
    "nftables": "nftables, DNAT and masquerading",
    "haproxy": "HAProxy, tcp mode, one thread",
}
NGINX = """user root;
worker_processes 1;
daemon off;
error_log stderr;
pid {dir}/pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir};
    uwsgi_temp_path {dir}; scgi_temp_path {dir};
    server {{ listen 80 backlog=4096; location / {{ return 200 "ok"; }} }}
}}
"""
HAPROXY = """global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen web
    bind {vip}:80
    balance roundrobin
"""
NFT = """table ip balance {{
    chain in {{
        type nat hook prerouting priority dstnat;
        ip daddr {vip} tcp dport 80 dnat to numgen inc mod {n} map {{ {servers} }}
    }}
    chain out {{
        type nat hook postrouting priority srcnat;
        ip daddr 198.51.100.0/24 tcp dport 80 masquerade
    }}
}}
"""


class Place(lab.Lab):
    """The lab with addresses, a server at its right end and room for many connections."""

    def __init__(self, bench):
        super().__init__(bench)
        self.bench = bench
        self.inside("sink", "ip", "link", "set", "eth0", "address", node.HOP_MAC)
        self.inside("gen", "ip", "addr", "add", f"{lab.SOURCE}/24", "dev", "eth0")
        for address in SERVERS:
            self.inside("sink", "ip", "addr", "add", f"{address}/24", "dev", "eth0")
        for side, router in (("gen", "192.0.2.1"), ("sink", "198.51.100.1")):
            self.inside(side, "ip", "link", "set", "lo", "up")
            self.inside(side, "ip", "route", "add", "default", "via", router)
            self.sysctl(side, "net.ipv4.ip_local_port_range=1024 65535")
            self.sysctl(side, "net.ipv4.tcp_tw_reuse=1")
        self.sysctl("sink", "net.core.somaxconn=4096")
        self.inside("node", "ip", "link", "set", "lo", "up")
        directory = bench.dir / self.prefix
        directory.mkdir()
        (directory / "nginx.conf").write_text(NGINX.format(dir=directory))
        self.nginx = self.start("sink", "nginx", "-e", "stderr", "-p", directory, "-c",
                                directory / "nginx.conf")

    def start(self, side, *argv):
        return self.bench.start(["ip", "netns", "exec", self.sides[side], *argv])

    def route_by_linux(self):
        self.give_to_linux("0")
        for end in ("lan0", "wan0"):
            self.sysctl("node", f"net.ipv4.conf.{end}.rp_filter=0")
        self.inside("node", "ip", "addr", "add", f"{VIP}/32", "dev", "lo")

    def wrk(self, address, seconds):
        """Runs wrk with a connection per request; (connections, seconds of it)."""
        child = self.start("gen", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H",
                           "Connection: close", f"http://{address}/")
        child.wait(seconds + 30)
        said = child.log_path.read_text()
        self.bench.stop(child)
        found = re.search(r"(\d+) requests in ([\d.]+)s", said)
        if not found or "Non-2xx" in said:
            raise BenchError(f"wrk to {address}: {said}")
        return int(found[1]), float(found[2]), wrk_errors(said)

    def stop(self):
        self.bench.stop(self.nginx)
        self.end()


def wrk_errors(said):
    """Connections that failed, as wrk counts them."""
    found = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    return sum(int(number) for number in found.groups()) if found else 0


def answers(place, address):
    """Whether a server answers at the address."""
    try:
        place.inside("gen", "curl", "-s", "-m", "1", f"http://{address}/")
        return True
    except BenchError:
        return False


def load(place, address, seconds, pid=None):
    """One measurement; `pid` is the balancer's process."""
    wait_until(f"an answer from {address}", lambda: answers(place, address), START_SECONDS)
    place.wrk(address, 1)
    time.sleep(SETTLE_SECONDS)
    busy, own = lab.busy_seconds(), cpu_seconds(pid) if pid else 0
    connections, took, errors = place.wrk(address, max(round(seconds), 1))
    busy, own = lab.busy_seconds() - busy, cpu_seconds(pid) - own if pid else None
    if not connections:
        raise BenchError(f"no connection to {address} was answered")
    return {"per_second": connections / took, "errors": errors,
            "cpu_us": busy / connections * 1e6,
            "own_cpu_us": own / connections * 1e6 if pid else None}


def measure_none(place, args):
    place.route_by_linux()
    return load(place, SERVERS[0], args.seconds)


def measure_nftables(place, args):
    place.route_by_linux()
    servers = ", ".join(f"{i} : {address}" for i, address in enumerate(SERVERS))
    rules = place.bench.dir / f"{place.prefix}.nft"
    rules.write_text(NFT.format(vip=VIP, n=len(SERVERS), servers=servers))
    place.inside("node", "nft", "-f", rules)
    return load(place, VIP, args.seconds)


def measure_haproxy(place, args):
    place.route_by_linux()
    place.sysctl("node", "net.ipv4.ip_local_port_range=1024 65535")
    place.sysctl("node", "net.ipv4.tcp_tw_reuse=1")
    place.sysctl("node", "net.core.somaxconn=4096")
    path = place.bench.dir / f"{place.prefix}.haproxy"
    path.write_text(HAPROXY.format(vip=VIP) + "".join(
        f"    server s{i} {address}:80\n" for i, address in enumerate(SERVERS)))
    child = place.start("node", "haproxy", "-db", "-f", path)
    try:
        return load(place, VIP, args.seconds, child.pid)
    finally:
        place.bench.stop(child)


def braid_config(kind):
    text = node.config(lab.devices(kind), idle="adaptive")
    text += (f"nat: {{pool: [198.18.0.0/29]}}\nlb: {{idle: {{tcp_closing: 1s}}}}\n"
             f"services:\n  - name: web\n    vip: {VIP}\n    port: 80\n    mode: nat\n"
             "    health: {probe: none}\n    backends:\n")
    return text + "".join(f"      - {{address: {address}}}\n" for address in SERVERS)


def measure_braid(place, args):
    place.give_to_braid()
    running = node.Node(place.bench, args.build, braid_config(args.device),
                        netns=place.sides["node"])
    try:
        return load(place, VIP, args.seconds, running.dataplane.pid)
    finally:
        running.stop()


MEASURES = {"none": measure_none, "braid": measure_braid, "nftables": measure_nftables,
            "haproxy": measure_haproxy}


def measure(bench, args, name):
    place = Place(bench)
    try:
        return MEASURES[name](place, args)
    finally:
        place.stop()


def choose_device(bench, args):
    """AF_XDP where braid starts on it, else AF_PACKET."""
    args.device = "af_xdp"
    try:
        measure(bench, args, "braid")
    except BenchError as error:
        say(f"AF_XDP is not to be had here, taking AF_PACKET: {error}")
        args.device = "af_packet"


def row_of(name, samples, device):
    rates = [sample["per_second"] for sample in samples]

    def middle(field):
        return statistics.median(sample[field] for sample in samples)

    def spread(field):
        return [round(pick(sample[field] for sample in samples), 1) for pick in (min, max)]

    has_own = samples[0]["own_cpu_us"] is not None
    return {
        "case": name,
        "text": SYSTEMS[name] + (f", {device}" if name == "braid" else ""),
        "connections_per_second": round(statistics.median(rates)),
        "connections_per_second_min": round(min(rates)),
        "connections_per_second_max": round(max(rates)),
        "cpu_us_per_connection": round(middle("cpu_us"), 1),
        "cpu_us_per_connection_spread": spread("cpu_us"),
        "balancer_cpu_us_per_connection": round(middle("own_cpu_us"), 1) if has_own else None,
        "errors": sum(sample["errors"] for sample in samples),
    }


def main(bench, args):
    """Measures each system once per repetition, by turns; rows of the JSON."""
    for program in ("nginx", "wrk", "haproxy", "nft"):
        if not shutil.which(program) and not shutil.which(program, path="/usr/sbin:/sbin"):
            raise BenchError(f"{program} is not there: run scripts/setup")
    say("peers: looking which device braid can take")
    choose_device(bench, args)
    samples = {name: [] for name in SYSTEMS}
    for i in range(args.reps):
        for name in SYSTEMS:
            samples[name].append(measure(bench, args, name))
        say(f"peers: {i + 1}/{args.reps}: " + ", ".join(
            f"{name} {samples[name][-1]['per_second']:.0f}/s" for name in SYSTEMS))
    return [row_of(name, samples[name], args.device) for name in SYSTEMS]


HEAD = ["connections through", "per second", "min-max", "CPU us each, machine", "min-max",
        "CPU us each, its process", "errors"]


def table_rows(rows):
    return [[row["text"], row["connections_per_second"],
             f"{row['connections_per_second_min']}-{row['connections_per_second_max']}",
             report.number(row["cpu_us_per_connection"]),
             "-".join(str(value) for value in row["cpu_us_per_connection_spread"]),
             report.number(row["balancer_cpu_us_per_connection"]), row["errors"]]
            for row in rows]


def text(rows):
    return "\n".join([
        "Connections of one request each from wrk to nginx, on two CPUs in all:",
        report.text_table(HEAD, table_rows(rows)),
        "The machine's CPU time includes client and server. nftables works in interrupts of all,",
        "so that it has no process of its own; a worker of braid polls while there is work."])


def markdown(rows):
    return report.markdown_table(HEAD, table_rows(rows))
