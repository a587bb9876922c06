"""The training of the main model and its baselines, which a killed run resumes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from foldline.core.io.group_split import compute_strata, split_groups
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Recipe
from foldline.ensembling.baselines import fit_baselines, make_validation_table
from foldline.ensembling.members import MODEL
from foldline.execution.store import Store, code_version, fingerprint, library_versions
from foldline.models import registry, sample_predictions
from foldline.models.interface import FitResult, Job, Model

STOPPING_SHARE = 0.1  # of the training rows, where there are no validation rows
_FOLDERS = ("core/io", "encoders", "metrics", "models")
# Fits a job whose key is the second argument; also returns the resources that it used.
Fit = Callable[[Job, str], tuple[FitResult, dict[str, Any]]]


@dataclass(frozen=True)
class Training:
    """A trained model with its job, its baselines by name, and the resources that it used.

    Where there are no validation rows (`valid`), rows of train stop a training early: `job.valid`.
    """

    job: Job
    valid: pd.DataFrame
    fitted: FitResult
    baselines: dict[str, Model]
    usage: dict[str, Any]

    def predict_validation(self) -> pd.DataFrame:
        """Return the predictions of the validation rows by the model and by TF-IDF."""
        members = {"model": self.fitted.model, "tfidf": self.baselines["tfidf"]}
        return make_validation_table(members, self.valid, self.job.labels)


@contextmanager
def train_with_baselines(
    rows: pd.DataFrame,
    valid: pd.DataFrame,
    pretraining_texts: pd.DataFrame,
    recipe: Recipe,
    labels: Labels,
    fit: Fit,
) -> Iterator[Training]:
    """Fit and save the recipe's model and its baselines; checkpoints stay until the block ends."""
    params = recipe.model_dump(exclude={"runner"})
    dependencies = registry.list_dependencies(recipe, labels)
    versions = [code_version(*_FOLDERS), library_versions()]
    key = fingerprint("train", rows, valid, pretraining_texts, [params, dependencies, *versions])
    with Store("train").resume(key) as folder:
        training, stopping = rows, valid
        if valid.empty and registry.get_kind(registry.resolve_kind(recipe.model)).stops_early:
            training, stopping = hold_back_rows(rows, labels, recipe.seed)
        sample_ids = sample_predictions.select_ids(stopping["id"].tolist(), recipe.seed)
        job = Job(training, stopping, labels, recipe, folder, pretraining_texts, sample_ids)
        fitted, usage = fit(job, key)
        registry.save(fitted.model, recipe.model, labels, MODEL)
        baselines = fit_baselines(replace(job, train=rows, valid=valid), fitted.model)
        yield Training(job, valid, fitted, baselines, usage)


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
