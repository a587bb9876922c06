"""A training loss that has exploded, told from one that is only restless."""

import math
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels

DECAY = 0.95  # decay of the moving average that is judged
BASELINE_STEPS = 20  # steps whose mean is what training began with
TIMES_BEST, TIMES_BASELINE = 10.0, 3.0  # times the lowest and the first loss that count as exploded
PATIENCE = 200  # steps in a row


class DivergenceDetector(TrainerCallback):
    """Stops a training whose smoothed loss stays far above both its lowest and its beginning.

    Three times what an untrained model has, or three times chance where that is more, for LONG
    steps after the warm-up: spikes, noisy labels, and a loss that comes back from nearly 0 do not
    reach it. `where` names the rows of the step.
    """

    step: int
    steps_above: int
    total: float
    weight: float
    baseline: float
    current: float
    best: float

    def __init__(self, labels: Labels, warmup: float, where: Callable[[], str]) -> None:
        self.chance, self.warmup, self.describe_rows = chance_loss(labels), warmup, where
        self._reset()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin, or go on where a training was killed."""
        self._reset()
        for entry in state.log_history:
            if "loss" in entry:
                self.update(entry["loss"], state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Judge the loss of a step.

        Raises:
            FoldlineError: where it has exploded.
        """
        if logs and "loss" in logs and self.update(logs["loss"], state.max_steps):
            raise FoldlineError(
                f"training diverged: the loss is {self.current / self.baseline:.1f} times what it began "
                f"with and {self.current / self.best:.1f} times its lowest, for {PATIENCE} steps now, at "
                f"step {state.global_step}{self.describe_rows()}; lower lr or train.max_grad_norm, or "
                "raise train.warmup"
            )

    def update(self, loss: float, steps: int) -> bool:
        """Hear the loss of the next of `steps`, and tell whether it has exploded."""
        self.step += 1
        if not math.isfinite(loss):  # another check names it
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
    """Give the loss of a model that knows nothing: cross-entropy, or a standard unit's square."""
    if labels.task == "regression":
        return 1.0
    return math.log(2) if labels.task == "multilabel" else math.log(max(2, len(labels.classes)))
