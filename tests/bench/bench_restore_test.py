#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a benchmark changes about the machine is as before when it ends, however it ends."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"
WORK = tempfile.TemporaryDirectory(prefix="braid-bench-test-")
FILE = pathlib.Path(WORK.name) / "nr_hugepages"
CHILD = f"""import pathlib, sys, time
sys.dont_write_bytecode = True
sys.path.insert(0, {str(SCRIPTS)!r})
from benchlib.process import Bench, restored
with Bench():
    with restored(pathlib.Path({str(FILE)!r})):
        pathlib.Path({str(FILE)!r}).write_text("900")
        print("changed", flush=True)
        # A signal just before a long sleep would be heeded only after it.
        while len(sys.argv) > 1:
            time.sleep(0.02)
"""


def wait_for(text):
    end = time.time() + 20
    while FILE.read_text() != text:
        assert time.time() < end, f"{FILE.read_text()} instead of {text}"
        time.sleep(0.02)


def start(*args):
    FILE.write_text("512\n")
    child = subprocess.Popen([sys.executable, "-c", CHILD, *args], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    assert child.stdout.readline() == b"changed\n"
    return child


def main():
    # A shell's background jobs ignore it, and so would their children.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    child = start()
    assert child.wait(20) == 0
    assert FILE.read_text() == "512\n"
    child.stdout.close()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL):
        child = start("wait")
        assert FILE.read_text() == "900"
        # All of its process group, as a terminal does it.
        os.killpg(child.pid, number)
        child.wait(20)
        wait_for("512\n")
        child.stdout.close()
        print("ok", signal.Signals(number).name)
    WORK.cleanup()


if __name__ == "__main__":
    main()
