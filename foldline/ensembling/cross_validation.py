"""Cross-validation: a model predicts only rows whose groups it was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import MAIN, Labels
from foldline.core.params import Augment, Kfold, Members, Runner
from foldline.core.params.members import MODEL
from foldline.ensembling.bagging import list_bags
from foldline.ensembling.fits import FitRecord, read_fit, select_distinct
from foldline.ensembling.folds import Fold, join_folds
from foldline.ensembling.members import predict_member
from foldline.ensembling.tta import AugmentedPrediction
from foldline.execution.tasks import run_tasks
from foldline.metrics.registry import measure


@dataclass(frozen=True)
class FoldResult:
    """A fold and what its fit left in the store."""

    fold: Fold
    fit: FitRecord


@dataclass(frozen=True)
class CrossValidation:
    """The results of all folds of all members, in the order of the tasks."""

    results: list[FoldResult]

    @property
    def labels(self) -> Labels:
        """Return the labels that all folds share."""
        return self.results[0].fold.labels

    @property
    def members(self) -> list[str]:
        """Return the names of the members, in their order."""
        return list(dict.fromkeys(result.fold.member for result in self.results))

    def make_table(self) -> pd.DataFrame:
        """Return the out-of-fold predictions, by member and in the order of the rows.

        Predictions of a row in several divisions, trainings or bags are averaged. `fold` is that of
        the first division.
        """
        return pd.concat(map(self._make_member_table, self.members), ignore_index=True)

    def score(self) -> dict[str, float]:
        """Return the main metric: over the model's folds, and of each member's predictions."""
        metric = MAIN[self.labels.task]
        values = [row[metric] for row in self.describe()["folds"] if row["member"] == MODEL]
        scores = {
            "mean": float(np.mean(values)),
            "std": float(np.std(values, ddof=1)),
            "worst": float(min(values)),
        }
        for member in self.members:
            rows = self._make_member_table(member)
            target, predictions = self.labels.encode(rows["label"]), self.labels.predictions(rows)
            scores[member] = measure(self.labels.task, target, predictions)[metric]
        return scores

    def describe(self) -> dict[str, Any]:
        """Return all metrics and numbers of each fold."""
        return {"metric": MAIN[self.labels.task], "folds": list(map(_score_fold, self.results))}

    def list_models(self) -> dict[str, list[Path]]:
        """Return the folders in the store of each member's fold models."""
        return {
            member: [result.fit.model for result in self.results if result.fold.member == member]
            for member in self.members
        }

    def _make_member_table(self, member: str) -> pd.DataFrame:
        results = [result for result in self.results if result.fold.member == member]
        first = results[: len({result.fold.number for result in results})]
        rows = pd.concat([result.fold.held_out for result in first], ignore_index=True)
        values = [
            _order_predictions(results[start : start + len(first)], rows["id"].tolist())
            for start in range(0, len(results), len(first))
        ]
        table = self.labels.table(np.asarray(np.mean(values, axis=0)))
        table = table.assign(id=rows["id"], label=rows["label"], fold=rows["fold"], member=member)
        order = {name: position for position, name in enumerate(first[0].fold.rows["id"])}
        return table.iloc[np.argsort(table["id"].map(order), kind="stable")]


def make_folds(
    rows: pd.DataFrame,
    folds: pd.DataFrame,
    labels: Labels,
    members: Members,
    augment: Augment,
    kfold: Kfold,
    pretraining_texts: pd.DataFrame,
) -> list[Fold]:
    """Return the folds of all members: all of a training, or of a bag, before those of the next."""
    divisions = [
        join_folds(rows, folds[folds["repeat"] == repeat], kfold.n_splits)
        for repeat in range(kfold.repeats)
    ]
    return [
        Fold(
            name, number, division, labels, recipe, augment, kfold.inner_valid,
            pretraining_texts, repeat, training, bag,
        )
        for name, recipe in select_distinct(members.recipes).items()
        for repeat, division in enumerate(divisions)
        for training in range(kfold.seeds)
        for bag in list_bags(recipe)
        for number in range(kfold.n_splits)
    ]  # fmt: skip


def cross_validate(folds: Sequence[Fold], runner: Runner) -> CrossValidation:
    """Fit the folds that are not in the store, and return the results of all."""
    folders = run_tasks([fold.make_task() for fold in folds], runner, "folds")
    return CrossValidation(
        [read_result(fold, folder) for fold, folder in zip(folds, folders, strict=True)]
    )


def read_result(fold: Fold, folder: Path) -> FoldResult:
    """Return a fold's result, predicted with the test-time augmentation of its recipe."""
    fit, augmentation = read_fit(folder), AugmentedPrediction.from_recipe(fold.recipe)
    if augmentation is None:
        return FoldResult(fold, fit)
    values = predict_member([fit.model], fold.held_out, augmentation=augmentation)
    return FoldResult(fold, replace(fit, predictions=values))


def _order_predictions(results: Sequence[FoldResult], ids: Sequence[str]) -> np.ndarray:
    """Return the held-out predictions of all folds of one training, in the order of `ids`."""
    names = [name for result in results for name in result.fold.held_out["id"]]
    positions = {name: position for position, name in enumerate(names)}
    values = np.concatenate([result.fit.predictions for result in results])
    return np.asarray(values[[positions[name] for name in ids]])


def _score_fold(result: FoldResult) -> dict[str, Any]:
    fold, labels = result.fold, result.fold.labels
    target = labels.encode(fold.held_out["label"])
    numbers = {"member": fold.member, "fold": fold.number}
    if fold.repeat or fold.training:
        numbers |= {"repeat": fold.repeat, "training": fold.training}
    if fold.bag:
        numbers |= {"bag": fold.bag}
    scores = measure(labels.task, target, result.fit.predictions, classes=labels.classes)
    return numbers | scores | result.fit.details | result.fit.training.summary
