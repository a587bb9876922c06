"""The baselines that a trained model must beat: fitted beside it, and predicting new rows."""

from typing import Annotated

import numpy as np
import pandas as pd

from foldline.core.io.files import copy_folder, replace_atomically, write_json
from foldline.core.params import Recipe
from foldline.core.params.kind_options import select_options
from foldline.ensembling.fits import FitRecord
from foldline.ensembling.members import BASELINES, INDEX, format_remedy, predict_model
from foldline.ensembling.records import one_of, read_record
from foldline.models import registry


def list_baselines(recipe: Recipe) -> list[str]:
    """Return the baselines of a recipe: some always, others if params name their file or model."""
    optional = {"keywords": recipe.keywords.file, "zero-shot": recipe.zero_shot.model}
    configured = [name for name, file in optional.items() if file and recipe.task != "regression"]
    return ["majority", "random", "length", *configured, "tfidf"]


def make_baseline_recipes(recipe: Recipe) -> dict[str, Recipe]:
    """Return what each of a recipe's baselines reads of it, by name."""
    return {name: select_options(recipe, name) for name in list_baselines(recipe)}


def save_baselines(fits: dict[str, FitRecord]) -> None:
    """Write the models of the baselines with their index."""
    with replace_atomically(BASELINES) as folder:
        folder.mkdir(parents=True)
        for name, fit in fits.items():
            copy_folder(fit.model, folder / name)
        write_json(folder / INDEX, list(fits))


def predict_baselines(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each baseline's prediction of rows, (n, c) or (n,)."""
    kind = list[Annotated[str, one_of(*registry.BASELINES)]]
    names: list[str] = read_record(BASELINES / INDEX, kind, format_remedy(BASELINES))
    return {name: predict_model(BASELINES / name, rows) for name in names}
