"""The rows on which two predictions differ in being right, with their texts."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels
from foldline.data.multilabel import split_labels
from foldline.evaluation.row_records import make_records
from foldline.metrics.calibration import compute_certainty
from foldline.metrics.comparison import mark_correct

MAX_ROWS = 100
MAX_CHARACTERS = 200


def list_flips(
    labels: Labels, rows: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame
) -> dict[str, Any]:
    """Return the rows that only the predictions after have right (fixed), or only those before.

    Both are tables as `Labels.table` makes them, in the order of rows. Fixed and broken each have
    the number of rows, in all and by class of the label, and at most MAX_ROWS of them, those first
    of which the predictions after are surest. Regression has none: no number is right.
    """
    if labels.task == "regression":
        return {}
    target = labels.encode(rows["label"])
    right, was_right = (
        mark_correct(labels.task, target, read_decisions(labels, own)) for own in (after, before)
    )
    table = rows.assign(
        before=before["predicted"].to_numpy(),
        after=after["predicted"].to_numpy(),
        confidence=read_certainty(labels, after),
    )
    return {
        "fixed": _describe(labels, table[right & ~was_right]),
        "broken": _describe(labels, table[was_right & ~right]),
    }


def read_decisions(labels: Labels, predictions: pd.DataFrame) -> np.ndarray:
    """Return the predicted classes of a table as 0 and 1 (n, c), or its numbers (n,).

    The main metric of classes sees nothing else, whatever decided them.
    """
    decided = labels.encode(predictions["predicted"])
    return np.eye(len(labels.classes))[decided] if labels.task == "classification" else decided


def read_certainty(labels: Labels, predictions: pd.DataFrame) -> np.ndarray:
    """Return the probability of each prediction (n,) of a table, see `compute_certainty`."""
    decided = labels.encode(predictions["predicted"])
    return compute_certainty(labels.task, labels.predictions(predictions), decided)


def _describe(labels: Labels, flipped: pd.DataFrame) -> dict[str, Any]:
    names = [name for row in split_labels(flipped["label"].tolist(), labels.task) for name in row]
    first = flipped.sort_values(["confidence", "id"], ascending=[False, True]).head(MAX_ROWS)
    columns = ["id", "text", "text_pair", "label", "before", "after", "confidence"]
    return {
        "count": len(flipped),
        "classes": dict(Counter(names).most_common()),
        "rows": make_records(first[columns], MAX_CHARACTERS),
    }
