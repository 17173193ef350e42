# SPDX-License-Identifier: BSD-3-Clause
"""Lines over a logarithmic axis as SVG, in the style of chart.py."""

import dataclasses
import math
from xml.sax.saxutils import escape

from benchlib import chart

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 800, 420, 70, 40, 84, 76
STYLES = ("bar", "mark", "second")
STYLE = chart.STYLE + """
  .line { fill: none; stroke-width: 2.5; }
  .bar.line { stroke: #1a7f8e; } .second.line { stroke: #c2772f; } .mark.line { stroke: #6e7781; }
  .bar.dot { fill: #1a7f8e; } .second.dot { fill: #c2772f; } .mark.dot { fill: #6e7781; }
  .mark.dot, .mark.line { stroke-width: 1.5; }
"""


@dataclasses.dataclass
class Line:
    name: str
    ys: list  # one per x; None: no point


@dataclasses.dataclass
class Plot:
    title: str
    x_unit: str
    y_unit: str
    xs: list     # above zero, ascending
    notes: list  # below each x
    lines: list  # at most as many as STYLES


def place_x(plot, x):
    low, high = math.log(plot.xs[0]), math.log(plot.xs[-1])
    share = (math.log(x) - low) / (high - low) if high > low else 0.5
    return LEFT + 20 + share * (WIDTH - LEFT - RIGHT - 40)


def grid(plot, top, place_y):
    step = chart.nice_step(top)
    out = []
    for i in range(math.floor(top / step + 1e-9) + 1):
        y = place_y(i * step)
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{chart.plain(y)}" '
                   f'y2="{chart.plain(y)}"/>')
        out.append(chart.label(LEFT - 8, y + 4, "small", chart.plain(i * step), "end"))
    out.append(chart.label(LEFT - 8, TOP - 14, "small", plot.y_unit, "end"))
    for x, note in zip(plot.xs, plot.notes):
        out.append(chart.label(place_x(plot, x), HEIGHT - BOTTOM + 20, "label", chart.plain(x),
                               "middle"))
        out.append(chart.label(place_x(plot, x), HEIGHT - BOTTOM + 36, "small", note, "middle"))
    out.append(chart.label(WIDTH / 2, HEIGHT - 14, "small", plot.x_unit, "middle"))
    return out


def one_line(plot, line, style, place_y):
    points = [(place_x(plot, x), place_y(y)) for x, y in zip(plot.xs, line.ys) if y is not None]
    path = " ".join(f"{chart.plain(x)},{chart.plain(y)}" for x, y in points)
    return [f'<polyline class="{style} line" points="{path}"/>'] + [
        f'<circle class="{style} dot" cx="{chart.plain(x)}" cy="{chart.plain(y)}" r="4"/>'
        for x, y in points]


def draw(plot):
    """The SVG text of a plot."""
    top = max([y for line in plot.lines for y in line.ys if y is not None], default=0) or 1

    def place_y(y):
        return HEIGHT - BOTTOM - y / top * (HEIGHT - BOTTOM - TOP)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(plot.title)}">',
           f"<style>{STYLE}</style>", chart.label(LEFT, 28, "title", plot.title)]
    x = LEFT
    for line, style in zip(plot.lines, STYLES):
        out.append(f'<circle class="{style} dot" cx="{x + 6}" cy="51" r="5"/>')
        out.append(chart.label(x + 18, 55, "small", line.name))
        x += 40 + 6.2 * len(line.name)
    out += grid(plot, top, place_y)
    for line, style in zip(plot.lines, STYLES):
        out += one_line(plot, line, style, place_y)
    return "\n".join(out) + "\n</svg>\n"
