"""What a training leaves beside the model: its history, a few numbers, how fast it was."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.models.training_history import SPEED_COLUMNS

# Trainer's names, and ours.
NAMES = {
    "loss": "loss",
    "learning_rate": "lr",
    "grad_norm": "grad_norm",
    "eval_loss": "valid_loss",
    "padding": "padding",
}


@dataclass(frozen=True)
class TrainingResult:
    """A history by optimiser step, numbers of the whole, and how it ran on this machine.

    `samples` are predictions of a few validation rows after each epoch, `speed` is that of each
    step.
    """

    history: list[dict[str, Any]]
    summary: dict[str, float]
    run_info: dict[str, Any]
    samples: dict[int, np.ndarray]
    speed: list[dict[str, float]]


def build_history(log: list[dict[str, Any]], unit: float) -> list[dict[str, Any]]:
    """Give a row a step: loss, learning rate, gradient norm; at epochs more.

    At an epoch's end come the validation loss and its metric, and the padding: places of a batch
    for each token. Losses are multiplied by `unit`.
    """
    rows: dict[int, dict[str, Any]] = {}
    for entry in log:
        row = rows.setdefault(entry["step"], {"step": entry["step"]})
        for key in NAMES.keys() & entry.keys():
            row[NAMES[key]] = entry[key] * (unit if key.endswith("loss") else 1.0)
        for key in _metric_keys(entry):
            row["valid_metric"] = entry[key]
    return [rows[step] for step in sorted(rows) if len(rows[step]) > 1]


def step_speeds(log: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Give rows and tokens a second of each step, also of those before a training was killed."""
    return [
        {k: entry[k] for k in ("step", *SPEED_COLUMNS)}
        for entry in log
        if SPEED_COLUMNS[0] in entry
    ]


def summarise(state: Any, model: Any, unit: float, metric: str) -> dict[str, float]:
    """Give steps, epochs, parameters, padding, and the validation rows' loss at the best epoch."""
    log = state.log_history
    losses = {entry["step"]: entry["eval_loss"] for entry in log if "eval_loss" in entry}
    padding = [entry["padding"] for entry in log if "padding" in entry]
    best = losses.get(state.best_global_step, np.nan)
    found = {
        "steps": float(state.global_step),
        "epochs": float(state.epoch or 0.0),
        "best_valid_loss": float(best) * unit,
        "parameters": float(sum(p.numel() for p in model.parameters())),
        "padding": float(np.mean(padding)) if padding else np.nan,
    }
    if metric != "loss" and state.best_metric is not None:
        found[f"best_valid_{metric}"] = float(state.best_metric)
    return found


def collect_samples(log: list[dict[str, Any]]) -> dict[int, np.ndarray]:
    """Give the predictions of a few rows by epoch, as they stand in Trainer's log."""
    found = [entry["samples"] for entry in log if "samples" in entry]
    return {epoch: np.array(values) for epoch, values in enumerate(found, 1)}


def _metric_keys(entry: dict[str, Any]) -> list[str]:
    """Name the validation metrics of an entry, without Trainer's own of loss and time."""
    own = ("eval_loss", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second")
    return [key for key in entry if key.startswith("eval_") and key not in own]
