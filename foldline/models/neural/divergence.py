"""A training loss that has exploded, told from one that is only restless."""

import math
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels

SMOOTH = 0.95  # decay of the moving average that is judged
FIRST = 20  # steps whose mean is what training began with
OF_BEST, OF_FIRST = 10.0, 3.0  # times the lowest and the first loss that count as exploded
LONG = 200  # steps in a row


class Explosion(TrainerCallback):
    """Stops a training whose smoothed loss stays far above both its lowest and its beginning.

    Three times what an untrained model has, or three times chance where that is more, for LONG
    steps after the warm-up: spikes, noisy labels, and a loss that comes back from nearly 0 do not
    reach it. `where` names the rows of the step.
    """

    step: int
    above: int
    total: float
    weight: float
    first: float
    now: float
    best: float

    def __init__(self, labels: Labels, warmup: float, where: Callable[[], str]) -> None:
        self.chance, self.warmup, self.where = chance(labels), warmup, where
        self._begin()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin, or go on where a training was killed."""
        self._begin()
        for entry in state.log_history:
            if "loss" in entry:
                self.exploded(entry["loss"], state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Judge the loss of a step.

        Raises:
            FoldlineError: where it has exploded.
        """
        if logs and "loss" in logs and self.exploded(logs["loss"], state.max_steps):
            raise FoldlineError(
                f"training diverged: the loss is {self.now / self.first:.1f} times what it began "
                f"with and {self.now / self.best:.1f} times its lowest, for {LONG} steps now, at "
                f"step {state.global_step}{self.where()}; lower lr or train.max_grad_norm, or "
                "raise train.warmup"
            )

    def exploded(self, loss: float, steps: int) -> bool:
        """Hear the loss of the next of `steps`, and tell whether it has exploded."""
        self.step += 1
        if not math.isfinite(loss):  # another check names it
            return False
        self.total = SMOOTH * self.total + (1 - SMOOTH) * loss
        self.weight = SMOOTH * self.weight + (1 - SMOOTH)
        self.now = self.total / self.weight
        self.best = min(self.best, self.now)
        if self.step <= FIRST:
            self.first += loss / FIRST
            return False
        limit = max(OF_BEST * self.best, OF_FIRST * max(self.first, self.chance))
        late = self.step > self.warmup * steps
        self.above = self.above + 1 if late and self.now > limit else 0
        return self.above >= LONG

    def _begin(self) -> None:
        self.step = self.above = 0
        self.total = self.weight = self.first = self.now = 0.0
        self.best = math.inf


def chance(labels: Labels) -> float:
    """Give the loss of a model that knows nothing: cross-entropy, or a standard unit's square."""
    if labels.task == "regression":
        return 1.0
    return math.log(2) if labels.task == "multilabel" else math.log(max(2, len(labels.classes)))
