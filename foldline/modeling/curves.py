"""The curves of a training as one SVG, which opens anywhere and follows light and dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from foldline.frame.files import write_text

FILE = Path("metrics/curves.svg")
POINTS = 400  # of a line at most; more steps are averaged
SMOOTH = 0.9  # decay of the moving average of the training loss
WIDTH, PANEL, LEFT, RIGHT, TOP, BOTTOM = 760, 230, 70, 20, 40, 40
STYLE = """
svg { --paper: #ffffff; --ink: #24292f; --grid: #d8dee4; --a: #0969da; --b: #bc4c00; --c: #1a7f37 }
@media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #d1d7e0; --grid: #30363d;
  --a: #58a6ff; --b: #f0883e; --c: #56d364 } }
text { font: 12px system-ui, sans-serif; fill: var(--ink) }
.title { font-weight: 600 }
.end { text-anchor: end }
.middle { text-anchor: middle }
.paper { fill: var(--paper) }
.grid { stroke: var(--grid) }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round }
.a { stroke: var(--a) } .b { stroke: var(--b) } .c { stroke: var(--c) }
.a.dot { fill: var(--a) } .b.dot { fill: var(--b) } .c.dot { fill: var(--c) }
.faint { stroke-width: 1; opacity: .4 }
tspan.a { fill: var(--a); stroke: none } tspan.b { fill: var(--b); stroke: none }
tspan.c { fill: var(--c); stroke: none }
""".strip()

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """Points in one colour (a, b or c); `dots` marks each, `faint` draws thinly."""

    name: str
    colour: str
    points: Points
    dots: bool = False
    faint: bool = False


def write_curves(history: Sequence[dict[str, Any]], metric: str, path: Path = FILE) -> None:
    """Write the picture of a history; `metric` is what training stops by."""
    write_text(path, picture(panels(history, metric)))


def panels(history: Sequence[dict[str, Any]], metric: str) -> dict[str, list[Line]]:
    """Give the lines of each panel that has any: losses, the metric, the learning rate."""
    loss = column(history, "loss")
    valid = column(history, "valid_loss")
    found = {
        "loss": [
            Line("training, each step", "a", thinned(loss), faint=True),
            Line("smoothed", "a", thinned(smoothed(loss))),
            Line("validation, by epoch", "b", valid, dots=True),
        ],
        f"{metric}, validation": [Line("by epoch", "b", column(history, "valid_metric"), True)],
        "learning rate": [Line("each step", "c", thinned(column(history, "lr")))],
    }
    kept = {title: [line for line in lines if line.points] for title, lines in found.items()}
    return {title: lines for title, lines in kept.items() if lines}


def column(history: Sequence[dict[str, Any]], name: str) -> Points:
    """Give (step, value) where a step has the value, and it is finite."""
    return [(r["step"], r[name]) for r in history if name in r and math.isfinite(r[name])]


def smoothed(points: Points) -> Points:
    """Give the exponential moving average, without the pull to 0 at its beginning."""
    total = weight = 0.0
    found = []
    for step, value in points:
        total = SMOOTH * total + (1 - SMOOTH) * value
        weight = SMOOTH * weight + (1 - SMOOTH)
        found.append((step, total / weight))
    return found


def thinned(points: Points) -> Points:
    """Average neighbours until there are at most POINTS of them."""
    size = -(-len(points) // POINTS) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Give about `count` round numbers (1, 2 or 5 times a power of ten) from low to high."""
    if not high > low:
        return [low]
    power = 10 ** math.floor(math.log10((high - low) / count))
    step = next(m * power for m in (1, 2, 5, 10) if (high - low) / (m * power) <= count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def picture(found: dict[str, list[Line]]) -> str:
    """Draw panels, one above the other, over one axis of steps."""
    height = max(1, len(found)) * PANEL
    steps = [x for lines in found.values() for line in lines for x, _ in line.points]
    across = (min(steps), max(steps)) if steps else (0.0, 1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        f"<title>Curves of the training: {escape(', '.join(found) or 'none')}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
    ]
    for place, (title, lines) in enumerate(found.items()):
        parts.append(f'<g transform="translate(0 {place * PANEL})">')
        parts += _panel(title, lines, across)
        parts.append("</g>")
    if not found:
        parts.append(_text(LEFT, PANEL / 2, "This kind of model is not trained in steps."))
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, lines: list[Line], across: tuple[float, float]) -> list[str]:
    values = [y for line in lines for _, y in line.points]
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or abs(high) * 0.05 or 1.0
    x = _scale(across, LEFT, WIDTH - RIGHT)
    y = _scale((low - room, high + room), PANEL - BOTTOM, TOP)
    names = "".join(f'<tspan class="{e.colour}" dx="14">{escape(e.name)}</tspan>' for e in lines)
    title = f'<tspan class="title">{escape(title)}</tspan>{names}'
    parts = [f'<text x="{LEFT}" y="22">{title}</text>']
    for value in ticks(low - room, high + room):
        parts.append(_rule(LEFT, y(value), WIDTH - RIGHT, y(value)))
        parts.append(_text(LEFT - 8, y(value) + 4, f"{value:.4g}", "end"))
    for value in (v for v in ticks(*across, 8) if v == int(v)):
        parts.append(_text(x(value), PANEL - BOTTOM + 18, f"{value:,.0f}", "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, PANEL - 6, "optimiser step", "middle"))
    for line in lines:
        parts += _drawn(line, [(x(a), y(b)) for a, b in line.points])
    return parts


def _drawn(line: Line, points: Points) -> list[str]:
    style = f"{line.colour} faint" if line.faint else line.colour
    parts = [
        f'<polyline class="{style}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>'
    ]
    if line.dots or len(points) == 1:
        parts += [
            f'<circle class="{line.colour} dot" cx="{a:.1f}" cy="{b:.1f}" r="3"/>'
            for a, b in points
        ]
    return parts


def _scale(values: tuple[float, float], first: float, last: float) -> Any:
    low, high = values
    size = high - low or 1.0
    return lambda value: first + (value - low) / size * (last - first)


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _rule(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<line class="grid" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'
