"""The learning curve as an SVG: scores by number of training rows, the law, and its forecast."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from foldline.core.io import svg

# Narrow, so that it can be read on a phone.
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 400, 56, 24, 84, 56
NARROW = 48  # pixels that a number of rows takes on the axis


def draw_learning_curve(report: Mapping[str, Any], model: str) -> str:
    """Return the plot of a report of `learning-curve`."""
    metric, sizes, band = report["metric"], report["sizes"], report["band"]
    forecast = report["forecast"]
    train = [(np.mean(s["rows"]), s["train"]) for s in sizes if s["train"] is not None]
    values = [score for size in sizes for score in size["scores"]] + [y for _, y in train]
    values += [point[name] for point in band for name in ("low", "score", "high")]
    finite = [value for value in values if value is not None and np.isfinite(value)] or [0.0, 1.0]
    margin = 0.04 * (max(finite) - min(finite)) or 0.05
    low, high = min(finite) - margin, max(finite) + margin
    shown = [float(np.mean(size["rows"])) for size in sizes] + [forecast["rows"]]
    x = svg.scale(shown[0], shown[-1], LEFT, WIDTH - RIGHT, log=True)
    y = svg.scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = _draw_axes(shown, x, y, (low, high))
    parts += _draw_title(report, model, bool(train))
    known = [point for point in band if np.isfinite([point["low"], point["high"]]).all()]
    outline = [(x(p["rows"]), y(p["high"])) for p in known]
    outline += [(x(p["rows"]), y(p["low"])) for p in reversed(known)]
    parts += [svg.area(outline, "a")] if outline else []
    last = float(np.mean(sizes[-1]["rows"]))
    inside = [(x(p["rows"]), y(p["score"])) for p in band if p["rows"] <= last * 1.001]
    beyond = [inside[-1]] + [(x(p["rows"]), y(p["score"])) for p in band if p["rows"] > last]
    parts += [svg.polyline(inside, "a"), svg.polyline(beyond, "a dashed")]
    for size in sizes:
        for rows, score in zip(size["rows"], size["scores"], strict=True):
            parts.append(svg.dot(x(rows), y(score), "a"))
    if train:
        points = [(x(float(rows)), y(score)) for rows, score in train]
        parts += [svg.polyline(points, "b"), *(svg.dot(*point, "b") for point in points)]
    end = x(forecast["rows"])
    parts.append(svg.dot(end, y(forecast["score"]), "c"))
    if np.isfinite([forecast["low"], forecast["high"]]).all():
        parts.append(svg.draw_line(end, y(forecast["low"]), end, y(forecast["high"]), "c"))
    title = f"Learning curve of {model}: {metric} by training rows"
    return svg.svg_document(WIDTH, HEIGHT, title, parts)


def _draw_axes(rows: list[float], x: Any, y: Any, limits: tuple[float, float]) -> list[str]:
    parts, bottom, right = [], HEIGHT - BOTTOM, WIDTH - RIGHT
    for value in svg.ticks(*limits):
        parts.append(svg.draw_line(LEFT, y(value), right, y(value)))
        parts.append(svg.text(LEFT - 8, y(value) + 4, f"{value:.4g}", "end"))
    free = float("inf")
    for value in reversed(rows):  # the largest numbers first: smaller ones may be left out
        parts.append(svg.draw_line(x(value), bottom, x(value), bottom + 5))
        if free - x(value) >= NARROW:
            parts.append(svg.text(x(value), bottom + 20, f"{value:,.0f}", "middle"))
            free = x(value)
    return [*parts, svg.text((LEFT + right) / 2, HEIGHT - 14, "training rows", "middle")]


def _draw_title(report: Mapping[str, Any], model: str, train: bool) -> list[str]:
    parts = [svg.text(16, 22, f"{model}: {report['metric']} by training rows", "title")]
    parts.append(svg.text(16, 42, "held-out rows, power law", "a"))
    if train:
        parts.append(svg.text(180, 42, "training rows", "b"))
    parts.append(svg.text(270, 42, "forecast for twice the rows", "c"))
    level = f"area: {report['level']:.0%} interval"
    return [*parts, svg.text(16, 62, f"a dot for each seed; {level}")]
