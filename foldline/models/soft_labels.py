"""What is learnt of rows: shares of people who chose each class, and what a row counts."""

from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels


def add_soft_labels(rows: pd.DataFrame, shares: pd.DataFrame, labels: Labels) -> pd.DataFrame:
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


def add_weights(rows: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Give rows with the column `weight` of `weights` (`id`, `weight`), and copies their source's.

    Without any the rows stay as they are: all count the same.
    """
    if weights.empty:
        return rows
    source = rows["source_id"] if "source_id" in rows else rows["id"]
    found = weights.set_index("id")["weight"].reindex(source.to_numpy()).to_numpy(dtype=np.float64)
    return rows.assign(weight=found)


def sample_weights(rows: pd.DataFrame) -> np.ndarray | None:
    """Give what rows count in training, (n,) with mean 1; None where all count the same."""
    if "weight" not in rows or rows.empty:
        return None
    weights = rows["weight"].to_numpy(dtype=np.float64)
    return np.asarray(weights / weights.mean())


def training_targets(rows: pd.DataFrame, labels: Labels) -> np.ndarray:
    """Give what is learnt of rows: (n, c) shares where they have them, else codes or numbers."""
    if labels.classes and set(labels.columns) <= set(rows.columns):
        return rows[labels.columns].to_numpy(dtype=np.float64)
    return labels.encode(rows["label"])


def expand_soft_targets(
    targets: np.ndarray, weights: np.ndarray | None = None
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Give row numbers, codes and weights (k,): a row stands once for each class with a share.

    Hard targets (n,) stand once each. `weights` (n,) are those of the rows, None for 1 each.
    """
    if targets.ndim == 1:
        return slice(None), targets, weights
    places, codes = np.nonzero(targets)
    shares = targets[places, codes]
    return places, codes, shares if weights is None else shares * weights[places]
