"""The training on all training rows: of params.yaml's recipe, the other members, and baselines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.group_split import compute_strata, split_groups
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Members, Recipe, Runner
from foldline.core.params.members import MODEL
from foldline.ensembling.bagging import list_bags
from foldline.ensembling.baselines import make_baseline_recipes, select_texts
from foldline.ensembling.fits import Fit, FitJob, FitRecord, fit_job, read_fit, select_distinct
from foldline.ensembling.members import predict_member
from foldline.ensembling.tta import AugmentedPrediction
from foldline.execution.tasks import run_tasks
from foldline.models import registry, sample_predictions

STOPPING_SHARE = 0.1  # of the training rows, where there are no validation rows


@dataclass(frozen=True)
class Training:
    """The trained members, a fit for each bag, and baselines, by name; `valid` are validation rows.

    Where there are none, rows of train stop a training early: those that `fit` predicts.
    """

    valid: pd.DataFrame
    fit: Fit
    recipe: Recipe
    members: dict[str, list[FitRecord]]
    baselines: dict[str, FitRecord]

    @property
    def labels(self) -> Labels:
        """Return the labels of all models."""
        return self.fit.labels

    @property
    def model(self) -> FitRecord:
        """Return the fit of the recipe in params.yaml."""
        return self.members[MODEL][0]

    def make_validation_table(self) -> pd.DataFrame:
        """Return the predictions of the validation rows by each member."""
        return make_table(self.valid, self._select_valid(self.members), self.labels)

    def make_samples(self) -> pd.DataFrame:
        """Return the predictions of a few rows after each epoch."""
        rows = self.fit.predicted
        ids = sample_predictions.select_ids(rows["id"].tolist(), self.recipe.seed)
        return sample_predictions.build_table(
            self.model.training.samples, self.model.predictions, rows, ids, self.labels
        )

    def make_baseline_table(self, name: str) -> pd.DataFrame:
        """Return a baseline's predictions of the validation rows."""
        fits = {name: [self.baselines[name]]}
        return make_table(self.valid, self._select_valid(fits), self.labels)

    def _select_valid(self, fits: Mapping[str, list[FitRecord]]) -> dict[str, np.ndarray]:
        # Without validation rows the predictions are of the rows that stop a training early.
        return {
            name: np.asarray(np.mean([fit.predictions for fit in own], axis=0))[: len(self.valid)]
            for name, own in fits.items()
        }


def train_members(
    rows: pd.DataFrame,
    valid: pd.DataFrame,
    pretraining_texts: pd.DataFrame,
    recipe: Recipe,
    members: Members,
    labels: Labels,
    runner: Runner,
    fit: FitJob = fit_job,
) -> Training:
    """Fit the recipe's model, the members whose full models predict, and the baselines.

    `fit` fits the recipe's model, so that a tracker can follow it.
    """
    fits, baselines = make_fits(rows, valid, pretraining_texts, recipe, members, labels)
    tasks = [own.make_task(fit if own.name == MODEL else fit_job) for own in fits]
    tasks += [own.make_task() for own in baselines.values()]
    folders = run_tasks(tasks, runner, "fits")
    records: dict[str, list[FitRecord]] = {}
    for own, folder in zip(fits, folders[: len(fits)], strict=True):
        records.setdefault(own.name, []).append(_read_record(own, folder))
    others = dict(zip(baselines, map(read_fit, folders[len(fits) :]), strict=True))
    return Training(valid, fits[0], recipe, records, others)


def _read_record(fit: Fit, folder: Path) -> FitRecord:
    """Return what a fit left, predicted with the test-time augmentation of its recipe."""
    record, augmentation = read_fit(folder), AugmentedPrediction.from_recipe(fit.recipe)
    if augmentation is None:
        return record
    values = predict_member([record.model], fit.predicted, augmentation=augmentation)
    return replace(record, predictions=values)


def make_fits(
    rows: pd.DataFrame,
    valid: pd.DataFrame,
    pretraining_texts: pd.DataFrame,
    recipe: Recipe,
    members: Members,
    labels: Labels,
) -> tuple[list[Fit], dict[str, Fit]]:
    """Return the fits of the recipe's model and the members, one for each bag, and of baselines."""
    recipes = select_distinct(members.recipes)
    if members.models == "folds":
        recipes = {MODEL: recipes[MODEL]}
    inputs = (rows, valid, pretraining_texts, labels)
    pairs = bool((rows["text_pair"] != "").any())
    fits = [
        _make_fit(name, *inputs, own, bag)
        for name, own in recipes.items()
        for bag in list_bags(own)
    ]
    baselines = {
        name: _make_fit(
            f"baseline {name}",
            select_texts(name, rows),
            select_texts(name, valid),
            pretraining_texts,
            labels,
            own,
        )
        for name, own in make_baseline_recipes(recipe, pairs).items()
    }
    return fits, baselines


def _make_fit(
    name: str,
    rows: pd.DataFrame,
    valid: pd.DataFrame,
    pretraining_texts: pd.DataFrame,
    labels: Labels,
    recipe: Recipe,
    bag: int = 0,
) -> Fit:
    if not registry.stops_early(recipe):
        return Fit(name, rows, valid.iloc[:0], valid, labels, recipe, pretraining_texts, bag=bag)
    training, stopping = rows, valid
    if valid.empty:
        training, stopping = hold_back_rows(rows, labels, recipe.seed)
    ids = sample_predictions.select_ids(stopping["id"].tolist(), recipe.seed)
    return Fit(name, training, stopping, stopping, labels, recipe, pretraining_texts, ids, bag)


def hold_back_rows(
    rows: pd.DataFrame, labels: Labels, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows without some whole groups, and these, to stop a training early."""
    originals = rows[rows["id"] == rows["source_id"]].reset_index(drop=True)
    codes = split_groups(
        originals["id"].tolist(),
        originals["group"].tolist(),
        compute_strata(originals["label"], labels.task),
        [1 - STOPPING_SHARE, STOPPING_SHARE],
        derive_seed(seed, "stopping"),
    )
    stopping = originals[codes == 1].reset_index(drop=True)
    learnt = ~rows["source_id"].isin(set(stopping["id"]))
    return rows[learnt].reset_index(drop=True), stopping


def make_table(
    rows: pd.DataFrame, predictions: Mapping[str, np.ndarray], labels: Labels
) -> pd.DataFrame:
    """Return predictions of rows, with the name of each predictor as `member`."""
    return pd.concat(
        [
            labels.table(values).assign(id=rows["id"], label=rows["label"], member=name)
            for name, values in predictions.items()
        ],
        ignore_index=True,
    )
