"""The results of a training besides the model: history, summary, speed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.models.training_history import SPEED_COLUMNS

# Trainer's names and those of the history.
NAMES = {
    "loss": "loss",
    "learning_rate": "lr",
    "grad_norm": "grad_norm",
    "eval_loss": "valid_loss",
    "padding": "padding",
}


@dataclass(frozen=True)
class TrainingResult:
    """A history by optimiser step, a summary, and how the training ran on this machine.

    `samples` are predictions of a few validation rows after each epoch, `speed` is that of each
    step. `snapshots` are the models of earlier cycles that are kept with the trained one.
    """

    history: list[dict[str, Any]]
    summary: dict[str, float]
    run_info: dict[str, Any]
    samples: dict[int, np.ndarray]
    speed: list[dict[str, float]]
    snapshots: tuple[Any, ...] = ()


def build_history(log: list[dict[str, Any]], unit: float) -> list[dict[str, Any]]:
    """Return a row for each step: loss, learning rate, gradient norm; more at the end of epochs.

    Epochs end with validation loss, validation metric and padding ratio (positions per token).
    Losses are multiplied by `unit`.
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
    """Return rows and tokens per second of each step, including those before a resume."""
    return [
        {k: entry[k] for k in ("step", *SPEED_COLUMNS)}
        for entry in log
        if SPEED_COLUMNS[0] in entry
    ]


def summarise(state: Any, model: Any, unit: float, metric: str) -> dict[str, float]:
    """Return steps, epochs, parameters, padding ratio, and validation loss at the best epoch."""
    log = state.log_history
    losses = {entry["step"]: entry["eval_loss"] for entry in log if "eval_loss" in entry}
    padding = [entry["padding"] for entry in log if "padding" in entry]
    best = losses.get(state.best_global_step, np.nan)
    summary = {
        "steps": float(state.global_step),
        "epochs": float(state.epoch or 0.0),
        "best_valid_loss": float(best) * unit,
        "parameters": float(sum(p.numel() for p in model.parameters())),
        "padding": float(np.mean(padding)) if padding else np.nan,
    }
    if metric != "loss" and state.best_metric is not None:
        summary[f"best_valid_{metric}"] = float(state.best_metric)
    return summary


def collect_samples(log: list[dict[str, Any]]) -> dict[int, np.ndarray]:
    """Return the sample predictions by epoch from Trainer's log."""
    samples = [entry["samples"] for entry in log if "samples" in entry]
    return {epoch: np.array(values) for epoch, values in enumerate(samples, 1)}


def _metric_keys(entry: dict[str, Any]) -> list[str]:
    """Return the validation metrics of a log entry, without Trainer's own loss and timing."""
    built_in = ("eval_loss", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second")
    return [key for key in entry if key.startswith("eval_") and key not in built_in]
