"""Learning rate range test (Smith, 2017): the rate grows until the training diverges."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers.trainer_utils import SaveStrategy

from foldline.core.params.training import AVERAGES
from foldline.diagnostics.initial_model import build_initial_model, empty_rows, require_transformer
from foldline.diagnostics.inputs import DiagnosticInputs, load_inputs
from foldline.diagnostics.plots import Mark, draw_curve
from foldline.diagnostics.verdicts import LOOK, OK, WRONG, Finding, grade, write_report
from foldline.models import device
from foldline.models.neural.learning_rate import resolve_lr
from foldline.models.neural.precision import fast_float32
from foldline.models.neural.trainer import TextTrainer
from foldline.models.neural.training import make_trainer

LOW, HIGH, STEPS = 1e-7, 1.0, 140  # twenty steps for each power of ten
SMOOTHING = 0.9
DIVERGED = 4.0  # times the minimum of the smoothed loss ends the test
SKIPPED = 10  # first steps: their smoothed loss covers few batches
# Fall of the loss as a share of its start: below the first to be looked at, the second wrong.
FALL = (0.03, 0.01)
# A rate this many times lower than both suggestions trains, but slowly.
SLOW_FACTOR = 30.0


@dataclass(frozen=True)
class RangeTest:
    """Learning rates (s,), losses and smoothed losses (s,) of a range test, and its suggestions.

    `steepest` is where the smoothed loss falls fastest, `tenth` a tenth of the rate at its minimum,
    `diverged` where it is back at its first value, None if it never is.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    steepest: float
    tenth: float
    diverged: float | None
    fall: float


class _Diverged(Exception):
    """The loss or the gradient is no longer finite, as must happen at some rate."""


class RangeTrainer(TextTrainer):
    """Trainer whose learning rate grows by a constant factor each step, until it diverges."""

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Grow from LOW to HIGH, keeping the ratios between layers."""
        optimizer_: Any = self.optimizer if optimizer is None else optimizer
        factor = (HIGH / LOW) ** (1 / (STEPS - 1))
        inner = getattr(optimizer_, "optimizer", optimizer_)
        self.lr_scheduler = LambdaLR(inner, lambda step: factor**step)
        return self.lr_scheduler

    def _check_finite(self, quantity: str, value: Any, batches: list[dict[str, Any]]) -> None:
        if not bool(torch.isfinite(torch.as_tensor(value)).all()):
            raise _Diverged
        if quantity == "loss" and (
            losses := [e["loss"] for e in self.state.log_history if "loss" in e]
        ):
            curve_ = smooth([*losses, float(value)])
            if len(curve_) > SKIPPED and curve_[-1] > DIVERGED * min(curve_):
                raise _Diverged


def run(options: argparse.Namespace) -> int:
    """Run the range test on the configured transformer, and compare its result with `lr`.

    Raises:
        FoldlineError: if the model has no learning rate, or tables are missing.
    """
    inputs = load_inputs()
    require_transformer("lr-find", inputs.recipe.model, inputs.is_transformer)
    rates, losses, lr = run_range_test(inputs)
    result = analyse_curve(rates, losses)
    return write_report(
        "lr-find",
        [assess_lr(result, lr)],
        to_report(result),
        draw_range_test(result, inputs, lr),
    )


def run_range_test(inputs: DiagnosticInputs) -> tuple[list[float], list[float], float]:
    """Train with a growing rate over the batches of a training.

    Return rates, losses, and the rate that a training would have.
    """
    size = inputs.recipe.batch_size * inputs.recipe.train.accumulation
    epochs = math.ceil(STEPS / math.ceil(len(inputs.train) / size))
    # Weight averaging is useless here; `parameter_groups` starts from the lowest rate.
    inputs_ = inputs.with_options(AVERAGES, epochs=epochs, lr=LOW)
    with inputs_.temporary_job() as job, device.deterministic(job.recipe.train), fast_float32():
        initial = build_initial_model(job)
        lr = resolve_lr(inputs.recipe, initial.model).peak_lr
        rows, no_validation = initial.rows, empty_rows(initial.rows)
        trainer = make_trainer(
            job, initial.tokenizer, initial.model, rows, no_validation, kind=RangeTrainer
        )
        trainer.args.max_steps = STEPS
        trainer.args.save_strategy = SaveStrategy.NO
        try:
            trainer.train()
        except _Diverged:
            pass
        finally:
            trainer.release()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    factor = (HIGH / LOW) ** (1 / (STEPS - 1))
    return [LOW * factor**step for step in range(len(losses))], losses, lr


def smooth(losses: Sequence[float]) -> list[float]:
    """Return the bias-corrected exponential moving average (Kingma and Ba, 2015)."""
    mean, smoothed = 0.0, []
    for step, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING**step))
    return smoothed


def analyse_curve(rates: list[float], losses: list[float]) -> RangeTest:
    """Return where the curve falls fastest, is lowest, and diverges."""
    smoothed = smooth(losses)
    curve = np.array(smoothed)
    first = min(SKIPPED, len(curve) - 1)
    lowest = first + int(curve[first:].argmin())
    slopes = np.gradient(curve)[: lowest + 1]
    steepest = first + int(slopes[first:].argmin())
    beyond_start = [i for i in range(lowest, len(curve)) if curve[i] > curve[first]]
    return RangeTest(
        rates,
        losses,
        smoothed,
        steepest=rates[steepest],
        tenth=rates[lowest] / 10,
        diverged=rates[beyond_start[0]] if beyond_start else None,
        fall=float(1 - curve[lowest] / curve[first]) if curve[first] else 0.0,
    )


def assess_lr(result: RangeTest, lr: float) -> Finding:
    """Compare the configured learning rate with the suggestions."""
    low, high = sorted((result.steepest, result.tenth))
    numbers = {"lr": lr, "steepest": result.steepest, "tenth_of_minimum": result.tenth}
    summary = f"lr {lr:.1e}; steepest at {result.steepest:.1e}, minimum / 10 at {result.tenth:.1e}"
    verdict, advice = OK, ""
    if result.fall < FALL[0]:
        verdict = grade(result.fall, *FALL)
        summary = f"from {LOW:g} to {HIGH:g} the loss fell by only {max(0.0, result.fall):.1%}"
        advice = "run `foldline sanity`: labels, tokens or gradients may be broken"
    elif result.diverged is not None and lr >= result.diverged:
        verdict = WRONG
        summary += f"; at {result.diverged:.1e} the loss diverges"
        advice = f"set lr to {low:.0e} .. {high:.0e}"
    elif lr > 3 * high:
        verdict, advice = LOOK, f"training may diverge: try lr {low:.0e} .. {high:.0e}"
    elif lr < low / SLOW_FACTOR:
        verdict, advice = LOOK, f"training may be too slow: try lr {low:.0e} .. {high:.0e}"
    return Finding("learning rate", verdict, summary, advice, numbers)


def to_report(result: RangeTest) -> dict[str, Any]:
    """Return the numbers for the report."""
    names = ("rates", "losses", "smoothed", "steepest", "tenth")
    return {name: getattr(result, name) for name in names} | {"broken": result.diverged}


def draw_range_test(result: RangeTest, inputs: DiagnosticInputs, lr: float) -> str:
    """Draw the smoothed and the raw loss over the rate, with the suggestions."""
    marks = [
        Mark(f"steepest: {result.steepest:.1e}", result.steepest),
        Mark(f"minimum / 10: {result.tenth:.1e}", result.tenth),
        Mark(f"params: {lr:.1e}", lr),
    ]
    start, minimum = result.smoothed[min(SKIPPED, len(result.smoothed) - 1)], min(result.smoothed)
    return draw_curve(
        f"{inputs.recipe.model}: loss while the learning rate grows",
        ("learning rate", result.rates),
        ("loss", result.smoothed),
        marks,
        result.losses,
        log_x=True,
        span=(minimum - 0.5 * (start - minimum), start + 1.5 * (start - minimum)),
    )
