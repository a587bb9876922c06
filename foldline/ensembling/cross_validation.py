"""Cross-validation: a model predicts only rows whose groups it was not trained on."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np
import pandas as pd

from foldline.core.io.files import replace_atomically, write_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.threads import count_cores
from foldline.core.params import Augment, Kfold, Recipe
from foldline.core.params.models import SINGLE_THREADED
from foldline.ensembling.folds import (
    Fold,
    FoldResult,
    delete_results,
    fit_fold,
    load_result,
    make_baseline,
    share_result,
)
from foldline.ensembling.members import FOLDS, INDEX
from foldline.execution.locks import hold_lock
from foldline.execution.store import fingerprint
from foldline.execution.tasks import Task, run_tasks
from foldline.metrics.registry import measure
from foldline.models.device import get_device


@dataclass(frozen=True)
class CrossValidation:
    """The results of all folds, in the order of the folds."""

    results: list[FoldResult]

    @property
    def labels(self) -> Labels:
        """Return the labels that all folds share."""
        return self.results[0].fold.labels

    def make_table(self) -> pd.DataFrame:
        """Return the out-of-fold predictions, by member and in the order of the rows."""
        table = self._concatenate()
        ids = self.results[0].fold.rows["id"].tolist()
        positions = {name: position for position, name in enumerate(ids)}
        table["position"] = table["id"].map(positions)
        return table.sort_values(["member", "position"], kind="stable")

    def score(self) -> dict[str, float]:
        """Return the main metric: over the model's folds, and of each member's predictions."""
        metric = MAIN[self.labels.task]
        values = [row[metric] for row in self._score_folds() if row["member"] == "model"]
        scores = {
            "mean": float(np.mean(values)),
            "std": float(np.std(values, ddof=1)),
            "worst": float(min(values)),
        }
        for member, rows in self._concatenate().groupby("member"):
            target, predictions = self.labels.encode(rows["label"]), self.labels.predictions(rows)
            scores[str(member)] = measure(self.labels.task, target, predictions)[metric]
        return scores

    def describe(self) -> dict[str, Any]:
        """Return all metrics and numbers of each fold."""
        return {"metric": MAIN[self.labels.task], "folds": self._score_folds()}

    def save_models(self) -> None:
        """Write the models of the main recipe to models/folds, with their index."""
        kfold = self.results[0].fold.kfold
        with replace_atomically(FOLDS) as folder:
            folder.mkdir(parents=True)
            for result in self.results:
                if result.fold.member == "model" and result.model:
                    shutil.copytree(result.model, folder / str(result.fold.number))
            write_json(folder / INDEX, {"n_splits": kfold.n_splits, "kept": kfold.keep_models})

    def _concatenate(self) -> pd.DataFrame:
        return pd.concat(map(_make_fold_table, self.results), ignore_index=True)

    def _score_folds(self) -> list[dict[str, Any]]:
        return [
            {"member": result.fold.member, "fold": result.fold.number}
            | measure(
                self.labels.task,
                self.labels.encode(result.fold.held_out["label"]),
                result.predictions,
            )
            | result.details
            for result in self.results
        ]


def make_folds(
    rows: pd.DataFrame,
    labels: Labels,
    recipe: Recipe,
    augment: Augment,
    kfold: Kfold,
    pretraining_texts: pd.DataFrame,
) -> list[Fold]:
    """Return the folds of the recipe's model, and of TF-IDF if that is another model.

    TF-IDF's out-of-fold predictions decide its weight in the ensemble.
    """
    recipe = Recipe.model_validate(recipe.model_dump(include=set(Recipe.model_fields)))
    folds = [
        Fold("model", number, rows, labels, recipe, augment, kfold, pretraining_texts)
        for number in range(kfold.n_splits)
    ]
    return folds if recipe.model == "tfidf" else folds + [make_baseline(fold) for fold in folds]


@contextmanager
def cross_validate(folds: list[Fold], jobs: int | Literal["auto"]) -> Iterator[CrossValidation]:
    """Fit the folds, `jobs` at a time, and yield their results; delete the model's on success.

    Experiments that agree in everything that a fold depends on share its results. So one process
    at a time works on these folds: another must not delete what is still to be read.
    """
    with hold_lock("kfold-" + fingerprint([fold.key for fold in folds])):
        for member, own in groupby(folds, key=lambda fold: fold.member):
            tasks = [Task(fold.name, fit_fold, (fold,)) for fold in own]
            recipe = tasks[0].arguments[0].recipe
            workers = count_workers(recipe) if jobs == "auto" else jobs
            run_tasks(tasks, workers, f"{member}: fold")
        results = [load_result(fold) for fold in folds]
        yield CrossValidation(results)
        for result in results:
            if result.fold.recipe.model == "tfidf" and not result.fold.is_baseline:
                share_result(result)
        delete_results(folds)


def count_workers(recipe: Recipe) -> int:
    """Return how many folds of a recipe the machine trains at once.

    The threads of a fold are part of its result, so they do not depend on this number.
    """
    if recipe.model in SINGLE_THREADED:
        return count_cores()
    workers = max(1, count_cores() // recipe.train.cpu_threads)
    if workers > 1 and get_device() == "cuda":
        return 1  # the folds would share its memory
    return workers


def _make_fold_table(result: FoldResult) -> pd.DataFrame:
    fold = result.fold
    rows = fold.held_out.reset_index(drop=True)
    table = fold.labels.table(result.predictions)
    return table.assign(id=rows["id"], label=rows["label"], fold=fold.number, member=fold.member)
