# SPDX-License-Identifier: BSD-3-Clause
"""The rules of scripts/lint: one function each, which yields a Finding per offence.

The first line of a rule's docstring is what --rules prints. Limits and tables come first; what is
forbidden always names what to use instead. A new folder needs a row in SYMBOL_PREFIXES.
"""

import json
import os
import py_compile
import re
import shutil
import subprocess
import tempfile

from braidlint.source import CALL, Finding, line_of, split_lines

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
PARAMS_MAX = 5
COLUMNS_MAX = 100
SPDX = "SPDX-License-Identifier: BSD-3-Clause"

# Modules of dataplane/ from the bottom up: each sees the public headers of those before it.
DATAPLANE_ORDER = ("core", "link", "neigh", "ip", "lb", "tcp", "task", "kv", "explain")

# What may not be called on a worker, and what does its job there.
WORKER_BANS = (
    (r"malloc|calloc|realloc|reallocarray|strdup|asprintf|posix_memalign|aligned_alloc|free",
     "allocate at start on the main thread, or send it to main by mailbox"),
    (r"rte_(?:z?malloc|calloc|realloc|free)\w*",
     "allocate at start on the main thread, or use the worker's mempool"),
    (r"v?f?printf|puts|fputs|putchar|perror|syslog|vsyslog|rte_log|rte_vlog|RTE_LOG|RTE_LOG_DP",
     "count it: drop(), or a counter of struct stats_worker"),
    (r"time|gettimeofday|clock|clock_gettime|rte_rdtsc\w*|rte_get_timer_\w+|rte_get_tsc_\w+"
     r"|rte_get_hpet_\w+|__rdtsc|__builtin_ia32_rdtsc",
     "use w->now_ns, or w->ops->cycles() for samples"),
    (r"rand|srand|random|srandom|drand48|getrandom|getentropy|rte_rand\w*",
     "use worker_random()"),
    (r"pthread_(?:mutex|rwlock|spin|cond|barrier)_\w+|rte_(?:spinlock|rwlock|ticketlock)_\w+"
     r"|sem_wait|mtx_lock",
     "share nothing: send a message by mailbox"),
    (r"sleep|usleep|nanosleep|clock_nanosleep|sched_yield|rte_delay_\w+|poll|epoll_wait|select",
     "return; the worker's loop decides when to idle"),
    (r"open|openat|fopen|close|fclose|read|pread|fread|write|pwrite|fwrite|ioctl|socket|bind"
     r"|connect|accept|recv|recvfrom|recvmsg|send|sendto|sendmsg|mmap|munmap|system|fork|syscall",
     "system calls belong to the main thread; reach it by mailbox"),
    (r"rte_eth_(?:rx|tx)_burst", "use w->ops->rx and w->ops->tx"),
    (r"getenv|setenv|setlocale|strtok", "pass what is needed through struct worker"),
)

# Files that are the outside of a worker (struct worker_ops) or its thread, so may do such things.
WORKER_EDGES = {
    "dataplane/link/port_io.c": r"rte_eth_(?:rx|tx)_burst|rte_rdtsc\w*|rte_get_t\w+",
}

# Global symbols start with one of these. A folder's key is its path; files directly in dataplane/
# or control/ count as its core.
SYMBOL_PREFIXES = {
    "lib/api": ("api_", "stats_"),
    "lib/base": ("base_", "ip_addr_", "mac_"),
    "lib/conf": ("conf_",),
    "lib/fib": ("fib_",),
    "lib/hash": ("crc16_", "crc64_", "siphash_", "flow_hash_", "maglev_"),
    "lib/rcu": ("rcu_",),
    "lib/task": ("braid_", "task_"),
    "lib/timer": ("wheel_",),
    "lib/wire": ("checksum_", "lzf_", "number_", "pcapng_", "rdb_", "resp_"),
    "dataplane/core": (
        "worker_", "workers", "lane_", "pipeline_", "drop_", "mailbox_", "stats_", "world_",
        "eal_", "server_", "main_", "modules", "capture_", "pkt_", "nexthop_", "generation_",
        "query_",
    ),
    "dataplane/link": ("port_", "eth_", "steer_", "link_", "iface_"),
    "dataplane/neigh": ("neigh_", "arp_", "nd_"),
    "dataplane/ip": ("ip4_", "ip6_", "icmp_", "icmp4_", "icmp6_", "nexthop_", "route_", "ecmp_"),
    "dataplane/lb": ("lb_", "lb4_", "lb6_"),
    "dataplane/tcp": ("tcp_",),
    "dataplane/task": ("task_",),
    "dataplane/kv": ("kv_",),
    "dataplane/explain": ("explain_",),
    "control/core": ("applied_", "clients_", "core_", "diff_", "file_", "install_", "job_", "log_",
                     "push_", "session_", "snapshot_", "store_"),
    "control/metrics": ("metrics_",),
    "control/service": ("service_", "health_"),
    "control/cli": ("cli_", "items_", "load_", "map_", "output_", "program_", "progress_", "redis_",
                    "table_"),
}

CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else)\b", re.MULTILINE)

# A line of a comment that reads like a statement: return, assignment, call.
DEAD_CODE = re.compile(
    r"^[ \t/*]*(return\b[^;]*|[\w>.\[\]*-]+\s*[-+|&^]?=(?!=)[^;]*|\w+\([^;]*\));\s*(?:\*/)?\s*$"
)

# Handlers of API messages: each lies in the module that the message is about.
HANDLER_PREFIX = "server_on_"

# Names in documents that belong to others' programs.
FOREIGN_NAMES = re.compile(r"(?:rte|net|eth|nr|xdp|bpf|if|urcu|crypto)_\w+|x86_64")


def license_line(tree):
    """Every source file starts with the SPDX line (behind #!)."""
    for f in tree.code_files:
        at = 1 if f.lines and f.lines[0].startswith("#!") else 0
        want = f"/* {SPDX} */" if f.is_c_like else f"# {SPDX}"
        if len(f.lines) <= at or f.lines[at] != want:
            yield Finding(f.path, at + 1, "spdx", f"the first line must be `{want}`")


def intro(tree):
    """Behind the SPDX line, a paragraph says what the file is for."""
    for f in tree.code_files:
        if len(re.findall(r"\w+", f.intro)) < 4 and f.name != "meson.build":
            yield Finding(f.path, 2, "intro",
                "no header comment; say in one short paragraph the purpose, the thread, the RFC")


def thread(tree):
    """Every file of dataplane/ says on which thread it runs."""
    for f in tree.files:
        if f.path.startswith("dataplane/") and f.is_c_like:
            if not re.search(r"Thread:\s+(\*\s+)?(worker|main|any)\b", f.intro):
                yield Finding(f.path, 2, "thread",
                    'the header comment must say "Thread: worker", "Thread: main" or "Thread: any"')


def file_length(tree):
    """A file has at most 600 lines."""
    for f in tree.code_files:
        if len(f.lines) > FILE_LINES_MAX:
            yield Finding(f.path, len(f.lines), "file-length",
                f"{len(f.lines)} lines, at most {FILE_LINES_MAX}; split it by verb or noun")


def function_length(tree):
    """A function has at most 70 lines."""
    for f in tree.c_files:
        for fn in f.functions:
            if fn.body is not None and fn.n_lines > FUNCTION_LINES_MAX:
                yield Finding(f.path, fn.line, "function-length",
                    f"{fn.name}() has {fn.n_lines} lines, at most {FUNCTION_LINES_MAX}; "
                    "give its steps names of their own")


def parameters(tree):
    """A function has at most 5 parameters."""
    for f in tree.c_files:
        for fn in f.functions:
            if len(fn.params) > PARAMS_MAX:
                yield Finding(f.path, fn.line, "parameters",
                    f"{fn.name}() has {len(fn.params)} parameters, at most {PARAMS_MAX}; "
                    "pass a struct")


def columns(tree):
    """A line has at most 100 columns, tabs counting to the next multiple of 8."""
    for f in tree.code_files:
        for number, text in enumerate(f.lines, 1):
            width = len(text.expandtabs(8))
            if width > COLUMNS_MAX:
                yield Finding(f.path, number, "columns",
                    f"{width} columns, at most {COLUMNS_MAX}; break the line")


def whitespace(tree):
    """C is indented by tabs; no blank at the end of a line; a file ends in one line break."""
    for f in tree.code_files:
        plain = split_lines(f.code) if f.is_c_like else []
        for number, text in enumerate(f.lines, 1):
            if text != text.rstrip():
                yield Finding(f.path, number, "whitespace", "blanks at the end; delete them")
            if f.is_c_like and re.match(r" +\S", plain[number - 1]):
                yield Finding(f.path, number, "whitespace", "starts with a space; indent by tabs")
        if f.text and (not f.text.endswith("\n") or f.text.endswith("\n\n")):
            yield Finding(f.path, len(f.lines), "whitespace", "end the file in one line break")


def recursion(tree):
    """No function calls itself, directly or through others."""
    calls = call_graph(tree)
    for cycle in cycles(calls):
        path, _, line = cycle[0]
        chain = " -> ".join(name for _, name, _ in [*cycle, cycle[0]])
        yield Finding(path, line, "recursion", f"{chain}; use a loop with a named maximum")


def call_graph(tree):
    """(path, name, line) of each function to the set of those that it calls by name."""
    everywhere, in_file = {}, {}
    bodies = []
    for f in tree.c_files:
        for fn in f.functions:
            if fn.body is None:
                continue
            node = (f.path, fn.name, fn.line)
            bodies.append((node, fn))
            in_file[f.path, fn.name] = node
            if not fn.is_static or f.is_header:
                everywhere[fn.name] = node
    graph = {}
    for node, fn in bodies:
        called = {name for name in CALL.findall(fn.body)}
        targets = (in_file.get((node[0], name)) or everywhere.get(name) for name in called)
        graph[node] = sorted(t for t in targets if t)
    return graph


def cycles(graph):
    """One path for each loop that a walk over the graph closes."""
    done = set()
    for root in sorted(graph):
        path, walks = [root], [iter(graph[root])]
        if root in done:
            continue
        while path:
            target = next(walks[-1], None)
            if target is None:
                done.add(path.pop())
                walks.pop()
            elif target in path:
                yield path[path.index(target) :]
            elif target not in done:
                path.append(target)
                walks.append(iter(graph[target]))


def layering(tree):
    """Includes follow the layers: lib, dataplane modules in order, control; paths from the root."""
    known = {f.path for f in tree.files}
    for f in tree.files:
        if not f.is_c_like or f.is_test:
            continue
        for line, is_system, name in f.includes:
            if is_system:
                problem = system_include_problem(f, name, known)
            else:
                problem = include_problem(f, name, known)
            if problem:
                yield Finding(f.path, line, "layering", f"includes {name}: {problem}")


def system_include_problem(f, name, known):
    if name in known:
        return "write braid's own headers in quotes"
    if name.startswith("rte_") and f.path.startswith("lib/"):
        return "lib/ is free of DPDK; move the code to dataplane/ or pass values in"
    if name.startswith("rte_") and f.path.startswith("control/"):
        return "control does not link DPDK; ask the dataplane by an API message"
    return None


def include_problem(f, name, known):
    top, _, rest = name.partition("/")
    if name not in known:
        return "no such file; write its path from the root of the repository"
    if top == "lib":
        return None
    if f.path.startswith("lib/"):
        return "lib/ knows only lib/"
    if f.path.startswith("control/"):
        return None if top == "control" else "control/ knows only lib/ and control/"
    if top != "dataplane":
        return "dataplane/ knows only lib/ and dataplane/"
    return dataplane_include_problem(f.folder, rest)


def dataplane_include_problem(folder, name):
    """name is the path of the included header below dataplane/."""
    mine = folder.partition("/")[2] or "(root)"
    module = name.partition("/")[0] if "/" in name else "(root)"
    if module in (mine, "core"):
        return None
    if module == "(root)":
        return None if mine == "core" else "the table of modules is above the modules"
    if name != f"{module}/{module}.h":
        return f"private to its module; include dataplane/{module}/{module}.h"
    if mine == "(root)":
        return None
    order = DATAPLANE_ORDER
    if mine not in order or module not in order:
        return "one of the two modules is not in DATAPLANE_ORDER of scripts/braidlint/rules.py"
    if order.index(module) > order.index(mine):
        return f"{module} is above {mine} (order: {' < '.join(order)}); turn the call round"
    return None


def worker_bans(tree):
    """Files that run on workers call nothing that blocks, allocates, logs or tells the time."""
    bans = [(re.compile(rf"(?<![\w.>])({names})\s*\("), use) for names, use in WORKER_BANS]
    for f in tree.files:
        if not f.path.startswith("dataplane/") or not f.is_c:
            continue
        if not re.search(r"Thread:\s+(\*\s+)?worker\b", f.intro):
            continue
        allowed = re.compile(WORKER_EDGES.get(f.path, r"(?!)"))
        for pattern, use in bans:
            for match in pattern.finditer(f.code):
                if not allowed.fullmatch(match.group(1)):
                    yield Finding(f.path, line_of(f.code, match.start()), "worker-ban",
                        f"{match.group(1)}() on a worker; {use}")


def docstrings(tree):
    """Prototypes in headers carry a comment directly above."""
    for f in tree.files:
        if not f.is_header or f.is_test:
            continue
        for fn in f.functions:
            if fn.body is None and not f.lines[fn.line - 2].rstrip().endswith("*/"):
                yield Finding(f.path, fn.line, "docstring",
                    f"{fn.name}() has no comment directly above; say what, thread, units, errors")


def guards(tree):
    """A header's include guard is its path in capitals."""
    for f in tree.files:
        if f.is_header:
            want = re.sub(r"\W", "_", f.path).upper()
            match = re.search(r"^#ifndef (\w+)\n#define (\w+)\n", f.code, re.MULTILINE)
            if not match or match.groups() != (want, want):
                line = line_of(f.code, match.start()) if match else 2
                yield Finding(f.path, line, "guard", f"the include guard must be {want}")


def conditionals(tree):
    """No conditional compilation outside lib/base."""
    for f in tree.files:
        if not f.is_c_like or f.path.startswith("lib/base/"):
            continue
        found = list(CONDITIONAL.finditer(f.code))
        if f.is_header and found and found[0].group(1) == "ifndef":
            found = found[1:]
        for match in found:
            yield Finding(f.path, line_of(f.code, match.start(1)), "conditional",
                f"#{match.group(1)} outside lib/base; make it a constant argument of an inline")


def typedefs(tree):
    """Structures are named `struct noun`, not hidden by a typedef."""
    for f in tree.c_files:
        for match in re.finditer(r"\btypedef\s+(struct|union|enum)\b", f.code):
            yield Finding(f.path, line_of(f.code, match.start()), "typedef",
                f"typedef of a {match.group(1)}; write `{match.group(1)} noun` where it is used")


def dead_code(tree):
    """No commented-out code."""
    for f in tree.files:
        if not f.is_c_like:
            continue
        for number, (text, code) in enumerate(zip(f.lines, split_lines(f.code)), 1):
            if not code.strip() and DEAD_CODE.match(text):
                yield Finding(f.path, number, "dead-code", "a statement in a comment; delete it")


def unfinished(tree):
    """No marks of unfinished work."""
    for f in tree.files:
        for match in re.finditer(r"\b(TO[D]O|FIX[M]E|XX[X])\b", f.text):
            yield Finding(f.path, line_of(f.text, match.start()), "unfinished",
                f"{match.group(1)}; do it, or file an issue and delete the mark")


def documents(tree):
    """What documents name in backticks exists: paths and identifiers."""
    sources = [f for f in tree.files if f.is_code or f.path.endswith((".yaml", ".yml"))]
    words = set(re.findall(r"\w+", "\n".join(f.text for f in sources)))
    meson = "\n".join(f.text for f in tree.files if f.name == "meson.build")
    tops = {f.path.partition("/")[0] for f in tree.files if "/" in f.path}
    for f in tree.files:
        if not f.is_doc:
            continue
        text = re.sub(r"^```.*?^```", lambda m: re.sub(r"[^\n]", " ", m.group()), f.text,
            flags=re.DOTALL | re.MULTILINE)
        for match in re.finditer(r"`([^`\n]+)`", text):
            problem = document_problem(tree.root, match.group(1), words, meson, tops)
            if problem:
                yield Finding(f.path, line_of(text, match.start()), "document", problem)


def document_problem(root, span, words, meson, tops):
    """Why the backticked span names nothing, or None."""
    for word in span.split():
        path = word.removeprefix("./").rstrip("/.,:;")
        is_ours = "/" in path and path.partition("/")[0] in tops
        is_program = f"'{path.rsplit('/', 1)[-1]}'" in meson  # in the build directory
        is_pattern = any(c in path for c in "*<>{}[]")
        if is_ours and not is_program and not is_pattern and not (root / path).exists():
            return f"`{word}` does not exist; name what is there"
    match = re.fullmatch(r"(?:struct |enum )?(\w*_\w*)(?:\(.*\)?)?", span) or \
        re.fullmatch(r"(\w+)\(\)?", span)
    if match and match.group(1) not in words and not FOREIGN_NAMES.fullmatch(match.group(1)):
        return f"`{match.group(1)}` is nowhere in the sources; name what is there"
    return None


def script_syntax(tree):
    """Shell and Python scripts parse."""
    with tempfile.TemporaryDirectory() as scratch:
        for f in tree.files:
            if f.is_shell:
                result = subprocess.run(["bash", "-n", f.path], cwd=tree.root, capture_output=True,
                    text=True)
                if result.returncode != 0:
                    line = re.search(r"line (\d+)", result.stderr)
                    said = result.stderr.strip().partition("\n")[0]
                    yield Finding(f.path, int(line.group(1)) if line else 1, "script-syntax",
                        f"bash -n: {said}; mend it")
            elif f.is_python:
                try:
                    py_compile.compile(str(tree.root / f.path), os.path.join(scratch, "out.pyc"),
                        doraise=True)
                except py_compile.PyCompileError as error:
                    yield Finding(f.path, getattr(error.exc_value, "lineno", 1) or 1,
                        "script-syntax", f"{error.exc_type_name}: {error.exc_value}; mend it")


def formatting(tree):
    """C is as clang-format leaves it."""
    paths = [f.path for f in tree.c_files]
    if not paths:
        return
    if shutil.which("clang-format") is None:
        yield Finding(".clang-format", 1, "format", "clang-format is missing; run scripts/setup")
        return
    halves = [paths[i::2] for i in range(2) if paths[i::2]]
    running = [subprocess.Popen(["clang-format", "--dry-run", "--ferror-limit=0", *half],
        cwd=tree.root, stderr=subprocess.PIPE, text=True) for half in halves]
    first = {}
    for process in running:
        for match in re.finditer(r"^(.+?):(\d+):\d+: ", process.communicate()[1], re.MULTILINE):
            first.setdefault(match.group(1), int(match.group(2)))
    for path, line in sorted(first.items()):
        yield Finding(path, line, "format", f"not as clang-format writes it; run it with -i {path}")


def symbols(tree):
    """Global symbols start with a prefix of their folder (needs --build)."""
    for path, kind, symbol in object_symbols(tree):
        folder = path.rsplit("/", 1)[0]
        prefixes = SYMBOL_PREFIXES.get(folder if "/" in folder else folder + "/core")
        is_handler = path.startswith("dataplane/") and symbol.startswith(HANDLER_PREFIX)
        if symbol == "main" or is_handler or not kind.isupper():
            continue
        if prefixes is None:
            yield Finding(path, 1, "symbol",
                f"{symbol}: folder {folder} has no row in SYMBOL_PREFIXES; add it")
        elif not symbol.startswith(prefixes):
            yield Finding(path, first_line(tree, path, symbol), "symbol",
                f"{symbol} must start with one of {' '.join(prefixes)}, or be static")


def lib_state(tree):
    """Nothing in lib/ keeps state of its own (needs --build)."""
    for path, kind, symbol in object_symbols(tree):
        if path.startswith("lib/") and kind in "bBC":
            symbol = symbol.partition(".")[0]
            yield Finding(path, first_line(tree, path, symbol), "lib-state",
                f"{symbol} outlives the call; let the caller own it")


def first_line(tree, path, word):
    """The line of path on which the word first stands."""
    text = (tree.root / path).read_text()
    match = re.search(rf"\b{re.escape(word)}\b", text)
    return line_of(text, match.start()) if match else 1


def object_symbols(tree):
    """(source path, nm's letter, name) of each symbol in the objects; not the compiler's own."""
    objects = built_objects(tree) if tree.build else {}
    if not objects:
        return
    out = subprocess.run(["nm", "-A", "--defined-only", *objects], capture_output=True, text=True,
        check=True).stdout
    for line in out.splitlines():
        name, _, entry = line.rpartition(":")
        _, kind, symbol = entry.split()
        if not symbol.startswith(("_", ".", "asan.")):
            yield objects[name], kind, symbol


def built_objects(tree):
    """The objects in the build directory that come from lib/, dataplane/ or control/."""
    objects = {}
    root = str(tree.root.resolve())
    for entry in json.loads((tree.build / "compile_commands.json").read_text()):
        source = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        output = os.path.join(entry["directory"], entry["output"])
        path = os.path.relpath(source, root)
        if path.startswith(("lib/", "dataplane/", "control/")) and os.path.exists(output):
            objects[output] = path
    return objects


RULES = {
    "spdx": license_line,
    "intro": intro,
    "thread": thread,
    "file-length": file_length,
    "function-length": function_length,
    "parameters": parameters,
    "columns": columns,
    "whitespace": whitespace,
    "recursion": recursion,
    "layering": layering,
    "worker-ban": worker_bans,
    "docstring": docstrings,
    "guard": guards,
    "conditional": conditionals,
    "typedef": typedefs,
    "dead-code": dead_code,
    "unfinished": unfinished,
    "document": documents,
    "script-syntax": script_syntax,
    "format": formatting,
    "symbol": symbols,
    "lib-state": lib_state,
}


def run(tree):
    """All findings, by file and line."""
    found = [finding for rule in RULES.values() for finding in rule(tree)]
    return sorted(found, key=lambda f: (f.path, f.line, f.rule))
