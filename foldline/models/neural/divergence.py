"""Detection of a diverged training loss, as opposed to a noisy one."""

import math
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels

DECAY = 0.95  # of the moving average of the loss
BASELINE_STEPS = 20  # steps whose mean is the initial loss
TIMES_BEST, TIMES_BASELINE = 10.0, 3.0  # both must be exceeded
PATIENCE = 200  # consecutive steps


class DivergenceDetector(TrainerCallback):
    """Stops a training whose smoothed loss stays far above both its minimum and its start.

    The limit is three times the initial loss, or that of chance if higher, for PATIENCE steps after
    the warm-up. Spikes, noisy labels, and a loss that recovers from near 0 stay below it. `where`
    describes the rows of the step.
    """

    step: int
    steps_above: int
    total: float
    weight: float
    baseline: float
    current: float
    best: float

    def __init__(self, labels: Labels, warmup: float, describe_rows: Callable[[], str]) -> None:
        self.chance, self.warmup, self.describe_rows = chance_loss(labels), warmup, describe_rows
        self._reset()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Reset, and replay the log of a resumed training."""
        self._reset()
        for entry in state.log_history:
            if "loss" in entry:
                self.update(entry["loss"], state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Check the loss of a step.

        Raises:
            FoldlineError: if the loss has diverged.
        """
        if logs and "loss" in logs and self.update(logs["loss"], state.max_steps):
            raise FoldlineError(
                f"training diverged: for {PATIENCE} steps the loss is "
                f"{self.current / self.baseline:.1f} times its initial value and "
                f"{self.current / self.best:.1f} times its minimum, at step "
                f"{state.global_step}{self.describe_rows()}; lower lr or "
                "train.max_grad_norm, or raise train.warmup"
            )

    def update(self, loss: float, steps: int) -> bool:
        """Add the loss of the next of `steps`, and return whether training has diverged."""
        self.step += 1
        if not math.isfinite(loss):  # reported by another check
            return False
        self.total = DECAY * self.total + (1 - DECAY) * loss
        self.weight = DECAY * self.weight + (1 - DECAY)
        self.current = self.total / self.weight
        self.best = min(self.best, self.current)
        if self.step <= BASELINE_STEPS:
            self.baseline += loss / BASELINE_STEPS
            return False
        limit = max(TIMES_BEST * self.best, TIMES_BASELINE * max(self.baseline, self.chance))
        late = self.step > self.warmup * steps
        self.steps_above = self.steps_above + 1 if late and self.current > limit else 0
        return self.steps_above >= PATIENCE

    def _reset(self) -> None:
        self.step = self.steps_above = 0
        self.total = self.weight = self.baseline = self.current = 0.0
        self.best = math.inf


def chance_loss(labels: Labels) -> float:
    """Return the loss of uninformed predictions: cross-entropy, or 1 for standardised targets."""
    if labels.task == "regression":
        return 1.0
    return math.log(2) if labels.task == "multilabel" else math.log(max(2, len(labels.classes)))
