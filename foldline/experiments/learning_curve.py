"""Trainings on subsets of the training rows, and their scores on the same held-out rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Runner
from foldline.ensembling.fits import FitRecord, read_fit
from foldline.ensembling.folds import Fold
from foldline.execution.tasks import run_tasks
from foldline.experiments.fold_inputs import FoldInputs
from foldline.experiments.training_subsets import list_sizes, rank_rows, select_subset
from foldline.metrics.registry import WeightedMeasure, prepare_metrics

MIN_ROWS, MIN_CLASS_ROWS = 10, 2  # of the smallest size: in all, and for each class


@dataclass(frozen=True)
class Point:
    """A training on a subset: its size, the number of its seed, and what to fit."""

    size: int
    seed: int
    fold: Fold


@dataclass(frozen=True)
class FittedPoint:
    """A point and what its fit left in the store."""

    point: Point
    fit: FitRecord


def make_points(
    inputs: FoldInputs, sizes: int, seeds: int, total: int | None = None
) -> list[Point]:
    """Return the trainings of a learning curve of the recipe, by size and seed.

    The rows to predict are the official validation rows, or else those of the first fold, whose
    training on all rows is then that of `kfold`. Larger subsets of a seed contain its smaller ones.
    `total` (default: all) is the largest number of training rows.

    Raises:
        FoldlineError: if there are too few rows.
    """
    whole = _choose_fold(inputs)
    held_out = set(whole.held_out["duplicate"]) - {""}
    rows = whole.rows
    learnt = ((rows["fold"] != 0) & ~rows["duplicate"].isin(held_out)).to_numpy()
    candidates = rows[learnt].reset_index(drop=True)
    smallest = max(MIN_ROWS, MIN_CLASS_ROWS * len(inputs.labels.classes))
    if len(candidates) < 2 * smallest:
        raise FoldlineError(
            f"data/train.csv: {len(candidates)} training rows are too few for a learning curve; "
            f"at least {2 * smallest} are needed"
        )
    points = []
    wanted = list_sizes(min(total or len(candidates), len(candidates)), sizes, smallest)
    for seed in range(seeds):
        own = derive_seed(whole.recipe.seed, "learning curve", seed)
        ranks = rank_rows(candidates, inputs.labels.task, own)
        for size in wanted:
            mask = select_subset(ranks, size)
            kept = ~learnt
            kept[np.flatnonzero(learnt)[mask]] = True
            subset = rows[kept].reset_index(drop=True)
            name = f"{int(mask.sum())} rows"
            fold = replace(whole, rows=subset, training=seed, member=name)
            points.append(Point(int(mask.sum()), seed, fold))
    return sorted(points, key=lambda point: point.size)


def _choose_fold(inputs: FoldInputs) -> Fold:
    """Return the fold whose rows are predicted: number 0."""
    first = inputs.make_folds()[0]
    if not inputs.params.data.valid or inputs.valid.empty:
        return first
    official = first.rows["id"].isin(set(inputs.valid["id"]))
    return replace(first, rows=first.rows.assign(fold=np.where(official, 0, 1)))


@dataclass(frozen=True)
class LearningCurve:
    """The results of a learning curve: all seeds of a size, for each size, ascending."""

    points: list[list[FittedPoint]]
    metric: str
    seed: int

    @property
    def fold(self) -> Fold:
        """Return the fold of a training on the largest size."""
        return self.points[-1][0].point.fold

    @property
    def labels(self) -> Labels:
        """Return the labels of all points."""
        return self.fold.labels

    @property
    def held_out(self) -> pd.DataFrame:
        """Return the rows that all points predict."""
        return self.fold.held_out

    @cached_property
    def target(self) -> np.ndarray:
        """Return the encoded labels of the held-out rows."""
        return self.labels.encode(self.held_out["label"])

    @cached_property
    def sizes(self) -> np.ndarray:
        """Return the mean number of training rows of each size, (m,)."""
        return np.array([np.mean([own.point.size for own in row]) for row in self.points])

    @cached_property
    def measures(self) -> list[list[WeightedMeasure]]:
        """Return the functions from weights of the held-out rows to the score of each point."""
        return [[self._prepare(own.fit.predictions) for own in row] for row in self.points]

    def score(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the score of each size and seed, (m, seeds), with weights of held-out rows."""
        return np.array([[one(weights)[self.metric] for one in row] for row in self.measures])

    def _prepare(self, predictions: np.ndarray) -> WeightedMeasure:
        return prepare_metrics(self.labels.task, self.target, predictions, [self.metric])


def fit_points(points: Sequence[Point], runner: Runner, metric: str, seed: int) -> LearningCurve:
    """Fit the points that are not in the store, and return the curve of all."""
    folders = run_tasks([point.fold.make_task() for point in points], runner, "trainings")
    fitted = [
        FittedPoint(point, read_fit(folder)) for point, folder in zip(points, folders, strict=True)
    ]
    # The sizes of seeds may differ by the rows of a group, but come in the same order.
    seeds = 1 + max(point.seed for point in points)
    by_seed = [[own for own in fitted if own.point.seed == number] for number in range(seeds)]
    return LearningCurve([list(row) for row in zip(*by_seed, strict=True)], metric, seed)
