"""The baselines that a trained model must beat: fitted beside it, and predicting new rows."""

from dataclasses import replace

import numpy as np
import pandas as pd

from foldline.core.io.files import copy_folder, read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.params import Recipe
from foldline.ensembling.members import BASELINES, INDEX, MODEL, predict_model
from foldline.models import registry
from foldline.models.interface import Job, Model


def list_baselines(recipe: Recipe) -> list[str]:
    """Return the baselines of a recipe: some always, others if params name their file or model."""
    optional = {"keywords": recipe.keywords.file, "zero-shot": recipe.zero_shot.model}
    configured = [name for name, file in optional.items() if file and recipe.task != "regression"]
    return ["majority", "random", "length", *configured, "tfidf"]


def fit_baselines(job: Job, trained: Model) -> dict[str, Model]:
    """Fit the baselines of a job and write them with their index; `trained` lies in MODEL.

    A baseline of the trained model's kind is that model.
    """
    models = {}
    for name in list_baselines(job.recipe):
        if name == job.recipe.model:
            models[name] = trained
            copy_folder(MODEL, BASELINES / name)
        else:
            recipe = job.recipe.model_copy(update={"model": name})
            models[name] = registry.fit(replace(job, recipe=recipe)).model
            registry.save(models[name], name, job.labels, BASELINES / name)
    write_json(BASELINES / INDEX, list(models))
    return models


def predict_baselines(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each baseline's prediction of rows, (n, c) or (n,)."""
    return {name: predict_model(BASELINES / name, rows) for name in read_json(BASELINES / INDEX)}


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
