"""Time and memory that trainings will take, by a few steps or a small fit of each recipe."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.components import is_component
from foldline.core.io.files import read_json, remove, write_json
from foldline.core.io.threads import count_cores
from foldline.core.params import Recipe, Runner
from foldline.core.params.kind_options import OPTIONS
from foldline.core.resource_usage import Usage
from foldline.ensembling.folds import Fold, fit_fold, split_training_rows
from foldline.execution.gpu_slots import list_gpus
from foldline.execution.progress import Progress, format_seconds
from foldline.execution.store import Store, fingerprint
from foldline.execution.tasks import STORE, Task, find_result, get_runner
from foldline.experiments.training_subsets import rank_rows, select_subset
from foldline.models import registry
from foldline.models.interface import Job
from foldline.models.training_score import MAX_ROWS

COST = "cost.json"
# Steps of transformers: to warm up, and two trainings whose difference is that of steps alone.
WARM_UP, FEW_STEPS, MORE_STEPS = 2, 8, 24
SLOW = 8.0  # seconds of the warm-up after which no more steps are timed
FIRST_ROWS, ENOUGH = 250, 1.0  # other kinds: rows of the first fit; seconds that end the doubling
EXPONENTS = (0.9, 1.4)  # of a fit's seconds over its rows
INSTANT = ("majority", "random", "uniform", "length", "decision-list", "keywords", "external")
PREDICTED = 64  # rows, eight times as many if they are fast


@dataclass(frozen=True)
class RecipeCost:
    """Seconds of a fit, fixed + scale * rows**exponent; of predicting a row; gigabytes."""

    fixed: float
    scale: float
    exponent: float
    predict: float
    memory_fixed: float
    memory_row: float

    def seconds(self, learnt: int, predicted: int) -> float:
        """Return the seconds of a task that learns from rows and predicts others."""
        fit = self.fixed + self.scale * learnt**self.exponent
        return float(fit + self.predict * (predicted + min(learnt, MAX_ROWS)))

    def memory(self, learnt: int) -> float:
        """Return the gigabytes of a task."""
        return self.memory_fixed + self.memory_row * learnt


@dataclass(frozen=True)
class TaskCost:
    """What a task will cost; nothing if its result is in the store.

    `startup` are the seconds before the first task begins, once for all.
    """

    task: Task
    stored: bool
    seconds: float = 0.0
    memory: float = 0.0
    startup: float = 0.0


@dataclass(frozen=True)
class _Measurement:
    """A recipe's cost, and the seconds of the process of each task, and before the first."""

    recipe: RecipeCost
    overhead: float
    startup: float


class CostEstimator:
    """Measures each recipe once, as a task of the runner, when a task first needs it."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.measured: dict[str, _Measurement] = {}

    def estimate(self, task: Task, fold: Fold, learnt: int, predicted: int) -> TaskCost:
        """Return the cost of a task that fits the recipe of a fold to so many rows."""
        if Store(STORE).find(task.key):
            return TaskCost(task, True)
        found = self.measure(fold)
        seconds = found.overhead + found.recipe.seconds(learnt, predicted)
        return TaskCost(task, False, seconds, found.recipe.memory(learnt), found.startup)

    def measure(self, fold: Fold) -> _Measurement:
        """Return the cost of a fold's recipe."""
        key = name_recipe(fold)
        if key not in self.measured:
            self.measured[key] = self._measure(fold)
        return self.measured[key]

    def _measure(self, fold: Fold) -> _Measurement:
        model = fold.recipe.model
        wall, content = self._run(f"{model}: a few steps or rows", measure_recipe, fold)
        working = content.pop("seconds")
        cost = RecipeCost(**content)
        small = shrink(shorten(fold), FIRST_ROWS)
        seconds, _ = self._run(f"{model}: a whole task on few rows", fit_small_fold, small)
        learnt = len(small.rows) - len(small.held_out)
        overhead = max(0.0, seconds - cost.seconds(learnt, len(small.held_out)))
        if is_trained_in_steps(fold.recipe):  # `cost` is of all epochs, the small task of one
            share = 1 - 1 / fold.recipe.epochs
            overhead += share * cost.scale * learnt**cost.exponent
            overhead = min(overhead, seconds)
        return _Measurement(cost, overhead, max(0.0, wall - working))

    def _run(self, name: str, function: Callable[..., None], fold: Fold) -> tuple[float, Any]:
        """Run a task as the runner does; return its seconds and what it wrote, and forget it."""
        key = fingerprint("cost", name, time.time())
        task = replace(fold.make_task(), name=name, key=key, function=function, arguments=(fold,))
        begun = time.perf_counter()
        failed = get_runner(self.runner.kind)([task], self.runner, Progress("measurements", 1))
        seconds = time.perf_counter() - begun
        if failed:
            raise FoldlineError(f"{fold.recipe.model} cannot be trained: {failed[name]}")
        folder = find_result(task)
        content = read_json(folder / COST)
        remove(folder)
        return seconds, content


def name_recipe(fold: Fold) -> str:
    """Return a name that recipes of equal cost share; those of the fastest kinds do."""
    if all(model in INSTANT for model in fold.recipe.models):
        return "instant"
    return repr(fold.recipe.model_dump(exclude={"seed"}))


def estimate_folds(folds: Sequence[Fold], estimator: CostEstimator) -> list[TaskCost]:
    """Return the costs of folds; each recipe is measured on rows of its largest one."""
    largest = {name_recipe(fold): fold for fold in sorted(folds, key=lambda own: len(own.rows))}
    costs = []
    for fold in folds:
        predicted = int((fold.rows["fold"] == fold.number).sum())
        learnt = len(fold.rows) - predicted
        costs.append(
            estimator.estimate(fold.make_task(), largest[name_recipe(fold)], learnt, predicted)
        )
    return costs


def shrink(fold: Fold, size: int) -> Fold:
    """Return a fold with a subset of at most `size` training rows, and as many to predict."""
    held_out = fold.rows["fold"] == fold.number
    rows = fold.rows[~held_out].reset_index(drop=True)
    ranks = rank_rows(rows, fold.labels.task, fold.recipe.seed)
    subset = rows[select_subset(ranks, min(size, len(rows)))]
    return replace(fold, rows=pd.concat([subset, fold.held_out.head(size)], ignore_index=True))


def shorten(fold: Fold) -> Fold:
    """Return a fold whose recipe trains for one epoch, if it trains for epochs."""
    recipe = fold.recipe
    if not is_trained_in_steps(recipe):
        return fold
    pretrain = recipe.pretrain.model_copy(update={"epochs": 0})
    # An epoch of few rows may have fewer steps than a schedule has cycles.
    train = recipe.train.model_copy(update={"snapshots": 1})
    update = {"epochs": 1, "pretrain": pretrain, "train": train}
    return replace(fold, recipe=recipe.model_copy(update=update))


def fit_small_fold(folder: Path, scratch: Path, fold: Fold) -> None:
    """Do all that the task of a fold does."""
    fit_fold(folder, scratch, fold)
    write_json(folder / COST, {})


def measure_recipe(folder: Path, scratch: Path, fold: Fold) -> None:
    """Time fits of a fold's recipe to small subsets of its rows; write a RecipeCost."""
    begun = time.perf_counter()
    timer, steps = _Timer(fold), is_trained_in_steps(fold.recipe)
    times = timer.time_steps() if steps else timer.time_doubling()
    fixed, scale, exponent = fit_times(times, steps)
    growth = 0.0 if steps else max(0.0, timer.peak - timer.base) / times[-1][0]
    cost = RecipeCost(
        fixed, scale * (fold.recipe.epochs if steps else 1), exponent, timer.time_prediction(),
        timer.peak - growth * times[-1][0], growth,
    )  # fmt: skip
    write_json(folder / COST, asdict(cost) | {"seconds": time.perf_counter() - begun})


def is_trained_in_steps(recipe: Recipe) -> bool:
    """Return whether one of a recipe's models trains by steps of batches, for epochs."""
    return any(model not in OPTIONS and not is_component(model) for model in recipe.models)


def fit_times(times: Sequence[tuple[int, float]], steps: bool) -> tuple[float, float, float]:
    """Return fixed seconds, scale and exponent by the last two (rows, seconds); see RecipeCost."""
    (rows, seconds), (more, longer) = ([(0, 0.0)] * (len(times) < 2) + list(times))[-2:]
    if steps:
        slope = max(longer - seconds, 0.0) / max(more - rows, 1)
        return max(0.0, longer - slope * more), slope, 1.0
    exponent = 1.0
    if 0 < rows < more and seconds > ENOUGH / 10:
        exponent = float(np.clip(np.log(longer / seconds) / np.log(more / rows), *EXPONENTS))
    return 0.0, longer / more**exponent, exponent


class _Timer:
    """Fits of one recipe to subsets of growing size; one epoch of those that train in steps."""

    def __init__(self, fold: Fold) -> None:
        self.fold, self.short = fold, shorten(fold)
        self.model: Any = None
        self.base = self.peak = 0.0

    def time_steps(self) -> list[tuple[int, float]]:
        """Return (rows, seconds) of trainings of a few steps."""
        size = self.fold.recipe.batch_size * self.fold.recipe.train.accumulation
        first = self._time(WARM_UP * size)
        if first[1] > SLOW:
            return [first]
        return [self._time(FEW_STEPS * size), self._time(MORE_STEPS * size)]

    def time_doubling(self) -> list[tuple[int, float]]:
        """Return (rows, seconds) of fits of twice the rows each, until one takes long enough."""
        size = FIRST_ROWS
        self._time(size)  # imports and caches
        times = [self._time(size)]
        while times[-1][1] < ENOUGH and size < len(self.fold.rows) - len(self.fold.held_out):
            size *= 2
            times.append(self._time(size))
        return times

    def time_prediction(self) -> float:
        """Return the seconds of a prediction by row."""
        rows = self.fold.held_out
        self.model.predict(rows.head(PREDICTED))
        seconds = count = 0.0
        for count in (min(PREDICTED, len(rows)), min(8 * PREDICTED, len(rows))):
            begun = time.perf_counter()
            self.model.predict(rows.head(int(count)))
            seconds = time.perf_counter() - begun
            if seconds > ENOUGH:
                break
        return seconds / max(1, count)

    def _time(self, size: int) -> tuple[int, float]:
        """Return the rows, at most `size`, and the seconds of augmenting and fitting them once."""
        fold = shrink(self.short, size)
        learnt = len(fold.rows) - len(fold.held_out)
        with TemporaryDirectory(prefix="foldline-") as folder, Usage(0.05) as usage:
            begun = time.perf_counter()
            training, stopping = split_training_rows(fold)
            job = Job(training, stopping, fold.labels, fold.recipe, Path(folder))
            self.model = registry.fit(job).model
            seconds = time.perf_counter() - begun
        memory = [sample["memory_mb"] / 1000 for sample in usage.samples]
        self.base = self.base or memory[0]
        self.peak = max(self.peak, *memory)
        return learnt, seconds


def count_workers(runner: Runner, costs: Iterable[TaskCost]) -> int:
    """Return how many tasks run at once on this machine."""
    tasks = [cost.task for cost in costs if not cost.stored]
    if runner.kind == "inline" or not tasks:
        return 1
    if runner.jobs != "auto":
        return min(runner.jobs, len(tasks))
    slots = count_cores() // max(task.threads for task in tasks)
    if any(task.uses_torch for task in tasks):
        slots = len(list_gpus()) or slots
    return max(1, min(slots, len(tasks)))


def estimate_total(costs: Sequence[TaskCost], runner: Runner) -> float:
    """Return the seconds of all tasks with the workers of `runner`: each key once."""
    new = list({cost.task.key: cost for cost in costs if not cost.stored}.values())
    if not new:
        return 0.0
    ends = [0.0] * count_workers(runner, new)
    for cost in new:  # each task goes to the worker that is free first
        ends[ends.index(min(ends))] += cost.seconds
    total = max(ends)
    if not list_gpus() or not any(cost.task.uses_torch for cost in new):
        # More workers than cores do not make it faster.
        total = max(total, sum(cost.seconds * cost.task.threads for cost in new) / count_cores())
    return total + max(cost.startup for cost in new)


def describe_costs(costs: Sequence[TaskCost], runner: Runner) -> str:
    """Return a line on the number of trainings, their time and memory."""
    distinct = {cost.task.key: cost for cost in costs}.values()
    new = [cost for cost in distinct if not cost.stored]
    stored = len(distinct) - len(new)
    line = f"{len(distinct)} trainings, {stored} in the store"
    if new:
        line += (
            f": about {format_seconds(estimate_total(costs, runner))} for {len(new)}, "
            f"{count_workers(runner, new)} at once, {max(c.memory for c in new):.1f} GB each"
        )
    return line
