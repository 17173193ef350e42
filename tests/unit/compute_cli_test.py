#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""braidctl's commands for programs as far as they need no node: compiling, checking, and mistakes
with their sentences and exit codes; a plain redis-server stands for a store that runs no programs.
Usage: compute_cli_test.py BRAIDCTL EXAMPLES TASK_PROGRAMS OBJECTS (of the task_programs)"""
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

BRAIDCTL, EXAMPLES, PROGRAMS, OBJECTS = (os.path.abspath(path) for path in sys.argv[1:5])
ROOT = os.path.dirname(os.path.dirname(EXAMPLES))
WORK = tempfile.mkdtemp(prefix="braid-compute-cli-test-")
DOUBLE = os.path.join(EXAMPLES, "double.c")
SHOP = os.path.join(EXAMPLES, "shop_sum.c")


def ctl(*args, stdin="", **environment):
    env = {k: v for k, v in os.environ.items() if not k.startswith("BRAID_")}
    return subprocess.run([BRAIDCTL, *args], capture_output=True, text=True, timeout=60, cwd=WORK,
                          input=stdin, env={**env, **environment})


def compiled():
    path = os.path.join(WORK, "double.o")
    if not os.path.exists(path):
        assert ctl("cc", DOUBLE).returncode == 0
    return path


class Redis:
    """A redis-server with a password, for one case."""

    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.child = subprocess.Popen(["redis-server", "--port", str(self.port), "--save", "",
                                       "--bind", "127.0.0.1", "--requirepass", "tiger",
                                       "--dir", WORK],
                                      stdout=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return "127.0.0.1:%d" % self.port
            time.sleep(0.05)
        raise AssertionError("redis-server does not start")

    def __exit__(self, *what):
        self.child.terminate()
        self.child.wait(20)


def expect(result, code, *parts):
    assert result.returncode == code, result
    for part in parts:
        assert part in result.stderr, (part, result)


def a_program_is_compiled_beside_or_where_one_says():
    assert os.path.exists(compiled())
    other = os.path.join(WORK, "other.o")
    expect(ctl("cc", DOUBLE, "-o", other), 0)
    assert open(other, "rb").read(4) == b"\x7fELF"
    assert json.loads(ctl("-j", "check", other).stdout)[0]["function"] == "twice"


def macros_and_directories_reach_the_compiler():
    os.makedirs(os.path.join(WORK, "include"), exist_ok=True)
    with open(os.path.join(WORK, "include", "limit.h"), "w") as f:
        f.write("#define LIMIT 3\n")
    with open(os.path.join(WORK, "limit.c"), "w") as f:
        f.write('#include <braid_task.h>\n#include "limit.h"\n'
                'BRAID_SECTION("map") int64_t f(struct braid_map *ctx)\n'
                '{ return ctx->value_len > LIMIT + MORE ? BRAID_OK : BRAID_DROP; }\n')
    expect(ctl("cc", "limit.c"), 1, "limit.h", "limit.c does not compile")
    expect(ctl("cc", "limit.c", "-I", "include"), 1, "MORE")
    expect(ctl("cc", "limit.c", "-Iinclude", "-I", "/nowhere", "-D", "MORE=4"), 0)


def what_clang_says_is_shown():
    with open(os.path.join(WORK, "wrong.c"), "w") as f:
        f.write("#include <braid_task.h>\nint64_t f(void) { return x; }\n")
    for command in (["cc"], ["check"], ["load"]):
        expect(ctl(*command, "wrong.c"), 1, "wrong.c:2:", "undeclared identifier 'x'",
               "braidctl: wrong.c does not compile")


def a_missing_clang_is_named():
    expect(ctl("cc", DOUBLE, BRAID_CLANG="/nowhere/clang"), 1, "there is no /nowhere/clang here",
           "apt-get install clang", "BRAID_CLANG")


def check_tells_costs_of_what_is_accepted():
    result = ctl("check", SHOP)
    expect(result, 0)
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["FUNCTION", "KIND", "VERDICT", "INSTRUCTIONS", "WORST", "CASE",
                                "CODE", "BYTES", "NS/RECORD"], lines
    assert len(lines) == 5, lines
    for row in json.loads(ctl("-j", "check", SHOP).stdout):
        assert row["accepted"] and row["verdict"] == "accepted" and "rule" not in row, row
        assert 0 < row["instructions"] < row["worst_case"] + 5 < 65536, row
        assert row["code_bytes"] > 20 and 0.5 < row["ns"] < 10000, row


def check_tells_line_rule_and_cure_of_what_is_refused():
    source = os.path.join(PROGRAMS, "refused.c")
    result = ctl("check", source, "-I", ROOT)
    expect(result, 3)
    assert re.search(r"^divides +map +refused +\d+ +- +- +-$", result.stdout, re.M), result.stdout
    assert ("%s:7: divides: divides by a number that may be 0 (divide_unproved)\n"
            "    return (int64_t)(ctx->number / ctx->value_len);\n"
            "    cure: test it: if (d == 0) return BRAID_FAULT_DIVIDE\n" % source) in result.stdout
    rows = {row["function"]: row for row in json.loads(ctl("-j", "check", source, "-I",
                                                            ROOT).stdout)}
    assert rows["loops"]["rule"] == "jump_back" and rows["loops"]["line"] == 20, rows["loops"]
    assert "#pragma unroll" in rows["loops"]["cure"] and rows["loops"]["worst_case"] is None
    assert rows["writes"]["source"].strip() == "ctx->value[3] = 1;", rows["writes"]


def files_that_are_no_programs_are_told_apart():
    with open(os.path.join(WORK, "text.o"), "w") as f:
        f.write("no object")
    with open(os.path.join(WORK, "short.o"), "wb") as f:
        f.write(open(compiled(), "rb").read(200))
    with open(os.path.join(WORK, "big.o"), "wb") as f:
        f.truncate(2 << 20)
    for path, part in ((compiled() + ".gone", "No such file or directory"),
                       ("text.o", "not an ELF file; compile with"), ("/bin/true", "not bpf"),
                       ("big.o", "at most 1048576"), ("short.o", "short.o: "),
                       (os.path.join(OBJECTS, "newer.bpf"), "for ABI 2, this braid knows up to 1"),
                       (os.path.join(OBJECTS, "nothing.bpf"), "no program"),
                       (os.path.join(OBJECTS, "no_header.bpf"), "include braid_task.h"),
                       (os.path.join(OBJECTS, "nowhere.bpf"), "did you mean braid_emit?")):
        for command in (["check"], ["load"], ["map"], ["each"]):
            words = ["f"] if command[0] in ("map", "each") else []
            result = ctl(*command, path, *words)
            expect(result, 1, "braidctl: ", part)
            assert result.stderr.count("\n") == 1 and result.stdout == "", result


def functions_are_looked_for_in_the_file():
    expect(ctl("map", compiled(), "twic", "1"), 1, "double.o has no function \"twic\"",
           "did you mean \"twice\"?")
    expect(ctl("map", compiled(), "zzz", "1"), 1, "it has twice (map), into_100 (map)")
    expect(ctl("map", SHOP, "sum", "1"), 2, "sum is of kind \"each\"", "braidctl each")
    expect(ctl("each", DOUBLE, "twice"), 2, "twice is of kind \"map\"", "map --help")
    expect(ctl("each", SHOP, "sum_merge"), 2, "sum_merge is of kind \"merge\"")


def command_lines_that_are_wrong_get_sentences():
    for args, part in ((["cc"], "cc needs FILE.c"), (["cc", "double.o"], "does not end in .c"),
                       (["map", "double"], "map needs FILE|LIBRARY FUNCTION"),
                       (["map", "lib", "f", "--format", "octal"], "text raw hex u64"),
                       (["map", "lib", "f", "--deadline", "5"], "500ms, 5s, 2m or 1h"),
                       (["map", "lib", "f", "--deadline", "0s"], "not a time"),
                       (["map", "lib", "f", "--server", "host:0"], "not HOST"),
                       (["map", "lib", "f", "--password", "x" * 128], "more than 127"),
                       (["map", "lib", "f", "--as-complete", "1"], "\"--as-completed\""),
                       (["each", "lib", "f", "--class", "fast"], "latency normal batch"),
                       (["each", "lib", "f", "--slots", "5-4"], "not FIRST-LAST"),
                       (["each", "lib", "f", "--slots", "0-16384"], "0 to 16383"),
                       (["each", "lib", "f", "1"], "\"1\" is too much"),
                       (["load", DOUBLE, "--name", "a.b"], "letters, digits and _"),
                       (["load", DOUBLE, "--name", ""], "letters, digits and _"),
                       (["jobs", "lst"], "not one of list, status, cancel"),
                       (["jobs", "cancel"], "needs the id"), (["jobs", "list", "1"], "no id")):
        expect(ctl(*args), 2, part)


def a_store_that_is_not_there_is_named():
    expect(ctl("map", compiled(), "twice", "1", "--server", "127.0.0.1:1"), 1,
           "no connection to the store at 127.0.0.1:1: Connection refused", "--server HOST:PORT")
    expect(ctl("jobs", BRAID_SERVER="[::1]:1"), 1, "no connection to the store at [::1]:1")
    expect(ctl("jobs", BRAID_SERVER="no.such.host.invalid"), 1, "no.such.host.invalid:6379")
    expect(ctl("jobs", "--config", "gone.yaml"), 1, "gone.yaml")


def a_configuration_says_where_the_store_is():
    node = ("node:\n  name: n1\n  workers: [1]\n  ports:\n"
            "    - {name: lan, device: net_null0, addresses: [192.0.2.1/24]}\n")
    for name, section in (("kv.yaml", "store: {listen: [192.0.2.1], port: 7777}\n"),
                          ("none.yaml", "")):
        with open(os.path.join(WORK, name), "w") as f:
            f.write(node + section)
    expect(ctl("jobs", "-c", "kv.yaml"), 1, "no connection to the store at 192.0.2.1:7777")
    expect(ctl("jobs", "-c", "kv.yaml", "-s", "127.0.0.1:1"), 1, "the store at 127.0.0.1:1")
    expect(ctl("jobs", "--config", "none.yaml"), 1, "none.yaml has no section \"store\"")


def other_servers_and_wrong_passwords_are_told_apart():
    with Redis() as server:
        expect(ctl("load", compiled(), BRAID_SERVER=server), 1, server + " wants a password")
        for command in (["jobs"], ["map", compiled(), "twice", "1"], ["load", compiled()],
                        ["map", "double", "twice", "1"], ["each", "shop", "sum"]):
            expect(ctl(*command, "-s", server, BRAID_PASSWORD="lion"), 1, "the password is not")
        for command in (["jobs"], ["map", compiled(), "twice", "1"], ["each", "shop", "sum"]):
            result = ctl(*command, BRAID_SERVER=server, BRAID_PASSWORD="tiger")
            expect(result, 1, server + " runs no programs: it is no braid node")
            assert result.stderr.count("\n") == 1, result


def a_server_that_says_nothing_ends_by_deadline_and_by_ctrl_c():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        server = "127.0.0.1:%d" % listener.getsockname()[1]
        start = time.time()
        expect(ctl("map", "lib", "f", "1", "-s", server, "--deadline", "300ms"), 124,
               "the deadline has passed")
        assert 0.3 <= time.time() - start < 5
        for command in (["map", "lib", "f", "1"], ["map", "lib", "f"], ["each", "lib", "f"]):
            child = subprocess.Popen([BRAIDCTL, *command, "-s", server], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(0.5)
            child.send_signal(signal.SIGINT)
            _, said = child.communicate(timeout=20)
            assert child.returncode == 130 and "interrupted" in said, (child.returncode, said)


def help_and_manual_know_the_commands():
    manual = ctl("man").stdout
    for command in ("cc", "check", "load", "map", "each", "jobs"):
        text = ctl(command, "--help").stdout
        assert "Examples:" in text and "braidctl " in text, text
        assert ".SS \"" + command in manual, command
    assert "BRAID_SERVER" in manual and "124" in manual and "130" in manual


CASES = [
    a_program_is_compiled_beside_or_where_one_says, macros_and_directories_reach_the_compiler,
    what_clang_says_is_shown, a_missing_clang_is_named, check_tells_costs_of_what_is_accepted,
    check_tells_line_rule_and_cure_of_what_is_refused, files_that_are_no_programs_are_told_apart,
    functions_are_looked_for_in_the_file, command_lines_that_are_wrong_get_sentences,
    a_store_that_is_not_there_is_named, a_configuration_says_where_the_store_is,
    other_servers_and_wrong_passwords_are_told_apart,
    a_server_that_says_nothing_ends_by_deadline_and_by_ctrl_c, help_and_manual_know_the_commands,
]


def main():
    failed = 0
    for case in CASES:
        try:
            case()
            print("ok      %s" % case.__name__)
        except Exception as error:  # one failing case must not hide the others
            failed += 1
            print("FAILED  %s: %s: %s" % (case.__name__, type(error).__name__, error))
    shutil.rmtree(WORK)
    print("%d passed, %d failed" % (len(CASES) - failed, failed))
    return 1 if failed else 0


sys.exit(main())
