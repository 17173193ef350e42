# SPDX-License-Identifier: BSD-3-Clause
"""Tables for people: aligned text for a terminal, Markdown for README."""


def number(value, digits=1):
    return "-" if value is None else f"{value:,.{digits}f}"


def verdict(met):
    """What a target's outcome is called: met is True, False, or None without a target."""
    return {True: "met", False: "MISSED", None: "-"}[met]


def text_table(head, rows):
    """Columns as wide as they must be; the first one left, the others right."""
    lines = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    out = []
    for line in lines:
        cells = [cell.ljust(w) if i == 0 else cell.rjust(w)
                 for i, (cell, w) in enumerate(zip(line, widths))]
        out.append("  ".join(cells).rstrip())
    out.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(out)


def markdown_table(head, rows):
    rule = ["---"] + ["---:"] * (len(head) - 1)
    out = ["| " + " | ".join(head) + " |", "|" + "|".join(rule) + "|"]
    out += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(out)
