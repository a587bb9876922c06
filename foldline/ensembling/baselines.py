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

TFIDF, SECOND_TEXT = "tfidf", "second-text"
NAMES = (
    "majority", "random", "uniform", "length", "decision-list", "keywords", "zero-shot",
    SECOND_TEXT, TFIDF,
)  # fmt: skip


def list_baselines(recipe: Recipe, pairs: bool) -> list[str]:
    """Return the baselines of a recipe, in the order of NAMES.

    The rules of `keywords` and an NLI model are baselines if params name them and there are
    classes, the second text alone (Poliak et al., 2018) if there are `pairs`.
    """
    configured = {"keywords": recipe.keywords.file, "zero-shot": recipe.zero_shot.model}
    left_out = {
        name for name, file in configured.items() if not file or recipe.task == "regression"
    }
    left_out |= set() if pairs else {SECOND_TEXT}
    return [name for name in NAMES if name not in left_out]


def make_baseline_recipes(recipe: Recipe, pairs: bool) -> dict[str, Recipe]:
    """Return what each of a recipe's baselines reads of it, by name."""
    kinds = {name: TFIDF if name == SECOND_TEXT else name for name in list_baselines(recipe, pairs)}
    return {name: select_options(recipe, kind) for name, kind in kinds.items()}


def select_texts(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the texts that a baseline may see."""
    return rows.assign(text=rows["text_pair"], text_pair="") if name == SECOND_TEXT else rows


def save_baselines(fits: dict[str, FitRecord]) -> None:
    """Write the models of the baselines with their index."""
    with replace_atomically(BASELINES) as folder:
        folder.mkdir(parents=True)
        for name, fit in fits.items():
            copy_folder(fit.model, folder / name)
        write_json(folder / INDEX, list(fits))


def predict_baselines(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each baseline's prediction of rows, (n, c) or (n,)."""
    kind = list[Annotated[str, one_of(*NAMES)]]
    names: list[str] = read_record(BASELINES / INDEX, kind, format_remedy(BASELINES))
    return {name: predict_model(BASELINES / name, select_texts(name, rows)) for name in names}
