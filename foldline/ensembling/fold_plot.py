"""The scores of all folds, by member, as one SVG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foldline.core.io import svg
from foldline.core.io.files import write_text
from foldline.core.io.texts import cut_text

FILE = Path("reports/folds.svg")
WIDTH, LEFT, RIGHT, TOP, BAND = 520, 120, 110, 64, 56
NAME_LENGTH = 16  # characters that fit beside a band


def write_fold_plot(report: Mapping[str, Any], path: Path = FILE) -> None:
    """Write the plot of a report of folds."""
    write_text(path, draw_folds(report))


def draw_folds(report: Mapping[str, Any]) -> str:
    """Return an SVG: a band for each member, with its folds over the interval of all rows.

    Divisions and seeds stand one below the other, so that folds of one training are on one line.
    """
    metric, members = report["metric"], report["members"]
    scores = {
        name: [own for own in report["folds"] if own["member"] == name and np.isfinite(own[metric])]
        for name in members
    }
    ends = [own[metric] for folds in scores.values() for own in folds]
    for own in members.values():
        ends += [own["pooled"][metric][end] for end in ("value", "low", "high")]
    finite = [value for value in ends if np.isfinite(value)] or [0.0, 1.0]
    margin = 0.05 * (max(finite) - min(finite)) or 0.05
    low, high = min(finite) - margin, max(finite) + margin
    x, bottom = svg.scale(low, high, LEFT, WIDTH - RIGHT), TOP + BAND * len(members)
    parts = [
        svg.text(16, 24, f"{metric} of each fold", "title"),
        svg.text(16, 44, f"bar: {report['level']:.0%} interval of all out-of-fold rows"),
    ]
    for value in svg.ticks(low, high, 6):
        parts.append(svg.draw_line(x(value), TOP, x(value), bottom))
        parts.append(svg.text(x(value), bottom + 18, f"{value:.4g}", "middle"))
    for index, (name, own) in enumerate(members.items()):
        parts += _draw_band(name, own, scores[name], metric, x, TOP + BAND * index)
    return svg.svg_document(WIDTH, bottom + 34, f"{metric} of the folds of each member", parts)


def _draw_band(
    name: str, own: Mapping[str, Any], folds: list[Any], metric: str, x: Any, top: float
) -> list[str]:
    middle, pooled = top + BAND / 2, own["pooled"][metric]
    parts = [svg.text(LEFT - 10, middle + 4, cut_text(name, NAME_LENGTH), "end")]
    if np.isfinite([pooled["low"], pooled["high"]]).all():
        length = max(x(pooled["high"]) - x(pooled["low"]), 2)
        parts.append(svg.bar(x(pooled["low"]), middle - 14, (length, 28), "b faint"))
    trainings = sorted({_training(fold) for fold in folds})
    for fold in folds:
        step = (trainings.index(_training(fold)) + 0.5) / len(trainings) - 0.5
        parts.append(svg.dot(x(fold[metric]), middle + 28 * step, "a"))
    if np.isfinite(pooled["value"]):
        position = x(pooled["value"])
        parts.append(svg.draw_line(position, middle - 18, position, middle + 18, "b"))
    mean = f"{own['mean']:.3f} ± {own['std']:.3f}" if np.isfinite(own["mean"]) else "-"
    return [*parts, svg.text(WIDTH - RIGHT + 12, middle + 4, mean)]


def _training(fold: Mapping[str, Any]) -> tuple[int, int]:
    return fold.get("repeat", 0), fold.get("training", 0)
