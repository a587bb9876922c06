"""The baselines that a trained model must beat: fitted beside it, and predicting new rows."""

from dataclasses import replace
from typing import Annotated

import numpy as np
import pandas as pd

from foldline.core.io.files import copy_folder, write_json
from foldline.core.io.labels import Labels
from foldline.core.params import Recipe
from foldline.ensembling.members import BASELINES, INDEX, format_remedy, predict_model
from foldline.ensembling.records import one_of, read_record
from foldline.execution.locks import hold_lock
from foldline.execution.store import Store, code_version, fingerprint, library_versions
from foldline.models import registry
from foldline.models.interface import Job, Model

CODE = ("core/io", "encoders", "metrics", "models")


def list_baselines(recipe: Recipe) -> list[str]:
    """Return the baselines of a recipe: some always, others if params name their file or model."""
    optional = {"keywords": recipe.keywords.file, "zero-shot": recipe.zero_shot.model}
    configured = [name for name, file in optional.items() if file and recipe.task != "regression"]
    return ["majority", "random", "length", *configured, "tfidf"]


def fit_baselines(job: Job, trained: Model) -> dict[str, Model]:
    """Fit the baselines of a job and write them with their index.

    A baseline of the trained model's kind is that model. Each is kept in the store, for experiments
    that differ in nothing that it depends on.
    """
    models = {}
    for name in list_baselines(job.recipe):
        is_trained = name == job.recipe.model
        _copy_baseline(name, job, trained if is_trained else None)
        models[name] = trained if is_trained else registry.load(BASELINES / name)
    write_json(BASELINES / INDEX, list(models))
    return models


def _copy_baseline(name: str, job: Job, trained: Model | None) -> None:
    """Copy a baseline from the store to its folder; if it is not there, fit it unless trained."""
    recipe = registry.make_baseline_recipe(job.recipe, name)
    own = replace(job, recipe=recipe, valid=job.valid.iloc[:0])
    dependencies = registry.list_dependencies(recipe, job.labels)
    versions = [code_version(*CODE), library_versions()]
    key = fingerprint("baseline", own.train, [recipe.model_dump(), dependencies, versions])
    store = Store("baselines")
    with hold_lock(f"baseline-{key}"):
        if not store.find(key):
            model = trained or registry.fit(own).model
            with store.create(key) as folder:
                registry.save(model, name, job.labels, folder / "model")
        copy_folder(store.root / key / "model", BASELINES / name)


def predict_baselines(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each baseline's prediction of rows, (n, c) or (n,)."""
    kind = list[Annotated[str, one_of(*registry.BASELINE_OPTIONS)]]
    names: list[str] = read_record(BASELINES / INDEX, kind, format_remedy(BASELINES))
    return {name: predict_model(BASELINES / name, rows) for name in names}


def make_validation_table(
    models: dict[str, Model], rows: pd.DataFrame, labels: Labels
) -> pd.DataFrame:
    """Return the predictions of rows by each model, with its name as `member`.

    A model that stands under two names predicts once.
    """
    tables: dict[int, pd.DataFrame] = {}
    for model in models.values():
        if id(model) not in tables:
            tables[id(model)] = labels.table(model.predict(rows))
    return pd.concat(
        [
            tables[id(model)].assign(id=rows["id"], label=rows["label"], member=name)
            for name, model in models.items()
        ],
        ignore_index=True,
    )
