"""Plots of the diagnostics: a curve, bars, and points with chance intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from foldline.core.io import svg
from foldline.core.io.texts import cut_text

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 80, 24, 56, 56
MARK_COLOURS = ("b", "c", "d")
TICKS = 6  # of an axis, about
SPACING = 34  # from bar to bar
NAME_LENGTH = 30  # characters that fit beside a point


@dataclass(frozen=True)
class Mark:
    """A labelled value of the x-axis."""

    name: str
    value: float


def draw_curve(
    title: str,
    x: tuple[str, Sequence[float]],
    y: tuple[str, Sequence[float]],
    marks: Sequence[Mark] = (),
    faint: Sequence[float] = (),
    log_x: bool = False,
    span: tuple[float, float] | None = None,
) -> str:
    """Draw a curve with named axes and marks; `faint` is a second curve behind it.

    `span` is the range of the y-axis; by default it starts at 0.
    """
    (x_name, xs), (y_name, ys) = x, y
    low, high = span or (min([0.0, *ys]), max([*ys, *faint]) or 1.0)
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    across = svg.scale(min(xs), max(xs), LEFT, right, log_x)
    up = svg.scale(low, high, bottom, TOP)
    parts = []
    for value in svg.ticks(min(xs), max(xs), TICKS, log_x):
        label = f"1e{math.log10(value):.0f}" if log_x else f"{value:g}"
        parts.append(svg.draw_line(across(value), bottom, across(value), bottom + 5))
        parts.append(svg.text(across(value), bottom + 20, label, "middle"))
    for value in svg.ticks(low, high, TICKS):
        parts.append(svg.draw_line(LEFT, up(value), right, up(value)))
        parts.append(svg.text(LEFT - 8, up(value) + 4, f"{value:.4g}", "end"))
    parts.append(svg.text((LEFT + right) / 2, HEIGHT - 12, x_name, "middle"))
    parts.append(svg.text(LEFT, TOP - 10, y_name))
    for values, style in ((faint, "a faint"), (ys, "a")):
        points = [(across(a), up(b)) for a, b in zip(xs, values, strict=False)]
        parts += [svg.polyline(points, style)] if points else []
    for index, mark in enumerate(marks):
        position, color = across(mark.value), MARK_COLOURS[index % len(MARK_COLOURS)]
        parts.append(svg.draw_line(position, TOP, position, bottom, f"{color} dashed"))
        # Names are side by side above the plot, so that they do not overlap.
        parts.append(svg.text(LEFT + 60 + 190 * index, TOP - 10, mark.name, color))
    return svg.svg_document(WIDTH, HEIGHT, title, [svg.text(16, 24, title, "title"), *parts])


@dataclass(frozen=True)
class ChanceInterval:
    """A value, and the interval that chance would give."""

    name: str
    value: float
    low: float
    high: float


def draw_chance_intervals(title: str, values: Sequence[ChanceInterval]) -> str:
    """Draw a point for each value, over a bar of its chance interval."""
    ends = [end for item in values for end in (item.value, item.low, item.high)]
    across = svg.scale(min([0.0, *ends]), max([1.0, *ends]), 210, WIDTH - 90)
    bottom = TOP + SPACING * len(values)
    parts = [svg.text(16, 24, title, "title")]
    for value in svg.ticks(min([0.0, *ends]), max([1.0, *ends]), TICKS):
        parts.append(svg.draw_line(across(value), TOP, across(value), bottom))
        parts.append(svg.text(across(value), bottom + 18, f"{value:g}", "middle"))
    for index, item in enumerate(values):
        y = TOP + SPACING * index + SPACING / 2
        left, right = across(item.low), across(item.high)
        parts.append(svg.text(200, y + 4, cut_text(item.name, NAME_LENGTH), "end"))
        parts.append(svg.bar(left, y - 8, (max(right - left, 2), 16), "b faint"))
        parts.append(svg.dot(across(item.value), y, "a"))
        parts.append(svg.text(WIDTH - 78, y + 4, f"{item.value:.3f}"))
    return svg.svg_document(WIDTH, bottom + 34, title, parts)


def draw_bars(title: str, values: Sequence[tuple[str, float, str]]) -> str:
    """Draw a horizontal bar from 0 for each name and value, with a label behind it."""
    maximum = max((value for _, value, _ in values), default=0.0) or 1.0
    length = svg.scale(0, maximum, 1, WIDTH - 150 - 150)
    parts = [svg.text(16, 24, title, "title")]
    for index, (name, value, label) in enumerate(values):
        y = TOP + SPACING * index
        parts.append(svg.text(140, y + 17, name, "end"))
        parts.append(svg.bar(150, y, (length(value), 24), "a"))
        parts.append(svg.text(158 + length(value), y + 17, label))
    return svg.svg_document(WIDTH, TOP + SPACING * len(values) + 16, title, parts)
