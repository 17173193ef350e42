# SPDX-License-Identifier: BSD-3-Clause
"""Child processes and temporary files of a benchmark: all of them end with it, on Ctrl-C too."""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10
WORKER_THREAD = r"(rte|dpdk)-worker"  # DPDK's name for its lcores but the main one, by version
LIBC = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """A sentence for the user: what is wrong and what to do."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def wait_until(what, condition, seconds, alive=None):
    """Polls until `condition()`; BenchError after `seconds` or when process `alive` ends."""
    deadline = time.monotonic() + seconds
    while not condition():
        if alive is not None and alive.poll() is not None:
            raise BenchError(f"{what}: the process ended with {alive.returncode}; it said:\n"
                             f"{log_tail(alive)}")
        if time.monotonic() > deadline:
            said = f"; it said:\n{log_tail(alive)}" if alive is not None else ""
            raise BenchError(f"{what}: waited {seconds} s in vain{said}")
        time.sleep(0.02)


def log_tail(child, lines=12):
    text = pathlib.Path(child.log_path).read_text(errors="replace").splitlines()
    return "\n".join("  | " + line for line in text[-lines:])


class Bench:
    """A work directory and the processes started in it; a context manager that ends them all."""

    def __init__(self):
        self.children = []
        self.cleanups = []

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="braid-bench."))
        return self

    def __exit__(self, *_):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(self.children[:]):
            self.stop(child)
        for cleanup in reversed(self.cleanups):
            with contextlib.suppress(Exception):
                cleanup()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, argv, cpus=None, **popen):
        """Starts a process that dies with this one; `cpus` are those it may use (all)."""
        def in_child():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.sched_setaffinity(0, cpus or range(os.cpu_count()))

        name = f"{os.path.basename(str(argv[0]))}.{len(self.children)}.{time.monotonic_ns()}.log"
        with open(self.dir / name, "wb") as log:
            child = subprocess.Popen([str(a) for a in argv], stdout=log, stderr=log,
                                     stdin=popen.pop("stdin", subprocess.DEVNULL),
                                     preexec_fn=in_child, start_new_session=True, **popen)
        child.log_path = self.dir / name
        self.children.append(child)
        return child

    def stop(self, child):
        """Ends one process: politely, then not."""
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                say(f"process {child.pid} ({child.args[0]}) ignores SIGTERM, killing it")
                child.kill()
                child.wait()
        if child.stdin:
            child.stdin.close()
        self.children.remove(child)
        return child.returncode


# Outlives the benchmark by as long as it takes to write one file.
KEEPER = """import pathlib, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
print(flush=True)
sys.stdin.read()
pathlib.Path(sys.argv[1]).write_text(sys.argv[2])
"""


@contextlib.contextmanager
def restored(path):
    """Writes back what the file at `path` says now, at the end, whatever ends this process: a
    process of a session of its own does it, which learns of the end from its closed input."""
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER, str(path), path.read_text()],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              start_new_session=True)
    try:
        keeper.stdout.readline()
        yield
    finally:
        keeper.stdin.close()
        keeper.wait()
        keeper.stdout.close()


def run(argv, **options):
    """Runs a short command to its end; BenchError with its words when it fails."""
    result = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **options)
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip()
        raise BenchError(f"{' '.join(str(a) for a in argv)} failed ({result.returncode}): {said}")
    return result.stdout


def cpu_seconds(pid, thread=None):
    """CPU time of a process with all its threads, or of one of them, to the clock tick."""
    stat = pathlib.Path(f"/proc/{pid}/stat" if thread is None else
                        f"/proc/{pid}/task/{thread}/stat").read_text()
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid):
    """(resident memory of a process with its hugepages, the most it ever was)."""
    kib = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "VmHWM", "HugetlbPages"):
            kib[name] = int(value.split()[0])
    huge = kib.get("HugetlbPages", 0)
    return (kib["VmRSS"] + huge) * 1024, (kib["VmHWM"] + huge) * 1024


def anonymous_bytes(pid):
    """Memory of a process that is neither a file's nor DPDK's."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^RssAnon:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024


def polling_thread(pid):
    """The schedstat file of the one lcore thread of a DPDK process that is not its main thread."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if re.match(WORKER_THREAD, (task / "comm").read_text()):
            return task / "schedstat"
    raise BenchError(f"process {pid} has no worker thread")


def thread_seconds(schedstat):
    """CPU time of a thread so far."""
    return int(schedstat.read_text().split()[0]) / 1e9
