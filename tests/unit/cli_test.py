#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""braid-control and braidctl as programs, against the fake dataplane: output, JSON, mistakes and
their sentences, exit codes, kill -9. Usage: cli_test.py BRAIDCTL BRAID_CONTROL FAKE_DATAPLANE"""
import json
import os
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
        child = subprocess.Popen([FAKE, RUNTIME, node, *args], stdout=subprocess.PIPE, text=True)
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


def every_show_command_prints_text_and_json(programs):
    started(programs)
    words = {"ports": "net_fake0", "interfaces": "192.0.2.1/24",
             "addresses": "preferred", "routes": "via 192.0.2.254", "neighbors": "permanent",
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
        (["man", "bananas"], 2, "is not a command"),
        (["completion", "fish"], 2, "only bash"),
    ]
    for args, code, sentence in cases:
        result = ctl(*args)
        assert result.returncode == code and sentence in result.stderr, (args, result)
    assert json.loads(ctl("-j", "status").stdout)["dataplane"]["generation"] == 1


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
    for command in ("status", "apply", "explain", "capture", "top"):
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
    help_completion_and_manual_come_from_one_table,
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
