"""Callbacks of a training: progress bar, speed, sample predictions, experiment tracker."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainerCallback

from foldline.core.errors import FoldlineError
from foldline.core.progress import TrainingBar
from foldline.models.neural.collectives import sum_over_processes
from foldline.models.neural.training_log import build_history
from foldline.models.tracking import SafeTracker
from foldline.models.training_history import SPEED_COLUMNS


class SpeedMeter(TrainerCallback):
    """Measures rows and tokens per second by step and epoch, and the padding ratio by epoch.

    The padding ratio follows from the rows, so it goes to the log, and an epoch's counts to its
    checkpoints. Speeds differ between runs: those of steps are logged under names that the history
    leaves out, those of epochs are in `epochs`, for the epochs of this process. All count the rows
    of every process that takes part.
    """

    FILE = "padding.json"

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.rows = self.tokens = self.positions = 0
        self.resumed = {"tokens": 0, "positions": 0}
        self.started = 0.0
        self.last = (0.0, 0, 0, 0)  # time, rows, tokens and positions at the end of the last step

    def add(self, mask: Any) -> None:
        """Count a batch by its attention mask (n, tokens)."""
        self.rows += len(mask)
        self.tokens += int(mask.sum())
        self.positions += mask.numel()

    def current(self) -> tuple[float, float]:
        """Return rows and tokens per second of this epoch so far."""
        seconds = max(time.perf_counter() - self.started, 1e-9)
        return self.rows / seconds, self.tokens / seconds

    def epoch_counts(self) -> dict[str, int]:
        """Return the tokens and positions of this epoch, including those before a resume."""
        now = {"tokens": self.tokens, "positions": self.positions}
        return {name: count + self.resumed[name] for name, count in now.items()}

    def save(self, folder: Path) -> None:
        """Write this epoch's counts into a checkpoint."""
        (folder / self.FILE).write_text(json.dumps(self.epoch_counts()), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read the counts of a checkpoint's epoch."""
        self.resumed = json.loads((folder / self.FILE).read_text(encoding="utf-8"))

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Reset the counts, unless a killed epoch is resumed."""
        if float(state.epoch or 0).is_integer():
            self.resumed = {"tokens": 0, "positions": 0}
        self.rows = self.tokens = self.positions = 0
        self.started = time.perf_counter()
        self.last = self.started, 0, 0, 0

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Add the step's speed to its log entry."""
        entry, (then, rows, tokens, positions) = state.log_history[-1], self.last
        if "loss" in entry:
            counts = sum_over_processes(
                [self.rows - rows, self.tokens - tokens, self.positions - positions]
            )
            self.rows, self.tokens = rows + counts[0], tokens + counts[1]
            self.positions = positions + counts[2]
            self.last = time.perf_counter(), self.rows, self.tokens, self.positions
            seconds = max(self.last[0] - then, 1e-9)
            speeds = (count / seconds for count in counts[:2])
            entry.update(zip(SPEED_COLUMNS, speeds, strict=True))

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Log the epoch's speed and padding ratio."""
        rows, tokens = self.current()
        speed = {
            "epoch": float(round(state.epoch)),
            "rows_per_second": round(rows, 1),
            "tokens_per_second": round(tokens, 1),
        }
        self.epochs.append(speed)
        count = self.epoch_counts()
        padding = count["positions"] / max(1, count["tokens"])
        state.log_history.append({"step": state.global_step, "padding": padding})


class ProgressBar(TrainerCallback):
    """A progress bar of a training; stops it if the validation loss is not finite.

    Losses are multiplied by `unit`. Early stopping may end a training before the estimated time.
    """

    def __init__(self, speed: SpeedMeter, unit: float, title: str = "train") -> None:
        self.speed, self.unit, self.title = speed, unit, title

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar at the step where the training starts or resumes."""
        self.bar = TrainingBar(self.title, state.max_steps, state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Advance the bar."""
        self.bar.advance(state.global_step)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show the epoch's padding ratio."""
        self.bar.padding = state.log_history[-1]["padding"]

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Show the speed, and the loss of a step or of the validation rows."""
        logs = logs or {}
        names = {"loss": "loss", "eval_loss": "valid"}
        losses = {name: logs[key] * self.unit for key, name in names.items() if key in logs}
        self.bar.show(losses, self.speed.current())
        if not np.isfinite(logs.get("eval_loss", 0.0)):
            self.bar.close()
            raise FoldlineError(format_divergence("validation loss", state.global_step))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the bar."""
        self.bar.close()


class TrackerCallback(TrainerCallback):
    """Sends the values of each step and epoch to a tracker, by the names of the history."""

    def __init__(self, tracker: SafeTracker, unit: float) -> None:
        self.tracker, self.unit = tracker, unit

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Send the last log entry."""
        last = state.log_history[-1]
        for values in build_history([last], self.unit):
            number = values.pop("step")
            self.tracker.step(number, values | {k: last[k] for k in SPEED_COLUMNS if k in last})


class SampleCallback(TrainerCallback):
    """Predicts a few validation rows after each epoch and logs the predictions.

    Trainer saves its log in checkpoints, so a resumed training has the predictions of all epochs.
    """

    def __init__(self, predict: Callable[[], np.ndarray]) -> None:
        self.predict = predict

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Predict the rows, with averaged weights if those are evaluated."""
        entry = {"step": state.global_step, "samples": self.predict().tolist()}
        state.log_history.append(entry)


def format_divergence(quantity: str, step: int, where: str = "") -> str:
    """Return the message of a diverged training: step, rows, and what to try."""
    return (
        f"training diverged: the {quantity} is not finite at step {step}{where}; lower lr or "
        "train.max_grad_norm, or set train.precision to float32 where it is another"
    )
