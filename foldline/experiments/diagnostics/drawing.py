"""Small pictures as SVG, written by hand: a curve, and bars."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 80, 24, 56, 56
INK, GREY, LINE, MARKS = "#222222", "#8a8a8a", "#1f5fa8", ("#b3401f", "#2f7d4f", "#7a4fa0")
TICKS = 6  # about so many of an axis
FONT = "font-family='sans-serif' font-size='13'"


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`; a logarithmic one shows powers of ten."""

    name: str
    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Give where a value lies, 0 to 1; what lies outside is at the edge."""
        low, high, own = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return min(1.0, max(0.0, (own - low) / ((high - low) or 1.0)))

    def ticks(self) -> list[float]:
        """Give round values."""
        if self.log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return [10.0**power for power in range(first, last + 1)]
        step = _round((self.high - self.low) / TICKS)
        first, last = math.ceil(self.low / step), math.floor(self.high / step + 1e-9)
        return [place * step for place in range(first, last + 1)]


@dataclass(frozen=True)
class Mark:
    """A value of the x-axis to point at."""

    name: str
    value: float


def curve(
    title: str,
    x: tuple[str, Sequence[float]],
    y: tuple[str, Sequence[float]],
    marks: Sequence[Mark] = (),
    faint: Sequence[float] = (),
    log_x: bool = False,
    span: tuple[float, float] | None = None,
) -> str:
    """Draw a curve through points, named axes and marks; `faint` is a second one behind it.

    `span` is what the y-axis shows; without it, all from 0 on.
    """
    (x_name, xs), (y_name, ys) = x, y
    low, high = span or (min([0.0, *ys]), max([*ys, *faint]) or 1.0)
    across, up = Axis(x_name, min(xs), max(xs), log_x), Axis(y_name, low, high)
    parts = _frame(across, up)
    if len(faint):
        parts.append(_line(across, up, xs, faint, GREY, 1))
    parts.append(_line(across, up, xs, ys, LINE, 2))
    for place, mark in enumerate(marks):
        at, color = _x(across, mark.value), MARKS[place % len(MARKS)]
        parts.append(
            f"<line x1='{at:.1f}' x2='{at:.1f}' y1='{TOP}' y2='{HEIGHT - BOTTOM}' "
            f"stroke='{color}' stroke-dasharray='5 4'/>"
        )
        # Names stand side by side above, so that they cover neither the curve nor one another.
        parts.append(_text(LEFT + 60 + 190 * place, TOP - 10, mark.name, color))
    return _picture(title, parts, HEIGHT)


def bars(title: str, values: Sequence[tuple[str, float, str]]) -> str:
    """Draw a horizontal bar for each name, value from 0, and what stands beside it."""
    most = max((value for _, value, _ in values), default=0.0) or 1.0
    room, parts = WIDTH - 150 - 150, []
    for place, (name, value, said) in enumerate(values):
        y = TOP + 34 * place
        parts.append(_text(140, y + 17, name, INK, "end"))
        length = max(1.0, value / most * room)
        parts.append(f"<rect x='150' y='{y}' width='{length:.1f}' height='24' fill='{LINE}'/>")
        parts.append(_text(158 + length, y + 17, said, INK))
    return _picture(title, parts, TOP + 34 * len(values) + 16)


def _frame(across: Axis, up: Axis) -> list[str]:
    bottom, parts = HEIGHT - BOTTOM, []
    for value in across.ticks():
        at = _x(across, value)
        parts.append(f"<path d='M{at:.1f} {bottom}v5' stroke='{GREY}'/>")
        shown = f"1e{math.log10(value):.0f}" if across.log else f"{value:g}"
        parts.append(_text(at, bottom + 20, shown, INK, "middle"))
    for value in up.ticks():
        at = _y(up, value)
        parts.append(f"<path d='M{LEFT} {at:.1f}H{WIDTH - RIGHT}' stroke='#e4e4e4'/>")
        parts.append(_text(LEFT - 8, at + 4, f"{value:.4g}", INK, "end"))
    parts.append(f"<path d='M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}' fill='none' stroke='{GREY}'/>")
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, across.name, INK, "middle"))
    parts.append(_text(LEFT, TOP - 10, up.name, INK, "start"))
    return parts


def _line(
    across: Axis, up: Axis, xs: Sequence[float], ys: Sequence[float], color: str, width: int
) -> str:
    points = " ".join(f"{_x(across, x):.1f},{_y(up, y):.1f}" for x, y in zip(xs, ys, strict=True))
    return f"<polyline points='{points}' fill='none' stroke='{color}' stroke-width='{width}'/>"


def _x(axis: Axis, value: float) -> float:
    return LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT)


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, text: str, color: str, anchor: str = "start") -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' fill='{color}' text-anchor='{anchor}'>{escape(text)}</text>"
    )


def _picture(title: str, parts: Sequence[str], height: float) -> str:
    inner = "\n".join([_text(16, 24, title, INK), *parts])
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height:g}' "
        f"width='{WIDTH}' height='{height:g}' role='img' {FONT}>\n"
        f"<rect width='100%' height='100%' fill='#ffffff'/>\n{inner}\n</svg>\n"
    )


def _round(step: float) -> float:
    """Give the nearest of 1, 2 and 5 times a power of ten, from `step` up."""
    if not step > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= step * (1 - 1e-9))
