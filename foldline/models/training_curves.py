"""The curves of a training as one SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from foldline.core.io import svg
from foldline.core.io.files import write_text
from foldline.core.io.svg import Points
from foldline.core.params.training import Train
from foldline.models.training_history import best_epoch, evaluated_epochs

FILE = Path("reports/training_curves.svg")
MAX_POINTS = 400  # of a line; more steps are averaged
DECAY = 0.9  # of the moving average of the training loss
WIDTH, PANEL, LEFT, RIGHT, TOP, BOTTOM = 760, 230, 70, 20, 40, 40


@dataclass(frozen=True)
class Line:
    """Points in one colour class (a, b or c); `dots` marks each, `faint` draws a thin line."""

    name: str
    colour: str
    points: Points
    dots: bool = False
    faint: bool = False


def write_curves(
    history: Sequence[dict[str, Any]], options: Train, task: str, path: Path = FILE
) -> None:
    """Write the curves of a history, with a line at the end of the one epoch that is kept."""
    best = best_epoch(history, options.metric) if options.keeps_best_epoch else None
    at = None if best is None else float(evaluated_epochs(history)[best]["step"])
    write_text(path, draw_curves(build_panels(history, options.reported_metric(task)), at))


def build_panels(history: Sequence[dict[str, Any]], metric: str) -> dict[str, list[Line]]:
    """Return the lines of each non-empty panel: losses, metric, learning rate."""
    loss = select_points(history, "loss")
    valid = select_points(history, "valid_loss")
    panels = {
        "loss": [
            Line("training, each step", "a", downsample(loss), faint=True),
            Line("smoothed", "a", downsample(smooth(loss))),
            Line("validation, by epoch", "b", valid, dots=True),
        ],
        f"{metric}, validation": [
            Line("by epoch", "b", select_points(history, "valid_metric"), True)
        ],
        "learning rate": [Line("each step", "c", downsample(select_points(history, "lr")))],
    }
    non_empty = {title: [line for line in lines if line.points] for title, lines in panels.items()}
    return {title: lines for title, lines in non_empty.items() if lines}


def select_points(history: Sequence[dict[str, Any]], name: str) -> Points:
    """Return (step, value) of the steps that have a finite value."""
    return [(r["step"], r[name]) for r in history if name in r and math.isfinite(r[name])]


def smooth(points: Points) -> Points:
    """Return the exponential moving average, corrected for its start at 0."""
    total = weight = 0.0
    averages = []
    for step, value in points:
        total = DECAY * total + (1 - DECAY) * value
        weight = DECAY * weight + (1 - DECAY)
        averages.append((step, total / weight))
    return averages


def downsample(points: Points) -> Points:
    """Average neighbouring points until at most MAX_POINTS are left."""
    size = -(-len(points) // MAX_POINTS) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]


def draw_curves(panels: dict[str, list[Line]], kept_at: float | None = None) -> str:
    """Return an SVG of the panels over a common axis of steps, marking the step that is kept."""
    steps = [x for lines in panels.values() for line in lines for x, _ in line.points]
    step_range = (min(steps), max(steps)) if steps else (0.0, 1.0)
    parts = []
    for index, (title, lines) in enumerate(panels.items()):
        parts.append(f'<g transform="translate(0 {index * PANEL})">')
        parts += _draw_panel(title, lines, step_range, kept_at)
        parts.append("</g>")
    if not panels:
        parts.append(svg.text(LEFT, PANEL / 2, "This kind of model is not trained in steps."))
    title = f"Curves of the training: {', '.join(panels) or 'none'}"
    return svg.svg_document(WIDTH, max(1, len(panels)) * PANEL, title, parts)


def _draw_panel(
    title: str, lines: list[Line], across: tuple[float, float], kept_at: float | None
) -> list[str]:
    values = [y for line in lines for _, y in line.points]
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or abs(high) * 0.05 or 1.0
    low, high, right = low - margin, high + margin, WIDTH - RIGHT
    x = svg.scale(*across, LEFT, right)
    y = svg.scale(low, high, PANEL - BOTTOM, TOP)
    names = "".join(f'<tspan class="{e.colour}" dx="14">{escape(e.name)}</tspan>' for e in lines)
    parts = [f'<text x="{LEFT}" y="22"><tspan class="title">{escape(title)}</tspan>{names}</text>']
    for value in svg.ticks(low, high):
        parts.append(svg.draw_line(LEFT, y(value), right, y(value)))
        parts.append(svg.text(LEFT - 8, y(value) + 4, f"{value:.4g}", "end"))
    for value in (v for v in svg.ticks(*across, 8) if v == int(v)):
        parts.append(svg.text(x(value), PANEL - BOTTOM + 18, f"{value:,.0f}", "middle"))
    parts.append(svg.text((LEFT + right) / 2, PANEL - 6, "optimiser step", "middle"))
    if kept_at is not None:
        position = x(kept_at)
        parts.append(svg.draw_line(position, TOP, position, PANEL - BOTTOM, "b dashed"))
        parts.append(svg.text(position - 6, TOP + 12, "kept", "end b"))
    for line in lines:
        parts += _draw_line(line, [(x(a), y(b)) for a, b in line.points])
    return parts


def _draw_line(line: Line, points: Points) -> list[str]:
    parts = [svg.polyline(points, f"{line.colour} faint" if line.faint else line.colour)]
    if line.dots or len(points) == 1:
        parts += [svg.dot(a, b, line.colour) for a, b in points]
    return parts
