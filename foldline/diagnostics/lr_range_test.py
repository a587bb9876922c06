"""Find the learning rate by a range test (Smith, 2017): it grows until the training breaks."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers.trainer_utils import SaveStrategy

from foldline.diagnostics.initial_model import begin, need_transformer, no_rows
from foldline.diagnostics.inputs import Given, given
from foldline.diagnostics.plots import Mark, curve
from foldline.diagnostics.verdicts import LOOK, OK, WRONG, Finding, graded, report
from foldline.models import device
from foldline.models.neural.precision import float32_by_avx512
from foldline.models.neural.trainer import TextTrainer
from foldline.models.neural.training import trainer_for

LOW, HIGH, STEPS = 1e-7, 1.0, 140  # twenty steps for each power of ten
SMOOTHING = 0.9
BROKEN = 4.0  # times the least smoothed loss: from there on nothing is learnt from more
SKIPPED = 10  # first steps: their smoothed loss is of few batches
# Share of the first loss that the curve falls by: less is to be looked at, or nothing was learnt.
FALL = (0.03, 0.01)
# The suggestions are estimates: a rate this many times lower than both learns, but slowly.
SLOW = 30.0


@dataclass(frozen=True)
class Range:
    """Learning rates (s,), losses and smoothed losses (s,) of a range test, and what it says.

    `steepest` is where the smoothed loss falls fastest, `tenth` a tenth of the rate at its
    minimum, `broken` where it is back at its first value; None where it does not get there.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    steepest: float
    tenth: float
    broken: float | None
    fall: float


class _Broken(Exception):
    """The loss or the gradient is not finite any more, as it must be at some rate."""


class RangeTrainer(TextTrainer):
    """Trainer whose learning rate grows by the same factor each step, until the loss is lost."""

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Grow from LOW to HIGH, whatever the rates of layers are to one another."""
        own: Any = self.optimizer if optimizer is None else optimizer
        factor = (HIGH / LOW) ** (1 / (STEPS - 1))
        inner = getattr(own, "optimizer", own)
        self.lr_scheduler = LambdaLR(inner, lambda step: factor**step)
        return self.lr_scheduler

    def _check(self, what: str, value: Any, batches: list[dict[str, Any]]) -> None:
        if not bool(torch.isfinite(torch.as_tensor(value)).all()):
            raise _Broken
        if what == "loss" and (
            losses := [e["loss"] for e in self.state.log_history if "loss" in e]
        ):
            curve_ = smooth([*losses, float(value)])
            if len(curve_) > SKIPPED and curve_[-1] > BROKEN * min(curve_):
                raise _Broken


def run(options: argparse.Namespace) -> int:
    """Run the range test on the configured transformer, and compare params' lr with it.

    Raises:
        FoldlineError: where the model has no learning rate, or tables are missing.
    """
    found = given()
    need_transformer("lr-find", found.recipe.model, found.transformer)
    rates, losses = ranged(found)
    result = read(rates, losses)
    return report(
        "lr-find", [judged(result, found.recipe.lr)], told(result), picture(result, found)
    )


def ranged(found: Given) -> tuple[list[float], list[float]]:
    """Train with a growing rate, over the very batches of a training; give rates and losses."""
    size = found.recipe.batch_size * found.recipe.train.accumulation
    epochs = math.ceil(STEPS / math.ceil(len(found.train) / size))
    # Averages of weights are of no use here; the rate of `groups` is the lowest one.
    short = found.changed({"ema": 0.0, "swa": 0.0}, epochs=epochs, lr=LOW)
    with short.job() as job, device.sums(job.recipe.train), float32_by_avx512():
        start = begin(job)
        rows, none = start.rows, no_rows(start.rows)
        trainer = trainer_for(job, start.tokenizer, start.model, rows, none, kind=RangeTrainer)
        trainer.args.max_steps = STEPS
        trainer.args.save_strategy = SaveStrategy.NO
        try:
            trainer.train()
        except _Broken:
            pass
        finally:
            trainer.release()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    factor = (HIGH / LOW) ** (1 / (STEPS - 1))
    return [LOW * factor**step for step in range(len(losses))], losses


def smooth(losses: Sequence[float]) -> list[float]:
    """Average exponentially, corrected for the beginning (Kingma and Ba, 2015)."""
    mean, found = 0.0, []
    for step, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        found.append(mean / (1 - SMOOTHING**step))
    return found


def read(rates: list[float], losses: list[float]) -> Range:
    """Read the curve: where it falls fastest, where it is lowest, where it is lost."""
    smoothed = smooth(losses)
    curve_ = np.array(smoothed)
    begin_ = min(SKIPPED, len(curve_) - 1)
    lowest = begin_ + int(curve_[begin_:].argmin())
    slopes = np.gradient(curve_)[: lowest + 1]
    steepest = begin_ + int(slopes[begin_:].argmin())
    lost = [i for i in range(lowest, len(curve_)) if curve_[i] > curve_[begin_]]
    return Range(
        rates,
        losses,
        smoothed,
        steepest=rates[steepest],
        tenth=rates[lowest] / 10,
        broken=rates[lost[0]] if lost else None,
        fall=float(1 - curve_[lowest] / curve_[begin_]) if curve_[begin_] else 0.0,
    )


def judged(result: Range, lr: float) -> Finding:
    """Compare params' learning rate with the suggestions."""
    low, high = sorted((result.steepest, result.tenth))
    numbers = {"lr": lr, "steepest": result.steepest, "tenth_of_minimum": result.tenth}
    shown = f"lr {lr:.1e}; steepest at {result.steepest:.1e}, minimum / 10 at {result.tenth:.1e}"
    verdict, advice = OK, ""
    if result.fall < FALL[0]:
        verdict = graded(result.fall, *FALL)
        shown = f"from {LOW:g} to {HIGH:g} the loss fell by {max(0.0, result.fall):.1%} alone"
        advice = "run `python -m foldline sanity`: labels, tokens or gradients may be broken"
    elif result.broken is not None and lr >= result.broken:
        verdict = WRONG
        shown += f"; at {result.broken:.1e} the loss is lost"
        advice = f"set lr to {low:.0e} .. {high:.0e}"
    elif lr > 3 * high:
        verdict, advice = LOOK, f"it may jump or diverge: try lr {low:.0e} .. {high:.0e}"
    elif lr < low / SLOW:
        verdict, advice = LOOK, f"it may learn too slowly: try lr {low:.0e} .. {high:.0e}"
    return Finding("learning rate", verdict, shown, advice, numbers)


def told(result: Range) -> dict[str, Any]:
    """Give the numbers for the file."""
    names = ("rates", "losses", "smoothed", "steepest", "tenth", "broken")
    return {name: getattr(result, name) for name in names}


def picture(result: Range, found: Given) -> str:
    """Draw the smoothed loss over the rate, the raw one behind it, and the suggestions."""
    marks = [
        Mark(f"steepest: {result.steepest:.1e}", result.steepest),
        Mark(f"minimum / 10: {result.tenth:.1e}", result.tenth),
        Mark(f"params: {found.recipe.lr:.1e}", found.recipe.lr),
    ]
    first, least = result.smoothed[min(SKIPPED, len(result.smoothed) - 1)], min(result.smoothed)
    return curve(
        f"{found.recipe.model}: loss while the learning rate grows",
        ("learning rate", result.rates),
        ("loss", result.smoothed),
        marks,
        result.losses,
        log_x=True,
        span=(least - 0.5 * (first - least), first + 1.5 * (first - least)),
    )
