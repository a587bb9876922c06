"""The members of an ensemble: where their models are, and their predictions of new rows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from foldline.core.errors import FoldlineError, listing
from foldline.core.io import schemas
from foldline.core.io.files import digest
from foldline.core.io.labels import Labels
from foldline.ensembling.records import read_record
from foldline.execution.store import code_version, fingerprint, library_versions, load_or_compute
from foldline.models import registry
from foldline.models.interface import Model

MODEL = Path("models/model")
BASELINES = Path("models/baselines")
FOLDS = Path("models/folds")
INDEX = "index.json"
BATCH_ROWS = 4096  # predicted at once, so that memory does not grow with the rows

# Predicts rows by the model in a folder: (n, c) or (n,).
PredictModel = Callable[[Path, pd.DataFrame], np.ndarray]


@dataclass(frozen=True)
class FoldIndex:
    """The number of folds, and whether their models were kept."""

    n_splits: Annotated[int, Field(ge=2, le=10_000)]
    kept: bool


def format_remedy(folder: Path) -> str:
    """Return what to do about a file in a folder of models that was changed."""
    return (
        "It was changed after it was written: restore it with "
        f"`dvc checkout --force {folder.as_posix()}`, or make it again with `dvc repro`"
    )


def out_of_fold_name(member: str) -> str:
    """Return the name of a member's out-of-fold predictions: fold models have those of `model`."""
    return "model" if member == "folds" else member


def model_folders(member: str) -> list[Path]:
    """Return the folders of a member's models.

    Raises:
        FoldlineError: if the models of a voting member were not kept.
    """
    if member == "model":
        return [MODEL]
    if member == "tfidf":
        return [BASELINES / "tfidf"]
    # From the index, not from what is in the folder: a fold of an earlier run must not vote.
    index: FoldIndex = read_record(FOLDS / INDEX, FoldIndex, format_remedy(FOLDS))
    if not index.kept:
        raise FoldlineError(
            "the fold models were not kept; set kfold.keep_models=true and run `dvc repro`, or "
            "name another member than folds"
        )
    return [FOLDS / str(number) for number in range(index.n_splits)]


def predict_model(folder: Path, rows: pd.DataFrame) -> np.ndarray:
    """Return one model's prediction of rows; the store keeps it for the same model and rows."""
    texts = rows[["id", "text", "text_pair"]]
    code = code_version("core/io", "encoders", "metrics", "models")
    component = registry.hash_model_component(folder)
    key = fingerprint("predict", digest(folder), texts, code, component, library_versions())
    return load_or_compute(key, lambda: predict_in_batches(registry.load(folder), rows))


def predict_in_batches(model: Model, rows: pd.DataFrame) -> np.ndarray:
    """Return a model's prediction of rows, BATCH_ROWS at a time: (n, c) or (n,)."""
    starts = range(0, max(len(rows), 1), BATCH_ROWS)
    return np.concatenate([model.predict(rows.iloc[s : s + BATCH_ROWS]) for s in starts])


def predict_member(
    member: str, rows: pd.DataFrame, predict: PredictModel = predict_model
) -> np.ndarray:
    """Return a member's prediction of new rows, the mean of its models: (n, c) or (n,)."""
    predictions = [predict(folder, rows) for folder in model_folders(member)]
    return np.asarray(np.mean(predictions, axis=0))


def read_validation_predictions(
    ids: list[str],
    members: list[str],
    predictions: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    labels: Labels,
) -> dict[str, np.ndarray]:
    """Return each member's stored predictions of validation rows, in the order of `ids`.

    Fold models have trained on validation rows, so theirs are out of fold.
    """
    values = {}
    for member in members:
        table = out_of_fold if member == "folds" else predictions
        own = table[table["member"] == out_of_fold_name(member)].set_index("id")
        missing = [name for name in ids if name not in own.index]
        if missing:
            path = (schemas.OUT_OF_FOLD if member == "folds" else schemas.VALID_PREDICTIONS).path
            raise FoldlineError(
                f"{path}: member {member} has no prediction of {len(missing)} of {len(ids)} rows "
                f"({listing(missing, 5)}): {schemas.MAKE_AGAIN}"
            )
        values[member] = labels.predictions(own.loc[ids])
    return values
