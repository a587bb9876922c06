"""The history of a training: its CSV files, the epoch that was kept, and a summary."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foldline.core.io.files import write_text
from foldline.core.params.training import Train

History = Sequence[Mapping[str, Any]]

FILE = Path("reports/plots/history.csv")
COLUMNS = ("step", "loss", "valid_loss", "valid_metric", "lr", "grad_norm", "padding")
# A separate file, since no two runs have the same speed.
SPEED_FILE = Path("reports/training_speed.csv")
SPEED_COLUMNS = ("rows_per_second", "tokens_per_second")


def write_history(history: History, path: Path = FILE) -> None:
    """Write a line for each optimiser step; models without steps write the header alone."""
    _write_csv(history, path, COLUMNS, 6)


def write_speed(speed: Sequence[Mapping[str, Any]], path: Path = SPEED_FILE) -> None:
    """Write rows and tokens per second of each optimiser step."""
    _write_csv(speed, path, ("step", *SPEED_COLUMNS), 4)


def evaluated_epochs(history: History) -> list[Mapping[str, Any]]:
    """Return the rows of a history that end an epoch with validation scores."""
    return [row for row in history if "valid_loss" in row]


def best_epoch(history: History, metric: str) -> int | None:
    """Return the index of the epoch that `metric` keeps, the first of equally good ones.

    None if no epoch was evaluated.
    """
    if metric == "loss":
        scores = [-row["valid_loss"] for row in evaluated_epochs(history)]
    else:
        scores = [row["valid_metric"] for row in evaluated_epochs(history)]
    return scores.index(max(scores)) if scores else None


def format_summary(history: History, options: Train, task: str, epochs: int) -> list[str]:
    """Return lines on which of at most `epochs` was kept, why training ended, and other metrics."""
    kept, rows = best_epoch(history, options.metric), evaluated_epochs(history)
    if not options.keeps_best_epoch:
        return [
            f"{options.snapshots} snapshots are kept, the last after epoch {epochs}; "
            "train.patience and train.metric have no effect"
        ]
    if kept is None:
        return []
    name = options.reported_metric(task)
    loss, score = rows[kept]["valid_loss"], rows[kept]["valid_metric"]
    lines = [f"epoch {kept + 1} is kept: validation loss {loss:.4g}, {name} {score:.4f}"]
    if options.soup > 1:
        lines.insert(0, f"soup: the history is that of the first of {options.soup} models")
    if len(rows) < epochs:
        lines.append(
            f"training ended after epoch {len(rows)} of {epochs}: the last {options.patience} were "
            "no better (train.patience)"
        )
    best_by_metric = best_epoch(history, name)
    if best_by_metric is not None and best_by_metric != kept:
        lines.append(
            f"{name} was highest after epoch {best_by_metric + 1}, "
            f"{rows[best_by_metric]['valid_metric']:.4f}: train.metric={name} would keep that one"
        )
    return lines


def _write_csv(
    rows: Sequence[Mapping[str, Any]], path: Path, columns: Sequence[str], digits: int
) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: _format_number(v, digits) for k, v in row.items()})
    write_text(path, text.getvalue())


def _format_number(value: Any, digits: int) -> Any:
    return f"{value:.{digits}g}" if isinstance(value, float) else value
