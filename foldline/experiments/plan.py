"""The command `foldline plan`: what stages will cost, before they are run."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.params import Runner
from foldline.core.stage import say
from foldline.ensembling.folds import Fold
from foldline.ensembling.training import make_fits
from foldline.execution.progress import format_seconds
from foldline.experiments.fold_inputs import FoldInputs, load_fold_inputs
from foldline.experiments.learning_curve import make_points
from foldline.experiments.task_costs import (
    CostEstimator,
    TaskCost,
    count_workers,
    estimate_folds,
    estimate_total,
)
from foldline.models.soft_labels import add_auxiliary_labels, add_soft_labels, add_weights

FILE = Path("reports/plan.json")
SIZES, SEEDS = 6, 3  # of `foldline learning-curve`


@dataclass(frozen=True)
class StagePlan:
    """The costs of the trainings of a stage or a command."""

    name: str
    costs: Sequence[TaskCost]

    def describe(self, runner: Runner) -> dict[str, Any]:
        """Return the plan in numbers; each training counts once."""
        distinct = list({cost.task.key: cost for cost in self.costs}.values())
        new = [cost for cost in distinct if not cost.stored]
        workers = count_workers(runner, new)
        return {
            "trainings": len(distinct),
            "stored": len(distinct) - len(new),
            "work_seconds": sum(cost.seconds for cost in new),
            "seconds": estimate_total(new, runner),
            "workers": workers,
            "memory_gb": workers * max((cost.memory for cost in new), default=0.0),
        }


def run(options: argparse.Namespace) -> None:
    """Estimate the costs of train, kfold and learning-curve, and print them."""
    inputs = load_fold_inputs()
    plans = make_plans(inputs)
    runner = inputs.params.runner
    report = {plan.name: plan.describe(runner) for plan in plans}
    recipes = describe_recipes(plans)
    write_json(FILE, {"runner": runner.kind, "stages": report, "recipes": recipes})
    for line in format_plan(report, recipes):
        say(line)
    say(f"written to {FILE.as_posix()}")


def make_plans(inputs: FoldInputs) -> list[StagePlan]:
    """Return the plans of the stages, whose recipes are measured as they are first met."""
    estimator = CostEstimator(inputs.params.runner)
    folds = inputs.make_folds()
    plans = [StagePlan("kfold", estimate_folds(folds, estimator))]
    plans.insert(0, StagePlan("train", _estimate_fits(inputs, folds[0], estimator)))
    try:
        points = [point.fold for point in make_points(inputs, SIZES, SEEDS)]
    except FoldlineError:  # too few rows for one
        return plans
    return [*plans, StagePlan("learning-curve", estimate_folds(points, estimator))]


def _estimate_fits(inputs: FoldInputs, fold: Fold, estimator: CostEstimator) -> list[TaskCost]:
    """Return the costs of the fits of `train`: members and baselines."""
    params, labels = inputs.params, inputs.labels
    soft_labels, weights = schemas.SOFT_LABELS.read(), schemas.WEIGHTS.read()
    rows = add_soft_labels(schemas.AUGMENTED.read(), soft_labels, labels)
    rows = add_weights(rows, weights)
    valid = add_soft_labels(schemas.VALID.read(), soft_labels, labels)
    auxiliary = schemas.AUXILIARY_LABELS.read()
    rows, valid = (add_auxiliary_labels(part, auxiliary) for part in (rows, valid))
    fits, baselines = make_fits(
        rows, valid, inputs.pretraining_texts, params, params.members, labels
    )
    return [
        estimator.estimate(
            fit.make_task(), replace(fold, recipe=fit.recipe), len(fit.train), len(fit.predicted)
        )
        for fit in [*fits, *baselines.values()]
    ]


def describe_recipes(plans: Sequence[StagePlan]) -> dict[str, dict[str, float]]:
    """Return seconds and memory of the longest training of each task's name, by stage."""
    return {
        f"{plan.name}: {cost.task.name}": {"seconds": cost.seconds, "memory_gb": cost.memory}
        for plan in plans
        for cost in plan.costs
        if not cost.stored
    }


def format_plan(
    report: Mapping[str, Mapping[str, Any]], recipes: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """Return the plan as lines for the terminal."""
    lines = []
    for name, own in report.items():
        line = f"{name:<15} {own['trainings']:>4} trainings, {own['stored']} in the store"
        if own["trainings"] > own["stored"]:
            line += (
                f": about {format_seconds(own['seconds'])}, {own['workers']} at once, "
                f"{own['memory_gb']:.1f} GB"
            )
        lines.append(line)
    if recipes:
        name, longest = max(recipes.items(), key=lambda item: item[1]["seconds"])
        lines.append(f"longest: {name}, about {format_seconds(longest['seconds'])}")
    needed = max((own["memory_gb"] for own in report.values()), default=0.0)
    free = psutil.virtual_memory().available / 1e9
    if needed > free:
        lines.append(
            f"note: {needed:.1f} GB are needed at once, {free:.1f} GB are free: lower runner.jobs"
        )
    return lines
