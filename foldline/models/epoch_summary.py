"""Which epoch of a training is kept, and which another metric would have kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from foldline.core.params.training import Train

History = Sequence[Mapping[str, Any]]


def evaluated_epochs(history: History) -> list[Mapping[str, Any]]:
    """Give the rows of a history in which an epoch ends that validation rows have judged."""
    return [row for row in history if "valid_loss" in row]


def best_epoch(history: History, metric: str) -> int | None:
    """Give the place, from 0, of the epoch that `metric` keeps: the first of equally good ones.

    None where no epoch was judged.
    """
    if metric == "loss":
        scores = [-row["valid_loss"] for row in evaluated_epochs(history)]
    else:
        scores = [row["valid_metric"] for row in evaluated_epochs(history)]
    return scores.index(max(scores)) if scores else None


def format_summary(history: History, options: Train, task: str, epochs: int) -> list[str]:
    """Say which of at most so many epochs is kept, why it ended, and what differs by the metric."""
    best, rows = best_epoch(history, options.metric), evaluated_epochs(history)
    if best is None:
        return []
    name = options.followed(task)
    loss, score = rows[best]["valid_loss"], rows[best]["valid_metric"]
    lines = [f"epoch {best + 1} is kept: validation loss {loss:.4g}, {name} {score:.4f}"]
    if len(rows) < epochs:
        lines.append(
            f"training ended after epoch {len(rows)} of {epochs}: the last {options.patience} were "
            "no better (train.patience)"
        )
    other = best_epoch(history, name)
    if other is not None and other != best:
        lines.append(
            f"{name} was highest after epoch {other + 1}, {rows[other]['valid_metric']:.4f}: "
            f"train.metric={name} would keep that one"
        )
    return lines
