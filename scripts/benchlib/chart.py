# SPDX-License-Identifier: BSD-3-Clause
"""A horizontal bar chart as SVG, readable on light and dark pages, without any library."""

import dataclasses
import math
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 800, 236, 160
LEGEND, ROW, BAR, BOTTOM = 30, 48, 20, 40
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
STYLE = """
  text { font-family: %s; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .label { font-size: 14px; font-weight: 600; }
  .small { font-size: 11px; fill: #59636e; }
  .value { font-size: 13px; font-weight: 600; }
  .grid { stroke: #d1d9e0; stroke-width: 1; }
  .behind { fill: #d7dee6; }
  .second { fill: #c2772f; }
  .bar { fill: #1a7f8e; }
  .mark { stroke: #bc4c00; stroke-width: 2.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9198a1; }
    .grid { stroke: #30363d; }
    .behind { fill: #3a434d; }
    .second { fill: #d9965a; }
    .bar { fill: #3fb6c6; }
    .mark { stroke: #ff9b5e; }
  }
""" % FONT


@dataclasses.dataclass
class Bar:
    label: str
    text: str             # small, below the label
    value: float
    behind: float | None  # a wider, pale bar to compare with
    mark: float | None    # a line across: the target
    note: str             # behind the value
    style: str = "bar"


@dataclasses.dataclass
class Chart:
    title: str
    unit: str
    legend: tuple  # names of value, behind and mark; None where there is none
    bars: list
    digits: int = 1


def nice_step(top, steps=5):
    """The distance of grid lines: 1, 2 or 5 times a power of ten, about `steps` of them to top."""
    rough = top / steps
    power = 10 ** math.floor(math.log10(rough))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= rough * 0.999)


def plain(value):
    """A number for an axis or a coordinate, without a useless fraction."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def box(x, y, width, height, kind):
    return (f'<rect class="{kind}" x="{plain(x)}" y="{plain(y)}" width="{plain(max(width, 1))}" '
            f'height="{height}" rx="3"/>')


def label(x, y, kind, text, anchor="start"):
    return (f'<text class="{kind}" x="{plain(x)}" y="{plain(y)}" text-anchor="{anchor}">'
            f"{escape(text)}</text>")


def legend(names):
    out, x = [], LEFT
    for name, kind in zip(names, ("bar", "behind", "mark")):
        if name is None:
            continue
        if kind == "mark":
            out.append(f'<line class="mark" x1="{x + 6}" x2="{x + 6}" y1="44" y2="58"/>')
        else:
            out.append(box(x, 45, 12, 12, kind))
        out.append(label(x + 18, 55, "small", name))
        x += 34 + 6.2 * len(name)
    return out


def one_bar(bar, y, scale, digits):
    out = [label(LEFT - 12, y + 9, "label", bar.label, "end"),
           label(LEFT - 12, y + 24, "small", bar.text, "end")]
    if bar.behind is not None:
        out.append(box(LEFT, y - 3, bar.behind * scale, BAR + 6, "behind"))
    out.append(box(LEFT, y, bar.value * scale, BAR, bar.style))
    if bar.mark is not None:
        x = plain(LEFT + bar.mark * scale)
        out.append(f'<line class="mark" x1="{x}" x2="{x}" y1="{y - 6}" y2="{y + BAR + 6}"/>')
    end = LEFT + max(bar.value, bar.behind or 0, bar.mark or 0) * scale + 8
    out.append(label(end, y + 9, "value", f"{bar.value:.{digits}f}"))
    out.append(label(end, y + 23, "small", bar.note))
    return out


def draw(chart):
    """The SVG text of a chart."""
    top = max([max(b.value, b.behind or 0, b.mark or 0) for b in chart.bars], default=0) or 1
    step = nice_step(top)
    scale = (WIDTH - LEFT - RIGHT) / top
    start = 54 + (LEGEND if any(chart.legend) else 0)
    height = start + ROW * len(chart.bars) + BOTTOM
    floor = height - BOTTOM
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}" role="img" aria-label="{escape(chart.title)}">',
           f"<style>{STYLE}</style>", label(LEFT, 28, "title", chart.title), *legend(chart.legend)]
    for i in range(math.floor(top / step + 1e-9) + 1):
        x = plain(LEFT + i * step * scale)
        out.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{start - 10}" y2="{floor}"/>')
        out.append(label(float(x), floor + 16, "small", plain(i * step), "middle"))
    out.append(label(WIDTH - RIGHT + 8, floor + 16, "small", chart.unit))
    for i, bar in enumerate(chart.bars):
        out += one_bar(bar, start + ROW * i + 4, scale, chart.digits)
    return "\n".join(out) + "\n</svg>\n"
