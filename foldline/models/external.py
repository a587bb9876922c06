"""Predictions made outside Foldline, read from a file by row id.

Foldline cannot verify that they are out of fold: each row must have been predicted by a model that
was not trained on it, otherwise cross-validation scores are meaningless.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.arrays import load_arrays, save_arrays
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.prediction_files import read_predictions
from foldline.models.interface import FitResult, Job

ARRAYS, CARD = "external.safetensors", "external.json"


@dataclass(frozen=True)
class ExternalPredictions:
    """Predictions (m, c) or (m,) by id, and the file they came from."""

    path: str
    ids: tuple[str, ...]
    values: np.ndarray

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the predictions of the rows, looked up by id.

        Raises:
            FoldlineError: for ids that the file does not contain.
        """
        indices = pd.Index(self.ids).get_indexer(pd.Index(rows["id"].astype(str)))
        if (indices < 0).any():
            missing = rows["id"][indices < 0]
            raise FoldlineError(
                f"{self.path} has no prediction of {len(missing)} of {len(rows)} rows "
                f"(id {listing(missing)}): it must have all rows, including test rows and rows "
                "to predict"
            )
        return self.values[indices]

    def save(self, folder: Path) -> None:
        """Write ids and predictions."""
        save_arrays(folder / ARRAYS, {"values": self.values})
        write_json(folder / CARD, {"path": self.path, "ids": self.ids})


def fit(job: Job) -> FitResult:
    """Read the predictions; nothing is learnt from the rows.

    Raises:
        FoldlineError: for a malformed file, with its line or column.
    """
    path = job.recipe.external.file
    if path is None:
        raise FoldlineError("external.file is null: name a csv file under data/raw/")
    ids, values = read_predictions(Path(path), job.labels, "external.file")
    return FitResult(
        ExternalPredictions(path, ids, values), summary={"predictions": float(len(ids))}
    )


def load(folder: Path, labels: Labels) -> ExternalPredictions:
    """Read the model."""
    card = read_json(folder / CARD)
    values = load_arrays(folder / ARRAYS)["values"]
    return ExternalPredictions(card["path"], tuple(card["ids"]), values)
