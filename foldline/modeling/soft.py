"""Soft labels: the shares of people who chose each class, in place of one class for certain."""

from typing import Any

import numpy as np
import pandas as pd

from foldline.frame.labels import Labels


def soften(rows: pd.DataFrame, shares: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Give rows with the columns `p_<class>` of `shares` (`id` and those columns).

    A copy has the shares of the row that it was made from, its `source_id`; a row without shares
    is of its label for certain. Without any shares the rows stay as they are: labels are hard.
    """
    if shares.empty:
        return rows
    source = rows["source_id"] if "source_id" in rows else rows["id"]
    found = shares.set_index("id")[labels.columns].reindex(source.to_numpy())
    targets = found.to_numpy(dtype=np.float64)
    certain = np.eye(len(labels.classes))[labels.encode(rows["label"])]
    targets = np.where(np.isnan(targets), certain, targets)
    return rows.assign(**{name: targets[:, place] for place, name in enumerate(labels.columns)})


def targets_of(rows: pd.DataFrame, labels: Labels) -> np.ndarray:
    """Give what is learnt of rows: (n, c) shares where they have them, else codes or numbers."""
    if labels.classes and set(labels.columns) <= set(rows.columns):
        return rows[labels.columns].to_numpy(dtype=np.float64)
    return labels.encode(rows["label"])


def unrolled(targets: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Give row numbers, codes and weights (k,): a row stands once for each class with a share.

    Hard targets (n,) stand once each, and have no weights.
    """
    if targets.ndim == 1:
        return slice(None), targets, None
    places, codes = np.nonzero(targets)
    return places, codes, targets[places, codes]
