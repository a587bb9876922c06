"""The training of the main model and its baselines, which a killed run resumes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd

from foldline.core.io.labels import Labels
from foldline.core.params import Recipe
from foldline.ensembling.baselines import fit_baselines, make_validation_table
from foldline.ensembling.members import MODEL
from foldline.execution.store import Store, code_version, fingerprint, library_versions
from foldline.models import registry, sample_predictions
from foldline.models.interface import FitResult, Job, Model

_FOLDERS = ("core/io", "encoders", "metrics", "models")
# Fits a job whose key is the second argument; also returns the resources that it used.
Fit = Callable[[Job, str], tuple[FitResult, dict[str, Any]]]


@dataclass(frozen=True)
class Training:
    """A trained model with its job, its baselines by name, and the resources that it used."""

    job: Job
    fitted: FitResult
    baselines: dict[str, Model]
    usage: dict[str, Any]

    def predict_validation(self) -> pd.DataFrame:
        """Return the predictions of the validation rows by the model and by TF-IDF."""
        members = {"model": self.fitted.model, "tfidf": self.baselines["tfidf"]}
        return make_validation_table(members, self.job.valid, self.job.labels)


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
        sample_ids = sample_predictions.select_ids(valid["id"].tolist(), recipe.seed)
        job = Job(rows, valid, labels, recipe, folder, pretraining_texts, sample_ids)
        fitted, usage = fit(job, key)
        registry.save(fitted.model, recipe.model, labels, MODEL)
        yield Training(job, fitted, fit_baselines(job, fitted.model), usage)
