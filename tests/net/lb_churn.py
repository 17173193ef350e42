#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Planned and unplanned events for lb_churn_test.sh while churn's client holds connections.

Starts braid-control and churn's servers, waits until the connections are held, then lets a seeded
sequence of events happen: backends added, drained, removed, brought back, given other weights, down
and up, killed; control killed and restarted; the configuration applied. Fails unless nothing broke
but the connections of backends that were killed. Writes the events for maglev_replay.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

PORT = 7000
WEIGHTS = (1, 2, 5, 10)
WAIT_SECONDS = 15
LOST_SECONDS = 2        # after a backend is killed its connections may be lost
USABLE_MIN = 4          # backends that stay up whatever happens
DOWN_MAX = 2            # ... and that are down at one time: far from the panic threshold
PRESENT_AT_START = 6
HEALTH = "{probe: tcp, interval: 100ms, timeout: 100ms, rise: 2, fall: 2}"
SERVICES = (("nat4", "203.0.113.10", 80, "nat"), ("nat6", "2001:db8:99::10", 80, "nat"),
            ("dsr4", "203.0.113.10", PORT, "dsr"), ("dsr6", "2001:db8:99::10", PORT, "dsr"))
KILLS = 3               # backends killed, spread over the run
# How often each other kind of event is chosen, where it is possible.
SHARES = {"add": 3, "drain": 4, "undrain": 0.8, "remove": 6, "weight": 3, "down": 3, "up": 4,
          "restart control": 2, "apply": 2, "revive": 3}


class Backend:
    def __init__(self, number):
        self.number = number
        self.name = f"b{number}"
        self.present = number <= PRESENT_AT_START
        self.weight = 1
        self.draining = self.down = self.dead = False
        self.server = None

    def addresses(self):
        """(service, address as braidctl and the configuration write it)"""
        for service, _, port, _ in SERVICES:
            yield service, (f"2001:db8:2::{10 + self.number}" if service.endswith("6")
                            else f"198.51.100.{10 + self.number}")

    def usable(self):
        return self.present and not (self.draining or self.down or self.dead)


class Run:
    def __init__(self, args):
        self.args = args
        self.rng = random.Random(args.seed)
        self.backends = [Backend(i) for i in range(1, args.backends + 1)]
        self.base = pathlib.Path(args.config).read_text()
        self.routes = 0
        self.control = None
        self.log = open(args.events, "w")
        self.counts = collections.Counter()
        self.kills = []      # (name, when)
        self.children = []

    def spawn(self, netns, log, *argv):
        out = open(pathlib.Path(self.args.work) / f"{log}.log", "ab")
        child = subprocess.Popen(["ip", "netns", "exec", f"{self.args.prefix}-{netns}", *argv],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.children.append(child)
        return child

    def braidctl(self, *argv):
        done = subprocess.run([f"{self.args.build}/control/braidctl", "--runtime",
                               self.args.runtime, *argv], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"braidctl {' '.join(argv)}: {done.stdout}{done.stderr}")
        return done.stdout

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self.args.churn)
            sock.sendall(command.encode())
            sock.shutdown(socket.SHUT_WR)
            return json.loads(b"".join(iter(lambda: sock.recv(65536), b"")))

    def wait(self, what, condition):
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                sys.exit(f"waited in vain for {what}")
            time.sleep(0.05)

    def write_config(self):
        text = self.base + "routes:\n  - {prefix: 10.0.0.0/24, via: 198.51.100.11}\n"
        text += f"  - {{prefix: 10.0.{1 + self.routes % 200}.0/24, via: 198.51.100.11}}\n"
        text += "services:\n"
        for name, vip, port, mode in SERVICES:
            text += (f'  - name: {name}\n    vip: "{vip}"\n    port: {port}\n    mode: {mode}\n'
                     f"    health: {HEALTH}\n    backends:\n")
            for b in self.backends:
                if b.present:
                    text += (f'      - {{address: "{dict(b.addresses())[name]}", port: {PORT}, '
                             f"weight: {b.weight}}}\n")
        new = pathlib.Path(self.args.config + ".new")
        new.write_text(text)
        os.rename(new, self.args.config)

    def apply(self):
        self.write_config()
        self.braidctl("apply", self.args.config)

    def note(self, kind):
        """Writes the set of backends that get new flows from now on."""
        chosen = [f"{b.name}:{b.weight}" for b in self.backends if b.usable()]
        self.log.write(f"E {time.monotonic_ns() // 1_000_000} {kind.replace(' ', '-')} "
                       f"{','.join(chosen)}\n")
        self.counts[kind] += 1

    def state_of(self, backend):
        """States and flows of a backend in its services."""
        addresses = [address for _, address in backend.addresses()]
        rows = json.loads(self.braidctl("-j", "show", "backends"))
        return [(row["state"], row["flows"]) for row in rows
                if row["backend"].rpartition(":")[0].strip("[]") in addresses]

    def start_server(self, b):
        b.server = self.spawn(b.name, f"server{b.number}", f"{self.args.build}/tests/net/churn",
                              "server", "--port", str(PORT), "--name", b.name)

    def start_control(self):
        self.control = self.spawn("node", "control", f"{self.args.build}/control/braid-control",
                                  "--config", self.args.config, "--runtime", self.args.runtime)

        def in_force():
            done = subprocess.run([f"{self.args.build}/control/braidctl", "--runtime",
                                   self.args.runtime, "-j", "status"], capture_output=True)
            with contextlib.suppress(ValueError, KeyError, TypeError):
                status = json.loads(done.stdout)
                return status["control"]["connected"] and \
                    0 < status["control"]["generation"] == status["dataplane"]["generation"]
            return False
        self.wait("control", in_force)

    # One method per kind of event: the backends it can happen to, and what it does.

    def add(self, b):
        b.present, b.weight, b.draining = True, self.rng.choice(WEIGHTS), False
        self.ask(f"stay {b.name}")
        self.apply()

    def drain(self, b):
        for service, address in b.addresses():
            self.braidctl("drain", service, address)
        b.draining = True
        self.ask(f"leave {b.name}")

    def undrain(self, b):
        self.ask(f"stay {b.name}")
        for service, address in b.addresses():
            self.braidctl("undrain", service, address)
        b.draining = False

    def remove(self, b):
        b.present = b.draining = False
        self.apply()

    def weight(self, b):
        b.weight = self.rng.choice([w for w in WEIGHTS if w != b.weight])
        self.apply()

    def down(self, b):
        b.server.send_signal(signal.SIGUSR1)
        self.wait(f"{b.name} to be down",
                  lambda: all(state != "up" for state, _ in self.state_of(b)))
        b.down = True

    def up(self, b):
        b.server.send_signal(signal.SIGUSR2)
        b.down = False
        self.wait(f"{b.name} to be up",
                  lambda: all(state != "down" for state, _ in self.state_of(b)))

    def restart_control(self, _):
        self.control.kill()
        self.control.wait()
        time.sleep(self.rng.random() * 0.1)
        self.start_control()

    def apply_route(self, _):
        self.routes += 1
        self.apply()

    def kill(self, b):
        b.server.kill()
        b.server.wait()
        b.dead = True
        self.kills.append((b.name, time.monotonic()))

    def revive(self, b):
        self.start_server(b)
        b.dead = False
        self.wait(f"{b.name} to be up",
                  lambda: all(state != "down" for state, _ in self.state_of(b)))

    def possible(self):
        """(kind, action, backend) of all events that may happen now."""
        spare = sum(b.usable() for b in self.backends) > USABLE_MIN
        few_down = sum(b.down or b.dead for b in self.backends) < DOWN_MAX
        found = [("restart control", self.restart_control, None),
                 ("apply", self.apply_route, None)]
        for b in self.backends:
            rules = (("add", self.add, not b.present and not b.dead),
                     ("drain", self.drain, b.usable() and spare),
                     ("undrain", self.undrain, b.draining),
                     ("remove", self.remove, b.draining and self.is_empty(b)),
                     ("weight", self.weight, b.usable()),
                     ("down", self.down, b.usable() and spare and few_down),
                     ("up", self.up, b.down),
                     ("revive", self.revive, b.dead))
            found += [(kind, action, b) for kind, action, allowed in rules if allowed]
        return found

    def is_empty(self, b):
        return all(flows == 0 for _, flows in self.state_of(b))

    def kill_one(self):
        """Kills a backend if one may be; whether it did."""
        spare = [b for b in self.backends if b.usable()]
        if len(spare) <= USABLE_MIN or sum(b.down or b.dead for b in self.backends) >= DOWN_MAX:
            return False
        self.kill(self.rng.choice(spare))
        self.note("kill")
        return True

    def one_event(self, share_done):
        if share_done > (self.counts["kill"] + 0.5) / KILLS and self.kill_one():
            return
        choices = self.possible()
        each = collections.Counter(kind for kind, _, _ in choices)
        kind, action, backend = self.rng.choices(
            choices, [SHARES[kind] / each[kind] for kind, _, _ in choices])[0]
        action(backend)
        self.note(kind)

    def start(self):
        for b in self.backends:
            self.start_server(b)
        self.write_config()
        self.start_control()
        self.note("start")
        self.counts.clear()
        pathlib.Path(self.args.work, "control.is.up").touch()
        self.wait("churn's client", lambda: os.path.exists(self.args.churn))
        self.wait("all connections",
                  lambda: self.ask("status")["held"] >= self.args.connections * 0.999)

    def was_killed(self, name, when):
        """Whether the backend was killed shortly before."""
        return any(name == killed and -0.2 < when - at < LOST_SECONDS for killed, at in self.kills)

    def finish(self):
        """Ends all but control; sentences about what should not be."""
        time.sleep(self.args.pause + 1)
        seen = self.ask("stop")
        start = time.monotonic() - seen["seconds"]
        pathlib.Path(self.args.work, "churn.json").write_text(json.dumps(seen))
        problems = []
        for loss in seen["losses"]:
            when = start + loss["at_ms"] / 1000
            if loss["cause"] in ("stall", "mismatch", "error") or (
                    loss["state"] not in ("connecting", "greeting")
                    and not self.was_killed(loss["server"], when)):
                problems.append(f"{when:.3f} s: a connection of {loss['server']}, {loss['target']} "
                                f"port {loss['local_port']}: {loss['cause']} while "
                                f"{loss['state']}")
        if seen["held"] < self.args.connections * 0.98:
            problems.append(f"only {seen['held']} connections are held")
        for b in self.backends:
            if b.server.poll() is None:
                b.server.terminate()
            if b.server.wait() == 3:
                problems.append(f"{b.name} got other data than was sent")
        missing = {*SHARES, "kill"} - set(self.counts)
        if missing:
            problems.append(f"never happened: {', '.join(sorted(missing))}")
        return seen, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("build", "work", "config", "runtime", "prefix", "churn", "events"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--backends", type=int, default=8)
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between events")
    parser.add_argument("--seed", type=int, default=1)
    run = Run(parser.parse_args())
    run.start()
    started = time.monotonic()
    for done in range(run.args.count):
        run.one_event(done / run.args.count)
        time.sleep(run.args.pause)
    print(f"{sum(run.counts.values())} events in {time.monotonic() - started:.0f} s, seed "
          f"{run.args.seed}:", ", ".join(f"{n} {kind}" for kind, n in run.counts.most_common()))
    _, problems = run.finish()
    run.log.close()
    for problem in problems[:20]:
        print("PROBLEM:", problem)
    return 1 if problems else 0


sys.exit(main())
