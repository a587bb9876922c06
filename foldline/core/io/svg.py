"""Elements of small SVG plots, in light and dark mode."""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

# Classes a to d are the colours of lines, bars and text; `faint` draws thin lines.
STYLE = """
svg { max-width: 100%; height: auto; --paper: #ffffff; --ink: #24292f; --grid: #d8dee4;
  --a: #0969da; --b: #bc4c00; --c: #1a7f37; --d: #8250df }
@media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #d1d7e0; --grid: #30363d;
  --a: #58a6ff; --b: #f0883e; --c: #56d364; --d: #bc8cff } }
text { font: 12px system-ui, sans-serif; fill: var(--ink) }
.title { font-weight: 600 }
.end { text-anchor: end } .middle { text-anchor: middle }
.paper { fill: var(--paper) }
.grid { stroke: var(--grid) }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round }
polyline.a, line.a { stroke: var(--a) } polyline.b, line.b { stroke: var(--b) }
polyline.c, line.c { stroke: var(--c) } polyline.d, line.d { stroke: var(--d) }
polygon { opacity: .15 }
rect.a, circle.a, text.a, tspan.a, polygon.a { fill: var(--a) }
rect.b, circle.b, text.b, tspan.b { fill: var(--b) }
rect.c, circle.c, text.c, tspan.c { fill: var(--c) }
rect.d, circle.d, text.d, tspan.d { fill: var(--d) }
.faint { stroke-width: 1; opacity: .4 }
.dashed { stroke-dasharray: 5 4 }
""".strip()

Points = list[tuple[float, float]]


def svg_document(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """Return an SVG of the parts, with its size in pixels; `title` is for screen readers."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{width:g}" height="{height:g}"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def text(x: float, y: float, words: str, style: str = "") -> str:
    """Return a text element; `style` are classes, such as `end` or `b`."""
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def draw_line(x: float, y: float, to_x: float, to_y: float, style: str = "grid") -> str:
    """Return a straight line."""
    return f'<line class="{style}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def polyline(points: Sequence[tuple[float, float]], style: str) -> str:
    """Return a line through points."""
    return f'<polyline class="{style}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def area(points: Sequence[tuple[float, float]], style: str) -> str:
    """Return a transparent area within points."""
    return f'<polygon class="{style}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def dot(x: float, y: float, style: str) -> str:
    """Return a point."""
    return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'


def bar(x: float, y: float, size: tuple[float, float], style: str) -> str:
    """Return a bar of a width and height."""
    width, height = size
    return f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}"/>'


def scale(
    low: float, high: float, first: float, last: float, log: bool = False
) -> Callable[[float], float]:
    """Return the function from values to pixels; values outside the range map to its ends."""
    start, end = (math.log10(v) if log else v for v in (low, high))
    size = end - start or 1.0

    def to_pixels(value: float) -> float:
        fraction = ((math.log10(value) if log else value) - start) / size
        return first + min(1.0, max(0.0, fraction)) * (last - first)

    return to_pixels


def ticks(low: float, high: float, count: int = 5, log: bool = False) -> list[float]:
    """Return about `count` round numbers from low to high (1, 2 or 5 times a power of ten).

    A logarithmic axis has powers of ten.
    """
    if log:
        lowest, highest = math.ceil(math.log10(low)), math.floor(math.log10(high))
        return [10.0**power for power in range(lowest, highest + 1)]
    if not high > low:
        return [low]
    power = 10 ** math.floor(math.log10((high - low) / count))
    step = next(m * power for m in (1, 2, 5, 10) if (high - low) / (m * power) <= count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]
