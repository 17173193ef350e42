# SPDX-License-Identifier: BSD-3-Clause
"""Proves that every rule of scripts/lint can fail, and that clean sources pass.

Each sample is a small tree like BASE with one file added or replaced; exactly the named rule must
complain, and about that file.
"""

import json
import pathlib
import subprocess
import tempfile

from braidlint import rules, source

C = "/* SPDX-License-Identifier: BSD-3-Clause */\n"
INTRO = C + "/* What this sample file is for. Thread: any. */\n"
WORKER = C + "/*\n * What this sample file is for, so long it wraps. Thread:\n * worker.\n */\n"
SH = "#!/bin/bash\n# SPDX-License-Identifier: BSD-3-Clause\n# What this sample script is for.\n"
FORMAT = pathlib.Path(__file__).resolve().parent.parent.parent / ".clang-format"


def header(path, body):
    guard = path.replace("/", "_").replace(".", "_").upper()
    return f"{INTRO}#ifndef {guard}\n#define {guard}\n\n{body}\n#endif\n"


LINK_H = header("dataplane/link/link.h", "/* Sends a frame. */\nint link_send(int frame);\n")

BASE = {
    ".clang-format": FORMAT.read_text() if FORMAT.exists() else "BasedOnStyle: LLVM\n",
    "README.md": "`lib/base/base.h` has `base_max_of()`; `rte_ring` is DPDK's, `x_y()`.\n",
    "lib/base/base.h": header(
        "lib/base/base.h",
        "/* The larger one. */\nint base_max_of(int x_y, ...);\n",
    ),
    "lib/base/base.c": INTRO
    + '#include "lib/base/base.h"\n\n'
    + "int base_max_of(int x_y, ...)\n{\n"
    + "\tconst char *s = \"base_max_of(\";\n\n\treturn s[x_y];\n}\n",
    "dataplane/link/link.h": LINK_H,
    "dataplane/link/link.c": WORKER
    + '#include "dataplane/link/link.h"\n#include "lib/base/base.h"\n\n'
    + "int link_send(int frame)\n{\n\t/* malloc(1) would be wrong */\n\treturn frame;\n}\n",
    "dataplane/ip/ip.h": header("dataplane/ip/ip.h", '#include "dataplane/link/link.h"\n'),
    "scripts/run": SH + "echo ok\n",
    "tests/unit/a_test.c": INTRO + '#include "dataplane/link/link.h"\n\nint main(void)\n{\n'
    + "\treturn link_send(0);\n}\n",
}


def body_c(body):
    return INTRO + body


def long_function(n):
    return "int base_long(void)\n{\n" + "\tbase_step();\n" * n + "\treturn 0;\n}\n"


SAMPLES = [
    ("spdx", "lib/base/x.c", "/* Copyright */\n/* What this sample file is for. */\n"),
    ("spdx", "scripts/x", "#!/bin/sh\n# Copyright\n# What this sample script is for.\n"),
    ("intro", "lib/base/x.c", C),
    ("intro", "scripts/x", "#!/bin/sh\n# SPDX-License-Identifier: BSD-3-Clause\necho\n"),
    ("thread", "dataplane/link/x.c", C + "/* What this sample file is for. */\n"),
    ("file-length", "lib/base/x.c", body_c("\n/* A page of nothing. */\n" * 300)),
    ("function-length", "lib/base/x.c", body_c(long_function(70))),
    ("parameters", "lib/base/x.c", body_c("int x(int a, int b, int c, int d, int e, int f);\n")),
    ("parameters", "lib/base/x.c", body_c(
        "static int base_x(int (*a)(int, int), int b, int c, int d, int e, int f)\n"
        "{\n\treturn b;\n}\n")),
    ("columns", "lib/base/x.def", body_c("ROW(" + "x" * 97 + ")\n")),
    ("columns", "scripts/x", SH + "\t" * 12 + "echo 12\n"),
    ("whitespace", "scripts/x", SH + "echo \n"),
    ("whitespace", "lib/base/x.def", body_c("ROW(a,\n    b)\n")),
    ("whitespace", "scripts/x", SH + "echo"),
    ("recursion", "lib/base/x.c", body_c("int base_x(int n)\n{\n\treturn base_x(n - 1);\n}\n")),
    ("recursion", "lib/base/x.c", body_c(
        "int base_y(int n);\n\nint base_x(int n)\n{\n\treturn base_y(n);\n}\n\n"
        "int base_y(int n)\n{\n\treturn base_x(n);\n}\n")),
    ("layering", "lib/base/x.c", body_c("#include <rte_mbuf.h>\n")),
    ("layering", "lib/base/x.c", body_c('#include "dataplane/link/link.h"\n')),
    ("layering", "lib/base/x.c", body_c('#include "base.h"\n')),
    ("layering", "dataplane/link/x.c", body_c('#include "dataplane/ip/ip.h"\n')),
    ("layering", "control/x.c", body_c('#include "dataplane/link/link.h"\n')),
    ("layering", "control/x.c", body_c("#include <rte_ring.h>\n")),
    ("layering", "dataplane/link/x.c", WORKER + "#include <lib/base/base.h>\n"),
    ("worker-ban", "dataplane/link/x.c", WORKER + "static int x(void)\n{\n\treturn time(0);\n}\n"),
    ("worker-ban", "dataplane/link/x.c", WORKER + "static void x(void *p)\n{\n\tfree(p);\n}\n"),
    ("docstring", "lib/base/x.h", header("lib/base/x.h", "int base_x(int n);\n")),
    ("guard", "lib/base/x.h", INTRO + "#ifndef X_H\n#define X_H\n#endif\n"),
    ("conditional", "dataplane/link/x.c", WORKER + "#if 1\n#endif\n"),
    ("conditional", "dataplane/link/x.h", header("dataplane/link/x.h", "#ifdef A\n#endif\n")),
    ("typedef", "lib/base/x.c", body_c("typedef struct a b;\n")),
    ("dead-code", "lib/base/x.c", body_c("/*\n * base_x(1, 2);\n */\n")),
    ("dead-code", "lib/base/x.c", body_c("/* x->y = 3; */\n")),
    ("unfinished", "docs/x.md", "TO" + "DO: say more\n"),
    ("document", "README.md", "See `lib/base/none.c`.\n"),
    ("document", "docs/x.md", "Call `base_none()`.\n"),
    ("document", "docs/x.md", "The field `no_such_field`.\n"),
    ("script-syntax", "scripts/x", SH + "if true\n"),
    ("script-syntax", "scripts/x.py", "# SPDX-License-Identifier: BSD-3-Clause\n"
     '"""What this sample script is for."""\n\nif True\n'),
    ("format", "lib/base/x.c", body_c("enum  base_x { A };\n")),
    ("symbol", "lib/base/x.c", body_c("int wrong_x = 1;\n")),
    ("symbol", "lib/newfolder/x.c", body_c("int new_x = 1;\n")),
    ("lib-state", "lib/base/x.c", body_c(
        "int *base_x(void)\n{\n\tstatic int state;\n\n\treturn &state;\n}\n")),
]


def check(files):
    """The findings in a tree made of these files; its C below lib/ is compiled for the symbols."""
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        commands = []
        for path in files:
            if path.endswith("/x.c") and path.startswith("lib/"):
                build = subprocess.run(["cc", "-I.", "-c", "-o", "x.o", path], cwd=root,
                    capture_output=True, check=False)
                if build.returncode == 0:  # samples of bad includes do not compile
                    commands.append({"directory": str(root), "file": path, "output": "x.o"})
        (root / "compile_commands.json").write_text(json.dumps(commands))
        return rules.run(source.Tree(root, list(files), root))


def run():
    failures = 0
    for finding in check(BASE):
        print(f"self-test: clean sources, but {finding}")
        failures += 1
    for rule, path, text in SAMPLES:
        found = {(f.rule, f.path) for f in check({**BASE, path: text})}
        if found != {(rule, path)}:
            print(f"self-test: sample for {rule} in {path} gave {sorted(found) or 'nothing'}")
            failures += 1
    for rule in rules.RULES.keys() - {rule for rule, _, _ in SAMPLES}:
        print(f"self-test: rule {rule} has no sample")
        failures += 1
    print(f"self-test: {len(rules.RULES)} rules, {len(SAMPLES)} samples, {failures} failures")
    return 1 if failures else 0
