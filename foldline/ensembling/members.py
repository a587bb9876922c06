"""The members of an ensemble: where their models are, and their predictions of new rows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest, read_json
from foldline.core.io.labels import Labels
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
    index = read_json(FOLDS / INDEX)
    if not index["kept"]:
        raise FoldlineError(
            "ensemble.members: the fold models were not kept; set kfold.keep_models=true, or "
            "take 'folds' out of ensemble.members"
        )
    return [FOLDS / str(number) for number in range(index["n_splits"])]


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
        own = table[table["member"] == out_of_fold_name(member)]
        values[member] = labels.predictions(own.set_index("id").loc[ids])
    return values
