"""What is told while a model is trained: a bar, and how fast it goes."""

import sys
import time
from typing import Any

import numpy as np
from tqdm import tqdm
from transformers import TrainerCallback

from foldline.frame.errors import FoldlineError


class Progress(TrainerCallback):
    """A bar with loss and time left; stops a run whose validation loss is no number any more."""

    def __init__(self, what: str) -> None:
        self.what = what

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar where a resumed run goes on."""
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc=self.what,
            unit="step",
            file=sys.stderr,
            mininterval=2.0,
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move on."""
        self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Show the loss of a step and of the validation rows."""
        logs = logs or {}
        shown = {k: f"{logs[k]:.3f}" for k in ("loss", "eval_loss") if k in logs}
        self.bar.set_postfix(shown, refresh=False)
        if not np.isfinite(logs.get("eval_loss", 0.0)):
            self.bar.close()
            raise FoldlineError(diverged("validation loss", state.global_step))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the bar."""
        self.bar.close()


class Speed(TrainerCallback):
    """Rows and tokens a second of each epoch, and how many places a batch pads for a token.

    Padding follows from the rows, so it stands in the log; seconds differ from run to run, and
    stand in `epochs`, those of this process.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.rows = self.tokens = self.places = 0
        self.begun = 0.0

    def add(self, mask: Any) -> None:
        """Count a batch by its attention mask (n, tokens)."""
        self.rows += len(mask)
        self.tokens += int(mask.sum())
        self.places += mask.numel()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count from nothing."""
        self.rows = self.tokens = self.places = 0
        self.begun = time.perf_counter()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the epoch down."""
        seconds = max(time.perf_counter() - self.begun, 1e-9)
        speed = {
            "epoch": float(round(state.epoch)),
            "rows_per_second": round(self.rows / seconds, 1),
            "tokens_per_second": round(self.tokens / seconds, 1),
        }
        self.epochs.append(speed)
        padding = self.places / max(1, self.tokens)
        state.log_history.append({"step": state.global_step, "padding": padding})


def diverged(what: str, step: int, where: str = "") -> str:
    """Say at which step a training went astray, over which rows, and what to try."""
    return (
        f"training diverged: the {what} is not finite at step {step}{where}; lower lr or "
        "train.max_grad_norm, or use train.precision=float32"
    )
