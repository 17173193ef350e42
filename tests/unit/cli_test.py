#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""braid-control and braidctl as programs, against the fake dataplane: output, JSON, mistakes and
their sentences, exit codes, kill -9. Usage: cli_test.py BRAIDCTL BRAID_CONTROL FAKE_DATAPLANE"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

BRAIDCTL, CONTROL, FAKE = (os.path.abspath(path) for path in sys.argv[1:4])
WORK = tempfile.mkdtemp(prefix="braid-cli-test-")
RUNTIME = os.path.join(WORK, "run")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


PORT = free_port()
CONFIG = """node:
  name: n1
  workers: [1]
  main: 0
  ports:
    - {name: lan, device: net_null0, addresses: [192.0.2.1/24]}
neighbors:
  - {interface: lan, address: 192.0.2.254, mac: 02:00:00:00:00:fe}
routes:
  - {prefix: 198.51.100.0/24, via: 192.0.2.254}
metrics: {listen: "127.0.0.1:%d"}
""" % PORT
SERVICES = """nat: {pool: [203.0.113.200]}
services:
  - name: web
    vip: 203.0.113.10
    port: 80
    mode: nat
    panic_threshold: 40%
    health: {fall: 2, rise: 2}
    backends:
      - {address: 192.0.2.21, port: 8080, weight: 3}
      - {address: 192.0.2.22, port: 8080}
      - {address: 192.0.2.22, port: 8081}
  - {name: six, vip: "2001:db8:1::1", port: 80, mode: ipip, health: {probe: none},
     backends: [{address: "2001:db8::21"}]}
"""


def write(name, text):
    path = os.path.join(WORK, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def ctl(*args, runtime=RUNTIME):
    command = [BRAIDCTL] + (["--runtime", runtime] if runtime else []) + list(args)
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


class Programs:
    """The fake dataplane and control; stopped at the end of a case."""

    def __init__(self):
        self.running = []
        shutil.rmtree(RUNTIME, ignore_errors=True)
        os.mkdir(RUNTIME)

    def fake(self, *args, node="n1"):
        child = subprocess.Popen([FAKE, RUNTIME, node, *args], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "ready\n"
        self.running.append(child)
        return child

    def control(self, config):
        child = subprocess.Popen([CONTROL, "--config", config, "--runtime", RUNTIME],
                                 stderr=subprocess.DEVNULL)
        self.running.append(child)
        return child

    def stop(self):
        for child in reversed(self.running):
            if child.poll() is None:
                child.terminate()
            child.wait(20)
            if child.stdout:
                child.stdout.close()
                child.stdin.close()


def wait_generation(number):
    end = time.time() + 20
    while time.time() < end:
        result = ctl("-j", "status")
        if result.stdout:
            status = json.loads(result.stdout)
            if result.returncode == 0 and status["dataplane"]["generation"] == number \
                    and status["control"]["generation"] == number:
                return status
        time.sleep(0.02)
    raise AssertionError("generation %d does not come: %s" % (number, ctl("status").stdout))


def started(programs):
    programs.fake()
    control = programs.control(write("braid.yaml", CONFIG))
    wait_generation(1)
    return control


def balanced(programs):
    """Programs with services; the fake, whose backends are 0 to 3 in the order of SERVICES."""
    config = CONFIG.replace("192.0.2.1/24", '192.0.2.1/24, "2001:db8::1/64"') + SERVICES
    fake = programs.fake()
    programs.control(write("braid.yaml", config))
    wait_generation(1)
    return fake


def poke(fake, *words):
    fake.stdin.write(" ".join(str(word) for word in words) + "\n")
    fake.stdin.flush()
    assert fake.stdout.readline() == "done\n"


def wait_for(what, get):
    end = time.time() + 20
    while time.time() < end:
        if get():
            return
        time.sleep(0.05)
    raise AssertionError("%s does not come about" % what)


def backends_of(service):
    return json.loads(ctl("-j", "show", "backends", service).stdout)


def services_backends_and_flows_are_shown(programs):
    fake = balanced(programs)
    poke(fake, "flows", 0, 150)
    poke(fake, "flows", 3, 2)
    services = json.loads(ctl("-j", "show", "services").stdout)
    assert [(s["name"], s["vip"], s["flows"], s["usable"]) for s in services] == \
        [("web", "203.0.113.10", 150, 3), ("six", "2001:db8:1::1", 2, 1)], services
    text = ctl("show", "services").stdout
    assert "203.0.113.10" in text and "ipip" in text and "150" in text, text
    rows = backends_of("web")
    assert [r["backend"] for r in rows] == ["192.0.2.21:8080", "192.0.2.22:8080", "192.0.2.22:8081"]
    assert rows[0]["weight"] == 3 and rows[0]["flows"] == 150 and rows[0]["state"] == "up", rows
    assert "[2001:db8::21]:80" in ctl("show", "backends").stdout
    assert ctl("show", "flows", "--count").stdout == "152\n"
    assert ctl("show", "flows", "--count", "--service", "six").stdout == "2\n"
    assert ctl("show", "flows", "--count", "-b", "192.0.2.21").stdout == "150\n"
    assert ctl("show", "flows", "--count", "-b", "192.0.2.21:8081").stdout == "0\n"
    assert ctl("show", "flows", "--count", "-b", "[2001:db8::21]:80").stdout == "2\n"
    flow = json.loads(ctl("-j", "show", "flows", "-c", "10.0.0.3", "-s", "web").stdout)
    assert len(flow) == 1 and flow[0]["client"] == "10.0.0.3:40002", flow
    assert flow[0]["backend"] == "192.0.2.21:8080" and flow[0]["state"] == "established"
    result = ctl("show", "flows", "--limit", "120")
    assert len(result.stdout.splitlines()) == 121 and "more than 120 flows" in result.stderr
    assert len(json.loads(ctl("-j", "show", "flows", "--limit", "0").stdout)) == 152
    assert ctl("show", "flows", "--client", "10.9.9.9").stdout == "(none)\n"


def store_shards_and_connections_are_shown(programs):
    programs.fake()
    programs.control(write("braid.yaml", CONFIG + "store: {listen: [192.0.2.1], memory: 64M, "
                           "policy: allkeys-lru, password: secret}\n"))
    wait_generation(1)
    store = json.loads(ctl("-j", "show", "store").stdout)
    assert (store["listen"], store["port"], store["worker_ports"]) == \
        (["192.0.2.1"], 6379, [6380]), store
    assert store["policy"] == "allkeys-lru" and store["password"] is True, store
    assert store["memory_bytes"] == 64 << 20 and store["hit_percent"] == 75, store
    text = ctl("show", "store").stdout
    assert "policy           allkeys-lru\n" in text and "secret" not in text, text
    shards = json.loads(ctl("-j", "show", "shards").stdout)
    assert [(s["worker"], s["slots"], s["keys"]) for s in shards] == [(0, "0-16383", 1000)], shards
    assert re.search(r"^ *0 +0-16383 +1000 ", ctl("show", "shards").stdout, re.M)
    assert ctl("show", "conns", "--count").stdout == "150\n"
    assert json.loads(ctl("-j", "show", "conns", "--count").stdout) == {"conns": 150}
    assert ctl("show", "conns", "--count", "--state", "close-wait").stdout == "15\n"
    assert ctl("show", "conns", "--count", "--state", "CLOSE-WAIT,ESTABLISHED").stdout == "150\n"
    assert ctl("show", "conns", "--count", "--remote", "2001:db8::2").stdout == "75\n"
    rows = json.loads(ctl("-j", "show", "conns", "--remote", "[2001:db8::2]:40001").stdout)
    assert len(rows) == 1 and rows[0]["remote"] == "[2001:db8::2]:40001", rows
    assert rows[0]["state"] == "ESTABLISHED" and rows[0]["local"] == "192.0.2.1:6379", rows
    assert rows[0]["rtt_us"] == 120 and rows[0]["worker"] == 1, rows
    assert len(json.loads(ctl("-j", "show", "conns", "--limit", "0").stdout)) == 150
    result = ctl("show", "conns", "--limit", "120")
    assert len(result.stdout.splitlines()) == 121 and "more than 120" in result.stderr, result
    for wrong in ("--state", "OPEN"), ("--remote", "nowhere"), ("--limit", "x"):
        result = ctl("show", "conns", *wrong)
        assert result.returncode == 2 and wrong[1] in result.stderr, result


def without_a_store_there_is_nothing_to_show(programs):
    started(programs)
    assert ctl("show", "store").stdout == "(none)\n"
    assert json.loads(ctl("-j", "show", "store").stdout) == {}
    assert ctl("show", "shards").stdout == "(none)\n"
    assert json.loads(ctl("-j", "show", "conns").stdout) == []


def flows_shown_before_an_error_are_whole_json(programs):
    fake = balanced(programs)
    poke(fake, "flows", 0, 150)
    poke(fake, "flow_answers", 0, 2)
    result = ctl("-j", "show", "flows", "--limit", "0")
    assert result.returncode == 1 and "the worker does not answer" in result.stderr, result
    assert len(json.loads(result.stdout)) == 100, result.stdout[-200:]
    result = ctl("-j", "show", "flows")
    assert result.returncode == 1 and result.stdout == "", result
    poke(fake, "flow_answers", 0, 2)
    result = ctl("-j", "show", "flows", "--count")
    assert result.returncode == 1 and result.stdout == "", result


def drops_of_a_service_have_reasons(programs):
    fake = balanced(programs)
    assert "FOR" not in ctl("show", "services").stdout.splitlines()[0]
    poke(fake, "drops", 0, 12)
    web, six = json.loads(ctl("-j", "show", "services").stdout)
    assert web["dropped"] == 12 and web["drops"] == {"no_mbuf": 12, "ip4_no_route": 0}, web
    assert six["dropped"] == 0 and set(six["drops"].values()) == {0}, six
    lines = ctl("show", "services").stdout.splitlines()
    assert lines[0].endswith("FOR") and lines[1].endswith("12  no_mbuf 12"), lines
    assert lines[2].endswith("0  -"), lines


def a_pool_smaller_than_the_flows_is_warned_of(programs):
    balanced(programs)
    path = os.path.join(WORK, "braid.yaml")
    result = ctl("apply", path)
    assert "braidctl: warning: nat pool: 1 IPv4 address can carry 64512 flows" in result.stderr
    assert "no difference" in result.stdout and "warning" not in result.stdout, result.stdout
    assert re.search(r"nat pool +1 added.*\n  services +2 added", result.stdout), result.stdout
    applied = json.loads(ctl("-j", "apply", path, "--dry-run").stdout)
    assert len(applied["warnings"]) == 1 and applied["difference"] == "", applied
    assert applied["counts"]["pool"]["added"] == 1, applied
    with open(path) as file:
        text = file.read().replace("workers: [1]", "workers: [1]\n  flows: 1M")
    result = ctl("apply", write("small.yaml", text), "--dry-run")
    assert result.returncode == 1 and "nat pool is too small: 1 IPv4 address" in result.stderr


def status_top_and_metrics_know_services(programs):
    fake = balanced(programs)
    poke(fake, "flows", 0, 7)
    poke(fake, "streak", 0, -3)
    wait_for("down", lambda: backends_of("web")[0]["state"] == "down")
    assert backends_of("web")[0]["reason"] == "3 probes timed out"
    assert "2 services over 4 backends, 0 draining, 1 down" in ctl("status").stdout
    top = json.loads(ctl("-j", "top", "--once").stdout)
    assert top["services"][0]["flows"] == 7 and top["backends"][0]["state"] == "down", top
    assert "192.0.2.22:8081" in ctl("top", "--once").stdout
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % PORT) as answer:
        text = answer.read().decode()
    label = '{service="web",backend="192.0.2.21:8080"}'
    for line in ("braid_backend_down%s 1" % label, "braid_backend_flows%s 7" % label,
                 'braid_service_panic{service="web"} 0', "braid_control_services 2"):
        assert line + "\n" in text, line
    poke(fake, "streak", 1, -2)
    wait_for("panic", lambda: '"panic",' in ctl("-j", "show", "services").stdout)
    assert all(row["state"] == "up" for row in backends_of("web"))
    assert backends_of("web")[0]["reason"] == "panic: 3 probes timed out"
    assert "panic: 1 service " in ctl("status").stdout


def a_drain_shows_progress_until_its_flows_are_gone(programs):
    fake = balanced(programs)
    poke(fake, "flows", 0, 40)
    command = [BRAIDCTL, "--runtime", RUNTIME, "drain", "web", "192.0.2.21", "--wait"]
    waiting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "draining 192.0.2.21:8080: 40 flows left" in waiting.stderr.readline()
    assert backends_of("web")[0]["state"] == "draining"
    poke(fake, "flows", 0, 0)
    out, _ = waiting.communicate(timeout=20)
    assert waiting.returncode == 0 and "has no flows left, after" in out, out
    result = ctl("undrain", "web", "192.0.2.21:8080")
    assert result.returncode == 0 and "is used again" in result.stdout, result
    assert backends_of("web")[0]["state"] == "up"
    result = ctl("-j", "drain", "six", "[2001:db8::21]:80")
    assert json.loads(result.stdout)["draining"] is True, result
    assert "has no other backend" in ctl("drain", "six", "2001:db8::21").stdout


def ctrl_c_ends_the_waiting_not_the_drain(programs):
    fake = balanced(programs)
    poke(fake, "flows", 0, 40)
    command = [BRAIDCTL, "--runtime", RUNTIME, "drain", "web", "192.0.2.21", "-w"]
    for taken_back in (False, True):
        waiting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        waiting.stderr.readline()
        if taken_back:
            assert ctl("undrain", "web", "192.0.2.21").returncode == 0
        else:
            waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=20)
        assert waiting.returncode == 1, err
        assert ("was taken back meanwhile" if taken_back else "the drain goes on") in err, err
        assert backends_of("web")[0]["state"] == ("up" if taken_back else "draining")


def every_show_command_prints_text_and_json(programs):
    started(programs)
    words = {"ports": "net_fake0", "interfaces": "192.0.2.1/24",
             "addresses": "preferred", "routes": "via 192.0.2.254", "neighbors": "permanent",
             "services": "(none)", "backends": "(none)", "flows": "(none)",
             "drops": "ip4_no_route", "stages": "(none)", "workers": "main", "config": "name: n1"}
    for what, word in words.items():
        result = ctl("show", what)
        assert result.returncode == 0 and word in result.stdout, (what, result)
        result = ctl("-j", "show", what)
        assert result.returncode == 0, (what, result)
        json.loads(result.stdout)
    assert ctl("show", "routes", "--count").stdout == "1\n"
    assert ctl("show", "routes", "10.0.0.0/8").stdout == "(none)\n"
    assert json.loads(ctl("-j", "show", "routes").stdout)[0]["via"][0]["address"] == "192.0.2.254"
    assert "no_mbuf" not in ctl("show", "drops").stdout
    assert "no_mbuf" in ctl("show", "drops", "--all").stdout
    assert json.loads(ctl("-j", "show", "drops").stdout)[0]["packets"] == 5
    assert ctl("show", "config").stdout == CONFIG


def show_works_while_control_is_dead(programs):
    control = started(programs)
    control.kill()
    control.wait()
    assert "via 192.0.2.254" in ctl("show", "routes").stdout
    status = ctl("status")
    assert status.returncode == 1 and "control     not running" in status.stdout
    assert "braid-control has ended without removing its socket" in status.stdout


def apply_shows_the_difference_and_the_result(programs):
    started(programs)
    path = write("next.yaml", CONFIG.replace("198.51.100.0", "203.0.113.0"))
    result = ctl("apply", "--dry-run", path)
    assert result.returncode == 0 and "+ route 203.0.113.0/24 via 192.0.2.254\n" in result.stdout
    assert "nothing was changed" in result.stdout
    result = ctl("-j", "apply", path)
    assert json.loads(result.stdout)["generation"] == 2, result
    wait_generation(2)
    assert ctl("show", "config").stdout == CONFIG.replace("198.51.100.0", "203.0.113.0")
    result = ctl("apply", path)
    assert result.returncode == 0 and "no difference\n" in result.stdout, result


def metrics_and_health_are_served(programs):
    started(programs)
    base = "http://127.0.0.1:%d" % PORT
    with urllib.request.urlopen(base + "/metrics") as answer:
        text = answer.read().decode()
    assert 'braid_dropped_packets_total{reason="ip4_no_route",severity="routine"} 5\n' in text
    assert 'braid_port_received_packets_total{port="la\\"n"} 7\n' in text
    with urllib.request.urlopen(base + "/healthz") as answer:
        assert answer.read() == b"ok\n"
    for url, code in ((base + "/other", 404), (base + "/healthz", 503)):
        if code == 503:
            programs.running[0].terminate()
            programs.running[0].wait()
            time.sleep(0.3)
        try:
            urllib.request.urlopen(url)
            raise AssertionError(url)
        except urllib.error.HTTPError as error:
            assert error.code == code


def kill_9_at_any_moment_leaves_one_whole_state(programs):
    started(programs)
    path = write("other.yaml", CONFIG.replace("198.51.100.0", "203.0.113.0"))
    configs = [CONFIG, CONFIG.replace("198.51.100.0", "203.0.113.0")]
    for round_number in range(12):
        control = programs.running[-1]
        file = path if round_number % 2 else os.path.join(WORK, "braid.yaml")
        applying = subprocess.Popen([BRAIDCTL, "--runtime", RUNTIME, "apply", file],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.0015 * round_number)
        control.send_signal(signal.SIGKILL)
        control.wait()
        applying.wait()
        before = ctl("show", "routes").stdout
        programs.control(os.path.join(WORK, "braid.yaml"))
        installed = json.loads(ctl("-j", "status").stdout)["dataplane"]["generation"]
        wait_generation(installed)
        assert ctl("show", "routes").stdout == before
        text = ctl("show", "config").stdout
        assert text in configs and ("203.0.113.0" in text) == ("203.0.113.0" in before)


def capture_writes_what_tshark_can_read(programs):
    started(programs)
    path = os.path.join(WORK, "x.pcapng")
    result = ctl("capture", "--drop", "any", "--count", "3", "--output", path)
    assert result.returncode == 0 and "3 packets written, 0 lost" in result.stderr, result
    with open(path, "rb") as file:
        data = file.read()
    assert data[:4] == b"\x0a\x0d\x0d\x0a" and data.count(b"drop: ip4_no_route") == 3
    result = subprocess.run([BRAIDCTL, "--runtime", RUNTIME, "capture", "-c", "2", "-o", "-"],
                            capture_output=True, timeout=20)
    assert result.returncode == 0 and result.stdout[:4] == b"\x0a\x0d\x0d\x0a"


def explain_says_steps_and_verdict(programs):
    started(programs)
    packet = ["explain", "-i", "lan", "-s", "192.0.2.7", "-d", "198.51.100.1", "-p", "tcp"]
    result = ctl(*packet)
    assert result.returncode == 0 and result.stdout.splitlines()[-1].startswith("=> forwarded")
    assert json.loads(ctl("-j", *packet).stdout)["verdict"] == "a frame leaves port lan"


def top_prints_one_interval(programs):
    started(programs)
    assert "Workers" in ctl("top", "--once").stdout
    assert json.loads(ctl("-j", "top", "--once").stdout)["ports"][0]["rx_pps"] == 0


def mistakes_of_users_get_sentences(programs):
    started(programs)
    second = CONFIG.replace("workers: [1]", "workers: [1, 1]")
    cases = [
        (["shwo"], 2, 'did you mean "show"?'),
        (["show", "rotes"], 2, 'did you mean "show routes"?'),
        (["show"], 2, "show what?"),
        (["status", "now"], 2, '"now" is too much'),
        (["apply"], 2, "apply needs FILE"),
        (["apply", "--dryrun", "x"], 2, 'did you mean "--dry-run"?'),
        (["apply", os.path.join(WORK, "missing.yaml")], 1, "No such file or directory"),
        (["apply", WORK], 1, "Is a directory"),
        (["apply", write("bad.yaml", CONFIG + "rout_files: [x]\n")], 1, "bad.yaml:12:1: "),
        (["apply", write("w.yaml", second)], 1, '"workers" of the node differs'),
        (["explain", "-i", "lan", "-s", "1.2.3.4"], 2, "needs --dst"),
        (["explain", "-i", "lan", "-s", "1.2.3.4", "-d", "::1"], 2, "different IP versions"),
        (["explain", "-i", "lan", "-s", "1.2.3", "-d", "1.2.3.4"], 2, "not an IPv4 or IPv6"),
        (["explain", "-i", "lan", "-s", "1.2.3.4", "-d", "1.2.3.4", "--ttl", "256"], 2,
         "not a number from 0 to 255"),
        (["capture"], 2, "needs --output"),
        (["capture", "--drop", "ip4_no_rout", "-o", "/dev/null"], 1, 'did you mean "ip4_no_route'),
        (["capture", "-o"], 2, "--output needs a value"),
        (["show", "routes", "banana"], 2, "is not a prefix"),
        (["show", "backends", "web"], 1, 'there is no service "web" (see'),
        (["show", "flows", "--client", "x"], 2, "not an IPv4 or IPv6 address"),
        (["show", "flows", "--backend", "1.2.3.4:x"], 2, "is not a backend: write"),
        (["show", "flows", "--backend", "[::1]80"], 2, "is not a backend: write"),
        (["show", "flows", "--backend", "[1.2.3.4]:80"], 2, "is not a backend: write"),
        (["show", "flows", "--service", "x" * 16], 2, "no service can have that name"),
        (["drain", "web"], 2, "drain needs SERVICE BACKEND"),
        (["drain", "web", "192.0.2.21:0"], 2, "is not a backend: write"),
        (["drain", "web", "192.0.2.21"], 1, 'there is no service "web"'),
        (["man", "bananas"], 2, "is not a command"),
        (["completion", "fish"], 2, "only bash"),
    ]
    for args, code, sentence in cases:
        result = ctl(*args)
        assert result.returncode == code and sentence in result.stderr, (args, result)
    assert json.loads(ctl("-j", "status").stdout)["dataplane"]["generation"] == 1


def mistakes_about_services_get_sentences(programs):
    balanced(programs)
    cases = [
        (["show", "backends", "wbe"], 1, 'there is no service "wbe" (did you mean "web"?)'),
        (["show", "flows", "-s", "wbe"], 1, 'there is no service "wbe" (did you mean "web"?)'),
        (["drain", "wbe", "192.0.2.21"], 1, 'there is no service "wbe" (did you mean "web"?)'),
        (["drain", "web", "192.0.2.9"], 1,
         'service "web" has no backend 192.0.2.9 (it has 192.0.2.21:8080, 192.0.2.22:8080, '),
        (["drain", "web", "192.0.2.21:80"], 1, 'service "web" has no backend 192.0.2.21:80 (it'),
        (["undrain", "web", "192.0.2.22"], 1,
         'service "web" has 2 backends 192.0.2.22: say which port'),
    ]
    for args, code, sentence in cases:
        result = ctl(*args)
        assert result.returncode == code and sentence in result.stderr, (args, result)
    programs.running[1].kill()
    programs.running[1].wait()
    result = ctl("drain", "web", "192.0.2.21")
    assert result.returncode == 1 and "braid-control" in result.stderr, result
    assert ctl("show", "backends").returncode == 0


def programs_that_cannot_start_say_why(programs):
    path = write("braid.yaml", CONFIG)
    started(programs)

    def control(*args):
        return subprocess.run([CONTROL, *args], capture_output=True, text=True, timeout=20)

    other = os.path.join(WORK, "other")
    os.makedirs(other, exist_ok=True)
    blocked = os.path.join(WORK, "blocked")
    os.makedirs(blocked, exist_ok=True)
    with open(os.path.join(blocked, "control.sock"), "w"):
        pass
    cases = [
        ([], 2, "Usage: braid-control"),
        (["--config", path, "--bananas"], 2, "Usage: braid-control"),
        (["--config", path, "--runtime", "x" * 80], 2, "the limit of UNIX socket names"),
        (["--config", os.path.join(WORK, "missing")], 1, "cannot read the file"),
        (["--config", write("b.yaml", "nod: 1\n"), "--runtime", other], 1, "b.yaml:1:1: "),
        (["--config", path, "--runtime", RUNTIME], 1, "another process is running on this socket"),
        (["--config", path, "--runtime", other], 1, "in use by another process"),
        (["--config", path, "--runtime", blocked], 1, "is not a socket"),
        (["--config", path, "--runtime", "/proc/braid"], 1, "cannot be made"),
    ]
    for args, code, sentence in cases:
        result = control(*args)
        assert result.returncode == code and sentence in result.stderr, (args, result)
    for program in (CONTROL, BRAIDCTL):
        for option in ("--help", "--version"):
            result = subprocess.run([program, option], capture_output=True, text=True)
            assert result.returncode == 0 and result.stdout and not result.stderr


def a_dataplane_of_another_version_or_a_refusal_is_passed_on(programs):
    fake = programs.fake("version", "7")
    result = ctl("show", "routes")
    assert result.returncode == 1 and "speaks API version 7" in result.stderr, result
    fake.terminate()
    fake.wait()
    programs.fake("refuse", "there is no port lan")
    programs.control(write("braid.yaml", CONFIG))
    end = time.time() + 20
    while time.time() < end and "there is no port lan" not in ctl("status").stdout:
        time.sleep(0.05)
    assert "last error: there is no port lan" in ctl("status").stdout


def help_completion_and_manual_come_from_one_table(programs):
    words = ctl("--help", runtime=None).stdout
    script = ctl("completion", "bash", runtime=None).stdout
    manual = ctl("man", runtime=None).stdout
    for command in ("status", "apply", "explain", "capture", "top", "drain", "undrain"):
        text = ctl(command, "--help", runtime=None).stdout
        assert "Examples:" in text and "braidctl " + command in text
        assert command in words and command in script and ".SS \"" + command in manual
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    probe = script + """
t() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _braidctl; echo "${COMPREPLY[*]}"; }
t braidctl sh; t braidctl -r /x show ro; t braidctl explain --protocol t; t braidctl capture --sn
"""
    result = subprocess.run(["bash", "-c", probe], capture_output=True, text=True)
    assert result.stdout.split() == ["show", "routes", "tcp", "--snaplen"], result


CASES = [
    every_show_command_prints_text_and_json, show_works_while_control_is_dead,
    apply_shows_the_difference_and_the_result, metrics_and_health_are_served,
    kill_9_at_any_moment_leaves_one_whole_state, capture_writes_what_tshark_can_read,
    explain_says_steps_and_verdict, top_prints_one_interval, mistakes_of_users_get_sentences,
    programs_that_cannot_start_say_why, a_dataplane_of_another_version_or_a_refusal_is_passed_on,
    help_completion_and_manual_come_from_one_table, services_backends_and_flows_are_shown,
    store_shards_and_connections_are_shown, without_a_store_there_is_nothing_to_show,
    flows_shown_before_an_error_are_whole_json, drops_of_a_service_have_reasons,
    a_pool_smaller_than_the_flows_is_warned_of,
    status_top_and_metrics_know_services, a_drain_shows_progress_until_its_flows_are_gone,
    ctrl_c_ends_the_waiting_not_the_drain, mistakes_about_services_get_sentences,
]


def main():
    failed = 0
    for case in CASES:
        programs = Programs()
        try:
            case(programs)
            print("ok      %s" % case.__name__)
        except Exception as error:  # one failing case must not hide the others
            failed += 1
            print("FAILED  %s: %s: %s" % (case.__name__, type(error).__name__, error))
        finally:
            programs.stop()
    shutil.rmtree(WORK)
    print("%d passed, %d failed" % (len(CASES) - failed, failed))
    return 1 if failed else 0


sys.exit(main())
