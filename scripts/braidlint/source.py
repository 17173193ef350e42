# SPDX-License-Identifier: BSD-3-Clause
"""The sources as the rules see them: files by kind, C without its comments, C cut into functions.

This is no C parser. It relies on what clang-format guarantees and on the absence of conditional
compilation, and needs nothing but Python.
"""

import dataclasses
import functools
import pathlib
import re
import subprocess

TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL | re.VERBOSE,
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)|\b_Alignas\s*\([^)]*\)", re.DOTALL)
FUNCTION_HEAD = re.compile(r"^[\w\s*]+?[\s*](\w+)\s*\(", re.DOTALL)
CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")


@dataclasses.dataclass
class Finding:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


@dataclasses.dataclass
class Function:
    """A function or prototype at file level. body is None for a prototype."""

    path: str
    name: str
    line: int  # of its first word
    n_lines: int
    params: list
    is_static: bool
    body: str


def blank(text):
    """text with everything but its line breaks replaced by spaces."""
    return re.sub(r"[^\n]", " ", text)


def split_lines(text):
    """The lines of text; unlike splitlines(), only "\\n" ends one, so that blank() keeps them."""
    return text.removesuffix("\n").split("\n") if text else []


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def is_below(path, places):
    return not places or any(path == p or path.startswith(p + "/") or p == "." for p in places)


def split_params(text):
    """The parameters in text, which starts behind the opening parenthesis."""
    params, depth, start = [], 0, 0
    for i, c in enumerate(text):
        if c in "([{":
            depth += 1
        elif c in ")]}" and depth > 0:
            depth -= 1
        elif c == ")" or (c == "," and depth == 0):
            params.append(" ".join(text[start:i].split()))
            start = i + 1
            if c == ")":
                break
    return [p for p in params if p not in ("", "void", "...")]


class File:
    """One file; everything derived from its text is made when first asked for."""

    def __init__(self, root, path):
        self.path = path
        self.name = path.rsplit("/", 1)[-1]
        self.text = (root / path).read_text(encoding="utf-8", errors="replace")
        self.lines = split_lines(self.text)

    @property
    def is_c(self):
        return self.path.endswith((".c", ".h"))

    @property
    def is_header(self):
        return self.path.endswith(".h")

    @property
    def is_c_like(self):
        return self.is_c or self.path.endswith(".def")

    @property
    def is_shell(self):
        return self.path.endswith(".sh") or bool(re.match(r"#!.*\b(ba|da)?sh\b", self.text))

    @property
    def is_python(self):
        return self.path.endswith(".py") or bool(re.match(r"#!.*\bpython3?\b", self.text))

    @property
    def is_code(self):
        return self.is_c_like or self.is_shell or self.is_python or self.name == "meson.build"

    @property
    def is_doc(self):
        return self.path == "README.md" or re.fullmatch(r"docs/[^/]+\.md", self.path) is not None

    @property
    def is_test(self):
        return self.path.startswith("tests/")

    @property
    def folder(self):
        return self.path.rsplit("/", 1)[0] if "/" in self.path else ""

    @functools.cached_property
    def code(self):
        """The text with comments and the insides of strings blanked, same length and lines."""

        def replace(match):
            if match.group("comment"):
                return blank(match.group())
            return match.group()[0] + blank(match.group()[1:-1]) + match.group()[-1]

        return TOKEN.sub(replace, self.text)

    @functools.cached_property
    def plain(self):
        """The code without its preprocessor directives, same length and lines."""
        return DIRECTIVE.sub(lambda match: blank(match.group()), self.code)

    @functools.cached_property
    def intro(self):
        """The comment behind the SPDX line: what the file is for. Empty if there is none."""
        rest = re.sub(r"\A(#![^\n]*\n)?[^\n]*\n", "", self.text)
        if self.is_c_like:
            match = re.match(r"/\*.*?\*/", rest, re.DOTALL)
        else:
            match = re.match(r'(?:#[^\n]*\n)+|"""(.+?)"""', rest, re.DOTALL)
        return match.group() if match else ""

    @functools.cached_property
    def includes(self):
        """(line, True for <...>, name) of each #include."""
        return [
            (line_of(self.text, m.start()), m.group(1) == "<", m.group(2))
            for m in INCLUDE.finditer(self.text)
            if self.code[m.start() : m.end()].strip().startswith("#")
        ]

    @functools.cached_property
    def functions(self):
        return list(self._cut())

    def _cut(self):
        """Walks the plain text at file level: a head, then either ";" or a body in braces."""
        text = self.plain
        start = depth = brackets = 0
        body_at = None
        for i, c in enumerate(text):
            if c in "([":
                brackets += 1
            elif c in ")]":
                brackets -= 1
            elif c == "{":
                if depth == 0 and brackets == 0:
                    body_at = i
                depth += 1
            elif c == "}":
                depth -= 1
                if depth == 0 and brackets == 0 and text[start:body_at].rstrip().endswith(")"):
                    yield from self._function(start, body_at, i + 1)
                    start, body_at = i + 1, None
            elif c == ";" and depth == 0 and brackets == 0:
                if body_at is None:
                    yield from self._function(start, i, i + 1)
                start, body_at = i + 1, None

    def _function(self, start, head_end, end):
        head = ATTRIBUTE.sub(lambda m: blank(m.group()), self.plain[start:head_end])
        first = start + len(head) - len(head.lstrip())
        head = head.strip()
        match = FUNCTION_HEAD.match(head)
        if match is None or head.startswith(("typedef", "return", "else")):
            return
        line = line_of(self.text, first)
        yield Function(
            path=self.path,
            name=match.group(1),
            line=line,
            n_lines=line_of(self.text, end) - line + 1,
            params=split_params(head[match.end() :]),
            is_static=re.search(r"\bstatic\b", match.group()) is not None,
            body=None if self.plain[head_end] == ";" else self.plain[head_end:end],
        )


class Tree:
    """All files, and the build directory if there is one."""

    def __init__(self, root, paths, build=None):
        self.root = pathlib.Path(root)
        self.build = pathlib.Path(build) if build else None
        self.files = [File(self.root, path) for path in sorted(paths)]

    @property
    def c_files(self):
        return [f for f in self.files if f.is_c]

    @property
    def code_files(self):
        return [f for f in self.files if f.is_code]


def git_files(root):
    """Paths of the files that git tracks or would track, without binary ones and seeds."""
    if (root / ".git").exists():
        command = ["git", "-c", f"safe.directory={root}", "ls-files", "-coz", "--exclude-standard"]
        out = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
        paths = set(out.split("\0")) - {""}
    else:  # an unpacked archive
        found = (p.relative_to(root) for p in root.rglob("*") if p.is_file())
        paths = {str(p) for p in found if not p.parts[0].startswith("build")}
    paths = (p for p in paths if not p.startswith("tests/fuzz/corpus/") and (root / p).is_file())
    return [p for p in paths if b"\0" not in (root / p).read_bytes()]
