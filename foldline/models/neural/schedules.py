"""Learning rate schedules."""

import math
from collections.abc import Callable
from typing import Any

from torch.optim.lr_scheduler import OneCycleLR

from foldline.core.errors import FoldlineError
from foldline.core.params import Train

# Names in transformers; each starts after the warm-up.
NAMES = {
    "constant": "constant_with_warmup",
    "linear": "linear",
    "cosine": "cosine",
    "polynomial": "polynomial",
}


def make_schedule(optimizer: Any, options: Train, steps: int) -> Any:
    """Return the scheduler of a training of so many optimiser steps."""
    if options.schedule == "one_cycle":
        return _make_one_cycle(optimizer, options.warmup, steps)
    from transformers import get_scheduler

    name, specific = NAMES[options.schedule], {}
    if options.schedule == "polynomial":
        specific = {"power": options.power, "lr_end": 0.0}
    if options.snapshots > 1:
        name, specific = "cosine_with_restarts", {"num_cycles": options.snapshots}
    scheduler: Any = get_scheduler(
        name,
        optimizer,
        num_warmup_steps=_warmup_steps(options, steps),
        num_training_steps=steps,
        scheduler_specific_kwargs=specific or None,
    )
    if options.swa:
        last = averaging_start(options, steps)
        scheduler.lr_lambdas = [_hold_from(factor, last) for factor in scheduler.lr_lambdas]
    return scheduler


def averaging_start(options: Train, steps: int) -> int:
    """Return the step after which weights are averaged; `steps` if they are not.

    It lies after the warm-up, otherwise the rate would be held while it still rises.
    """
    return max(steps - math.ceil(options.swa * steps), _warmup_steps(options, steps))


def list_cycle_ends(options: Train, steps: int) -> list[int]:
    """Return the step after which each cycle of `train.snapshots` ends; the last is `steps`.

    Raises:
        FoldlineError: if there are fewer steps after the warm-up than cycles.
    """
    count, warmup = options.snapshots, _warmup_steps(options, steps)
    if steps - warmup < count:
        raise FoldlineError(
            f"train.snapshots: {count} cycles need a step each, and the training has "
            f"{steps - warmup} after the warm-up; lower train.snapshots, or raise epochs"
        )
    return [warmup - (-number * (steps - warmup) // count) for number in range(1, count + 1)]


def _warmup_steps(options: Train, steps: int) -> int:
    return math.ceil(options.warmup * steps)


def _hold_from(factor: Callable[[int], float], last: int) -> Callable[[int], float]:
    """Keep the rate constant from step `last` on, while weights are averaged."""
    return lambda step: factor(min(step, last))


def _make_one_cycle(optimizer: Any, warmup: float, steps: int) -> Any:
    """Raise and lower the rate once, with the momentum in the opposite direction (Smith, 2018)."""
    if round(warmup * steps, 9) == 1:  # a rise of zero steps is 0 / 0 in torch
        warmup = 0.0
    return OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=steps,
        pct_start=float(warmup),
        cycle_momentum=not {"betas", "momentum"}.isdisjoint(optimizer.defaults),
    )
